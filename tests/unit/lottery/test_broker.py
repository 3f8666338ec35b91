"""The models of both brokers, by hand: refusals in their order, signers, and what each call keeps."""

from __future__ import annotations

import pytest

from parley.lottery.broker import BrokerModel
from parley.lottery.livepeer_rules import LivepeerModel, LivepeerRefusal, LivepeerRules, LivepeerView
from parley.lottery.rules import Periods, Refusal, RoundView
from parley.lottery.signing import sign_ticket
from parley.lottery.tickets import Ticket
from parley.primitives.ids import Address

# The first two public test keys of development chains, and their addresses.
SENDER_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
SENDER = Address(bytes.fromhex("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"))
SIGNER_KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
SIGNER = Address(bytes.fromhex("70997970C51812dc3A010C7d01b50e0d17dc79C8"))
RECIPIENT = Address(b"\x11" * 20)
NULL = Address(bytes(20))
ROUND_HASH = b"\x22" * 32
RAND = 5
RAND_HASH = bytes.fromhex("036b6384b5eca791c62761152d0c79bb0604c104a5fb6f4eb0703f3154bb3db0")
VIEW = RoundView(number=10, recipients=frozenset({RECIPIENT}))
ALWAYS = 2**256 - 1
HIGH_S = b"\x01" * 32 + b"\xff" * 32 + b"\x1b"


def ticket(
    *,
    sender: Address = SENDER,
    recipient: Address = RECIPIENT,
    face_value: int = 7,
    win_prob: int = ALWAYS,
    nonce: int = 1,
    rand_hash: bytes = RAND_HASH,
    creation_round: int = 10,
    round_hash: bytes = ROUND_HASH,
) -> Ticket:
    return Ticket(recipient, sender, face_value, win_prob, nonce, rand_hash, creation_round, round_hash)


def funded(deposit_wei: int = 100, reserve_wei: int = 30) -> BrokerModel:
    model = BrokerModel(Periods(unlock_rounds=2, freeze_rounds=3, ticket_validity_rounds=2))
    assert model.fund(SENDER, 10, deposit_wei=deposit_wei, reserve_wei=reserve_wei) is None
    return model


def redeem(model: BrokerModel, made: Ticket, signature: bytes | None = None, *, number: int = 10) -> int | Refusal:
    view = RoundView(number=number, recipients=VIEW.recipients)
    signed = sign_ticket(made, SENDER_KEY) if signature is None else signature
    return model.redeem(made, signed, RAND, view=view, round_hash=ROUND_HASH)


def test_a_winner_is_paid_once() -> None:
    model = funded()
    assert redeem(model, ticket()) == 7
    assert (model.held_wei, redeem(model, ticket())) == (123, Refusal.USED)


@pytest.mark.parametrize(
    ("made", "signature", "number", "reason"),
    [
        (ticket(recipient=NULL, sender=NULL), b"", 10, Refusal.NULL_RECIPIENT),
        (ticket(sender=NULL, rand_hash=bytes(32)), b"", 10, Refusal.NULL_SENDER),
        (ticket(rand_hash=bytes(32), round_hash=bytes(32)), b"", 10, Refusal.WRONG_PREIMAGE),
        (ticket(round_hash=bytes(32)), b"", 12, Refusal.WRONG_ROUND_HASH),
        (ticket(round_hash=b"\x23" * 32), b"", 12, Refusal.WRONG_ROUND_HASH),
        (ticket(), b"", 12, Refusal.EXPIRED),
        (ticket(), b"", 11, Refusal.BAD_SIGNATURE),
        (ticket(win_prob=0), None, 11, Refusal.NOT_WON),
    ],
)
def test_a_ticket_is_refused_with_the_first_reason(
    made: Ticket, signature: bytes | None, number: int, reason: Refusal
) -> None:
    model = funded()
    assert redeem(model, made, signature, number=number) is reason
    assert (model.held_wei, model.used) == (130, set())


def test_a_round_without_a_hash_has_no_tickets() -> None:
    made = ticket(round_hash=bytes(32))
    signature = sign_ticket(made, SENDER_KEY)
    refused = funded().redeem(made, signature, RAND, view=VIEW, round_hash=bytes(32))
    assert refused is Refusal.WRONG_ROUND_HASH


