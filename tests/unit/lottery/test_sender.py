"""What a sender judges before it signs, in its order, and which nonces it gives out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, Rejected
from parley.lottery.limits import SenderLimits
from parley.lottery.params import CreationRound, TicketParams
from parley.lottery.refusals import Reason, Refused, Remedy
from parley.lottery.rules import SenderState
from parley.lottery.sender import Reserved, Sender
from parley.lottery.sessions import WindowClaim
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from tests.unit.lottery.sender_parts import (
    COMMITMENT,
    MONEY,
    NOW,
    OTHER,
    PARAMS,
    PROBABILITY_ONE,
    RECIPIENT,
    ROUND,
    SENDER,
    SIGNER,
    VIEW,
    at_block,
    worth,
)

LIMITS = SenderLimits()


def check(
    params: TicketParams = PARAMS,
    count: int = 1,
    *,
    view: ChainView = VIEW,
    money: SenderView = MONEY,
    limits: SenderLimits = LIMITS,
) -> Refused | None:
    return Sender(SENDER, limits).check(params, count, view, money, recipient=RECIPIENT)


def reason(refused: Refused | None) -> Reason | None:
    return None if refused is None else refused.reason


def reserve(
    sender: Sender,
    params: TicketParams = PARAMS,
    count: int = 1,
    *,
    view: ChainView = VIEW,
    money: SenderView = MONEY,
) -> Reserved | Refused:
    """Reserve, with every claim granted."""
    while isinstance(answer := sender.reserve(params, count, view, money, NOW), WindowClaim):
        sender.settle(answer, is_applied=True)
    return answer


def nonces(answer: Reserved | Refused) -> tuple[int, ...]:
    assert isinstance(answer, Reserved)
    return answer.nonces


def test_acceptable_params_are_accepted() -> None:
    assert check() is None
    assert check(replace(PARAMS, creation_round=None)) is None


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (replace(PARAMS, expiration_block=0), Reason.NO_EXPIRATION),
        (replace(PARAMS, expiration_block=0, win_prob=PROBABILITY_ONE), Reason.NO_EXPIRATION),
        (replace(PARAMS, expiration_block=99), Reason.PARAMS_EXPIRED),
        (replace(PARAMS, expiration_block=101), Reason.PARAMS_EXPIRED),
        (replace(PARAMS, expiration_block=102), None),
        (replace(PARAMS, expiration_block=2_100), None),
        (replace(PARAMS, expiration_block=2_101), Reason.EXPIRATION_TOO_FAR),
        (replace(PARAMS, recipient=Address(bytes(20))), Reason.NO_RECIPIENT),
        (replace(PARAMS, recipient=OTHER), Reason.WRONG_RECIPIENT),
        (replace(PARAMS, creation_round=VIEW.previous_round), Reason.ROUND_OVER),
        (replace(PARAMS, creation_round=CreationRound(11, b"\x23" * 32)), Reason.ROUND_AHEAD),
        (replace(PARAMS, creation_round=CreationRound(10, b"\x23" * 32)), Reason.WRONG_ROUND_HASH),
        (replace(PARAMS, win_prob=PROBABILITY_ONE), Reason.ALWAYS_WINS),
        (replace(PARAMS, face_value=1, win_prob=PROBABILITY_ONE), Reason.ALWAYS_WINS),
        (replace(PARAMS, face_value=1, win_prob=PROBABILITY_ONE - 1), None),
        (worth(3 * 10**12), None),
        (replace(worth(3 * 10**12), face_value=255 * 3 * 10**12 + 1), Reason.TICKET_TOO_DEAR),
    ],
)
def test_quoted_params_are_judged_against_the_senders_own_chain(params: TicketParams, expected: Reason | None) -> None:
    assert reason(check(params)) is expected


def test_a_face_value_of_the_expected_value_is_too_low_whatever_it_is() -> None:
    refused = check(replace(PARAMS, face_value=5, win_prob=PROBABILITY_ONE))
    assert refused == Refused(Reason.ALWAYS_WINS, {"face_value_wei": 5})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"withdraw_round": 11, "state": SenderState.UNLOCKING}, Reason.UNLOCKED_SOON),
        ({"withdraw_round": 3, "state": SenderState.UNLOCKED}, Reason.UNLOCKED_SOON),
        ({"withdraw_round": 12, "state": SenderState.UNLOCKING}, None),
        ({"state": SenderState.FROZEN, "reserve_wei": 0}, Reason.FROZEN),
        ({"reserve_wei": 0, "deposit_wei": 0}, Reason.NO_RESERVE),
        ({"deposit_wei": 0}, Reason.NO_DEPOSIT),
        ({"withdraw_round": 11, "deposit_wei": 0, "reserve_wei": 0}, Reason.UNLOCKED_SOON),
        ({"block_hash": b"\x45" * 32}, Reason.CHAIN_MOVED),
    ],
)
def test_the_senders_own_money_must_stand_behind_its_tickets(
    changes: dict[str, int | SenderState | bytes], expected: Reason | None
) -> None:
    assert reason(check(money=replace(MONEY, **changes))) is expected  # type: ignore[arg-type]  # fields by name


def test_a_face_value_above_the_share_of_the_deposit_is_refused() -> None:
    limits = SenderLimits(deposit_multiplier=3)
    enough = replace(MONEY, deposit_wei=3 * PARAMS.face_value)
    assert check(money=enough, limits=limits) is None
    short = replace(MONEY, deposit_wei=3 * PARAMS.face_value - 1)
    assert check(money=short, limits=limits) == Refused(
        Reason.FACE_VALUE_TOO_HIGH, {"face_value_wei": 255 * 10**12, "maximum_wei": 255 * 10**12 - 1}
    )


def test_a_payment_is_limited_as_a_whole() -> None:
    assert check(count=20) is None
    assert check(count=21) == Refused(
        Reason.PAYMENT_TOO_DEAR, {"expected_value_wei": 21 * 10**12, "maximum_wei": 20 * 10**12}
    )


def test_tickets_that_are_worth_nothing_need_no_money_but_a_right_quote() -> None:
    poor = replace(MONEY, deposit_wei=0, reserve_wei=0)
    assert check(replace(PARAMS, win_prob=0), money=poor) is None
    assert check(replace(PARAMS, face_value=0, win_prob=PROBABILITY_ONE), money=poor) is None
    assert reason(check(replace(PARAMS, win_prob=0, expiration_block=0), money=poor)) is Reason.NO_EXPIRATION


def test_a_round_without_a_hash_has_no_tickets() -> None:
    view = replace(VIEW, creation_round=CreationRound(0, bytes(32)))
    assert reason(check(view=view)) is Reason.NO_ROUND


def test_a_signer_must_be_approved_on_the_chain() -> None:
    sender = Sender(SENDER, LIMITS, signer=SIGNER)
    assert reason(sender.check(PARAMS, 1, VIEW, MONEY)) is Reason.SIGNER_NOT_APPROVED
    assert sender.check(PARAMS, 1, VIEW, replace(MONEY, signers=frozenset({SIGNER}))) is None


@pytest.mark.parametrize(("count", "expected"), [(600, None), (601, Reason.TOO_MANY_TICKETS)])
def test_a_payment_has_no_more_tickets_than_a_commitment_has_nonces(count: int, expected: Reason | None) -> None:
    assert reason(check(worth(1), count)) is expected


def test_the_wire_bounds_a_payment_too() -> None:
    limits = SenderLimits(nonces_max=5_000)
    assert reason(check(worth(1), 1_001, limits=limits)) is Reason.TOO_MANY_TICKETS


def test_misuse_is_an_error_and_no_refusal() -> None:
    with pytest.raises(LocalError):
        check(count=-1)
    with pytest.raises(LocalError):
        check(money=replace(MONEY, sender=OTHER))


def test_nonces_start_at_one_and_go_on_across_windows() -> None:
    sender = Sender(SENDER, SenderLimits(window_nonces=4, nonces_max=12, refresh_nonces=8))
    assert [nonces(reserve(sender, worth(1), count)) for count in (1, 2, 4)] == [(1,), (2, 3), (4, 5, 6, 7)]


def test_a_new_commitment_resets_the_nonce_and_the_old_one_goes_on() -> None:
    sender = Sender(SENDER, LIMITS)
    fresh = replace(PARAMS, recipient_rand_hash=b"\x34" * 32)
    taken = [nonces(reserve(sender, params)) for params in (PARAMS, PARAMS, fresh, PARAMS)]
    assert taken == [(1,), (2,), (1,), (3,)]


def test_a_reservation_names_the_round_of_the_senders_own_chain() -> None:
    answer = reserve(Sender(SENDER, LIMITS), replace(PARAMS, creation_round=None))
    assert answer == Reserved(ROUND, (1,))


def test_no_tickets_take_no_nonces() -> None:
    sender = Sender(SENDER, LIMITS)
    assert reserve(sender, count=0) == Reserved(ROUND, ())
    assert nonces(reserve(sender)) == (1,)


def test_a_window_that_another_has_is_passed_over() -> None:
    sender = Sender(SENDER, LIMITS)
    first = sender.reserve(PARAMS, 1, VIEW, MONEY, NOW)
    assert isinstance(first, WindowClaim)
    assert (first.number, first.commitment, first.expires_ms) == (0, COMMITMENT, NOW + 172_800_000)
    assert sender.is_wanted(first)
    sender.settle(first, is_applied=False)
    assert not sender.is_wanted(first)
    assert nonces(reserve(sender)) == (51,)


def test_a_claim_of_a_forgotten_session_is_settled_with_nobody() -> None:
    sender = Sender(SENDER, SenderLimits(sessions_max=1))
    stale = sender.reserve(PARAMS, 1, VIEW, MONEY, NOW)
    assert isinstance(stale, WindowClaim)
    assert nonces(reserve(sender, replace(PARAMS, recipient_rand_hash=b"\x34" * 32))) == (1,)
    assert not sender.is_wanted(stale)
    sender.settle(stale, is_applied=True)
    again = sender.reserve(PARAMS, 1, VIEW, MONEY, NOW)
    assert again == stale


def test_spent_nonces_ask_for_fresh_params() -> None:
    sender = Sender(SENDER, SenderLimits(window_nonces=2, nonces_max=4, refresh_nonces=3))
    assert not sender.wants_refresh(PARAMS, VIEW)
    assert nonces(reserve(sender, worth(1), 2)) == (1, 2)
    assert not sender.wants_refresh(PARAMS, VIEW)
    assert nonces(reserve(sender, worth(1), 1)) == (3,)
    assert sender.wants_refresh(PARAMS, VIEW)
    refused = reserve(sender, worth(1), 2)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.remedy) == (Reason.NONCES_SPENT, Remedy.REFRESH)
    assert nonces(reserve(sender, worth(1), 1)) == (4,)


def test_params_that_end_soon_or_are_of_another_round_are_to_be_refreshed() -> None:
    sender = Sender(SENDER, LIMITS)
    assert sender.wants_refresh(PARAMS, at_block(132)[0])
    assert not sender.wants_refresh(PARAMS, at_block(131)[0])
    assert sender.wants_refresh(PARAMS, replace(VIEW, creation_round=CreationRound(11, b"\x24" * 32)))
    assert not sender.wants_refresh(replace(PARAMS, creation_round=None), VIEW)


def test_a_commitment_under_other_fields_is_refused() -> None:
    sender = Sender(SENDER, LIMITS)
    assert nonces(reserve(sender)) == (1,)
    for other in (worth(2 * 10**12), replace(PARAMS, expiration_block=141), replace(PARAMS, seed=8)):
        assert reserve(sender, other) == Refused(Reason.REQUOTED, {"commitment": COMMITMENT.hex()})
    assert nonces(reserve(sender)) == (2,)


def test_tickets_under_way_are_netted_against_the_deposit() -> None:
    # A winner takes 255 * 10**12; ten tickets under way are worth 10 * 10**12.
    sender, money = Sender(SENDER, LIMITS), replace(MONEY, deposit_wei=265 * 10**12)
    assert nonces(reserve(sender, count=10, money=money)) == tuple(range(1, 11))
    assert sender.outstanding_wei == 10 * 10**12
    assert nonces(reserve(sender, money=money)) == (11,)
    assert reserve(sender, money=money) == Refused(
        Reason.OVERCOMMITTED,
        {"outstanding_wei": 11 * 10**12, "needed_wei": 266 * 10**12, "deposit_wei": 265 * 10**12},
    )


def test_tickets_that_are_too_old_and_winners_that_were_paid_free_the_deposit() -> None:
    sender, money = Sender(SENDER, LIMITS), replace(MONEY, deposit_wei=10**15)
    reserve(sender, count=20, money=money)
    assert sender.outstanding_wei == 20 * 10**12
    view, later = at_block(101)
    assert sender.check(PARAMS, 1, view, replace(later, deposit_wei=10**15 - 15 * 10**12)) is None
    assert sender.outstanding_wei == 5 * 10**12
    over = replace(view, creation_round=CreationRound(12, b"\x25" * 32))
    sender.check(PARAMS, 1, over, later)
    assert sender.outstanding_wei == 0


def test_a_refusal_is_shown_in_our_own_words() -> None:
    refused = Refused(Reason.PARAMS_EXPIRED, {"blocks_left": 1})
    assert refused.rejected() == Rejected(
        ErrorCode.PARAMS_EXPIRED, {"reason": "the parameters end too soon", "blocks_left": 1}
    )
    assert str(refused) == (
        "these ticket parameters hold no longer (reason=the parameters end too soon, blocks_left=1)"
    )


def test_only_what_fresh_params_can_mend_is_answered_by_asking_for_them() -> None:
    refreshing = {one for one in Reason if one.remedy is Remedy.REFRESH}
    assert refreshing == {Reason.PARAMS_EXPIRED, Reason.ROUND_OVER, Reason.NONCES_SPENT}
    retried = {one for one in Reason if one.remedy is Remedy.RETRY}
    assert retried == {Reason.CHAIN_MOVED, Reason.NO_ROUND, Reason.ROUND_AHEAD, Reason.WRONG_ROUND_HASH}
    assert len({one.text for one in Reason}) == len(Reason)
