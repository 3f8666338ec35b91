"""A ticket id is the ticket: canonical bytes with a mac, as text of letters and digits that fits into a path.

    version          u8 = 1
    id               16 bytes
    sender           32 bytes
    recipient        32 bytes
    size_max_bytes   uint of 8 bytes below 2**53
    purpose          text, u8 length, at most 64
    subscription_id  text, u8 length, at most 128
    wrong_answers    u8
    issued_ms        uint of 8 bytes
    expires_ms       uint of 8 bytes, not before issued_ms
    work             u8: 0 granted without work · 1, then the challenge, u16 length
    mac              32 bytes: HMAC-SHA-256 of the domain and all before, under the issuer's secret

The text is base32 (RFC 4648) in lower case without padding. So whoever asks for a ticket leaves nothing at
its issuer; what the ticket costs and for whom it is good is fixed when it is issued. Id, binding and expiry
of the challenge are those of the ticket, so work for one ticket is work for no other.

Source: docs/spec/upload.md, vectors/upload/tokens.json.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint
from parley.primitives.hashing import hmac_sha256
from parley.primitives.ids import CHALLENGE_ID_BYTES, ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import CHALLENGE_MAX_BYTES, Challenge, binding, encode_challenge, parse_challenge
from parley.protocol.work import SECRET_MIN_BYTES
from parley.upload.messages import ADDRESS_BYTES, PURPOSE_MAX_BYTES, SUBSCRIPTION_MAX_BYTES, is_short_text

__all__ = ["TOKEN_MAX_CHARACTERS", "Token", "encode_token", "parse_token", "read_token", "token_binding"]

TOKEN_MAX_CHARACTERS: Final = 4_096
"""The longest ticket id: what fits into the first line of a request everywhere."""

_VERSION: Final = 1
_SIZE_MAX_BYTES: Final = 2**53 - 1
_WRONG_ANSWERS_MAX: Final = 255
_MAC_BYTES: Final = 32
_MAC_DOMAIN: Final = encode_text("parley/upload/token", length_bytes=1)
_ALPHABET: Final = re.compile(r"[a-z2-7]+")


@dataclass(frozen=True, slots=True)
class Token:
    """What a ticket id says.

    Attributes:
        id: 16 bytes; what is spent. Alternatives of one answer share it.
        sender: who may send, 32 bytes.
        recipient: to whom, 32 bytes.
        size_max_bytes: of all parts together, 0 <= size_max_bytes < 2**53.
        purpose: the kind of act, at most 64 bytes of UTF-8.
        subscription_id: as asked for, at most 128 bytes of UTF-8.
        wrong_answers: how many wrong answers led here, 0..255.
        issued_ms: when it was issued.
        expires_ms: the first moment at which it is worth nothing; not before issued_ms.
        challenge: the work that makes it valid, with the id, binding and expiry of this ticket; None when it was
            granted without work.
    """

    id: ChallengeId
    sender: bytes
    recipient: bytes
    size_max_bytes: int
    purpose: str
    subscription_id: str
    wrong_answers: int
    issued_ms: Instant
    expires_ms: Instant
    challenge: Challenge | None

    def __post_init__(self) -> None:
        """Refuse what has no canonical form."""
        flaw = _flaw(self)
        if flaw is not None:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, token=flaw)


def token_binding(sender: bytes, recipient: bytes, size_max_bytes: int, purpose: str) -> bytes:
    """Return the binding of a ticket's challenge.

    Args:
        sender: 32 bytes.
        recipient: 32 bytes.
        size_max_bytes: of all parts together, 0 or more.
        purpose: the kind of act.

    Returns:
        32 bytes.
    """
    return binding(sender=sender, recipient=recipient, size_bytes=size_max_bytes, purpose=purpose)


def encode_token(token: Token, secret: bytes) -> str:
    """Encode a ticket as its id.

    Args:
        token: to encode.
        secret: the issuer's, at least 32 bytes.

    Returns:
        At most 4096 of a-z and 2-7.

    Raises:
        LocalError: the secret is too short, or the challenge too large for a ticket id.

    Source: vectors/upload/tokens.json.
    """
    body = _encode_body(token)
    text = _to_text(body + _mac(body, secret))
    if len(text) > TOKEN_MAX_CHARACTERS:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, characters=len(text), maximum=TOKEN_MAX_CHARACTERS)
    return text


def parse_token(text: str, secret: bytes) -> Token | Rejected:
    """Parse a ticket id that came back to its issuer; whether it has expired is not judged here.

    Args:
        text: of any size.
        secret: the issuer's, at least 32 bytes.

    Returns:
        The ticket, or Rejected(NOT_FOUND) for whatever this issuer did not issue, without saying why.

    Raises:
        LocalError: the secret is too short.

    Source: vectors/upload/tokens.json, vectors/upload/refused_tokens.json.
    """
    _check_secret(secret)
    try:
        raw = _from_text(text)
        body = raw[:-_MAC_BYTES]
        if not hmac.compare_digest(_mac(body, secret), raw[-_MAC_BYTES:]):
            return Rejected(ErrorCode.NOT_FOUND)
        return _parse_body(body)
    except PeerError:
        return Rejected(ErrorCode.NOT_FOUND)


def read_token(text: str) -> Token:
    """Read a ticket id as its holder, who cannot check the mac.

    Args:
        text: of any size.

    Raises:
        PeerError: MALFORMED: not the canonical form.

    Source: vectors/upload/tokens.json.
    """
    raw = _from_text(text)
    try:
        return _parse_body(raw[:-_MAC_BYTES])
    except PeerError as error:
        raise PeerError(ErrorCode.MALFORMED, field="ticket", fault=error.code.name) from None


def _encode_body(token: Token) -> bytes:
    work = b"\x00"
    if token.challenge is not None:
        work = b"\x01" + encode_bytes(encode_challenge(token.challenge), length_bytes=2)
    return b"".join(
        (
            encode_uint(_VERSION, 1),
            token.id,
            token.sender,
            token.recipient,
            encode_uint(token.size_max_bytes, 8),
            encode_text(token.purpose, length_bytes=1),
            encode_text(token.subscription_id, length_bytes=1),
            encode_uint(token.wrong_answers, 1),
            encode_uint(token.issued_ms, 8),
            encode_uint(token.expires_ms, 8),
            work,
        )
    )


def _parse_body(body: bytes) -> Token:
    reader = Reader(body)
    version = reader.uint(1)
    if version != _VERSION:
        raise PeerError(ErrorCode.MALFORMED, version=version, wanted=_VERSION)
    fields = (
        ChallengeId(reader.fixed(CHALLENGE_ID_BYTES)),
        reader.fixed(ADDRESS_BYTES),
        reader.fixed(ADDRESS_BYTES),
        reader.uint(8),
        reader.text(1, PURPOSE_MAX_BYTES),
        reader.text(1, SUBSCRIPTION_MAX_BYTES),
        reader.uint(1),
        Instant(reader.uint(8)),
        Instant(reader.uint(8)),
        _read_work(reader),
    )
    reader.finish()
    try:
        return Token(*fields)
    except LocalError as error:
        raise PeerError(ErrorCode.MALFORMED, field=str(error.facts["token"])) from None


def _read_work(reader: Reader) -> Challenge | None:
    kind = reader.uint(1)
    if kind == 0:
        return None
    if kind != 1:
        raise PeerError(ErrorCode.MALFORMED, field="work", kind=kind)
    return parse_challenge(reader.bytes_(2, CHALLENGE_MAX_BYTES))


def _to_text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _from_text(text: str) -> bytes:
    """Decode the text of a ticket id; only the one text that its bytes encode to.

    Raises:
        PeerError: MALFORMED.
    """
    if len(text) > TOKEN_MAX_CHARACTERS or _ALPHABET.fullmatch(text) is None:
        raise PeerError(ErrorCode.MALFORMED, characters=len(text), maximum=TOKEN_MAX_CHARACTERS)
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error:
        raise PeerError(ErrorCode.MALFORMED, characters=len(text)) from None
    if _to_text(raw) != text or len(raw) <= _MAC_BYTES:
        raise PeerError(ErrorCode.MALFORMED, size_bytes=len(raw))
    return raw


def _mac(body: bytes, secret: bytes) -> bytes:
    _check_secret(secret)
    return hmac_sha256(secret, _MAC_DOMAIN, body)


def _check_secret(secret: bytes) -> None:
    if len(secret) < SECRET_MIN_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, secret_bytes=len(secret), minimum_bytes=SECRET_MIN_BYTES)


def _flaw(token: Token) -> str | None:
    """Name the first field that has no canonical form, or None."""
    if len(token.id) != CHALLENGE_ID_BYTES:
        return "id"
    if len(token.sender) != ADDRESS_BYTES or len(token.recipient) != ADDRESS_BYTES:
        return "sender or recipient"
    if not 0 <= token.size_max_bytes <= _SIZE_MAX_BYTES:
        return "size_max_bytes"
    if not is_short_text(token.purpose, PURPOSE_MAX_BYTES):
        return "purpose"
    if not is_short_text(token.subscription_id, SUBSCRIPTION_MAX_BYTES):
        return "subscription_id"
    if not 0 <= token.wrong_answers <= _WRONG_ANSWERS_MAX:
        return "wrong_answers"
    if not 0 <= token.issued_ms <= token.expires_ms <= INSTANT_MAX_MS:
        return "issued_ms or expires_ms"
    if token.challenge is not None and not _is_its_own(token, token.challenge):
        return "challenge"
    return None


def _is_its_own(token: Token, challenge: Challenge) -> bool:
    tied_to = token_binding(token.sender, token.recipient, token.size_max_bytes, token.purpose)
    return (challenge.id, challenge.binding, challenge.expires_ms) == (token.id, tied_to, token.expires_ms)
