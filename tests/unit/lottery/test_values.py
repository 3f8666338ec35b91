"""What tickets, parameters, payments and quotes refuse; what they compute is in tests/vectors/test_lottery.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, PeerError
from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery import Ticket, draw, expected_value, recipient_rand_hash, sign_ticket, wins
from parley.lottery.calls import redeem_call
from parley.lottery.commitments import Quote, is_opened_by, livepeer_rand
from parley.lottery.draws import ticket_beacon
from parley.lottery.params import (
    CreationRound,
    Payment,
    Price,
    SignedNonce,
    TicketParams,
    payment_tickets,
)
from parley.lottery.protobuf import encode_varint, parse_fields
from parley.lottery.quoting import ReserveTooSmall, quote_face_value, quote_win_prob
from parley.lottery.wire import Winner, encode_payment, parse_params, parse_payment, parse_winner
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.protocol.beacon import SignatureLeaf

RECIPIENT, SENDER = Address(b"\x70" * 20), Address(b"\xf3" * 20)
MADE_IN = CreationRound(10, b"\x41" * 32)
TICKET = Ticket(RECIPIENT, SENDER, 1_500, UINT256_MAX, 0, recipient_rand_hash(5), 10, b"\x41" * 32)
PARAMS = TicketParams(RECIPIENT, 1_500, UINT256_MAX, recipient_rand_hash(5), 0x1234, 41)
SIGNED = SignedNonce(1, b"\x1b" * 65)
PAYMENT = Payment(SENDER, PARAMS, MADE_IN, (SIGNED,), Price(1_200))
QUOTE = Quote(1, SENDER, RECIPIENT, SENDER, 1, 2, 3, Price(1), MADE_IN, 4)


def refused(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises((LocalError, PeerError)) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("name", ["recipient", "sender", "recipient_rand_hash", "creation_round_hash"])
@pytest.mark.parametrize("size_bytes", [0, 19, 21, 31, 33])
def test_a_ticket_refuses_other_sizes(name: str, size_bytes: int) -> None:
    with pytest.raises(LocalError) as caught:
        replace(TICKET, **{name: bytes(size_bytes)})  # type: ignore[arg-type]  # a wrong size is what is tried
    assert caught.value.facts["field"] == name


@pytest.mark.parametrize("name", ["face_value", "win_prob", "sender_nonce", "creation_round"])
@pytest.mark.parametrize("value", [-1, 2**256, True, 1.0])
def test_a_ticket_refuses_other_numbers(name: str, value: object) -> None:
    with pytest.raises(LocalError) as caught:
        replace(TICKET, **{name: value})  # type: ignore[arg-type]  # a wrong type is what is tried
    assert caught.value.facts["field"] == name


@pytest.mark.parametrize(
    "call",
    [
        lambda: draw(b"", -1),
        lambda: draw(b"", 2**256),
        lambda: wins(TICKET, b"", 2**256),
        lambda: recipient_rand_hash(2**256),
        lambda: is_opened_by(bytes(32), -1),
        lambda: redeem_call(TICKET, b"", 2**256),
        lambda: sign_ticket(TICKET, bytes(32)),
        lambda: sign_ticket(TICKET, bytes(31)),
        lambda: CreationRound(-1, bytes(32)),
        lambda: CreationRound(2**63, bytes(32)),
        lambda: CreationRound(1, bytes(31)),
        lambda: Price(-1),
        lambda: Price(2**63),
        lambda: Price(1, 0),
        lambda: Price(1, capability=2**32),
        lambda: Price(1, constraint="c" * 257),
        lambda: Price(1, constraint="\ud800"),
        lambda: replace(PARAMS, recipient=Address(bytes(19))),
        lambda: replace(PARAMS, recipient_rand_hash=bytes(31)),
        lambda: replace(PARAMS, seed=2**256),
        lambda: SignedNonce(2**32, bytes(65)),
        lambda: SignedNonce(-1, bytes(65)),
        lambda: SignedNonce(1, bytes(64)),
        lambda: replace(PAYMENT, sender=Address(b"")),
        lambda: replace(PAYMENT, params=None),
        lambda: replace(PAYMENT, creation_round=None),
        lambda: replace(PAYMENT, tickets=(SIGNED,) * 1_001),
        lambda: Winner(PARAMS, SENDER, MADE_IN, SIGNED, 2**256),
        lambda: replace(QUOTE, broker=Address(bytes(19))),
        lambda: replace(QUOTE, chain_id=2**256),
        lambda: replace(QUOTE, seed=-1),
        lambda: encode_varint(1, 2**64),
        lambda: quote_win_prob(expected_value_wei=6, face_value_wei=5),
        lambda: quote_win_prob(expected_value_wei=-1, face_value_wei=5),
        lambda: quote_face_value(
            expected_value_wei=0, redeem_gas=1, gas_price_wei=1, cost_multiplier=1, max_float_wei=1
        ),
    ],
)
def test_values_out_of_range_are_our_callers_fault(call: Callable[[], object]) -> None:
    assert refused(call) is ErrorCode.INVALID_ARGUMENT


def test_the_secret_does_not_show_in_the_error() -> None:
    with pytest.raises(LocalError) as caught:
        sign_ticket(TICKET, SecretKey(bytes(32)))
    assert list(caught.value.facts) == ["wanted"]


def test_an_approved_signer_may_stand_in_the_beacon() -> None:
    sender, approved = ticket_beacon(TICKET).leaves[0], ticket_beacon(TICKET, signer=RECIPIENT).leaves[0]
    assert isinstance(sender, SignatureLeaf)
    assert isinstance(approved, SignatureLeaf)
    assert (sender.signer, approved.signer) == (SENDER, RECIPIENT)
    assert sender.digest == approved.digest


def test_a_ticket_without_a_round_is_worth_nothing_but_has_a_call() -> None:
    bare = replace(TICKET, creation_round=0, creation_round_hash=bytes(32))
    assert len(redeem_call(bare, bytes(65), 5)) == 548 - 64


def test_the_round_of_the_tickets_may_stand_with_the_parameters() -> None:
    inside = replace(PAYMENT, creation_round=None, params=replace(PARAMS, creation_round=MADE_IN))
    both = replace(PAYMENT, params=replace(PARAMS, creation_round=CreationRound(9, bytes(32))))
    [(ticket, signature)] = payment_tickets(inside)
    assert (ticket.creation_round, ticket.sender_nonce, signature) == (10, 1, SIGNED.signature)
    assert payment_tickets(both)[0][0].creation_round == 10
    assert payment_tickets(Payment(SENDER)) == ()
    assert parse_payment(encode_payment(inside)) == inside


def test_livepeers_derivation_leaves_out_a_missing_round_and_reduces_the_price() -> None:
    key = SecretKey(b"\x03" + bytes(31))
    none = replace(QUOTE, creation_round=CreationRound(0, bytes(32)))
    assert livepeer_rand(key, none) != livepeer_rand(key, QUOTE)
    assert livepeer_rand(key, replace(QUOTE, price=Price(4, 6))) == livepeer_rand(
        key, replace(QUOTE, price=Price(2, 3))
    )


def quote(gas_price_wei: int, max_float_wei: int) -> int | ReserveTooSmall:
    return quote_face_value(
        expected_value_wei=5,
        redeem_gas=10_000,
        gas_price_wei=gas_price_wei,
        cost_multiplier=100,
        max_float_wei=max_float_wei,
    )


def test_a_reserve_that_guarantees_too_little_is_an_answer() -> None:
    assert quote(100, 4) == ReserveTooSmall(4, 5)
    assert quote(100, -1) == ReserveTooSmall(-1, 5)
    # One redemption costs 1,000,000 at this price.
    assert quote(100, 999_999) == ReserveTooSmall(999_999, 1_000_000)
    assert quote(100, 1_000_000) == 1_000_000
    # While gas is dearer than 3 gwei, what covers a redemption at 3 gwei is enough.
    assert quote(10 * 10**9, 30_000 * 10**9) == 30_000 * 10**9
    assert quote(10 * 10**9, 30_000 * 10**9 - 1) == ReserveTooSmall(30_000 * 10**9 - 1, 30_000 * 10**9)


def test_win_probabilities_at_the_ends() -> None:
    assert quote_win_prob(expected_value_wei=0, face_value_wei=0) == 0
    assert quote_win_prob(expected_value_wei=5, face_value_wei=5) == UINT256_MAX
    # 2**256 - 1 is a multiple of 3: nothing to round up.
    assert quote_win_prob(expected_value_wei=1, face_value_wei=3) == UINT256_MAX // 3
    assert expected_value(face_value=3, win_prob=UINT256_MAX // 3) == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (bytes(131_073), ErrorCode.TOO_LARGE),
        (encode_payment(PAYMENT) + b"\x22\x45" * 0 + encode_payment(PAYMENT), ErrorCode.MALFORMED),
        (b"\x12\x14" + SENDER + b"\x22\x00" * 1_001, ErrorCode.TOO_LARGE),
        (b"\x12\x14" + SENDER + b"\x20\x01", ErrorCode.MALFORMED),
        (b"\x12\x14" + SENDER + b"\x28\x01", ErrorCode.MALFORMED),
        (b"\x12\x14" + SENDER + b"\x2a\x02\x11\x00", ErrorCode.MALFORMED),
        (b"\x12\x14" + SENDER + b"\x2a\x09\x11" + bytes(8), ErrorCode.MALFORMED),
        (b"\x12\x14" + SENDER + b"\x2a\x05\x15" + bytes(4), ErrorCode.MALFORMED),
        (b"\x12\x14" + SENDER + b"\x2a\xff\x02\x10\x01\x22\xfa\x02" + b"c" * 378, ErrorCode.TOO_LARGE),
        (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ErrorCode.MALFORMED),
        (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", ErrorCode.MALFORMED),
    ],
)
def test_payments_out_of_range_are_the_senders_fault(raw: bytes, code: ErrorCode) -> None:
    assert refused(lambda: parse_payment(raw)) is code


def test_integers_of_the_chain_have_32_bytes_at_most() -> None:
    assert refused(lambda: parse_params(b"\x0a\x14" + RECIPIENT + b"\x12\x21" + b"\x01" * 33)) is ErrorCode.TOO_LARGE


def test_a_winner_has_all_its_parts() -> None:
    assert refused(lambda: parse_winner(b"")) is ErrorCode.MALFORMED
    assert refused(lambda: parse_params(b"")) is ErrorCode.MALFORMED


def test_fixed_sizes_are_passed_over_where_nobody_reads_them() -> None:
    fields = parse_fields(b"\x49" + bytes(8) + b"\x55" + bytes(4) + b"\x08\x07")
    assert fields.uint(1, 7) == 7
    assert refused(lambda: fields.uint(9, 7)) is ErrorCode.MALFORMED
    assert refused(lambda: fields.message(10)) is ErrorCode.MALFORMED
    assert refused(lambda: fields.messages(10, 5)) is ErrorCode.MALFORMED
