"""Agreement of tickets, signatures, draws, commitments and payments with the files in vectors/lottery/."""

from __future__ import annotations

import json
from base64 import b64decode
from fractions import Fraction

import pytest

from parley.adapters.lottery.documents import encode_params_text, encode_payment_text, parse_payment_text
from parley.adapters.lottery.headers import parse_payment_header, payment_header
from parley.errors import PeerError
from parley.ledgers.evm.messages import hash_digest
from parley.lottery import (
    draw,
    expected_value,
    is_signed_by,
    recipient_rand_hash,
    recover_signer,
    sign_ticket,
    ticket_hash,
    wins,
)
from parley.lottery.calls import redeem_call
from parley.lottery.commitments import derive_rand, is_opened_by, livepeer_rand
from parley.lottery.draws import ticket_beacon
from parley.lottery.params import params_expiration, payment_tickets
from parley.lottery.quoting import quote_face_value, quote_win_prob
from parley.lottery.signing import signing_digest
from parley.lottery.tickets import auxiliary_data, packed
from parley.lottery.wire import encode_params, parse_params
from parley.primitives import ecdsa
from parley.primitives.hashing import keccak256
from parley.primitives.known_keys import KnownKey
from parley.primitives.one_shot import SecretKey
from tests.vectors.lottery_values import Case, load, quote_of, ticket_of

TICKETS = {case.values[0]["hash"]: case.values[0]["ticket"] for case in load("lottery/tickets.json")}


@pytest.mark.parametrize("case", load("lottery/tickets.json"))
def test_ticket_hash(case: Case) -> None:
    ticket = ticket_of(case["ticket"])
    assert ticket_hash(ticket).hex() == case["hash"]
    assert len(packed(ticket)) == (232 if ticket.creation_round else 168)


@pytest.mark.parametrize("case", load("lottery/auxiliary_data.json"))
def test_auxiliary_data(case: Case) -> None:
    fields = load("lottery/tickets.json")[0].values[0]["ticket"]
    ticket = ticket_of(fields | {"creation_round": case["round"], "creation_round_hash": case["block_hash"]})
    assert auxiliary_data(ticket).hex() == case["auxiliary_data"]


@pytest.mark.parametrize("case", load("lottery/signatures.json"))
def test_signatures_name_their_signer(case: Case) -> None:
    hash32, digest, signature = (bytes.fromhex(case[name]) for name in ("hash", "digest", "signature"))
    assert hash_digest(hash32) == digest
    public = ecdsa.recover(digest, signature)
    assert public is not None
    assert ecdsa.address_of(public).hex() == case["signer"]
    assert KnownKey(public).verify(digest, signature)
    if case["secret"] is not None:
        assert ecdsa.sign(bytes.fromhex(case["secret"]), digest) == signature


@pytest.mark.parametrize("case", [c for c in load("lottery/signatures.json") if c.values[0]["secret"]])
def test_signed_tickets(case: Case) -> None:
    ticket, secret = ticket_of(TICKETS[case["hash"]]), bytes.fromhex(case["secret"])
    signature = bytes.fromhex(case["signature"])
    assert signing_digest(ticket).hex() == case["digest"]
    assert sign_ticket(ticket, SecretKey(secret)) == sign_ticket(ticket, secret) == signature
    assert recover_signer(ticket, signature) == ticket.sender
    assert is_signed_by(KnownKey(ecdsa.public_key(secret)), ticket, signature)


@pytest.mark.parametrize("case", load("lottery/refused_signatures.json"))
def test_refused_signatures(case: Case) -> None:
    digest, signature = hash_digest(bytes.fromhex(case["hash"])), bytes.fromhex(case["signature"])
    assert ecdsa.recover(digest, signature) is None
    keys = [ecdsa.recover(bytes.fromhex(c.values[0]["digest"]), bytes.fromhex(c.values[0]["signature"]))
            for c in load("lottery/signatures.json")]  # fmt: skip
    assert len(keys) == 3
    assert not any(key is None or KnownKey(key).verify(digest, signature) for key in keys)
    if case["hash"] in TICKETS:
        ticket = ticket_of(TICKETS[case["hash"]])
        assert recover_signer(ticket, signature) is None


@pytest.mark.parametrize("case", load("lottery/draws.json"))
def test_draws(case: Case) -> None:
    signature, rand = bytes.fromhex(case["signature"]), int(case["recipient_rand"])
    ticket = ticket_of(next(iter(TICKETS.values())) | {"win_prob": case["win_prob"]})
    assert draw(signature, rand).to_bytes(32, "big").hex() == case["draw"]
    assert wins(ticket, signature, rand) is case["wins"]


