"""Redeeming a winner: each condition under which it is refused, in their order, and what is paid."""

from __future__ import annotations

import pytest

from tests.onchain.evm import Event, Reverted, account
from tests.onchain.tickets import (
    ALWAYS,
    ORDER,
    RAND,
    Key,
    RoundTicket,
    draw_of,
    high_s_twin,
    prefixed_digest,
    rand_hash,
)
from tests.onchain.world import VALIDITY, World

NULL = bytes(20)


@pytest.fixture
def world() -> World:
    world = World(registered=2)
    world.fund(1_000, 600)
    return world


def refusal(world: World, ticket: RoundTicket, signature: bytes | None = None, rand: int = RAND) -> str:
    """Redeem what must be refused, see that nothing was paid, and return the reason."""
    held = world.held()
    with pytest.raises(Reverted) as refused:
        world.redeem(ticket, signature, rand=rand)
    assert world.held() == held
    return str(refused.value)


def test_a_null_recipient_is_refused(world: World) -> None:
    assert refusal(world, world.ticket(NULL, 10)) == "ticket recipient is null address"


def test_a_null_sender_is_refused(world: World) -> None:
    assert refusal(world, world.ticket(world.members[0], 10, sender=NULL)) == "ticket sender is null address"


def test_another_number_than_was_committed_to_is_refused(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    assert refusal(world, ticket, rand=RAND + 1) == "recipientRand does not match recipientRandHash"


def test_the_commitment_is_to_32_bytes(world: World) -> None:
    short = bytes.fromhex("6c31fc15422ebad28aaf9089c306702f67540b53c7eea8b7d2941044b027100f")  # keccak of one byte, 5
    ticket = world.ticket(world.members[0], 10, rand_hash=short)
    assert refusal(world, ticket) == "recipientRand does not match recipientRandHash"


def test_a_hash_of_another_round_is_refused(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    world.next_round()
    moved = ticket.but(creation_round=ticket.creation_round + 1)
    assert refusal(world, moved) == "creationRoundHash is not that of creationRound"


@pytest.mark.parametrize("ahead", [1, 2, 2**200])
def test_a_round_that_was_not_initialised_is_refused(world: World, ahead: int) -> None:
    # its stored hash is zero, and a ticket must not be able to guess that
    ticket = world.ticket(world.members[0], 10).but(creation_round=world.round + ahead, creation_hash=bytes(32))
    assert refusal(world, ticket) == "creationRoundHash is not that of creationRound"


def test_a_ticket_expires_with_its_validity_period(world: World) -> None:
    tickets = [world.ticket(world.members[0], 10, nonce=nonce) for nonce in range(VALIDITY + 1)]
    for ticket in tickets[:VALIDITY]:
        world.redeem(ticket)
        world.next_round()
    assert refusal(world, tickets[VALIDITY]) == "ticket is expired"


def test_a_ticket_is_paid_once(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    assert world.broker.call("usedTickets", ticket.hash()) is False
    world.redeem(ticket)
    assert world.broker.call("usedTickets", ticket.hash()) is True
    assert refusal(world, ticket) == "ticket is used"


def test_a_second_signature_over_a_paid_ticket_is_refused(world: World) -> None:
    # who signs at random can make many signatures over one ticket; what is used up is the ticket
    ticket = world.ticket(world.members[0], 10)
    world.redeem(ticket)
    again = bytearray(world.key.sign(ticket.hash()))
    again[0] ^= 1
    assert refusal(world, ticket, bytes(again)) == "ticket is used"


def test_a_signature_by_somebody_else_is_refused(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    assert refusal(world, ticket, Key(2).sign(ticket.hash())) == "invalid signature over ticket hash"


def test_a_signature_over_the_bare_hash_is_refused(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    twice = world.key.sign(prefixed_digest(ticket.hash()))
    assert refusal(world, ticket, twice) == "invalid signature over ticket hash"


FIELDS = (
    ("recipient", account(9)),
    ("face_value", 11),
    ("win_prob", ALWAYS - 1),
    ("nonce", 2),
)


@pytest.mark.parametrize(("field", "value"), FIELDS)
def test_a_signature_over_another_field_is_refused(world: World, field: str, value: bytes | int) -> None:
    ticket = world.ticket(world.members[0], 10)
    signature = world.key.sign(ticket.hash())
    assert refusal(world, ticket.but(**{field: value}), signature) == "invalid signature over ticket hash"


def test_only_one_encoding_of_a_signature_is_accepted(world: World) -> None:
    # the bytes decide the draw, so a second form would be a second draw
    ticket = world.ticket(world.members[0], 10)
    signature = world.key.sign(ticket.hash())
    compact = bytearray(signature[:64])
    compact[32] |= 0x80 * (signature[64] - 27)  # EIP-2098
    others = [
        high_s_twin(signature),
        signature[:64] + bytes([signature[64] - 27]),
        signature[:64] + bytes([signature[64] + 8]),
        signature[:64] + bytes([55 - signature[64]]),
        bytes(compact),
        signature[:64],
        b"",
    ]
    for other in others:
        assert refusal(world, ticket, other) == "invalid signature over ticket hash"
    world.redeem(ticket, signature)
    assert world.pool(world.members[0]) == 10


def test_a_signature_that_is_too_long_is_refused_without_a_text(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    assert refusal(world, ticket, world.key.sign(ticket.hash()) + b"\0") == ""


@pytest.mark.parametrize("scalar", [bytes(32), ORDER.to_bytes(32, "big")])
def test_a_signature_of_zero_or_of_the_order_is_nobodys(world: World, scalar: bytes) -> None:
    ticket = world.ticket(world.members[0], 10)
    half = (ORDER // 2).to_bytes(32, "big")
    for signature in (scalar + half + b"\x1b", half + bytes(32) + b"\x1b"):
        assert refusal(world, ticket, signature) == "invalid signature over ticket hash"


def test_a_ticket_that_did_not_win_is_refused(world: World) -> None:
    assert refusal(world, world.ticket(world.members[0], 10, win_prob=0)) == "ticket did not win"


def test_the_draw_must_be_below_the_win_probability(world: World) -> None:
    # two tickets around one draw: the nonce is chosen such that the draw of its signature falls between
    for nonce in range(1_000):
        ticket = world.ticket(world.members[0], 10, nonce=nonce, win_prob=2**255)
        if draw_of(world.key.sign(ticket.hash())) < 2**255:
            world.redeem(ticket)
            break
        assert refusal(world, ticket) == "ticket did not win"
    assert world.pool(world.members[0]) == 10


def test_an_unregistered_recipient_without_a_deposit_is_refused(world: World) -> None:
    world.redeem(world.ticket(world.stranger, 1_000))
    assert world.deposit() == 0
    assert refusal(world, world.ticket(world.stranger, 1, nonce=2)) == "deposit is empty and recipient not registered"
    world.redeem(world.ticket(world.stranger, 0, nonce=3))


def test_a_registered_recipient_that_could_get_nothing_keeps_its_ticket(world: World) -> None:
    world.redeem(world.ticket(world.members[0], 1_000 + 300))
    later = world.ticket(world.members[0], 1, nonce=2)
    assert refusal(world, later) == "deposit is empty and nothing is claimable"
    assert world.broker.call("usedTickets", later.hash()) is False


def test_the_checks_come_in_the_order_of_the_specification(world: World) -> None:
    # each fault is repaired in turn; the refusal is always that of the first one left
    number = world.round
    good = world.ticket(world.members[0], 10)
    world.redeem(good)
    world.redeem(world.ticket(world.stranger, 990))
    losing = world.ticket(world.stranger, 10, nonce=3)
    faulty = losing.but(recipient=NULL, sender=NULL, rand_hash=rand_hash(9), creation_round=number + 9, win_prob=0)
    steps: list[tuple[str, dict[str, bytes | int]]] = [
        ("ticket recipient is null address", {"recipient": losing.recipient}),
        ("ticket sender is null address", {"sender": world.sender}),
        ("recipientRand does not match recipientRandHash", {"rand_hash": rand_hash(RAND)}),
        ("creationRoundHash is not that of creationRound", {"creation_round": number}),
    ]
    for reason, repair in steps:
        assert refusal(world, faulty, b"") == reason
        faulty = faulty.but(**repair)
    assert refusal(world, faulty, b"") == "invalid signature over ticket hash"
    assert refusal(world, faulty) == "ticket did not win"
    assert refusal(world, faulty.but(win_prob=ALWAYS)) == "deposit is empty and recipient not registered"
    assert refusal(world, good, b"") == "ticket is used"
    world.next_round(VALIDITY)
    assert refusal(world, good, b"") == "ticket is expired"


@pytest.mark.parametrize("face_value", [1, 999, 1_000])
def test_a_winner_within_the_deposit_is_paid_from_it(world: World, face_value: int) -> None:
    ticket = world.ticket(world.members[0], face_value)
    receipt = world.redeem(ticket, caller=account(55))
    assert (world.deposit(), world.reserve(), world.held()) == (1_000 - face_value, 600, 1_600 - face_value)
    assert (world.pool(world.members[0]), world.state()) == (face_value, "locked")
    assert receipt.events == (
        Event(
            "WinningTicketTransfer",
            {"sender": world.sender, "recipient": world.members[0], "amount": face_value},
        ),
        Event(
            "WinningTicketRedeemed",
            {
                "sender": world.sender,
                "recipient": world.members[0],
                "faceValue": face_value,
                "winProb": ALWAYS,
                "senderNonce": 1,
                "recipientRand": RAND,
                "auxData": ticket.creation_round.to_bytes(32, "big") + ticket.creation_hash,
            },
        ),
    )


def test_a_face_value_of_nothing_pays_nothing_and_is_used(world: World) -> None:
    ticket = world.ticket(world.members[0], 0)
    receipt = world.redeem(ticket)
    assert [event.name for event in receipt.events] == ["WinningTicketRedeemed"]
    assert (world.deposit(), world.reserve()) == (1_000, 600)
    assert refusal(world, ticket) == "ticket is used"


def test_fees_go_to_the_round_in_which_the_ticket_was_made(world: World) -> None:
    ticket = world.ticket(world.members[0], 10)
    made = world.round
    world.next_round()
    world.redeem(ticket)
    assert (world.pool(world.members[0], made), world.pool(world.members[0], made + 1)) == (10, 0)


def test_a_winner_is_paid_while_its_sender_unlocks_and_after(world: World) -> None:
    world.broker.send(world.sender, "unlock")
    world.redeem(world.ticket(world.members[0], 10))
    world.next_round(2)
    assert world.state() == "unlocked"
    world.redeem(world.ticket(world.members[0], 10, nonce=2))
    assert world.deposit() == 980


def test_an_unregistered_recipient_gets_the_deposit_and_no_more(world: World) -> None:
    receipt = world.redeem(world.ticket(world.stranger, 5_000))
    assert receipt.named("WinningTicketTransfer")[0]["amount"] == 1_000
    assert (world.deposit(), world.reserve(), world.pool(world.stranger)) == (0, 600, 1_000)
    assert world.state() == "frozen"


def test_the_hash_is_that_of_232_packed_bytes(world: World) -> None:
    # facts of the deployed contract's tests: round 10 and keccak("foo") as the round's hash
    ticket = RoundTicket(
        recipient=bytes.fromhex("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        sender=bytes.fromhex("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        face_value=1_500,
        nonce=0,
        creation_round=10,
        creation_hash=bytes.fromhex("41b1a0649752af1b28b3dc29a1556eee781e4a4c3a1f7f53f90fa834de098c4d"),
    )
    expected = "90a20ae93dfce616f385ee86442bf63e89a68d18aaa524013237db480a677bbe"
    assert world.broker.call("getTicketHash", ticket.arguments()).hex() == expected
    expected = "3424caedb4a730f787d382020d13de3aa2bf842d1fb8e816662d987bbd3b0e98"
    assert world.broker.call("getTicketHash", ticket.but(nonce=1).arguments()).hex() == expected
