"""Unlocking, cancelling and withdrawing: each refusal, and nothing before its time."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Event, Reverted
from tests.onchain.world import FREEZE, UNLOCK, World


@pytest.fixture
def world() -> World:
    return World(registered=2)


def overspend(world: World) -> None:
    world.redeem(world.ticket(world.members[0], world.deposit() + 50))
    assert world.state() == "frozen"


def test_who_never_funded_is_unlocked(world: World) -> None:
    assert world.state() == "unlocked"


def test_unlock_starts_the_period(world: World) -> None:
    world.fund(100, 50)
    now = world.round
    receipt = world.broker.send(world.sender, "unlock")
    assert receipt.events == (Event("Unlock", {"sender": world.sender, "startRound": now, "endRound": now + UNLOCK}),)
    assert world.broker.call("getSenderInfo", world.sender)[0] == (100, now + UNLOCK)
    assert world.state() == "unlocking"
    assert world.broker.call("isUnlockInProgress", world.sender) is True


def test_unlock_is_refused_when_deposit_and_reserve_are_empty(world: World) -> None:
    with pytest.raises(Reverted, match=r"^deposit and reserve are empty$"):
        world.broker.send(world.sender, "unlock")


def test_unlock_is_refused_when_already_initiated(world: World) -> None:
    world.fund(100, 50)
    world.broker.send(world.sender, "unlock")
    with pytest.raises(Reverted, match=r"^unlock already initiated$"):
        world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK - 1)
    with pytest.raises(Reverted, match=r"^unlock already initiated$"):
        world.broker.send(world.sender, "unlock")


def test_unlock_is_refused_when_already_unlocked(world: World) -> None:
    world.fund(100, 50)
    world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK)
    with pytest.raises(Reverted, match=r"^funds already unlocked$"):
        world.broker.send(world.sender, "unlock")


def test_unlock_is_refused_when_unlocked_by_a_freeze(world: World) -> None:
    world.fund(100, 200)
    overspend(world)
    world.next_round(FREEZE)
    with pytest.raises(Reverted, match=r"^funds already unlocked$"):
        world.broker.send(world.sender, "unlock")


def test_unlock_is_refused_while_frozen(world: World) -> None:
    world.fund(100, 200)
    overspend(world)
    for _ in range(FREEZE):
        with pytest.raises(Reverted, match=r"^reserve is frozen$"):
            world.broker.send(world.sender, "unlock")
        world.next_round()


def test_cancel_ends_the_period(world: World) -> None:
    world.fund(100, 50)
    world.broker.send(world.sender, "unlock")
    receipt = world.broker.send(world.sender, "cancelUnlock")
    assert receipt.events == (Event("UnlockCancelled", {"sender": world.sender}),)
    assert world.state() == "locked"
    world.next_round(UNLOCK)
    with pytest.raises(Reverted, match=r"^funds are not unlocked$"):
        world.broker.send(world.sender, "withdraw")


def test_cancel_is_refused_outside_the_period(world: World) -> None:
    with pytest.raises(Reverted, match=r"^not in the unlock period$"):
        world.broker.send(world.sender, "cancelUnlock")
    world.fund(100, 50)
    with pytest.raises(Reverted, match=r"^not in the unlock period$"):
        world.broker.send(world.sender, "cancelUnlock")
    world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK)
    with pytest.raises(Reverted, match=r"^not in the unlock period$"):
        world.broker.send(world.sender, "cancelUnlock")


def test_cancel_is_refused_while_frozen(world: World) -> None:
    world.fund(100, 200)
    world.broker.send(world.sender, "unlock")
    overspend(world)
    with pytest.raises(Reverted, match=r"^reserve is frozen$"):
        world.broker.send(world.sender, "cancelUnlock")


def test_withdraw_pays_everything_out(world: World) -> None:
    world.fund(100, 50)
    world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK)
    before = world.evm.balance(world.sender)
    receipt = world.broker.send(world.sender, "withdraw")
    assert world.evm.balance(world.sender) - before == 150
    assert receipt.events == (Event("Withdrawal", {"sender": world.sender, "deposit": 100, "reserve": 50}),)
    assert world.broker.call("getSenderInfo", world.sender) == ((0, 0), (0, 0, 0, 0))
    assert (world.held(), world.state()) == (0, "unlocked")


@pytest.mark.parametrize(("deposit", "reserve"), [(100, 0), (0, 50)])
def test_withdraw_needs_only_one_of_both(world: World, deposit: int, reserve: int) -> None:
    world.fund(deposit, reserve)
    world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK)
    world.broker.send(world.sender, "withdraw")
    assert world.held() == 0


def test_withdraw_is_refused_when_deposit_and_reserve_are_empty(world: World) -> None:
    with pytest.raises(Reverted, match=r"^deposit and reserve are empty$"):
        world.broker.send(world.sender, "withdraw")


def test_withdraw_is_refused_before_the_period_is_over(world: World) -> None:
    world.fund(100, 50)
    with pytest.raises(Reverted, match=r"^funds are not unlocked$"):
        world.broker.send(world.sender, "withdraw")
    world.broker.send(world.sender, "unlock")
    for _ in range(UNLOCK):
        with pytest.raises(Reverted, match=r"^funds are not unlocked$"):
            world.broker.send(world.sender, "withdraw")
        world.next_round()
    world.broker.send(world.sender, "withdraw")
    assert world.held() == 0


def test_withdraw_after_a_freeze_pays_what_remains(world: World) -> None:
    world.fund(100, 200)
    overspend(world)
    for _ in range(FREEZE):
        with pytest.raises(Reverted, match=r"^funds are not unlocked$"):
            world.broker.send(world.sender, "withdraw")
        world.next_round()
    receipt = world.broker.send(world.sender, "withdraw")
    assert receipt.events == (Event("Withdrawal", {"sender": world.sender, "deposit": 0, "reserve": 150}),)
    assert (world.held(), world.state()) == (0, "unlocked")


def test_a_freeze_outweighs_an_unlock_that_is_complete(world: World) -> None:
    # a winner that comes in front of the withdrawal holds the rest for the other recipients
    world.fund(100, 200)
    world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK)
    overspend(world)
    with pytest.raises(Reverted, match=r"^funds are not unlocked$"):
        world.broker.send(world.sender, "withdraw")


def test_a_sender_that_is_a_contract_gets_its_money_and_no_second_share(world: World) -> None:
    # PUSH the selector of withdraw, CALL the caller back, ignore the outcome
    call_back = bytes.fromhex("633ccfd60b60e01b5f525f5f60045f5f335af150")
    world.fund(100, 50)
    other = b"\x33" * 20
    world.fund(100, 0, other)
    world.broker.send(world.sender, "unlock")
    world.next_round(UNLOCK)
    world.evm.state.set_code(world.sender, call_back)  # type: ignore[arg-type]  # any 20 bytes are an address
    world.broker.send(world.sender, "withdraw")
    assert (world.held(), world.deposit(other)) == (100, 100)
