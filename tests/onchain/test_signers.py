"""Signers that a sender approves, and how an approval ends without taking winners back."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Event, Reverted
from tests.onchain.tickets import ALWAYS, Key, RoundTicket
from tests.onchain.world import World

SIGNER = Key(9)


@pytest.fixture
def world() -> World:
    world = World(registered=1)
    world.fund(1_000, 0)
    return world


def redeem(world: World, ticket: RoundTicket) -> None:
    world.redeem(ticket, SIGNER.sign(ticket.hash()))


def test_an_approved_signer_signs_for_the_sender(world: World) -> None:
    receipt = world.broker.send(world.sender, "approveSigner", SIGNER.address)
    assert receipt.events == (Event("SignerApproved", {"sender": world.sender, "signer": SIGNER.address}),)
    redeem(world, world.ticket(world.members[0], 10))
    assert world.pool(world.members[0]) == 10


def test_an_approval_holds_for_one_sender_only(world: World) -> None:
    world.broker.send(world.stranger, "approveSigner", SIGNER.address)
    with pytest.raises(Reverted, match=r"^invalid signature over ticket hash$"):
        redeem(world, world.ticket(world.members[0], 10))


def test_a_sender_signs_for_itself_whatever_it_approves(world: World) -> None:
    world.broker.send(world.sender, "approveSigner", SIGNER.address)
    world.redeem(world.ticket(world.members[0], 10))
    assert world.broker.call("isApprovedSigner", world.sender, world.sender, 10**9) is True


def test_nobody_cannot_be_approved(world: World) -> None:
    # the address that a bad signature recovers to
    with pytest.raises(Reverted, match=r"^signer is null address$"):
        world.broker.send(world.sender, "approveSigner", bytes(20))


def test_a_revoked_signer_keeps_the_tickets_made_until_then(world: World) -> None:
    world.broker.send(world.sender, "approveSigner", SIGNER.address)
    ticket = world.ticket(world.members[0], 10)
    now = world.round
    receipt = world.broker.send(world.sender, "revokeSigner", SIGNER.address)
    assert receipt.events == (
        Event("SignerRevoked", {"sender": world.sender, "signer": SIGNER.address, "lastRound": now}),
    )
    world.next_round()
    redeem(world, ticket)
    with pytest.raises(Reverted, match=r"^invalid signature over ticket hash$"):
        redeem(world, world.ticket(world.members[0], 10, nonce=2))
    approved = [
        world.broker.call("isApprovedSigner", world.sender, SIGNER.address, number) for number in (now, now + 1)
    ]
    assert approved == [True, False]


def test_a_revoked_signer_can_be_approved_again(world: World) -> None:
    for call in ("approveSigner", "revokeSigner", "approveSigner"):
        world.broker.send(world.sender, call, SIGNER.address)
    world.next_round()
    redeem(world, world.ticket(world.members[0], 10))
    assert world.pool(world.members[0]) == 10


def test_who_is_not_approved_cannot_be_revoked(world: World) -> None:
    # a second revocation would move the last round
    with pytest.raises(Reverted, match=r"^signer is not approved$"):
        world.broker.send(world.sender, "revokeSigner", SIGNER.address)
    world.broker.send(world.sender, "approveSigner", SIGNER.address)
    world.broker.send(world.sender, "revokeSigner", SIGNER.address)
    world.next_round()
    with pytest.raises(Reverted, match=r"^signer is not approved$"):
        world.broker.send(world.sender, "revokeSigner", SIGNER.address)


def test_who_was_never_approved_signs_for_no_round(world: World) -> None:
    asked = [world.broker.call("isApprovedSigner", world.sender, SIGNER.address, number) for number in (0, 1, ALWAYS)]
    assert asked == [False, False, False]
