"""Funding: what it adds, what it ends, and when it is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.onchain.evm import Event, Receipt, Reverted, account
from tests.onchain.world import FREEZE, World

Funding = Callable[[World, int], Receipt]

FUNDINGS: tuple[tuple[str, Funding], ...] = (
    ("fundDeposit", lambda world, wei: world.broker.send(world.sender, "fundDeposit", value_wei=wei)),
    ("fundReserve", lambda world, wei: world.broker.send(world.sender, "fundReserve", value_wei=wei)),
    ("fundDepositAndReserve", lambda world, wei: world.fund(wei, 0)),
)
every_funding = pytest.mark.parametrize("funding", [call for _, call in FUNDINGS], ids=[name for name, _ in FUNDINGS])


@pytest.fixture
def world() -> World:
    return World(registered=2)


def frozen(world: World, reserve: int = 1_000) -> None:
    """Overspend: a winner of 150 meets a deposit of 100."""
    world.fund(100, reserve)
    world.redeem(world.ticket(world.members[0], 150))
    assert world.state() == "frozen"


def test_a_deposit_is_added_and_held(world: World) -> None:
    world.broker.send(world.sender, "fundDeposit", value_wei=1_000)
    receipt = world.broker.send(world.sender, "fundDeposit", value_wei=500)
    assert (world.deposit(), world.reserve(), world.held()) == (1_500, 0, 1_500)
    assert receipt.events == (Event("DepositFunded", {"sender": world.sender, "amount": 500}),)


def test_a_reserve_is_added_and_held(world: World) -> None:
    world.broker.send(world.sender, "fundReserve", value_wei=1_000)
    receipt = world.broker.send(world.sender, "fundReserve", value_wei=500)
    assert (world.deposit(), world.reserve(), world.held()) == (0, 1_500, 1_500)
    assert receipt.events == (Event("ReserveFunded", {"reserveHolder": world.sender, "amount": 500}),)


def test_both_are_added_in_one_step(world: World) -> None:
    receipt = world.fund(1_000, 300)
    assert (world.deposit(), world.reserve(), world.held()) == (1_000, 300, 1_300)
    assert [event.name for event in receipt.events] == ["DepositFunded", "ReserveFunded"]


@pytest.mark.parametrize("value_wei", [1_299, 1_301, 0])
def test_both_together_must_be_the_value_sent(world: World, value_wei: int) -> None:
    with pytest.raises(Reverted) as refused:
        world.broker.send(world.sender, "fundDepositAndReserve", 1_000, 300, value_wei=value_wei)
    assert str(refused.value) == "value is not deposit plus reserve"
    assert world.held() == 0


def test_two_amounts_whose_sum_overflows_are_refused(world: World) -> None:
    with pytest.raises(Reverted):
        world.broker.send(world.sender, "fundDepositAndReserve", 2**256 - 1, 2, value_wei=1)
    assert world.held() == 0


def test_senders_are_apart(world: World) -> None:
    other = account(77)
    world.fund(10, 20)
    world.fund(3, 4, other)
    assert (world.deposit(), world.reserve(), world.deposit(other), world.reserve(other)) == (10, 20, 3, 4)


@every_funding
@pytest.mark.parametrize("wei", [0, 7])
def test_funding_cancels_an_unlock(world: World, funding: Funding, wei: int) -> None:
    world.fund(100, 100)
    world.broker.send(world.sender, "unlock")
    receipt = funding(world, wei)
    assert receipt.named("UnlockCancelled") == [{"sender": world.sender}]
    assert world.state() == "locked"


@every_funding
def test_funding_locks_an_unlocked_sender_again(world: World, funding: Funding) -> None:
    world.fund(100, 100)
    world.broker.send(world.sender, "unlock")
    world.next_round(2)
    assert world.state() == "unlocked"
    funding(world, 1)
    assert world.state() == "locked"
    with pytest.raises(Reverted, match=r"^funds are not unlocked$"):
        world.broker.send(world.sender, "withdraw")


@every_funding
def test_a_frozen_sender_cannot_fund(world: World, funding: Funding) -> None:
    frozen(world)
    for _ in range(FREEZE):
        with pytest.raises(Reverted, match=r"^reserve is frozen$"):
            funding(world, 1)
        world.next_round()
    funding(world, 1)
    assert world.state() == "locked"


def test_after_the_freeze_what_remains_becomes_a_new_reserve(world: World) -> None:
    frozen(world)
    assert world.reserve() == 950
    world.next_round(FREEZE)
    world.broker.send(world.sender, "fundReserve", value_wei=51)
    assert world.broker.call("getSenderInfo", world.sender)[1] == (1_001, 1_001, 0, 0)
    # whoever claimed from the old one has a whole part of the new one
    assert world.broker.call("claimableReserve", world.sender, world.members[0]) == 500


@every_funding
def test_after_the_freeze_any_funding_renews_the_reserve(world: World, funding: Funding) -> None:
    # otherwise a deposit made then could be withdrawn at once, in front of every winner
    frozen(world)
    world.next_round(FREEZE)
    funding(world, 0)
    assert world.broker.call("getSenderInfo", world.sender)[1] == (950, 950, 0, 0)
    assert world.state() == "locked"


def test_nobody_can_send_money_without_saying_what_for(world: World) -> None:
    with pytest.raises(Reverted):
        world.broker.send_data(world.sender, b"", value_wei=1)
    assert world.held() == 0
