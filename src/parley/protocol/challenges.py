"""What is asked of a stranger, as one canonical sequence of bytes that its issuer recognises again.

    version     u8 = 1
    id          16 bytes
    method      name of the kind of work, u8 length
    params      u8 count, at most 16; then in strictly ascending order of their names:
                    name, u8 length · u8 kind · 0: uint of 8 bytes below 2**53, 1: text, u16 length
    binding     32 bytes
    expires_ms  uint of 8 bytes
    mac         32 bytes: HMAC-SHA-256 of all before, under the issuer's secret

A name is 1 to 32 of a-z, 0-9, _ and -, a letter first. The mac lets the issuer keep nothing until the work
comes back: it knows its own challenge by the mac, and for which act it was made by the binding. Integers
stay below 2**53 so that JSON carries them exactly; larger amounts travel as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import CHALLENGE_ID_BYTES, ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = [
    "BINDING_BYTES",
    "CHALLENGE_MAX_BYTES",
    "MAC_BYTES",
    "Challenge",
    "Params",
    "binding",
    "check_units",
    "encode_body",
    "encode_challenge",
    "is_name",
    "parse_challenge",
]

BINDING_BYTES: Final = 32
"""Size of the hash that ties a challenge to one act."""

MAC_BYTES: Final = 32
"""Size of the issuer's mark."""

CHALLENGE_MAX_BYTES: Final = 8_192
"""The largest encoded challenge: room for a question with a few paragraphs of text."""

_VERSION: Final = 1
_PARAMS_MAX_COUNT: Final = 16
_NAME_MAX_BYTES: Final = 32
_TEXT_MAX_BYTES: Final = 4_096
_UINT_MAX: Final = 2**53 - 1
_KIND_UINT: Final = 0
_KIND_TEXT: Final = 1
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")

Params = Mapping[str, str | int]
"""What a method asks for, by name; read only. Text up to 4096 bytes of UTF-8, integers in [0, 2**53)."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The work asked for one permission, by one method.

    Attributes:
        id: shared by the alternatives of one offer, so that paying by one of them spends all of them.
        method: name of the kind of work.
        params: what the method asks for.
        binding: 32 bytes, see `binding`: the one act that the permission is for.
        expires_ms: the first moment at which the challenge is worth nothing.
        mac: 32 bytes, the issuer's mark over all of this.
    """

    id: ChallengeId
    method: str
    params: Params = field(hash=False)
    binding: bytes
    expires_ms: Instant
    mac: bytes

    def __post_init__(self) -> None:
        """Refuse what has no canonical form."""
        flaw = _flaw(self)
        if flaw is not None:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, challenge=flaw)


def is_name(text: str) -> bool:
    """Say whether a text may name a method or a parameter."""
    return len(text) <= _NAME_MAX_BYTES and _NAME.fullmatch(text) is not None


def check_units(units: int) -> None:
    """Check a price in abstract units of work.

    Raises:
        LocalError: below 1.
    """
    if units < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, units=units)


def binding(*, sender: bytes, recipient: bytes, size_bytes: int, purpose: str) -> bytes:
    """Hash for whom, to whom, how much and what for a permission is.

    Args:
        sender: name of who earns it, 0..255 bytes; empty where the sender has no name.
        recipient: name of who grants it, 0..255 bytes.
        size_bytes: of what may be sent, 0 <= size_bytes < 2**64.
        purpose: the route or the kind of act, at most 255 bytes of UTF-8.

    Returns:
        32 bytes.

    Raises:
        LocalError: an argument is out of range.

    Source: vectors/work/binding.json.
    """
    return tagged_hash(
        "parley/work/binding",
        encode_bytes(sender, length_bytes=1),
        encode_bytes(recipient, length_bytes=1),
        encode_uint(size_bytes, 8),
        encode_text(purpose, length_bytes=1),
    )


def encode_body(challenge: Challenge) -> bytes:
    """Encode all that the mac covers, in the form that the module describes."""
    parts = [
        encode_uint(_VERSION, 1),
        challenge.id,
        encode_text(challenge.method, length_bytes=1),
        encode_uint(len(challenge.params), 1),
    ]
    for name, value in sorted(challenge.params.items()):
        parts.append(encode_text(name, length_bytes=1))
        if isinstance(value, int):
            parts += [encode_uint(_KIND_UINT, 1), encode_uint(value, 8)]
        else:
            parts += [encode_uint(_KIND_TEXT, 1), encode_text(value, length_bytes=2)]
    parts += [challenge.binding, encode_uint(challenge.expires_ms, 8)]
    return b"".join(parts)


