"""The headers of x402 version 2, strictly: what travels between a gate and whoever pays at it.

    server   402   PAYMENT-REQUIRED    what would be accepted, a list
    client         PAYMENT-SIGNATURE   one entry of the list, and what pays for it
    server         PAYMENT-RESPONSE    how it went, with the answer or with another 402

Each is JSON as base64 with padding, in the one form that encodes it: what decodes, encodes to the same letters
again. Members that this module does not know are passed over, because the specification lets extensions add some;
a member that comes twice, or of another type, is refused.

Source: x402 specification v2, "HTTP transport" (docs/spec/gate.md).
"""

from __future__ import annotations

import binascii
from typing import Final, TypeVar

import msgspec

from parley.adapters.jsonrpc.texts import check_text, is_repeating
from parley.errors import ErrorCode, PeerError

__all__ = [
    "HEADER_MAX_BYTES",
    "OFFERS_MAX",
    "REQUIRED_HEADER",
    "RESPONSE_HEADER",
    "SENDER_HEADER",
    "SIGNATURE_HEADER",
    "X402_VERSION",
    "PaymentRequired",
    "PaymentResponse",
    "PaymentSignature",
    "Requirement",
    "Resource",
    "decode_base64",
    "encode_base64",
    "encode_header",
    "parse_required",
    "parse_response",
    "parse_signature",
]

X402_VERSION: Final = 2
"""The version of the protocol."""

REQUIRED_HEADER: Final = "PAYMENT-REQUIRED"
"""Of the answer that asks for payment."""

SIGNATURE_HEADER: Final = "PAYMENT-SIGNATURE"
"""Of the request that pays."""

RESPONSE_HEADER: Final = "PAYMENT-RESPONSE"
"""Of the answer to a request that paid, or tried to."""

SENDER_HEADER: Final = "PAYMENT-SENDER"
"""Of a request that says who will pay, as an account of CAIP-10; not of x402, and only some schemes look at it."""

HEADER_MAX_BYTES: Final = 65_536
"""The longest value of a header that is decoded, in bytes of base64."""

OFFERS_MAX: Final = 16
"""The most ways to pay in one offer."""

DocumentT = TypeVar("DocumentT")


class Resource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is paid for.

    Attributes:
        url: of the request.
        description: for people.
        mime_type: of the answer.
    """

    url: str
    description: str = ""
    mime_type: str = ""


class Requirement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One way to pay.

    Attributes:
        scheme: how: `pow` or `lottery` here.
        network: where, in the form of CAIP-2.
        amount: how much, a decimal integer in the smallest unit.
        asset: of what.
        pay_to: to whom.
        max_timeout_seconds: how long the offer stands.
        extra: what else the scheme says.
    """

    scheme: str
    network: str
    amount: str
    asset: str
    pay_to: str
    max_timeout_seconds: int
    extra: dict[str, object] = {}


class PaymentRequired(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What would be accepted.

    Attributes:
        x402_version: 2.
        resource: what is paid for.
        accepts: ways to pay, the server's favourite first.
        error: why, for people.
    """

    x402_version: int
    resource: Resource
    accepts: tuple[Requirement, ...]
    error: str = ""


class PaymentSignature(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What pays.

    Attributes:
        x402_version: 2.
        accepted: the entry of the offer that is paid, as it was offered.
        payload: what the scheme asks for.
    """

    x402_version: int
    accepted: Requirement
    payload: dict[str, object]


class PaymentResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How it went.

    Attributes:
        success: whether the payment was taken.
        transaction: name of what was spent, or empty.
        network: of the entry that was paid.
        error_reason: why not, a name in lower case; empty on success.
        extra: what the scheme adds.
    """

    success: bool
    transaction: str
    network: str
    error_reason: str = ""
    extra: dict[str, object] = {}


def encode_base64(raw: bytes) -> str:
    """Encode bytes as base64 of the standard alphabet, with padding."""
    return binascii.b2a_base64(raw, newline=False).decode()


def decode_base64(text: str | bytes, *, maximum_bytes: int) -> bytes:
    """Decode base64, of the one form that `encode_base64` gives.

    Args:
        text: of any length and content.
        maximum_bytes: the longest result that is wanted.

    Raises:
        PeerError: TOO_LARGE; MALFORMED: another alphabet, no padding, spaces, or bits that mean nothing.
    """
    if len(text) > 4 * (-(-maximum_bytes // 3)):
        raise PeerError(ErrorCode.TOO_LARGE, size_bytes=len(text), maximum_bytes=4 * (-(-maximum_bytes // 3)))
    try:
        letters = text.encode("ascii") if isinstance(text, str) else text
        raw = binascii.a2b_base64(letters, strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise PeerError(ErrorCode.MALFORMED, field="base64") from None
    # Only bits behind the last byte are left to chance: the group that holds them is encoded again.
    last = raw[-(len(raw) % 3 or 3) :]
    if binascii.b2a_base64(last, newline=False) != letters[-4:]:
        raise PeerError(ErrorCode.MALFORMED, field="base64", fault="not canonical")
    return raw


def encode_header(document: PaymentRequired | PaymentSignature | PaymentResponse) -> bytes:
    """Encode the value of a header; the inverse of the `parse_` functions."""
    return binascii.b2a_base64(msgspec.json.encode(document), newline=False)


def parse_required(value: bytes) -> PaymentRequired:
    """Parse the value of PAYMENT-REQUIRED.

    Raises:
        PeerError: TOO_LARGE; MALFORMED; PROTOCOL_VIOLATION: another version.
    """
    document = _parse(value, PaymentRequired)
    _check_version(document.x402_version)
    if not 1 <= len(document.accepts) <= OFFERS_MAX:
        raise PeerError(ErrorCode.MALFORMED, field="accepts", entries=len(document.accepts), maximum=OFFERS_MAX)
    return document


def parse_signature(value: bytes) -> PaymentSignature:
    """Parse the value of PAYMENT-SIGNATURE.

    Raises:
        PeerError: as `parse_required`.
    """
    document = _parse(value, PaymentSignature)
    _check_version(document.x402_version)
    return document


def parse_response(value: bytes) -> PaymentResponse:
    """Parse the value of PAYMENT-RESPONSE.

    Raises:
        PeerError: TOO_LARGE; MALFORMED.
    """
    return _parse(value, PaymentResponse)


def _check_version(version: int) -> None:
    if version != X402_VERSION:
        # The number may be of any size, and an error is to stay small.
        raise PeerError(ErrorCode.PROTOCOL_VIOLATION, field="x402Version", wanted=X402_VERSION)


def _parse(value: bytes, kind: type[DocumentT]) -> DocumentT:
    if len(value) > HEADER_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, size_bytes=len(value), maximum_bytes=HEADER_MAX_BYTES)
    raw = decode_base64(value, maximum_bytes=HEADER_MAX_BYTES)
    if check_text(raw) is not None:
        raise PeerError(ErrorCode.MALFORMED, field=kind.__name__, fault="not UTF-8, or nested too deep")
    try:
        document = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The decoder's text quotes what came; what it says is left out.
        raise PeerError(ErrorCode.MALFORMED, field=kind.__name__) from None
    # What encodes to the same bytes has no member twice; the exact look costs ten times as much.
    if msgspec.json.encode(document) != raw and is_repeating(raw):
        raise PeerError(ErrorCode.MALFORMED, field=kind.__name__, fault="a member comes twice")
    return document
