"""The request that a payment is for, and the 32 bytes that tie the two together.

    digest  = tagged_hash("parley/gate/request/v1", method · realm · target · size · SHA-256(body))
                method: u8 length · realm: u8 length · target: u32 length · size: uint of 8 bytes
    binding = parley.protocol.work.binding(sender="", recipient=realm, size_bytes=size, purpose="gate:" + hex of digest)

Realm and target joined are the URL without its scheme: the realm is the host, the port unless it is the usual one,
and whatever path stands in front of what the application sees; the target is the rest of the path, as it was sent,
with the query. Both sides compute the binding, so a client works for no request but its own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from parley.errors import ErrorCode, PeerError
from parley.primitives.encoding import encode_text
from parley.primitives.hashing import sha256, tagged_hash
from parley.protocol.work import binding

__all__ = ["METHOD_MAX_BYTES", "REALM_MAX_BYTES", "TARGET_MAX_BYTES", "Act", "act_of", "is_realm"]

METHOD_MAX_BYTES: Final = 32
"""The longest HTTP method, in bytes."""

REALM_MAX_BYTES: Final = 255
"""The longest realm, in bytes."""

TARGET_MAX_BYTES: Final = 8_192
"""The longest path and query together, in bytes."""

_COMMON_KEPT: Final = 64
_TARGET_LENGTH_BYTES: Final = 4
_SIZE_BYTES: Final = 8
_TAG: Final = "parley/gate/request/v1"
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REALM: Final = re.compile(r"[!-~]*")


class Act(msgspec.Struct, frozen=True):
    """One request, as far as a payment is tied to it; `act_of` makes one.

    Attributes:
        method: of HTTP, upper case.
        realm: who is asked, see the module.
        target: path and query as sent, 1..8192 bytes.
        size_bytes: of the body.
        digest: 32 bytes that name this request.
    """

    method: str
    realm: str
    target: bytes
    size_bytes: int
    digest: bytes

    def binding(self) -> bytes:
        """Return the binding of a challenge for this request, 32 bytes.

        Source: docs/spec/gate.md §3 (vectors/gate/binding.json).
        """
        return binding(
            sender=b"",
            recipient=self.realm.encode(),
            size_bytes=self.size_bytes,
            purpose=f"gate:{self.digest.hex()}",
        )


def is_realm(text: str) -> bool:
    """Say whether a text can be a realm: at most 255 visible ASCII characters."""
    return len(text) <= REALM_MAX_BYTES and _REALM.fullmatch(text) is not None


def act_of(*, method: str, realm: str, target: bytes, body: bytes) -> Act:
    """Take down a request.

    Args:
        method: of HTTP, any case.
        realm: any case.
        target: path and query as sent.
        body: all of it.

    Raises:
        PeerError: MALFORMED: no such method or realm. TOO_LARGE: the target.

    Source: docs/spec/gate.md §3 (vectors/gate/binding.json).
    """
    common = _common(method, realm)
    if len(target) > TARGET_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, field="target", size_bytes=len(target), maximum_bytes=TARGET_MAX_BYTES)
    sizes = len(target).to_bytes(_TARGET_LENGTH_BYTES, "big"), len(body).to_bytes(_SIZE_BYTES, "big")
    digest = tagged_hash(_TAG, common.encoded, sizes[0], target, sizes[1], sha256(body))
    return Act(common.method, common.realm, target, len(body), digest)


class _Common(NamedTuple):
    method: str
    realm: str
    encoded: bytes


@lru_cache(maxsize=_COMMON_KEPT)
def _common(method: str, realm: str) -> _Common:
    """Read what most requests have in common."""
    if len(method) > METHOD_MAX_BYTES or _METHOD.fullmatch(method) is None:
        raise PeerError(ErrorCode.MALFORMED, field="method")
    if not is_realm(realm):
        raise PeerError(ErrorCode.MALFORMED, field="host")
    method, realm = method.upper(), realm.lower()
    return _Common(method, realm, encode_text(method, length_bytes=1) + encode_text(realm, length_bytes=1))
