"""The pieces of the sender alone: nonces and their windows, what is under way, limits, worth, batches."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from parley.errors import ConfigError, LocalError
from parley.lottery.batches import TicketBatch
from parley.lottery.limits import SenderLimits
from parley.lottery.outstanding import Outstanding
from parley.lottery.params import CreationRound, SignedNonce
from parley.lottery.sessions import Session, WindowClaim
from parley.lottery.worth import SHARES_PER_WEI, ceil_wei, tickets_worth, worth_shares
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from tests.unit.lottery.sender_parts import NOW, OTHER, PARAMS, ROUND, SENDER, SENDER_KEY, at_block, worth

DAY_MS = 86_400_000


def session(nonces_max: int = 6, window_nonces: int = 2) -> Session:
    return Session(SENDER, PARAMS, nonces_max=nonces_max, window_nonces=window_nonces)


def wanted(one: Session, count: int = 1, now: Instant = NOW) -> WindowClaim:
    claim = one.wanted_claim(count, now)
    assert claim is not None
    return claim


def grant(one: Session, count: int = 1, now: Instant = NOW) -> None:
    while (claim := one.wanted_claim(count, now)) is not None:
        one.settle(claim, is_applied=True)


def test_a_nonce_is_given_out_only_from_a_window_that_was_granted() -> None:
    one = session()
    assert (one.left(NOW), one.last_nonce, wanted(one).number) == (6, 0, 0)
    grant(one)
    assert one.wanted_claim(2, NOW) is None
    assert wanted(one, 3).number == 1
    grant(one, 3)
    assert (one.take(3), one.left(NOW), one.last_nonce) == ((1, 2, 3), 3, 3)
    assert one.take(0) == ()


def test_a_lost_window_leaves_its_nonces_out() -> None:
    one = session()
    one.settle(wanted(one), is_applied=False)
    assert (one.left(NOW), one.last_nonce) == (4, 0)
    grant(one)
    assert one.take(2) == (3, 4)


def test_an_answer_counts_once() -> None:
    one = session()
    claim = wanted(one)
    for _ in range(3):
        one.settle(claim, is_applied=True)
    assert (one.left(NOW), one.take(2), wanted(one).number) == (6, (1, 2), 1)


def test_claims_differ_by_sender_commitment_and_window() -> None:
    one, other = session(), Session(OTHER, PARAMS, nonces_max=6, window_nonces=2)
    fresh = Session(SENDER, replace(PARAMS, recipient_rand_hash=b"\x35" * 32), nonces_max=6, window_nonces=2)
    keys = {wanted(each).key for each in (one, other, fresh)}
    grant(one)
    keys.add(wanted(one, 3).key)
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 4


def test_a_window_is_not_used_up_to_the_end_of_its_claim() -> None:
    one = session()
    assert wanted(one).expires_ms == NOW + 2 * DAY_MS
    grant(one)
    assert one.wanted_claim(1, Instant(NOW + DAY_MS - 1)) is None
    late = Instant(NOW + DAY_MS)
    assert (one.left(late), wanted(one, 1, late).number) == (4, 1)
    grant(one, 1, late)
    assert one.take(1) == (3,)


def test_what_is_under_way_ends_with_its_round() -> None:
    under_way = Outstanding()
    under_way.add(10, 3 * SHARES_PER_WEI)
    under_way.add(11, 1)
    assert under_way.wei == 4
    for number, expected_wei in ((11, 4), (12, 1), (13, 0)):
        view, money = at_block(100 + number)
        under_way.observe(replace(view, creation_round=CreationRound(number, b"\x26" * 32)), money)
        assert under_way.wei == expected_wei


def test_winners_that_were_paid_are_no_longer_under_way() -> None:
    under_way = Outstanding()
    view, money = at_block(100)
    under_way.observe(view, replace(money, deposit_wei=1_000))
    under_way.add(10, 60 * SHARES_PER_WEI)
    for block, deposit_wei, expected_wei in (
        (101, 990, 50),  # a winner of 10
        (101, 985, 45),  # another look at this block of the first layer
        (100, 995, 45),  # an older look, late
        (101, 1_000, 45),  # and another
        (102, 2_000, 45),  # funded
        (103, 1_900, 0),  # a winner above all that is under way
    ):
        view, money = at_block(block)
        under_way.observe(view, replace(money, deposit_wei=deposit_wei))
        assert under_way.wei == expected_wei
    under_way.add(10, SHARES_PER_WEI)
    assert under_way.wei == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"ticket_max_wei": 0},
        {"payment_max_wei": 2**63},
        {"payment_max_wei": 2_999_999_999_999},
        {"deposit_multiplier": 0},
        {"window_nonces": 7},
        {"refresh_nonces": 601},
        {"refresh_blocks": 2_000},
        {"expiry_margin_blocks": 9},
        {"sessions_max": 0},
    ],
)
def test_limits_that_do_not_fit_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as caught:
        SenderLimits(**changes)
    assert str(caught.value.facts["setting"]).startswith("lottery.")


def test_worth_is_exact_and_rounded_up_only_to_be_shown() -> None:
    assert Fraction(worth_shares(worth(7)), SHARES_PER_WEI) == 7
    assert [ceil_wei(shares) for shares in (0, 1, SHARES_PER_WEI, SHARES_PER_WEI + 1)] == [0, 1, 1, 2]
    assert [tickets_worth(worth(7), amount_wei) for amount_wei in (0, 1, 7, 8, 700)] == [0, 1, 1, 2, 100]
    with pytest.raises(LocalError):
        tickets_worth(replace(PARAMS, win_prob=0), 1)
    with pytest.raises(LocalError):
        tickets_worth(PARAMS, -1)


def test_a_batch_is_signed_in_parts_and_keeps_its_order() -> None:
    def batch() -> TicketBatch:
        return TicketBatch(PARAMS, ROUND, SENDER, (4, 2, 9), SecretKey(SENDER_KEY))

    whole, parts = batch(), batch()
    whole.sign(0, 3)
    parts.sign(1, 3)
    parts.sign(0, 1)
    signed = whole.signed()
    assert signed == parts.signed()
    assert [one.nonce for one in signed] == [4, 2, 9]
    assert all(isinstance(one, SignedNonce) for one in signed)
    with pytest.raises(LocalError):
        whole.sign(2, 4)
    with pytest.raises(LocalError):
        TicketBatch(PARAMS, ROUND, SENDER, (1,), SecretKey(bytes(32)))
