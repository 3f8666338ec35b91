"""The messages of Livepeer's payments in protobuf, byte for byte as go-livepeer writes them.

    TicketParams            1 recipient · 2 face_value · 3 win_prob · 4 recipient_rand_hash · 5 seed
                            6 expiration_block · 7 expiration_params
    TicketSenderParams      1 sender_nonce, uint32 · 2 sig
    TicketExpirationParams  1 creation_round, int64 · 2 creation_round_block_hash
    PriceInfo               1 pricePerUnit, int64 · 2 pixelsPerUnit, int64 · 3 capability, uint32 · 4 constraint, text
    Payment                 1 ticket_params · 2 sender · 3 expiration_params · 4 ticket_sender_params, repeated
                            5 expected_price
    Ticket (to a redeemer)  1 ticket_params · 2 sender · 3 expiration_params · 4 sender_params · 5 recipient_rand

Everything without a type is bytes. go-livepeer fills up or cuts addresses and hashes of a wrong size; here they are
refused. How the protobuf itself is read: `parley.lottery.protobuf`.

Source: go-livepeer, net/lp_rpc.proto and net/redeemer.proto (vectors/lottery/payments.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.packing import check_uint256
from parley.lottery.params import (
    NONCE_MAX,
    PAYMENT_TICKETS_MAX,
    CreationRound,
    Payment,
    Price,
    SignedNonce,
    TicketParams,
)
from parley.lottery.protobuf import Fields, delimited, encode_delimited, encode_varint, minimal, parse_fields
from parley.lottery.tickets import HASH_BYTES
from parley.primitives.ecdsa import SIGNATURE_BYTES
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = [
    "PAYMENT_MAX_BYTES",
    "Winner",
    "encode_params",
    "encode_payment",
    "encode_winner",
    "parse_params",
    "parse_payment",
    "parse_winner",
]

PAYMENT_MAX_BYTES: Final = 131_072
"""The largest encoded payment: 1000 tickets and their parameters have room."""

_INT64_MAX: Final = 2**63 - 1
_UINT32_MAX: Final = 2**32 - 1
_CONSTRAINT_MAX_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Winner:
    """A winning ticket with what it takes to redeem it.

    Attributes:
        params: the recipient's parameters.
        sender: whose deposit pays, 20 bytes.
        creation_round: of the ticket.
        signed: nonce and signature.
        recipient_rand: the preimage of the commitment, 0 <= recipient_rand < 2**256.
    """

    params: TicketParams
    sender: Address
    creation_round: CreationRound
    signed: SignedNonce
    recipient_rand: int

    def __post_init__(self) -> None:
        """Refuse a preimage out of range."""
        check_uint256("recipient_rand", self.recipient_rand)


def encode_params(params: TicketParams) -> bytes:
    """Encode ticket parameters; the inverse of `parse_params`."""
    return b"".join(
        (
            delimited(1, params.recipient),
            delimited(2, minimal(params.face_value)),
            delimited(3, minimal(params.win_prob)),
            delimited(4, params.recipient_rand_hash),
            delimited(5, minimal(params.seed)),
            delimited(6, minimal(params.expiration_block)),
            b"" if params.creation_round is None else encode_delimited(7, _encode_round(params.creation_round)),
        )
    )


def parse_params(raw: bytes) -> TicketParams:
    """Parse ticket parameters from outside.

    Raises:
        PeerError: TOO_LARGE or MALFORMED: not the form of the module.
    """
    _check_size(raw)
    fields = parse_fields(raw)
    made_in = fields.message(7)
    return TicketParams(
        recipient=Address(fields.fixed(1, ADDRESS_BYTES)),
        face_value=fields.uint256(2),
        win_prob=fields.uint256(3),
        recipient_rand_hash=fields.fixed(4, HASH_BYTES),
        seed=fields.uint256(5),
        expiration_block=fields.uint256(6),
        creation_round=None if made_in is None else _parse_round(made_in),
    )


def encode_payment(payment: Payment) -> bytes:
    """Encode a payment; the inverse of `parse_payment`.

    Source: vectors/lottery/payments.json.
    """
    made_in, price = payment.creation_round, payment.expected_price
    return b"".join(
        (
            b"" if payment.params is None else encode_delimited(1, encode_params(payment.params)),
            delimited(2, payment.sender),
            b"" if made_in is None else encode_delimited(3, _encode_round(made_in)),
            *(encode_delimited(4, _encode_signed(signed)) for signed in payment.tickets),
            b"" if price is None else encode_delimited(5, _encode_price(price)),
        )
    )


def parse_payment(raw: bytes) -> Payment:
    """Parse a payment from outside; neither signatures nor nonces are judged here.

    Args:
        raw: the whole payment and nothing else, at most 131072 bytes.

    Raises:
        PeerError: TOO_LARGE: too long, or too many tickets. MALFORMED: not the form of the module, a price for 0
            units, or tickets without parameters or without a round.

    Source: vectors/lottery/payments.json, vectors/lottery/refused_payments.json.
    """
    _check_size(raw)
    fields = parse_fields(raw)
    params_raw, round_raw, price_raw = (fields.message(number) for number in (1, 3, 5))
    params = None if params_raw is None else parse_params(params_raw)
    made_in = None if round_raw is None else _parse_round(round_raw)
    signed = fields.messages(4, PAYMENT_TICKETS_MAX)
    if signed and (params is None or (made_in is None and params.creation_round is None)):
        raise PeerError(ErrorCode.MALFORMED, field="tickets", fault="without parameters or without a round")
    return Payment(
        sender=Address(fields.fixed(2, ADDRESS_BYTES)),
        params=params,
        creation_round=made_in,
        tickets=tuple(_parse_signed(message) for message in signed),
        expected_price=None if price_raw is None else _parse_price(price_raw),
    )


def encode_winner(winner: Winner) -> bytes:
    """Encode a winning ticket for a redeemer; the inverse of `parse_winner`."""
    return b"".join(
        (
            encode_delimited(1, encode_params(winner.params)),
            delimited(2, winner.sender),
            encode_delimited(3, _encode_round(winner.creation_round)),
            encode_delimited(4, _encode_signed(winner.signed)),
            delimited(5, minimal(winner.recipient_rand)),
        )
    )


def parse_winner(raw: bytes) -> Winner:
    """Parse a winning ticket from outside; whether it wins is not judged here.

    Raises:
        PeerError: TOO_LARGE or MALFORMED: not the form of the module.
    """
    _check_size(raw)
    fields = parse_fields(raw)
    return Winner(
        params=parse_params(_present(fields, 1)),
        sender=Address(fields.fixed(2, ADDRESS_BYTES)),
        creation_round=_parse_round(_present(fields, 3)),
        signed=_parse_signed(_present(fields, 4)),
        recipient_rand=fields.uint256(5),
    )


def _check_size(raw: bytes) -> None:
    if len(raw) > PAYMENT_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, size_bytes=len(raw), maximum_bytes=PAYMENT_MAX_BYTES)


def _present(fields: Fields, number: int) -> bytes:
    raw = fields.message(number)
    if raw is None:
        raise PeerError(ErrorCode.MALFORMED, field_number=number, fault="left out")
    return raw


def _encode_round(made_in: CreationRound) -> bytes:
    return encode_varint(1, made_in.number) + delimited(2, made_in.block_hash)


def _parse_round(raw: bytes) -> CreationRound:
    fields = parse_fields(raw)
    return CreationRound(number=fields.uint(1, _INT64_MAX), block_hash=fields.fixed(2, HASH_BYTES))


def _encode_signed(signed: SignedNonce) -> bytes:
    return encode_varint(1, signed.nonce) + delimited(2, signed.signature)


def _parse_signed(raw: bytes) -> SignedNonce:
    fields = parse_fields(raw)
    return SignedNonce(nonce=fields.uint(1, NONCE_MAX), signature=fields.fixed(2, SIGNATURE_BYTES))


def _encode_price(price: Price) -> bytes:
    return b"".join(
        (
            encode_varint(1, price.per_unit_wei),
            encode_varint(2, price.units),
            encode_varint(3, price.capability),
            delimited(4, price.constraint.encode()),
        )
    )


def _parse_price(raw: bytes) -> Price:
    fields = parse_fields(raw)
    units = fields.uint(2, _INT64_MAX)
    if units == 0:
        raise PeerError(ErrorCode.MALFORMED, field="price", fault="for 0 units")
    return Price(
        per_unit_wei=fields.uint(1, _INT64_MAX),
        units=units,
        capability=fields.uint(3, _UINT32_MAX),
        constraint=fields.text(4, _CONSTRAINT_MAX_BYTES),
    )