def test_a_winner_that_gets_nothing_stays_good() -> None:
    model = BrokerModel(Periods(unlock_rounds=2, freeze_rounds=3, ticket_validity_rounds=2))
    assert redeem(model, ticket()) is Refusal.NOTHING_CLAIMABLE
    assert model.used == set()
    model.fund(SENDER, 10, deposit_wei=7, reserve_wei=0)
    assert redeem(model, ticket()) == 7


def test_unlocking_goes_through_the_model() -> None:
    model = funded()
    assert model.unlock(SENDER, 10) is None
    assert model.unlock(SENDER, 10) is Refusal.ALREADY_UNLOCKING
    assert model.cancel_unlock(SENDER, 10) is None
    assert model.withdraw(SENDER, 10) is Refusal.NOT_UNLOCKED
    assert model.unlock(SENDER, 10) is None
    assert (model.withdraw(SENDER, 12), model.held_wei) == (130, 0)


def test_signers_are_approved_and_revoked_by_round() -> None:
    model = funded()
    signature = sign_ticket(ticket(), SIGNER_KEY)
    assert redeem(model, ticket(), signature) is Refusal.BAD_SIGNATURE
    assert model.approve_signer(SENDER, NULL) is Refusal.NULL_SIGNER
    assert model.revoke_signer(SENDER, SIGNER, 10) is Refusal.SIGNER_NOT_APPROVED
    assert model.approve_signer(SENDER, SIGNER) is None
    assert model.revoke_signer(SENDER, SIGNER, 10) is None
    assert model.revoke_signer(SENDER, SIGNER, 11) is Refusal.SIGNER_NOT_APPROVED
    assert [model.may_sign(SENDER, SIGNER, number) for number in (9, 10, 11)] == [True, True, False]
    assert model.may_sign(SENDER, SENDER, 11)
    assert redeem(model, ticket(), signature) == 7


def livepeer(
    rules: LivepeerRules = LivepeerRules.BUILD_2023, *, deposit_wei: int = 100, reserve_wei: int = 30
) -> LivepeerModel:
    model = LivepeerModel(rules)
    assert model.fund(SENDER, ACTIVE, deposit_wei=deposit_wei, reserve_wei=reserve_wei) is None
    return model


ACTIVE = LivepeerView(
    round_number=10, active=frozenset({RECIPIENT}), registered=frozenset({RECIPIENT, SIGNER}), pool_size=2
)
PAUSED = LivepeerView(round_number=10, paused=True)
OPENED = LivepeerView(round_number=10, initialized=False)
LATER = LivepeerView(round_number=12, active=frozenset({RECIPIENT}), pool_size=2)


def redeem_there(
    model: LivepeerModel,
    made: Ticket,
    signature: bytes | None = None,
    *,
    view: LivepeerView = ACTIVE,
    round_hash: bytes = ROUND_HASH,
) -> int | LivepeerRefusal:
    signed = sign_ticket(made, SENDER_KEY) if signature is None else signature
    return model.redeem(made, signed, RAND, view=view, round_hash=round_hash)


@pytest.mark.parametrize(
    ("made", "signature", "view", "reason"),
    [
        (ticket(), None, PAUSED, LivepeerRefusal.PAUSED),
        (ticket(), None, OPENED, LivepeerRefusal.ROUND_NOT_INITIALIZED),
        (ticket(recipient=NULL), None, ACTIVE, LivepeerRefusal.NULL_RECIPIENT),
        (ticket(sender=NULL), None, ACTIVE, LivepeerRefusal.NULL_SENDER),
        (ticket(creation_round=0, round_hash=bytes(32)), None, ACTIVE, LivepeerRefusal.AUXILIARY_LENGTH),
        (ticket(round_hash=b"\x23" * 32), None, ACTIVE, LivepeerRefusal.WRONG_ROUND_HASH),
        (ticket(), None, LATER, LivepeerRefusal.EXPIRED),
        (ticket(rand_hash=bytes(32)), None, ACTIVE, LivepeerRefusal.WRONG_PREIMAGE),
        (ticket(), bytes(64), ACTIVE, LivepeerRefusal.SIGNATURE_LENGTH),
        (ticket(), HIGH_S, ACTIVE, LivepeerRefusal.HIGH_S),
        (ticket(), bytes(65), ACTIVE, LivepeerRefusal.BAD_V),
        (ticket(), bytes(64) + b"\x1b", ACTIVE, LivepeerRefusal.UNRECOVERABLE),
        (ticket(), sign_ticket(ticket(), SIGNER_KEY), ACTIVE, LivepeerRefusal.BAD_SIGNATURE),
        (ticket(win_prob=0), None, ACTIVE, LivepeerRefusal.NOT_WON),
        (ticket(recipient=Address(b"\x99" * 20)), None, ACTIVE, LivepeerRefusal.NOT_REGISTERED),
    ],
)
def test_the_deployed_rules_refuse_in_their_order(
    made: Ticket, signature: bytes | None, view: LivepeerView, reason: LivepeerRefusal
) -> None:
    model = livepeer()
    assert redeem_there(model, made, signature, view=view) is reason
    assert (model.held_wei, model.used) == (130, set())