@pytest.mark.parametrize("case", [c for c in load("lottery/signatures.json") if c.values[0]["secret"]])
def test_the_draw_is_the_seed_of_the_tickets_beacon(case: Case) -> None:
    ticket, signature = ticket_of(TICKETS[case["hash"]]), bytes.fromhex(case["signature"])
    opened = ticket_beacon(ticket).reveal(0, signature).reveal(1, bytes(31) + b"\x05")
    drawn = {c.values[0]["signature"]: c.values[0]["draw"] for c in load("lottery/draws.json")}
    assert opened.seed().hex() == drawn[case["signature"]]


@pytest.mark.parametrize("case", load("lottery/preimages.json"))
def test_preimages(case: Case) -> None:
    assert recipient_rand_hash(int(case["recipient_rand"])).hex() == case["commitment"]


@pytest.mark.parametrize("case", load("lottery/commitments.json"))
def test_commitments(case: Case) -> None:
    found = derive_rand(SecretKey(bytes.fromhex(case["secret"])), quote_of(case["quote"]))
    assert found == int(case["recipient_rand"], 16)
    assert is_opened_by(bytes.fromhex(case["commitment"]), found)
    assert not is_opened_by(bytes.fromhex(case["commitment"]), found ^ 1)


@pytest.mark.parametrize("case", load("lottery/livepeer_commitments.json"))
def test_livepeers_commitments(case: Case) -> None:
    found = livepeer_rand(SecretKey(bytes.fromhex(case["secret"])), quote_of(case["quote"]))
    assert found == int(case["recipient_rand"], 16)
    assert recipient_rand_hash(found).hex() == case["commitment"]


@pytest.mark.parametrize("case", load("lottery/quotes.json"))
def test_quotes(case: Case) -> None:
    expected_value_wei = int(case["expected_value_wei"])
    face_value = quote_face_value(
        expected_value_wei=expected_value_wei,
        redeem_gas=int(case["redeem_gas"]),
        gas_price_wei=int(case["gas_price_wei"]),
        cost_multiplier=int(case["cost_multiplier"]),
        max_float_wei=int(case["max_float_wei"]),
    )
    assert face_value == int(case["face_value_wei"])
    win_prob = quote_win_prob(expected_value_wei=expected_value_wei, face_value_wei=int(case["face_value_wei"]))
    if case["win_prob"] is not None:
        assert win_prob == int(case["win_prob"])


def test_parameters_hold_for_forty_blocks() -> None:
    assert params_expiration(1) == 41


@pytest.mark.parametrize("case", load("lottery/expected_values.json"))
def test_expected_values(case: Case) -> None:
    found = expected_value(face_value=int(case["face_value"]), win_prob=int(case["win_prob"]))
    assert found == Fraction(int(case["numerator"]), int(case["denominator"]))
    assert round(found) == int(case["rounded"])


@pytest.mark.parametrize("case", load("lottery/payments.json"))
def test_payments(case: Case) -> None:
    payment = parse_payment_header(case["header"])
    assert payment_header(payment) == case["header"]
    assert json.loads(encode_payment_text(payment)) == case["document"]
    assert parse_payment_text(json.dumps(case["document"]).encode()) == payment
    assert len(payment_tickets(payment)) == len(payment.tickets) == len(case["document"].get("tickets", []))


def test_the_ticket_of_the_payment_is_the_signed_one() -> None:
    payment = parse_payment_header(load("lottery/payments.json")[0].values[0]["header"])
    [(ticket, signature)] = payment_tickets(payment)
    assert ticket_hash(ticket).hex() == "3424caedb4a730f787d382020d13de3aa2bf842d1fb8e816662d987bbd3b0e98"
    assert recover_signer(ticket, signature) == payment.sender


def test_the_parameters_stand_in_the_payment_as_they_are() -> None:
    case = load("lottery/payments.json")[0].values[0]
    raw, payment = b64decode(case["header"]), parse_payment_header(case["header"])
    assert payment.params is not None
    assert parse_params(raw[2 : 2 + raw[1]]) == payment.params
    assert encode_params(payment.params) == raw[2 : 2 + raw[1]]
    assert json.loads(encode_params_text(payment.params)) == case["document"]["params"]


@pytest.mark.parametrize("case", load("lottery/refused_payments.json"))
def test_refused_payments(case: Case) -> None:
    with pytest.raises(PeerError) as caught:
        parse_payment_header(case["header"])
    assert caught.value.code.name == "MALFORMED"


@pytest.mark.parametrize("case", load("lottery/redemptions.json"))
def test_redemptions(case: Case) -> None:
    signature = bytes.fromhex(case["signature"])
    call = redeem_call(ticket_of(case["ticket"]), signature, int(case["recipient_rand"]))
    assert len(call) == case["size_bytes"]
    assert keccak256(call).hex() == case["call_keccak256"]
    assert call[:4].hex() == "ec8b3cb6"
