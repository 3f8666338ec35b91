"""What a wallet offers per gas is what nodes take for a replacement, and never above the cap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.evm.gas_fees import Offer, first_offer, raised_offer
from parley.ports.chain import Fees

WEI = st.integers(0, 2**70)
FEES = st.builds(lambda base, tip: Fees(base_fee_wei=base, priority_fee_wei=tip), WEI, WEI)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    max_fee_wei = draw(WEI)
    return Offer(max_fee_wei=max_fee_wei, priority_fee_wei=draw(st.integers(0, max_fee_wei)))


@given(FEES, WEI)
def test_a_first_offer_gets_into_the_next_block_within_the_cap(fees: Fees, cap_wei: int) -> None:
    offer = first_offer(fees, cap_wei)
    if fees.base_fee_wei + fees.priority_fee_wei > cap_wei:
        assert offer is None
        return
    assert offer is not None
    assert fees.base_fee_wei + offer.priority_fee_wei <= offer.max_fee_wei <= cap_wei
    assert offer.priority_fee_wei == fees.priority_fee_wei


@given(offers(), FEES, WEI)
def test_a_raised_offer_replaces_the_one_before_within_the_cap(offer: Offer, fees: Fees, cap_wei: int) -> None:
    raised = raised_offer(offer, fees, cap_wei)
    if raised is None:
        # An eighth more than it was, or one wei, has no room.
        assert cap_wei * 8 < offer.max_fee_wei * 9 or cap_wei <= offer.max_fee_wei
        return
    assert raised.priority_fee_wei <= raised.max_fee_wei <= cap_wei
    for new_wei, old_wei in (
        (raised.max_fee_wei, offer.max_fee_wei),
        (raised.priority_fee_wei, offer.priority_fee_wei),
    ):
        assert new_wei > old_wei
        assert new_wei * 100 >= old_wei * 110


@given(FEES, st.integers(1, 2**40))
def test_raising_ends_at_the_cap(fees: Fees, cap_wei: int) -> None:
    offer: Offer | None = Offer(max_fee_wei=1, priority_fee_wei=0)
    steps = 0
    while offer is not None:
        offer = raised_offer(offer, fees, cap_wei)
        steps += 1
    assert steps <= 8 + 6 * cap_wei.bit_length()
