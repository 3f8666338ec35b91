"""The reserve: equal parts, fixed by the freeze, and nobody above its own."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Event, Reverted
from tests.onchain.world import FREEZE, World


@pytest.fixture
def world() -> World:
    world = World(registered=3)
    world.fund(100, 1_000)
    return world


def claimable(world: World, recipient: bytes) -> int:
    return int(world.broker.call("claimableReserve", world.sender, recipient))


def claimed(world: World, recipient: bytes) -> int:
    return int(world.broker.call("claimedReserve", world.sender, recipient))


def test_a_reserve_is_committed_in_equal_parts_to_the_registered(world: World) -> None:
    assert [claimable(world, member) for member in world.members] == [333, 333, 333]
    assert claimable(world, world.stranger) == 0


def test_who_has_no_reserve_has_none_to_claim(world: World) -> None:
    assert world.broker.call("claimableReserve", world.stranger, world.members[0]) == 0


def test_without_recipients_there_is_nothing_to_claim() -> None:
    world = World()
    world.fund(0, 1_000)
    assert claimable(world, world.stranger) == 0
    with pytest.raises(Reverted, match=r"^deposit is empty and recipient not registered$"):
        world.redeem(world.ticket(world.stranger, 1))


def test_parts_change_with_the_set_of_the_round(world: World) -> None:
    world.register(world.stranger)
    assert claimable(world, world.members[0]) == 333
    world.next_round()
    assert [claimable(world, recipient) for recipient in (*world.members, world.stranger)] == [250] * 4
    world.recipients.send(world.stranger, "resign")
    assert claimable(world, world.stranger) == 250
    world.next_round()
    assert (claimable(world, world.members[0]), claimable(world, world.stranger)) == (333, 0)


def test_overspending_takes_the_deposit_then_the_part_and_freezes(world: World) -> None:
    first = world.members[0]
    receipt = world.redeem(world.ticket(first, 150))
    assert [event.name for event in receipt.events] == [
        "ReserveFrozen",
        "ReserveClaimed",
        "WinningTicketTransfer",
        "WinningTicketRedeemed",
    ]
    assert receipt.events[:2] == (
        Event(
            "ReserveFrozen", {"reserveHolder": world.sender, "freezeRound": world.round, "recipientsInFreezeRound": 3}
        ),
        Event("ReserveClaimed", {"reserveHolder": world.sender, "claimant": first, "amount": 50}),
    )
    assert world.broker.call("getSenderInfo", world.sender) == ((0, 0), (1_000, 950, world.round, 3))
    assert (world.pool(first), world.held(), claimed(world, first)) == (150, 950, 50)
    assert [claimable(world, member) for member in world.members] == [283, 333, 333]


def test_nobody_gets_more_than_its_part(world: World) -> None:
    first, second, third = world.members
    receipt = world.redeem(world.ticket(first, 10_000))
    assert receipt.named("WinningTicketTransfer")[0]["amount"] == 433
    with pytest.raises(Reverted, match=r"^deposit is empty and nothing is claimable$"):
        world.redeem(world.ticket(first, 1, nonce=2))
    world.redeem(world.ticket(second, 200, nonce=3))
    world.redeem(world.ticket(second, 200, nonce=4))
    world.redeem(world.ticket(third, 333, nonce=5))
    assert [world.pool(member) for member in world.members] == [433, 333, 333]
    assert (world.reserve(), world.held()) == (1, 1)


def test_a_later_round_does_not_renew_the_parts(world: World) -> None:
    first = world.members[0]
    world.redeem(world.ticket(first, 433))
    world.next_round(FREEZE - 1)
    assert claimable(world, first) == 0
    world.next_round(5)
    assert claimable(world, first) == 0


def test_only_the_first_overspending_freezes(world: World) -> None:
    first, second, _ = world.members
    world.redeem(world.ticket(first, 150))
    frozen_in = world.round
    world.next_round()
    receipt = world.redeem(world.ticket(second, 20, nonce=2))
    assert receipt.named("ReserveFrozen") == []
    assert world.broker.call("getSenderInfo", world.sender)[1] == (1_000, 930, frozen_in, 3)


def test_who_registers_after_the_freeze_has_no_part(world: World) -> None:
    world.redeem(world.ticket(world.members[0], 150))
    world.register(world.stranger)
    world.next_round()
    assert world.recipients.call("isRegistered", world.stranger, world.round) is True
    assert claimable(world, world.stranger) == 0
    with pytest.raises(Reverted, match=r"^deposit is empty and nothing is claimable$"):
        world.redeem(world.ticket(world.stranger, 1))


def test_who_resigned_since_the_freeze_cannot_claim(world: World) -> None:
    # the specification asks for registration in the present round when the deposit is empty
    second = world.members[1]
    world.redeem(world.ticket(world.members[0], 150))
    world.recipients.send(second, "resign")
    ticket = world.ticket(second, 1)
    world.next_round()
    assert claimable(world, second) == 333
    with pytest.raises(Reverted, match=r"^deposit is empty and recipient not registered$"):
        world.redeem(ticket)


def test_what_is_left_after_the_freeze_can_be_claimed_until_it_is_withdrawn(world: World) -> None:
    world.redeem(world.ticket(world.members[0], 150))
    world.next_round(FREEZE)
    assert world.state() == "unlocked"
    world.redeem(world.ticket(world.members[1], 400))
    assert (world.state(), world.reserve()) == ("unlocked", 1_000 - 50 - 333)
    world.broker.send(world.sender, "withdraw")
    with pytest.raises(Reverted, match=r"^deposit is empty and nothing is claimable$"):
        world.redeem(world.ticket(world.members[2], 1))


def test_a_sender_without_a_reserve_is_frozen_all_the_same() -> None:
    world = World(registered=1)
    world.fund(100, 0)
    world.redeem(world.ticket(world.members[0], 101))
    assert (world.pool(world.members[0]), world.held(), world.state()) == (100, 0, "frozen")
    with pytest.raises(Reverted, match=r"^reserve is frozen$"):
        world.fund(1, 0)


def test_a_renewed_reserve_can_be_frozen_and_claimed_again(world: World) -> None:
    first = world.members[0]
    world.redeem(world.ticket(first, 433))
    world.next_round(FREEZE)
    world.fund(0, 0)
    assert claimable(world, first) == 667 // 3
    world.redeem(world.ticket(first, 1_000))
    assert world.reserve() == 667 - 667 // 3
    assert claimed(world, first) == 667 // 3


def test_a_sybil_that_drains_its_own_deposit_leaves_the_parts_of_others(world: World) -> None:
    world.redeem(world.ticket(world.stranger, 100))
    world.broker.send(world.sender, "unlock")
    for nonce, member in enumerate(world.members):
        world.redeem(world.ticket(member, 333, nonce=10 + nonce))
    assert [world.pool(member) for member in world.members] == [333] * 3
