"""Unlocking and withdrawing at the deployed broker's stand-in; titles as in the deployed broker's own tests."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Event, Reverted
from tests.onchain.livepeer import LIVEPEER_ROUND, UNLOCK_ROUNDS, LivepeerWorld

READY = LIVEPEER_ROUND + UNLOCK_ROUNDS


@pytest.fixture
def world() -> LivepeerWorld:
    return LivepeerWorld()


@pytest.mark.parametrize("call", ["unlock", "cancelUnlock", "withdraw"])
def test_it_fails_if_the_system_is_paused(world: LivepeerWorld, call: str) -> None:
    world.fund(1_000, 500)
    world.pause()
    with pytest.raises(Reverted, match=r"^system is paused$"):
        world.broker.send(world.sender, call)


def test_unlock_reverts_when_deposit_and_reserve_are_zero(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=r"^sender deposit and reserve are zero$"):
        world.broker.send(world.sender, "unlock")


def test_unlock_reverts_when_called_twice(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    world.broker.send(world.sender, "unlock")
    with pytest.raises(Reverted, match=r"^unlock already initiated$"):
        world.broker.send(world.sender, "unlock")
    world.set_round(READY)
    with pytest.raises(Reverted, match=r"^unlock already initiated$"):
        world.broker.send(world.sender, "unlock")


def test_unlock_reverts_when_called_twice_by_multiple_senders(world: LivepeerWorld) -> None:
    for sender in (world.sender, world.stranger):
        world.fund(1_000, 0, sender)
        world.broker.send(sender, "unlock")
    for sender in (world.sender, world.stranger):
        with pytest.raises(Reverted, match=r"^unlock already initiated$"):
            world.broker.send(sender, "unlock")


def test_unlock_sets_the_withdraw_round_by_the_constructors_period(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    world.broker.send(world.sender, "unlock")
    assert world.broker.call("getSenderInfo", world.sender)[0] == (1_000, READY)


def test_unlock_sets_is_unlock_in_progress(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    assert world.broker.call("isUnlockInProgress", world.sender) is False
    world.broker.send(world.sender, "unlock")
    assert world.broker.call("isUnlockInProgress", world.sender) is True


def test_unlock_emits_an_event_indexed_by_sender(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    receipt = world.broker.send(world.sender, "unlock")
    fields = {"sender": world.sender, "startRound": LIVEPEER_ROUND, "endRound": READY}
    assert receipt.events == (Event("Unlock", fields),)


def test_cancel_unlock_reverts_if_not_unlocking(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    with pytest.raises(Reverted, match=r"^no unlock request in progress$"):
        world.broker.send(world.sender, "cancelUnlock")


@pytest.mark.parametrize("number", [LIVEPEER_ROUND, READY + 1])
def test_cancel_unlock_unsets_is_unlock_in_progress(world: LivepeerWorld, number: int) -> None:
    # also when the period is over, which the specification of 2019 does not allow
    world.fund(1_000, 0)
    world.broker.send(world.sender, "unlock")
    world.set_round(number)
    world.broker.send(world.sender, "cancelUnlock")
    assert world.broker.call("isUnlockInProgress", world.sender) is False


def test_cancel_unlock_prevents_withdrawal(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    world.broker.send(world.sender, "unlock")
    world.broker.send(world.sender, "cancelUnlock")
    world.set_round(READY)
    with pytest.raises(Reverted, match=r"^no unlock request in progress$"):
        world.broker.send(world.sender, "withdraw")


def test_cancel_unlock_emits_an_event_indexed_by_sender(world: LivepeerWorld) -> None:
    world.fund(1_000, 0)
    world.broker.send(world.sender, "unlock")
    receipt = world.broker.send(world.sender, "cancelUnlock")
    assert receipt.events == (Event("UnlockCancelled", {"sender": world.sender}),)


def test_withdraw_reverts_when_deposit_and_reserve_are_zero(world: LivepeerWorld) -> None:
    with pytest.raises(Reverted, match=r"^sender deposit and reserve are zero$"):
        world.broker.send(world.sender, "withdraw")


def test_withdraw_reverts_when_no_unlock_was_requested(world: LivepeerWorld) -> None:
    world.fund(1_000, 500)
    with pytest.raises(Reverted, match=r"^no unlock request in progress$"):
        world.broker.send(world.sender, "withdraw")


def test_withdraw_reverts_when_the_account_is_locked(world: LivepeerWorld) -> None:
    world.fund(1_000, 500)
    world.broker.send(world.sender, "unlock")
    world.set_round(READY - 1)
    with pytest.raises(Reverted, match=r"^account is locked$"):
        world.broker.send(world.sender, "withdraw")


def unlocked(world: LivepeerWorld, deposit: int, reserve: int) -> None:
    world.fund(deposit, reserve)
    world.broker.send(world.sender, "unlock")
    world.set_round(READY)


def test_withdraw_sets_deposit_and_reserve_to_zero(world: LivepeerWorld) -> None:
    unlocked(world, 1_000, 500)
    world.broker.send(world.sender, "withdraw")
    # the round stays: the sender is unlocked until it funds itself or cancels
    assert world.broker.call("getSenderInfo", world.sender) == ((0, READY), (0, 0))


@pytest.mark.parametrize(("deposit", "reserve"), [(1_000, 500), (0, 500), (1_000, 0)])
def test_withdraw_transfers_the_sum_also_when_one_is_zero(world: LivepeerWorld, deposit: int, reserve: int) -> None:
    unlocked(world, deposit, reserve)
    before = world.evm.balance(world.sender)
    world.broker.send(world.sender, "withdraw")
    assert (world.evm.balance(world.sender) - before, world.held()) == (deposit + reserve, 0)


def test_withdraw_emits_an_event_with_indexed_sender(world: LivepeerWorld) -> None:
    unlocked(world, 1_000, 500)
    receipt = world.broker.send(world.sender, "withdraw")
    assert receipt.events == (Event("Withdrawal", {"sender": world.sender, "deposit": 1_000, "reserve": 500}),)


def test_a_sender_stays_unlocked_after_withdrawing(world: LivepeerWorld) -> None:
    unlocked(world, 1_000, 500)
    world.broker.send(world.sender, "withdraw")
    world.broker.send(world.stranger, "fundDepositAndReserveFor", world.sender, 5, 5, value_wei=10)
    world.broker.send(world.sender, "withdraw")
    assert world.held() == 0
