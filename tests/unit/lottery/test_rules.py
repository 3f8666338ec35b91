"""The rules of a sender's account, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import LocalError
from parley.lottery.rules import (
    Account,
    Payment,
    Periods,
    Refusal,
    RoundView,
    SenderState,
    cancel_unlock,
    claimable_wei,
    fund,
    pay,
    sender_state,
    unlock,
    withdraw,
)

PERIODS = Periods(unlock_rounds=2, freeze_rounds=3, ticket_validity_rounds=2)
MEMBERS = tuple(bytes([number]) * 20 for number in (1, 2, 3))
STRANGER = b"\x09" * 20
VIEW = RoundView(number=10, recipients=frozenset(MEMBERS))


def funded(deposit_wei: int, reserve_wei: int) -> Account:
    account = fund(Account(), 10, PERIODS, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
    assert isinstance(account, Account)
    return account


def paid(account: Account, recipient: bytes, face_value_wei: int, view: RoundView = VIEW) -> Payment:
    payment = pay(account, recipient=recipient, face_value_wei=face_value_wei, view=view)
    assert isinstance(payment, Payment)
    return payment


def unlocking() -> Account:
    account = unlock(funded(100, 30), 10, PERIODS)
    assert isinstance(account, Account)
    return account


@pytest.mark.parametrize(
    ("unlock_rounds", "freeze_rounds", "validity"), [(0, 0, 0), (0, 1, 1), (1, 0, 1), (2, 3, 3), (3, 2, 3)]
)
def test_periods_have_ranges(unlock_rounds: int, freeze_rounds: int, validity: int) -> None:
    with pytest.raises(LocalError):
        Periods(unlock_rounds=unlock_rounds, freeze_rounds=freeze_rounds, ticket_validity_rounds=validity)


def test_states_follow_from_account_and_round() -> None:
    frozen = paid(funded(100, 30), MEMBERS[0], 101).account
    rows = [
        (Account(), 10, SenderState.UNLOCKED),
        (funded(1, 0), 10, SenderState.LOCKED),
        (funded(0, 1), 10, SenderState.LOCKED),
        (unlocking(), 11, SenderState.UNLOCKING),
        (unlocking(), 12, SenderState.UNLOCKED),
        (frozen, 12, SenderState.FROZEN),
        (frozen, 13, SenderState.UNLOCKED),
    ]
    assert [sender_state(account, number, PERIODS) for account, number, _ in rows] == [state for _, _, state in rows]


def test_funding_adds_and_ends_an_unlock() -> None:
    assert fund(unlocking(), 12, PERIODS, deposit_wei=5, reserve_wei=7) == Account(
        deposit_wei=105, reserve_at_creation_wei=37, reserve_remaining_wei=37
    )


def test_a_frozen_account_is_funded_after_the_freeze_only() -> None:
    frozen = paid(funded(100, 30), MEMBERS[0], 104).account
    assert fund(frozen, 12, PERIODS, deposit_wei=1, reserve_wei=0) is Refusal.FROZEN
    assert fund(frozen, 13, PERIODS, deposit_wei=1, reserve_wei=0) == Account(
        deposit_wei=1, reserve_at_creation_wei=26, reserve_remaining_wei=26
    )


def test_unlock_is_refused_with_the_reason() -> None:
    frozen = paid(funded(100, 30), MEMBERS[0], 101).account
    assert unlock(Account(), 10, PERIODS) is Refusal.EMPTY
    assert unlock(unlocking(), 11, PERIODS) is Refusal.ALREADY_UNLOCKING
    assert unlock(unlocking(), 12, PERIODS) is Refusal.ALREADY_UNLOCKED
    assert unlock(frozen, 12, PERIODS) is Refusal.FROZEN


def test_cancelling_works_in_the_period_only() -> None:
    frozen = paid(unlocking(), MEMBERS[0], 101).account
    assert cancel_unlock(unlocking(), 11, PERIODS) == funded(100, 30)
    assert cancel_unlock(unlocking(), 12, PERIODS) is Refusal.NOT_UNLOCKING
    assert cancel_unlock(funded(1, 1), 10, PERIODS) is Refusal.NOT_UNLOCKING
    assert cancel_unlock(frozen, 11, PERIODS) is Refusal.FROZEN


def test_withdrawing_empties_what_is_unlocked() -> None:
    assert withdraw(unlocking(), 12, PERIODS) == Account()
    assert withdraw(unlocking(), 11, PERIODS) is Refusal.NOT_UNLOCKED
    assert withdraw(Account(), 11, PERIODS) is Refusal.EMPTY


def test_parts_are_equal_and_of_the_registered() -> None:
    account = funded(0, 100)
    assert [claimable_wei(account, member, VIEW) for member in MEMBERS] == [33, 33, 33]
    assert claimable_wei(account, STRANGER, VIEW) == 0
    assert claimable_wei(account, MEMBERS[0], RoundView(number=10, recipients=frozenset())) == 0


def test_a_winner_within_the_deposit_leaves_the_reserve_alone() -> None:
    payment = paid(funded(100, 30), STRANGER, 100)
    assert (payment.from_deposit_wei, payment.from_reserve_wei, payment.paid_wei) == (100, 0, 100)
    assert payment.account == Account(reserve_at_creation_wei=30, reserve_remaining_wei=30)


def test_a_winner_beyond_the_deposit_freezes_and_claims_its_part() -> None:
    payment = paid(funded(100, 30), MEMBERS[0], 1_000)
    assert (payment.from_deposit_wei, payment.from_reserve_wei) == (100, 10)
    assert payment.account == Account(
        reserve_at_creation_wei=30,
        reserve_remaining_wei=20,
        freeze_round=10,
        frozen_recipients=frozenset(MEMBERS),
        claimed_wei={MEMBERS[0]: 10},
    )
    again = pay(payment.account, recipient=MEMBERS[0], face_value_wei=1, view=VIEW)
    assert again is Refusal.NOTHING_CLAIMABLE


def test_the_freeze_fixes_who_has_a_part() -> None:
    frozen = paid(funded(1, 30), MEMBERS[0], 4).account
    later = RoundView(number=12, recipients=frozenset({MEMBERS[1], STRANGER}))
    assert paid(frozen, MEMBERS[1], 4, later).account.claimed_wei == {MEMBERS[0]: 3, MEMBERS[1]: 4}
    assert paid(frozen, MEMBERS[1], 4, later).account.freeze_round == 10
    assert pay(frozen, recipient=STRANGER, face_value_wei=1, view=later) is Refusal.NOTHING_CLAIMABLE
    assert pay(frozen, recipient=MEMBERS[2], face_value_wei=1, view=later) is Refusal.NOT_REGISTERED


def test_who_is_not_registered_gets_the_deposit_and_claims_nothing() -> None:
    payment = paid(funded(7, 30), STRANGER, 8)
    assert (payment.paid_wei, payment.account.claimed_wei) == (7, {})
    assert payment.account.freeze_round == 10


@given(
    deposit_wei=st.integers(0, 2**256 - 1),
    reserve_wei=st.integers(0, 2**256 - 1),
    values=st.lists(st.tuples(st.sampled_from([*MEMBERS, STRANGER]), st.integers(0, 2**256 - 1)), max_size=8),
)
def test_no_payment_makes_or_loses_a_wei_or_exceeds_a_part(
    deposit_wei: int, reserve_wei: int, values: list[tuple[bytes, int]]
) -> None:
    account = funded(deposit_wei, reserve_wei)
    total_wei = 0
    for recipient, face_value_wei in values:
        payment = pay(account, recipient=recipient, face_value_wei=face_value_wei, view=VIEW)
        if isinstance(payment, Payment):
            assert 0 <= payment.paid_wei <= face_value_wei
            total_wei += payment.paid_wei
            account = payment.account
        assert account.total_wei + total_wei == deposit_wei + reserve_wei
        assert all(claimed <= reserve_wei // len(MEMBERS) for claimed in account.claimed_wei.values())