def encode_challenge(challenge: Challenge) -> bytes:
    """Encode a challenge in its one canonical form; the inverse of `parse_challenge`.

    Returns:
        At most 8192 bytes.

    Source: vectors/work/challenge.json.
    """
    return encode_body(challenge) + challenge.mac


def parse_challenge(raw: bytes) -> Challenge:
    """Parse a challenge from outside; whose it is, and whether it still counts, is not judged here.

    Args:
        raw: the whole challenge and nothing else.

    Raises:
        PeerError: TOO_LARGE: above 8192 bytes, or a text above its limit. MALFORMED: not the canonical form.

    Source: vectors/work/challenge.json.
    """
    if len(raw) > CHALLENGE_MAX_BYTES:
        raise PeerError(ErrorCode.TOO_LARGE, size_bytes=len(raw), maximum_bytes=CHALLENGE_MAX_BYTES)
    reader = Reader(raw)
    version = reader.uint(1)
    if version != _VERSION:
        raise PeerError(ErrorCode.MALFORMED, version=version, wanted=_VERSION)
    challenge_id = ChallengeId(reader.fixed(CHALLENGE_ID_BYTES))
    method = _read_name(reader)
    params = _read_params(reader)
    tied_to = reader.fixed(BINDING_BYTES)
    expires_ms = reader.uint(8)
    if expires_ms > INSTANT_MAX_MS:
        raise PeerError(ErrorCode.MALFORMED, expires_ms=expires_ms)
    mac = reader.fixed(MAC_BYTES)
    reader.finish()
    return Challenge(challenge_id, method, params, tied_to, Instant(expires_ms), mac)


def _read_name(reader: Reader) -> str:
    name = reader.text(1, _NAME_MAX_BYTES)
    if not is_name(name):
        raise PeerError(ErrorCode.MALFORMED, field="name")
    return name


def _read_params(reader: Reader) -> Params:
    count = reader.uint(1)
    if count > _PARAMS_MAX_COUNT:
        raise PeerError(ErrorCode.TOO_LARGE, params=count, maximum=_PARAMS_MAX_COUNT)
    params: dict[str, str | int] = {}
    before = ""
    for _ in range(count):
        name = _read_name(reader)
        if name <= before:
            raise PeerError(ErrorCode.MALFORMED, field="params", fault="not in ascending order")
        params[name] = _read_value(reader)
        before = name
    return params


def _read_value(reader: Reader) -> str | int:
    kind = reader.uint(1)
    if kind == _KIND_TEXT:
        return reader.text(2, _TEXT_MAX_BYTES)
    if kind != _KIND_UINT:
        raise PeerError(ErrorCode.MALFORMED, field="params", kind=kind)
    value = reader.uint(8)
    if value > _UINT_MAX:
        raise PeerError(ErrorCode.MALFORMED, field="params", value=value)
    return value


def _flaw(challenge: Challenge) -> str | None:
    """Name the first field that has no canonical form, or None."""
    if len(challenge.id) != CHALLENGE_ID_BYTES:
        return "id"
    if len(challenge.binding) != BINDING_BYTES or len(challenge.mac) != MAC_BYTES:
        return "binding or mac"
    if not is_name(challenge.method):
        return "method"
    if len(challenge.params) > _PARAMS_MAX_COUNT:
        return "params"
    if not all(is_name(name) and _is_value(value) for name, value in challenge.params.items()):
        return "params"
    if not 0 <= challenge.expires_ms <= INSTANT_MAX_MS:
        return "expires_ms"
    # Numbers alone stay far below the limit; encoding what comes with each request twice would cost a lot.
    has_text = any(isinstance(value, str) for value in challenge.params.values())
    if has_text and len(encode_challenge(challenge)) > CHALLENGE_MAX_BYTES:
        return "size"
    return None


def _is_value(value: str | int) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return 0 <= value <= _UINT_MAX
    try:
        return len(value.encode()) <= _TEXT_MAX_BYTES
    except UnicodeEncodeError:
        return False
