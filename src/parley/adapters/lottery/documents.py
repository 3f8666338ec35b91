"""The JSON form of payments and ticket parameters: addresses and hashes in hex, amounts in decimal text.

An amount of wei does not fit into the numbers that JSON readers keep exactly, so everything that the chain counts in
256 bits is text without leading zeros. Hex has 0x in front and is lower case on output; addresses carry their
checksum on output, and are checked for it on input where their letters are of both cases.

Source: docs/spec/lottery.md §7 (vectors/lottery/payments.json).
"""

from __future__ import annotations

import binascii
import re
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.addresses import checksum_text, parse_address
from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.params import (
    NONCE_MAX,
    PAYMENT_TICKETS_MAX,
    CreationRound,
    Payment,
    Price,
    SignedNonce,
    TicketParams,
)

__all__ = [
    "PAYMENT_TEXT_MAX_BYTES",
    "encode_params_text",
    "encode_payment_text",
    "params_object",
    "parse_params_object",
    "parse_params_text",
    "parse_payment_text",
    "parse_tickets_object",
    "tickets_object",
]

PAYMENT_TEXT_MAX_BYTES: Final = 262_144
"""The largest payment in JSON: 1000 tickets have room."""

_UINT32_MAX: Final = 2**32 - 1
_INT64_MAX: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,77}")
_CONSTRAINT_MAX_BYTES: Final = 256

DocumentT = TypeVar("DocumentT")

_Hash = Annotated[str, Meta(min_length=66, max_length=66)]
_Signature = Annotated[str, Meta(min_length=132, max_length=132)]
_Amount = Annotated[str, Meta(min_length=1, max_length=78)]
_Address = Annotated[str, Meta(min_length=42, max_length=42)]


class _Round(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: _Amount
    block_hash: _Hash


class _Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    recipient: _Address
    face_value_wei: _Amount
    win_prob: _Amount
    recipient_rand_hash: _Hash
    seed: _Amount
    expiration_block: _Amount
    creation_round: _Round | None = None


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nonce: Annotated[int, Meta(ge=0, le=NONCE_MAX)]
    signature: _Signature


class _Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    per_unit_wei: _Amount
    units: _Amount
    capability: Annotated[int, Meta(ge=0, le=_UINT32_MAX)] = 0
    constraint: Annotated[str, Meta(max_length=_CONSTRAINT_MAX_BYTES)] = ""


class _Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    sender: _Address
    params: _Params | None = None
    creation_round: _Round | None = None
    tickets: Annotated[tuple[_Signed, ...], Meta(max_length=PAYMENT_TICKETS_MAX)] = ()
    expected_price: _Price | None = None


class _Tickets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    sender: _Address
    tickets: Annotated[tuple[_Signed, ...], Meta(max_length=PAYMENT_TICKETS_MAX)]
    creation_round: _Round | None = None


def encode_params_text(params: TicketParams) -> bytes:
    """Encode ticket parameters as JSON; the inverse of `parse_params_text`."""
    return msgspec.json.encode(_params_document(params))


def parse_params_text(raw: bytes) -> TicketParams:
    """Parse ticket parameters from JSON.

    Raises:
        PeerError: TOO_LARGE or MALFORMED: not the form of the module.
    """
    return _params_value(_decode(raw, _Params))


def params_object(params: TicketParams) -> dict[str, object]:
    """Return ticket parameters as a JSON object, to stand inside of another document."""
    built: dict[str, object] = msgspec.to_builtins(_params_document(params))
    return built


def parse_params_object(value: object) -> TicketParams:
    """Read ticket parameters from a JSON object that was decoded already; the inverse of `params_object`.

    Raises:
        PeerError: MALFORMED: not the form of the module.
    """
    return _params_value(_convert(value, _Params))


def tickets_object(payment: Payment) -> dict[str, object]:
    """Return the tickets of a payment as a JSON object: sender, nonces and signatures, but no parameters.

    The round stands there only where the parameters have none, or another. The sender has no checksum: its tickets
    prove it, and it is read once for each payment.
    """
    params_round = None if payment.params is None else payment.params.creation_round
    document = _Tickets(
        sender="0x" + payment.sender.hex(),
        creation_round=None if payment.round == params_round else _round_document(payment.creation_round),
        tickets=tuple(_Signed(signed.nonce, "0x" + signed.signature.hex()) for signed in payment.tickets),
    )
    built: dict[str, object] = msgspec.to_builtins(document)
    return built


def parse_tickets_object(value: object, params: TicketParams, expected_price: Price | None = None) -> Payment:
    """Read tickets from a JSON object that was decoded already, as `tickets_object` made it.

    Args:
        value: whatever JSON holds.
        params: that the tickets are under, read elsewhere.
        expected_price: of the payment.

    Raises:
        PeerError: MALFORMED: not the form of the module, no ticket, or no round.
    """
    document = _convert(value, _Tickets)
    made_in = _round_value(document.creation_round)
    if not document.tickets or (made_in is None and params.creation_round is None):
        raise PeerError(ErrorCode.MALFORMED, field="tickets", fault="none, or without a round")
    return Payment(
        sender=parse_address(document.sender),
        params=params,
        creation_round=made_in,
        tickets=tuple([SignedNonce(signed.nonce, _bytes(signed.signature)) for signed in document.tickets]),
        expected_price=expected_price,
    )


def encode_payment_text(payment: Payment) -> bytes:
    """Encode a payment as JSON; the inverse of `parse_payment_text`.

    Source: vectors/lottery/payments.json.
    """
    price = payment.expected_price
    document = _Payment(
        sender=checksum_text(payment.sender),
        params=None if payment.params is None else _params_document(payment.params),
        creation_round=_round_document(payment.creation_round),
        tickets=tuple(_Signed(signed.nonce, "0x" + signed.signature.hex()) for signed in payment.tickets),
        expected_price=None
        if price is None
        else _Price(str(price.per_unit_wei), str(price.units), price.capability, price.constraint),
    )
    return msgspec.json.encode(document)


def parse_payment_text(raw: bytes) -> Payment:
    """Parse a payment from JSON; neither signatures nor nonces are judged here.

    Raises:
        PeerError: TOO_LARGE or MALFORMED: not the form of the module, an amount out of range, or tickets without
            parameters or without a round.

    Source: vectors/lottery/payments.json.
    """
    document = _decode(raw, _Payment)
    params = None if document.params is None else _params_value(document.params)
    made_in = _round_value(document.creation_round)
    if document.tickets and (params is None or (made_in is None and params.creation_round is None)):
        raise PeerError(ErrorCode.MALFORMED, field="tickets", fault="without parameters or without a round")
    return Payment(
        sender=parse_address(document.sender),
        params=params,
        creation_round=made_in,
        tickets=tuple(SignedNonce(signed.nonce, _bytes(signed.signature)) for signed in document.tickets),
        expected_price=None if document.expected_price is None else _price_value(document.expected_price),
    )


def _convert(value: object, kind: type[DocumentT]) -> DocumentT:
    try:
        return msgspec.convert(value, type=kind)
    except (msgspec.ValidationError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED, form="JSON") from None


def _decode(raw: bytes, kind: type[DocumentT]) -> DocumentT:
    if len(raw) > PAYMENT_TEXT_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, size_bytes=len(raw), maximum_bytes=PAYMENT_TEXT_MAX_BYTES)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED, form="JSON") from None


