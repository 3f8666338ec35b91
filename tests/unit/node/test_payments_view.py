"""What has become of winners adds up: every face value is waiting, paid, lost, or redeemed for an unknown amount."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.redemption_status import RedemptionStatus
from parley.node.income import Income
from parley.node.payments_view import NO_PAYMENTS, PayerLine, PaymentsView, RecipientLine, Settlement, settle
from parley.primitives.ids import Address

ALICE = Address(b"\xa1" * 20)


def winner(
    phase: RedemptionPhase, *, face_value_wei: int = 100, paid_wei: int | None = None, cost_wei: int = 0
) -> RedemptionStatus:
    return RedemptionStatus(
        ticket_hash=bytes(32),
        sender=ALICE,
        face_value_wei=face_value_wei,
        phase=phase,
        paid_wei=paid_wei,
        cost_wei=cost_wei,
    )


def test_nobody_won_nothing_is_settled() -> None:
    assert settle(()) == Settlement()


def test_each_face_value_is_counted_where_its_winner_stands() -> None:
    found = settle(
        (
            winner(RedemptionPhase.WAITING),
            winner(RedemptionPhase.READY, face_value_wei=1),
            winner(RedemptionPhase.SENT, cost_wei=7),
            winner(RedemptionPhase.REFUSED, cost_wei=8),
            winner(RedemptionPhase.REDEEMED, paid_wei=100, cost_wei=9),
            winner(RedemptionPhase.REDEEMED, paid_wei=30, cost_wei=10),
            winner(RedemptionPhase.REDEEMED, face_value_wei=55),
            winner(RedemptionPhase.EXPIRED, face_value_wei=1_000, cost_wei=11),
        )
    )
    assert found == Settlement(
        counts={phase: 3 if phase is RedemptionPhase.REDEEMED else 1 for phase in RedemptionPhase},
        paid_wei=130,
        waiting_wei=301,
        lost_wei=1_070,
        unknown_wei=55,
        gas_wei=45,
    )


@st.composite
def any_winner(draw: st.DrawFn) -> RedemptionStatus:
    face_value_wei = draw(st.integers(0, 2**256 - 1))
    phase = draw(st.sampled_from(RedemptionPhase))
    is_paid = phase is RedemptionPhase.REDEEMED and draw(st.booleans())
    paid_wei = draw(st.integers(0, face_value_wei)) if is_paid else None
    return winner(phase, face_value_wei=face_value_wei, paid_wei=paid_wei)


@given(st.lists(any_winner()))
def test_no_wei_is_lost_or_counted_twice(winners: list[RedemptionStatus]) -> None:
    found = settle(winners)
    total_wei = sum(one.face_value_wei for one in winners)
    assert found.paid_wei + found.waiting_wei + found.lost_wei + found.unknown_wei == total_wei
    assert sum(found.counts.values()) == len(winners)


def test_a_view_is_empty_until_somebody_pays_or_is_paid() -> None:
    assert NO_PAYMENTS.is_empty
    assert not PaymentsView(closed="the chain is away").is_empty
    assert PaymentsView(account=ALICE, balance_wei=1, outstanding_wei=0).is_empty
    assert not PaymentsView(payers=(PayerLine(sender=ALICE),), payers_total=1).is_empty
    assert not PaymentsView(recipients=(RecipientLine(recipient=ALICE),), recipients_total=1).is_empty
    assert not PaymentsView(income=Income(tickets=1)).is_empty
    assert not PaymentsView(settlement=settle((winner(RedemptionPhase.EXPIRED),))).is_empty
