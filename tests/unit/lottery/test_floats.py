"""How far a recipient trusts a sender."""

from __future__ import annotations

import pytest

from parley.lottery.floats import check_account, max_float_wei
from parley.lottery.params import CreationRound
from parley.lottery.rules import SenderState
from parley.lottery.verdicts import Fault
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address


def money(
    *,
    deposit: int = 0,
    reserve: int = 500,
    claimable: int = 100,
    state: SenderState = SenderState.LOCKED,
    withdraw_round: int = 0,
) -> SenderView:
    return SenderView(
        sender=Address(b"\xaa" * 20),
        block_hash=bytes(32),
        deposit_wei=deposit,
        reserve_wei=reserve,
        claimable_wei=claimable,
        state=state,
        withdraw_round=withdraw_round,
    )


def view(*, round_number: int = 10, validity: int = 2) -> ChainView:
    return ChainView(
        chain_id=1,
        broker=Address(b"\xb0" * 20),
        block_number=1,
        block_hash=bytes(32),
        creation_round=CreationRound(round_number, b"\x01" * 32),
        previous_round=None,
        is_round_initialized=True,
        ticket_validity_rounds=validity,
        recipients=5,
        gas_price_wei=1,
    )


@pytest.mark.parametrize(
    ("deposit", "pending", "wanted"),
    [
        (0, 0, 100),
        (10**6, 0, 100),
        (0, 30, 70),
        (0, 150, -50),
        (89, 30, 70),  # less than three times what is pending
        (90, 30, 100),  # three times
        (449, 150, -50),
        (450, 150, 100),
    ],
)
def test_max_float(deposit: int, pending: int, wanted: int) -> None:
    assert max_float_wei(money(deposit=deposit), pending) == wanted


@pytest.mark.parametrize(
    ("withdraw_round", "validity", "wanted"),
    [
        (0, 2, None),
        (10, 2, Fault.UNLOCKED_SOON),
        (11, 2, Fault.UNLOCKED_SOON),  # one round after the last: go-livepeer's rule
        (12, 2, None),
        (12, 3, Fault.UNLOCKED_SOON),  # a ticket of round 10 can still be redeemed in round 12
        (13, 3, None),
    ],
)
def test_an_unlock_must_outlast_the_ticket(withdraw_round: int, validity: int, wanted: Fault | None) -> None:
    account = money(state=SenderState.UNLOCKING, withdraw_round=withdraw_round)
    if not withdraw_round:
        account = money()
    assert check_account(view(validity=validity), account) is wanted


def test_accounts_that_cannot_be_relied_on() -> None:
    assert check_account(view(), money(state=SenderState.FROZEN)) is Fault.FROZEN
    assert check_account(view(), money(state=SenderState.UNLOCKED)) is Fault.UNLOCKED_SOON
    assert check_account(view(), money(reserve=0, state=SenderState.UNLOCKED)) is Fault.NO_FUNDS
    assert check_account(view(), money(deposit=1, reserve=0)) is None
