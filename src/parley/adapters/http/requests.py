"""Whose request it is: the signature that a node puts on each request to another, and its check.

    Parley-Caller      the caller's node id, 64 hex digits
    Parley-Recipient   the callee's node id, 64 hex digits; zeros in a greeting, whose purpose is to learn it
    Parley-Sent        when it was sent, milliseconds since 1970
    Parley-Signature   BIP340 by the caller over
                       tagged_hash("parley/peer/request/v1", caller[32], recipient[32], sent_ms[8], sha256(body)[32])

A request without any of them comes from an anonymous stranger. The signature ties the request to one recipient, one
body and one moment; what is replayed within the skew is the callee's to recognise (by request ids and sequences).

Source: docs/spec/peers.md.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Final

from parley.errors import ErrorCode, Rejected
from parley.ports.signer import Signer
from parley.primitives import schnorr
from parley.primitives.hashing import sha256, tagged_hash
from parley.primitives.ids import NodeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = ["ANY_RECIPIENT", "check_request", "request_digest", "sign_request"]

ANY_RECIPIENT: Final = NodeId(bytes(32))
"""The recipient of a greeting."""

_TAG: Final = "parley/peer/request/v1"
_NAMES: Final = ("Parley-Caller", "Parley-Recipient", "Parley-Sent", "Parley-Signature")
_BY_WIRE_NAME: Final[Mapping[bytes, str]] = {name.lower().encode(): name for name in _NAMES}
_PREFIX: Final = b"parley-"
_KEY_BYTES: Final = 32
_NUMBER: Final = re.compile(rb"0|[1-9][0-9]{0,15}")


def request_digest(caller: bytes, recipient: bytes, sent_ms: int, body: bytes) -> bytes:
    """Return the 32 bytes that the signature of a request is over.

    Args:
        caller: node id, 32 bytes.
        recipient: node id, 32 bytes.
        sent_ms: 0 <= sent_ms < 2**53.
        body: of the request.
    """
    return tagged_hash(_TAG, caller, recipient, sent_ms.to_bytes(8, "big"), sha256(body))


async def sign_request(signer: Signer, *, recipient: bytes, sent_ms: Instant, body: bytes) -> dict[str, str]:
    """Return the headers that show whose request it is.

    Args:
        signer: the caller's.
        recipient: node id of the callee, or `ANY_RECIPIENT` for a greeting.
        sent_ms: the present moment.
        body: exactly what is sent.

    Raises:
        UnavailableError: the holder of the key did not answer.
    """
    signature = await signer.sign(request_digest(signer.public_key, recipient, sent_ms, body))
    values = (signer.public_key.hex(), recipient.hex(), str(sent_ms), signature.hex())
    return dict(zip(_NAMES, values, strict=True))


def check_request(
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    *,
    own_id: bytes,
    now: Instant,
    skew_ms: int,
    is_greeting: bool = False,
) -> NodeId | Rejected | None:
    """Tell whose request it is, cheap checks before the signature.

    Args:
        headers: names in lower case, in any order.
        body: exactly what was received.
        own_id: node id of the callee.
        now: the callee's moment.
        skew_ms: how far the clocks may differ.
        is_greeting: whether the body is a greeting, which may be addressed to anybody.

    Returns:
        The caller, None for an anonymous stranger, or UNAUTHORIZED, WRONG_RECIPIENT, CLOCK_SKEW.
    """
    found: dict[str, bytes] = {}
    for wire_name, value in headers:
        name = _BY_WIRE_NAME.get(wire_name) if wire_name.startswith(_PREFIX) else None
        if name is not None:
            if name in found:
                return Rejected(ErrorCode.UNAUTHORIZED, {"header": name, "fault": "repeats"})
            found[name] = value
    if not found:
        return None
    for name in _NAMES:
        if name not in found:
            return Rejected(ErrorCode.UNAUTHORIZED, {"header": name, "fault": "missing"})
    return _check_values(tuple(found[name] for name in _NAMES), body, own_id, now, skew_ms, is_greeting=is_greeting)


def _check_values(
    values: tuple[bytes, ...], body: bytes, own_id: bytes, now: Instant, skew_ms: int, *, is_greeting: bool
) -> NodeId | Rejected:
    caller = _unhex(values[0], _KEY_BYTES)
    recipient = _unhex(values[1], _KEY_BYTES)
    signature = _unhex(values[3], schnorr.SIGNATURE_BYTES)
    for name, read in ((_NAMES[0], caller), (_NAMES[1], recipient), (_NAMES[3], signature)):
        if not read:
            return Rejected(ErrorCode.UNAUTHORIZED, {"header": name, "fault": "not hex of the right length"})
    sent_ms = int(values[2]) if _NUMBER.fullmatch(values[2]) else INSTANT_MAX_MS + 1
    if sent_ms > INSTANT_MAX_MS:
        return Rejected(ErrorCode.UNAUTHORIZED, {"header": _NAMES[2], "fault": "not a number of milliseconds"})
    if recipient != own_id and not (is_greeting and recipient == ANY_RECIPIENT):
        return Rejected(ErrorCode.WRONG_RECIPIENT)
    if abs(now - sent_ms) > skew_ms:
        return Rejected(ErrorCode.CLOCK_SKEW, {"ahead_ms": sent_ms - now, "allowed_ms": skew_ms})
    if not schnorr.verify(caller, request_digest(caller, recipient, sent_ms, body), signature):
        return Rejected(ErrorCode.UNAUTHORIZED, {"fault": "the signature does not verify"})
    return NodeId(caller)


def _unhex(text: bytes, size_bytes: int) -> bytes:
    """Return the bytes that hex stands for; empty when it is not hex of that size."""
    try:
        return binascii.unhexlify(text) if len(text) == 2 * size_bytes else b""
    except ValueError:
        return b""