def _amount(name: str, text: str, maximum: int = UINT256_MAX) -> int:
    if _DECIMAL.fullmatch(text) is None or int(text) > maximum:
        raise PeerError(ErrorCode.MALFORMED, field=name, fault="not a decimal number in range")
    return int(text)


def _bytes(text: str) -> bytes:
    # Unlike bytes.fromhex, this takes no spaces between the digits.
    try:
        if text.startswith("0x"):
            return binascii.a2b_hex(text[2:])
    except ValueError:
        pass
    raise PeerError(ErrorCode.MALFORMED, wanted="0x and hex digits")


def _round_document(made_in: CreationRound | None) -> _Round | None:
    return None if made_in is None else _Round(str(made_in.number), "0x" + made_in.block_hash.hex())


def _round_value(document: _Round | None) -> CreationRound | None:
    if document is None:
        return None
    return CreationRound(_amount("number", document.number, _INT64_MAX), _bytes(document.block_hash))


def _params_document(params: TicketParams) -> _Params:
    return _Params(
        recipient=checksum_text(params.recipient),
        face_value_wei=str(params.face_value),
        win_prob=str(params.win_prob),
        recipient_rand_hash="0x" + params.recipient_rand_hash.hex(),
        seed=str(params.seed),
        expiration_block=str(params.expiration_block),
        creation_round=_round_document(params.creation_round),
    )


def _params_value(document: _Params) -> TicketParams:
    return TicketParams(
        recipient=parse_address(document.recipient),
        face_value=_amount("face_value_wei", document.face_value_wei),
        win_prob=_amount("win_prob", document.win_prob),
        recipient_rand_hash=_bytes(document.recipient_rand_hash),
        seed=_amount("seed", document.seed),
        expiration_block=_amount("expiration_block", document.expiration_block),
        creation_round=_round_value(document.creation_round),
    )


def _price_value(document: _Price) -> Price:
    if len(document.constraint.encode()) > _CONSTRAINT_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, field="constraint", maximum_bytes=_CONSTRAINT_MAX_BYTES)
    units = _amount("units", document.units, _INT64_MAX)
    if units == 0:
        raise PeerError(ErrorCode.MALFORMED, field="price", fault="for 0 units")
    return Price(
        per_unit_wei=_amount("per_unit_wei", document.per_unit_wei, _INT64_MAX),
        units=units,
        capability=document.capability,
        constraint=document.constraint,
    )
