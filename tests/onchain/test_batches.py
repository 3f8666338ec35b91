"""Redeeming several winners in one transaction."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Receipt, Reverted, account
from tests.onchain.tickets import RAND, Key, RoundTicket
from tests.onchain.world import World


@pytest.fixture
def world() -> World:
    world = World(registered=2)
    world.fund(1_000, 600)
    return world


def redeem_all(world: World, tickets: list[RoundTicket], signatures: list[bytes] | None = None) -> Receipt:
    signed = signatures or [world.key.sign(ticket.hash()) for ticket in tickets]
    return world.broker.send(
        world.stranger,
        "batchRedeemWinningTickets",
        [ticket.arguments() for ticket in tickets],
        signed,
        [RAND] * len(tickets),
    )


def test_all_winners_are_paid(world: World) -> None:
    receipt = redeem_all(
        world, [world.ticket(world.members[nonce % 2], 10 + nonce, nonce=nonce) for nonce in range(32)]
    )
    assert len(receipt.named("WinningTicketRedeemed")) == 32
    assert receipt.named("TicketRefused") == []
    assert [world.pool(member) for member in world.members] == [sum(range(10, 42, 2)), sum(range(11, 42, 2))]
    assert world.held() == 1_600 - sum(range(10, 42))


def test_tickets_of_several_senders_are_paid(world: World) -> None:
    other = Key(2)
    world.fund(50, 0, other.address)
    tickets = [world.ticket(world.members[0], 10), world.ticket(world.members[0], 20, sender=other.address)]
    redeem_all(
        world, tickets, [key.sign(ticket.hash()) for key, ticket in zip((world.key, other), tickets, strict=True)]
    )
    assert (world.deposit(), world.deposit(other.address)) == (990, 30)


def test_one_that_is_refused_is_named_and_harms_no_other(world: World) -> None:
    good = [world.ticket(world.members[0], 10, nonce=nonce) for nonce in (1, 3)]
    bad = world.ticket(world.members[0], 10, nonce=2, win_prob=0)
    receipt = redeem_all(world, [good[0], bad, good[1]])
    assert receipt.named("TicketRefused") == [{"ticketHash": bad.hash(), "reason": "ticket did not win"}]
    assert world.pool(world.members[0]) == 20


def test_the_same_ticket_twice_is_paid_once(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    receipt = redeem_all(world, [ticket, ticket])
    assert receipt.named("TicketRefused") == [{"ticketHash": ticket.hash(), "reason": "ticket is used"}]
    assert world.pool(world.members[0]) == 10


def test_all_may_be_refused(world: World) -> None:
    tickets = [world.ticket(account(5), 0, nonce=nonce, win_prob=0) for nonce in range(2)]
    receipt = redeem_all(world, tickets)
    assert [refused["ticketHash"] for refused in receipt.named("TicketRefused")] == [each.hash() for each in tickets]
    assert world.held() == 1_600


def test_overspending_within_a_batch_freezes_once(world: World) -> None:
    first, second = world.members
    values = [(first, 900), (first, 200), (second, 400), (first, 300)]
    receipt = redeem_all(world, [world.ticket(member, wei, nonce=n) for n, (member, wei) in enumerate(values)])
    assert len(receipt.named("ReserveFrozen")) == 1
    assert [claim["amount"] for claim in receipt.named("ReserveClaimed")] == [100, 300, 200]
    assert (world.pool(first), world.pool(second), world.reserve()) == (1_300, 300, 0)


def test_an_empty_batch_does_nothing(world: World) -> None:
    assert redeem_all(world, []).events == ()


@pytest.mark.parametrize(("signatures", "numbers"), [(1, 2), (2, 1), (3, 2), (2, 3)])
def test_lists_of_different_lengths_are_refused(world: World, signatures: int, numbers: int) -> None:
    tickets = [world.ticket(world.members[0], 10, nonce=nonce).arguments() for nonce in range(2)]
    with pytest.raises(Reverted, match=r"^arrays differ in length$"):
        world.broker.send(
            world.stranger, "batchRedeemWinningTickets", tickets, [bytes(65)] * signatures, [RAND] * numbers
        )


def test_more_than_32_are_refused(world: World) -> None:
    with pytest.raises(Reverted):
        redeem_all(world, [world.ticket(world.members[0], 1, nonce=nonce) for nonce in range(33)])
