"""Redeeming at the deployed broker's stand-in; titles as in the deployed broker's own tests."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from parley.lottery.livepeer_rules import LivepeerRules
from tests.onchain.evm import Event, Reverted, account
from tests.onchain.livepeer import FOO, LIVEPEER_ROUND, UNLOCK_ROUNDS, LivepeerTicket, LivepeerWorld, auxiliary
from tests.onchain.tickets import ALWAYS, RAND, Key, draw_of, high_s_twin, rand_hash

NULL = bytes(20)


@pytest.fixture
def world() -> LivepeerWorld:
    world = LivepeerWorld()
    world.fund(1_000, 1_000)
    return world


@pytest.fixture
def newer() -> LivepeerWorld:
    return LivepeerWorld(LivepeerRules.BUILD_2026)


def refusal(world: LivepeerWorld, ticket: LivepeerTicket, signature: bytes | None = None, rand: int = RAND) -> str:
    """Redeem what must be refused, see that nothing changed, and return the reason."""
    before = (world.held(), world.deposit(), world.reserve(), world.fees())
    with pytest.raises(Reverted) as refused:
        world.redeem(ticket, signature, rand)
    assert (world.held(), world.deposit(), world.reserve(), world.fees()) == before
    return str(refused.value)


def test_it_fails_if_the_system_is_paused(world: LivepeerWorld) -> None:
    world.pause()
    assert refusal(world, world.ticket()) == "system is paused"


def test_it_fails_if_the_current_round_is_not_initialized(world: LivepeerWorld) -> None:
    world.set_round(LIVEPEER_ROUND + 1, initialized=False)
    assert refusal(world, world.ticket()) == "current round is not initialized"


def test_it_reverts_if_the_recipient_is_null(world: LivepeerWorld) -> None:
    assert refusal(world, world.ticket(recipient=NULL)) == "ticket recipient is null address"


def test_it_reverts_if_the_sender_is_null(world: LivepeerWorld) -> None:
    assert refusal(world, world.ticket(sender=NULL)) == "ticket sender is null address"


@pytest.mark.parametrize("size_bytes", [0, 32, 63, 65, 96])
def test_it_reverts_if_the_auxiliary_data_is_not_64_bytes(world: LivepeerWorld, size_bytes: int) -> None:
    data = (auxiliary() + bytes(32))[:size_bytes]
    assert refusal(world, world.ticket(auxiliary=data)) == "invalid length for ticket auxData: must be 64 bytes"


def test_it_reverts_if_the_creation_round_has_no_hash(world: LivepeerWorld) -> None:
    ticket = world.ticket(auxiliary=auxiliary(LIVEPEER_ROUND - 1))
    assert refusal(world, ticket) == "ticket creationRound does not have a block hash"


def test_it_reverts_if_the_hash_is_not_that_of_the_creation_round(world: LivepeerWorld) -> None:
    ticket = world.ticket(auxiliary=auxiliary(LIVEPEER_ROUND, rand_hash(1)))
    assert refusal(world, ticket) == "ticket creationRoundBlockHash invalid for creationRound"


def test_it_reverts_if_the_ticket_is_expired(world: LivepeerWorld) -> None:
    world.set_round(LIVEPEER_ROUND + 1)
    world.redeem(world.ticket(1))
    world.set_round(LIVEPEER_ROUND + 2)
    assert refusal(world, world.ticket(1, nonce=2)) == "ticket is expired"


def test_it_reverts_if_the_preimage_is_another(world: LivepeerWorld) -> None:
    assert refusal(world, world.ticket(), rand=RAND + 1) == "recipientRand does not match recipientRandHash"


def test_it_reverts_if_the_sender_is_unlocked(world: LivepeerWorld) -> None:
    world.broker.send(world.sender, "unlock")
    ready = LIVEPEER_ROUND + UNLOCK_ROUNDS
    world.set_round(ready - 1)
    world.redeem(world.ticket(1, auxiliary=auxiliary(ready - 1)))
    world.set_round(ready)
    assert refusal(world, world.ticket(1, auxiliary=auxiliary(ready))) == "sender is unlocked"


def test_it_reverts_if_the_ticket_is_used(world: LivepeerWorld) -> None:
    world.redeem(world.ticket(10))
    assert refusal(world, world.ticket(10)) == "ticket is used"


def test_it_reverts_if_the_signature_is_invalid(world: LivepeerWorld) -> None:
    ticket = world.ticket()
    assert refusal(world, ticket, world.sign(ticket, Key(2))) == "invalid signature over ticket hash"
    assert refusal(world, ticket, high_s_twin(world.sign(ticket))) == "ECDSA: invalid signature 's' value"
    assert refusal(world, ticket, bytes(64) + b"\x1b") == "ECDSA: invalid signature"
    assert refusal(world, ticket, world.sign(ticket)[:64] + b"\x01") == "ECDSA: invalid signature 'v' value"


def test_it_reverts_if_the_ticket_did_not_win(world: LivepeerWorld) -> None:
    assert refusal(world, world.ticket(win_prob=0)) == "ticket did not win"


def test_it_reverts_if_deposit_and_reserve_are_zero() -> None:
    world = LivepeerWorld()
    assert refusal(world, world.ticket()) == "sender deposit and reserve are zero"


def test_only_legacy_long_signatures_are_accepted(world: LivepeerWorld) -> None:
    ticket = world.ticket(10)
    world.redeem(ticket, world.sign(ticket))
    assert world.fees() == 10


def short_form(signature: bytes) -> bytes:
    """Return a signature in the 64 bytes of EIP-2098."""
    return signature[:32] + bytes([signature[32] | (signature[64] - 27) << 7]) + signature[33:64]


def test_a_redeemed_ticket_with_a_short_signature_always_fails(world: LivepeerWorld) -> None:
    ticket = world.ticket(10)
    world.redeem(ticket)
    assert refusal(world, ticket, short_form(world.sign(ticket))) == "ticket is used"


def test_an_unredeemed_ticket_with_a_short_signature_always_fails(world: LivepeerWorld) -> None:
    ticket = world.ticket(10)
    assert refusal(world, ticket, short_form(world.sign(ticket))) == "INVALID_SIGNATURE_LENGTH"


def reserve_only(*recipients: bytes) -> LivepeerWorld:
    """Return a world where the sender has a reserve of 1,000 alone, and these recipients are active."""
    world = LivepeerWorld()
    world.fund(0, 1_000)
    world.activate(*recipients)
    world.protocol.send(world.owner, "setPoolSize", 1 + len(recipients))
    return world


def test_without_a_deposit_no_claim_if_there_are_no_recipients() -> None:
    world = reserve_only()
    world.protocol.send(world.owner, "setPoolSize", 0)
    receipt = world.redeem(world.ticket())
    # the ticket is used up and pays nothing: TicketBroker refuses instead
    assert [event.name for event in receipt.events] == ["WinningTicketRedeemed"]
    assert (world.reserve(), world.fees()) == (1_000, 0)


def test_without_a_deposit_no_claim_for_an_unregistered_recipient() -> None:
    world = reserve_only()
    receipt = world.redeem(world.ticket(recipient=world.stranger))
    assert receipt.named("ReserveClaimed") == []
    assert (world.reserve(), world.fees(world.stranger)) == (1_000, 0)


def test_without_a_deposit_no_claim_beyond_the_allocation() -> None:
    world = reserve_only(account(2))
    world.redeem(world.ticket(500))
    receipt = world.redeem(world.ticket(1, nonce=1))
    assert receipt.named("ReserveClaimed") == []
    assert (world.reserve(), world.fees()) == (500, 500)


def test_without_a_deposit_a_claim_is_cut_to_the_allocation() -> None:
    world = reserve_only(account(2))
    receipt = world.redeem(world.ticket(501))
    claim = {"reserveHolder": world.sender, "claimant": world.recipient, "amount": 500}
    assert receipt.named("ReserveClaimed") == [claim]
    assert (world.reserve(), world.fees()) == (500, 500)


def test_without_a_deposit_a_registered_recipient_claims() -> None:
    world = reserve_only(account(2))
    receipt = world.redeem(world.ticket(100))
    assert receipt.named("ReserveClaimed")[0]["amount"] == 100
    assert (world.broker.call("claimedReserve", world.sender, world.recipient), world.reserve()) == (100, 900)


def test_without_a_deposit_a_registered_recipient_claims_several_times() -> None:
    world = reserve_only(account(2))
    world.redeem(world.ticket(100))
    world.redeem(world.ticket(150, nonce=1))
    assert (world.broker.call("claimedReserve", world.sender, world.recipient), world.reserve()) == (250, 750)


def test_without_a_deposit_several_recipients_claim() -> None:
    world = reserve_only(account(2))
    world.redeem(world.ticket(100))
    world.redeem(world.ticket(200, recipient=account(2)))
    assert (world.fees(), world.fees(account(2)), world.reserve()) == (100, 200, 700)


def test_without_a_deposit_all_recipients_claim_their_whole_allocation() -> None:
    world = reserve_only(account(2), account(3), account(4))
    for recipient in (world.recipient, account(2), account(3), account(4)):
        world.redeem(world.ticket(250, recipient=recipient))
        assert world.fees(recipient) == 250
    assert world.reserve() == 0


def test_a_deposit_without_a_reserve_is_transferred() -> None:
    world = LivepeerWorld()
    world.fund(400, 0)
    receipt = world.redeem(world.ticket(1_000))
    assert receipt.named("WinningTicketTransfer")[0]["amount"] == 400
    assert (world.deposit(), world.fees()) == (0, 400)


def test_a_deposit_is_transferred_before_the_reserve_is_claimed(world: LivepeerWorld) -> None:
    receipt = world.redeem(world.ticket(1_500))
    assert [event.name for event in receipt.events] == [
        "ReserveClaimed",
        "WinningTicketTransfer",
        "WinningTicketRedeemed",
    ]
    assert (world.deposit(), world.reserve(), world.fees()) == (0, 500, 1_500)


def test_no_transfer_if_the_face_value_is_zero(world: LivepeerWorld) -> None:
    receipt = world.redeem(world.ticket(0))
    assert receipt.named("WinningTicketTransfer") == []
    assert (world.deposit(), world.fees()) == (1_000, 0)


@pytest.mark.parametrize("face_value", [1_000, 999])
def test_fees_are_the_face_value_if_the_deposit_covers_it(world: LivepeerWorld, face_value: int) -> None:
    world.redeem(world.ticket(face_value))
    assert (world.deposit(), world.fees()) == (1_000 - face_value, face_value)


def test_anybody_may_redeem(world: LivepeerWorld) -> None:
    ticket = world.ticket(10)
    world.broker.send(world.stranger, "redeemWinningTicket", ticket, world.sign(ticket), RAND)
    assert world.fees() == 10


def test_an_event_names_sender_and_recipient_by_index(world: LivepeerWorld) -> None:
    receipt = world.redeem(world.ticket(10, nonce=3))
    fields = {
        "sender": world.sender,
        "recipient": world.recipient,
        "faceValue": 10,
        "winProb": ALWAYS,
        "senderNonce": 3,
        "recipientRand": RAND,
        "auxData": auxiliary(),
    }
    assert receipt.events[-1] == Event("WinningTicketRedeemed", fields)


def test_a_batch_fails_if_the_system_is_paused(world: LivepeerWorld) -> None:
    world.pause()
    with pytest.raises(Reverted, match=r"^system is paused$"):
        world.redeem_all([world.ticket(1)])


def test_a_batch_fails_if_the_current_round_is_not_initialized(world: LivepeerWorld) -> None:
    world.set_round(LIVEPEER_ROUND + 1, initialized=False)
    with pytest.raises(Reverted, match=r"^current round is not initialized$"):
        world.redeem_all([world.ticket(1)])


def test_a_batch_redeems_two_tickets_of_one_sender(world: LivepeerWorld) -> None:
    receipt = world.redeem_all([world.ticket(1, nonce=nonce) for nonce in range(2)])
    assert (len(receipt.named("WinningTicketRedeemed")), world.fees()) == (2, 2)


def test_a_batch_redeems_two_tickets_of_two_senders(world: LivepeerWorld) -> None:
    other = Key(2)
    world.fund(50, 0, other.address)
    tickets = [world.ticket(1), world.ticket(2, sender=other.address)]
    world.redeem_all(tickets, [world.sign(tickets[0]), world.sign(tickets[1], other)])
    assert (world.deposit(), world.deposit(other.address)) == (999, 48)


def test_a_batch_swallows_one_failure(world: LivepeerWorld) -> None:
    receipt = world.redeem_all([world.ticket(1), world.ticket(1, nonce=1, win_prob=0)])
    assert (len(receipt.named("WinningTicketRedeemed")), world.fees()) == (1, 1)


def test_a_batch_swallows_a_replay(world: LivepeerWorld) -> None:
    receipt = world.redeem_all([world.ticket(1), world.ticket(1)])
    assert (len(receipt.named("WinningTicketRedeemed")), world.fees()) == (1, 1)


def test_a_batch_swallows_two_failures(world: LivepeerWorld) -> None:
    assert world.redeem_all([world.ticket(1, nonce=nonce, win_prob=0) for nonce in range(2)]).events == ()


def claimable(world: LivepeerWorld, holder: bytes | None = None, claimant: bytes | None = None) -> int:
    return int(world.broker.call("claimableReserve", holder or world.sender, claimant or world.recipient))


def test_claimable_is_zero_without_a_reserve(world: LivepeerWorld) -> None:
    assert claimable(world, holder=world.stranger) == 0


def test_claimable_is_zero_for_a_claimant_that_is_not_active(world: LivepeerWorld) -> None:
    assert claimable(world, claimant=world.stranger) == 0


def test_claimable_is_zero_when_the_pool_is_empty(world: LivepeerWorld) -> None:
    world.protocol.send(world.owner, "setPoolSize", 0)
    assert claimable(world) == 0


def test_claimable_is_an_equal_part_of_an_unclaimed_reserve(world: LivepeerWorld) -> None:
    world.protocol.send(world.owner, "setPoolSize", 4)
    assert claimable(world) == 250


def test_claimable_counts_what_was_claimed_in_the_round(world: LivepeerWorld) -> None:
    world.protocol.send(world.owner, "setPoolSize", 2)
    world.activate(account(2))
    world.redeem(world.ticket(1_100))
    assert (claimable(world), claimable(world, claimant=account(2))) == (400, 500)
    world.set_round(LIVEPEER_ROUND + 1)
    assert claimable(world) == 450


def test_claimable_is_zero_when_all_was_claimed(world: LivepeerWorld) -> None:
    world.protocol.send(world.owner, "setPoolSize", 2)
    world.redeem(world.ticket(1_500))
    assert claimable(world) == 0


def test_a_pool_that_grew_within_the_round_makes_the_claim_revert(world: LivepeerWorld) -> None:
    world.redeem(world.ticket(1_900))
    world.protocol.send(world.owner, "setPoolSize", 2)
    assert refusal(world, world.ticket(1, nonce=1)) == ""


def test_get_ticket_hash_returns_the_hash(world: LivepeerWorld) -> None:
    ticket = world.ticket(
        1_500,
        sender=bytes.fromhex("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        recipient=bytes.fromhex("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    )
    expected = "90a20ae93dfce616f385ee86442bf63e89a68d18aaa524013237db480a677bbe"
    assert world.broker.call("getTicketHash", ticket).hex() == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"nonce": 4_294_967_295}, "e1393fc7f6de093780674022f96cb8e3872235167d037c04d554e58c0e63d280"),
        ({"nonce": 1}, "ce0918ba94518293e9712effbe5fca4f1f431089833a5b8c257cb1e024595f68"),
        ({"face_value": 1, "win_prob": 500}, "87ef13f2d37e4d5352a01d3c77b8179d80e0887f1953bfabfd0bfd7b0f689ddd"),
        ({"face_value": 500, "win_prob": 1}, "aa4b35071043587992ac8b9dd1b2cf1d8311130e6458cf0b2342484e21af5f5b"),
        (
            {"recipient": bytes.fromhex("73AEd7b5dEb30222fa896f399d46cC99c7BEe57F")},
            "81e353ae39046e2b77b9f996abbaeed527fda559b61ef90f299c4499dd508ccc",
        ),
        ({"rand_hash": FOO}, "be5eaf9a49a39540b9bb02f1a21904f61324a29819e2c032824bfaa10c100b17"),
        ({"auxiliary": auxiliary()}, "e502907c16036ab3d11b78c5a2e93c20f3d6415c67f91de4ed01348182b3b2e2"),
    ],
)
def test_hashes_of_sparse_tickets_are_the_deployed_clients(
    world: LivepeerWorld, fields: dict[str, object], expected: str
) -> None:
    empty: dict[str, object] = {
        "recipient": NULL,
        "sender": NULL,
        "face_value": 0,
        "win_prob": 0,
        "nonce": 0,
        "rand_hash": bytes(32),
        "auxiliary": b"",
    }
    assert world.broker.call("getTicketHash", tuple({**empty, **fields}.values())).hex() == expected


def test_the_derived_vector_is_redeemed_and_wins_exactly_above_its_draw() -> None:
    world = LivepeerWorld()
    key = Key(0xAC0974BEC39A17E36BA4A6B4D238FF944BACB478CBED5EFCAE784D7BF4F2FF80)
    recipient = bytes.fromhex("70997970C51812dc3A010C7d01b50e0d17dc79C8")
    world.activate(recipient)
    world.fund(1_500, 0, key.address)
    ticket = world.ticket(1_500, sender=key.address, recipient=recipient)
    signature = bytes.fromhex(
        "60353081ca15c9ad89a724f349b64b48bfcd77e6d65b3b2f66edfcb08a8b121f"
        "60949fbe2ad49111ed67af75c603eb14be9c3375331280d91c8dd6c6fc28b5ac1c"
    )
    assert world.sign(ticket, key) == signature
    assert draw_of(signature) == 0x3A24AE0100079A9618464DDCBE7F4A290CFF3E237508F0D5E9B0C341B936C6BF
    data = world.broker.data("redeemWinningTicket", ticket, signature, RAND)
    assert len(data) == 548
    assert keccak(data).hex() == "f7178d494af4fe8be784d57dfc63c0c6e8742480b81a41062af6bcf9d6765eb5"
    world.broker.send_data(recipient, data)
    assert world.fees(recipient) == 1_500


def test_the_newer_build_refuses_a_winner_that_is_not_covered(newer: LivepeerWorld) -> None:
    newer.fund(400, 500)
    reason = "sender deposit and reserve insufficient to cover ticket face value"
    assert refusal(newer, newer.ticket(901)) == reason
    assert refusal(newer, newer.ticket(2**256 - 1, nonce=1)) == reason
    newer.redeem(newer.ticket(900))
    assert newer.fees() == 900


def test_the_newer_build_still_uses_a_ticket_up_that_is_paid_short(newer: LivepeerWorld) -> None:
    newer.fund(0, 500)
    newer.protocol.send(newer.owner, "setPoolSize", 2)
    newer.redeem(newer.ticket(500))
    assert (newer.fees(), refusal(newer, newer.ticket(500))) == (250, "ticket is used")


def test_the_newer_build_pays_active_recipients_only(newer: LivepeerWorld) -> None:
    newer.fund(400, 500)
    newer.activate(account(2), active=False)
    assert refusal(newer, newer.ticket(10, recipient=account(2))) == "transcoder must be active"


def test_the_newer_build_has_one_text_for_a_bad_v(newer: LivepeerWorld) -> None:
    newer.fund(400, 500)
    ticket = newer.ticket(10)
    assert refusal(newer, ticket, newer.sign(ticket)[:64] + b"\x01") == "ECDSA: invalid signature"


def test_the_older_build_pays_registered_recipients_from_the_deposit(world: LivepeerWorld) -> None:
    world.activate(account(2), active=False)
    world.redeem(world.ticket(10, recipient=account(2)))
    assert world.fees(account(2)) == 10
    assert refusal(world, world.ticket(10, recipient=account(3))) == "transcoder must be registered"