def test_the_deployed_rules_need_a_stored_hash() -> None:
    assert redeem_there(livepeer(), ticket(), round_hash=bytes(32)) is LivepeerRefusal.NO_ROUND_HASH


def test_the_deployed_rules_pay_deposit_and_share_in_each_round_anew() -> None:
    model = livepeer()
    assert redeem_there(model, ticket(face_value=1_000)) == 115
    assert redeem_there(model, ticket(face_value=1_000)) is LivepeerRefusal.USED
    assert model.claimable_wei(SENDER, RECIPIENT, ACTIVE) == 0
    assert model.claimable_wei(SENDER, RECIPIENT, LATER) == 7
    assert model.claimable_wei(SENDER, SIGNER, ACTIVE) == 0
    grown = LivepeerView(round_number=10, active=frozenset({RECIPIENT}), pool_size=3)
    assert model.claimable_wei(SENDER, RECIPIENT, grown) is LivepeerRefusal.SHARE_BELOW_CLAIMED
    assert redeem_there(model, ticket(nonce=2), view=grown) is LivepeerRefusal.SHARE_BELOW_CLAIMED


def test_the_older_build_pays_short_and_the_newer_one_refuses() -> None:
    assert redeem_there(livepeer(), ticket(face_value=131)) == 115
    newer = livepeer(LivepeerRules.BUILD_2026)
    assert redeem_there(newer, ticket(face_value=131)) is LivepeerRefusal.NOT_COVERED
    assert redeem_there(newer, ticket(), bytes(65)) is LivepeerRefusal.UNRECOVERABLE
    assert redeem_there(newer, ticket(recipient=SIGNER)) is LivepeerRefusal.NOT_ACTIVE
    assert redeem_there(newer, ticket(face_value=0, recipient=SIGNER)) == 0
    assert redeem_there(LivepeerModel(LivepeerRules.BUILD_2023), ticket()) is LivepeerRefusal.NO_FUNDS


def test_the_deployed_rules_leave_a_sender_unlocked() -> None:
    model = livepeer()
    assert model.cancel_unlock(SENDER, ACTIVE) is LivepeerRefusal.NOT_UNLOCKING
    assert model.withdraw(SENDER, ACTIVE) is LivepeerRefusal.NOT_UNLOCKING
    assert model.unlock(SENDER, ACTIVE) is None
    assert model.unlock(SENDER, ACTIVE) is LivepeerRefusal.ALREADY_UNLOCKING
    assert model.withdraw(SENDER, ACTIVE) is LivepeerRefusal.LOCKED
    assert redeem_there(model, ticket(creation_round=12), view=LATER) is LivepeerRefusal.UNLOCKED
    assert model.withdraw(SENDER, LATER) == 130
    assert model.withdraw(SENDER, LATER) is LivepeerRefusal.NO_FUNDS
    assert model.unlock(SENDER, LATER) is LivepeerRefusal.NO_FUNDS
    assert model.fund(SENDER, LATER, deposit_wei=5, reserve_wei=0, payer=SIGNER) is None
    assert model.withdraw(SENDER, LATER) == 5
    assert model.cancel_unlock(SENDER, LATER) is None


def test_the_deployed_rules_stand_still_while_paused() -> None:
    model = livepeer()
    outcomes = [
        model.fund(SENDER, PAUSED, deposit_wei=1, reserve_wei=1),
        model.unlock(SENDER, PAUSED),
        model.cancel_unlock(SENDER, PAUSED),
        model.withdraw(SENDER, PAUSED),
    ]
    assert outcomes == [LivepeerRefusal.PAUSED] * 4
