"""What is kept of a ticket once it was earned, in one canonical sequence of bytes.

    version          u8 = 1
    id               16 bytes
    ticket_digest    32 bytes: SHA-256 of the ticket id's text
    sender           32 bytes
    recipient        32 bytes
    size_max_bytes   uint of 8 bytes below 2**53
    purpose          text, u8 length, at most 64
    subscription_id  text, u8 length, at most 128
    method           text, u8 length: name of the work that earned it; empty when it was granted
    phase            u8: 0 OPEN · 1 EARNED · 2 UPLOADING · 3 SPENT · 4 LAPSED
    expires_ms, earned_ms, started_ms, lease_until_ms, ended_ms     uint of 8 bytes each; 0: not yet
    end              u8: 0 none · 1 complete · 2 delete · 3 lapse
    parts            u16 count, at most 1024; then in strictly ascending order of their names:
                         name, text, u8 length, 1 or more · size_bytes, uint of 8 bytes below 2**53

Source: docs/spec/upload.md, vectors/upload/stored_tickets.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.encoding import Reader, encode_text, encode_uint
from parley.primitives.hashing import sha256
from parley.primitives.ids import CHALLENGE_ID_BYTES, ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import is_name
from parley.upload.messages import ADDRESS_BYTES, PURPOSE_MAX_BYTES, SUBSCRIPTION_MAX_BYTES, is_short_text
from parley.upload.tokens import Token

__all__ = ["End", "StoredPart", "StoredTicket", "UploadPhase", "encode_stored_ticket", "parse_stored_ticket"]

_VERSION: Final = 1
_DIGEST_BYTES: Final = 32
_UINT_MAX: Final = 2**53 - 1
_PARTS_MAX: Final = 1_024
_PART_NAME_MAX_BYTES: Final = 255
_METHOD_MAX_BYTES: Final = 32
_NOT_YET: Final = Instant(0)


class UploadPhase(Enum):
    """Where a ticket stands."""

    OPEN = auto()
    EARNED = auto()
    UPLOADING = auto()
    SPENT = auto()
    LAPSED = auto()


class End(Enum):
    """How a ticket ended; the value is the owner of the claim."""

    COMPLETE = b"complete"
    DELETE = b"delete"
    LAPSE = b"lapse"


_PHASES: Final = tuple(UploadPhase)
_ENDS: Final = (None, *End)


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of a message.

    Attributes:
        name: 1..255 bytes of UTF-8.
        size_bytes: 0 <= size_bytes < 2**53.
    """

    name: str
    size_bytes: int

    def __post_init__(self) -> None:
        """Refuse what has no canonical form."""
        if not self.is_name(self.name) or not 0 <= self.size_bytes <= _UINT_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="part", size_bytes=self.size_bytes)

    @staticmethod
    def is_name(name: str) -> bool:
        """Say whether a text may name a part."""
        return name != "" and is_short_text(name, _PART_NAME_MAX_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTicket:
    """A ticket and how far its upload has come.

    Attributes:
        id: 16 bytes, of its challenge; names the message.
        ticket_digest: SHA-256 of the ticket id's text, 32 bytes: whoever shows another text shows another ticket.
        sender: 32 bytes.
        recipient: 32 bytes.
        size_max_bytes: of all parts together, below 2**53.
        purpose: the kind of act, at most 64 bytes of UTF-8.
        subscription_id: at most 128 bytes of UTF-8.
        method: name of the work that earned it; empty when it was granted.
        expires_ms: until when the first part must begin.
        phase: where it stands.
        earned_ms: when the work was accepted; 0: not yet. So with the following moments.
        started_ms: when the first part began.
        lease_until_ms: when the upload ends unless there is progress.
        ended_ms: when it ended.
        end: how it ended, None before.
        parts: that are stored, ascending by name, at most 1024.
    """

    id: ChallengeId
    ticket_digest: bytes
    sender: bytes
    recipient: bytes
    size_max_bytes: int
    purpose: str
    subscription_id: str
    method: str
    expires_ms: Instant
    phase: UploadPhase = UploadPhase.OPEN
    earned_ms: Instant = _NOT_YET
    started_ms: Instant = _NOT_YET
    lease_until_ms: Instant = _NOT_YET
    ended_ms: Instant = _NOT_YET
    end: End | None = None
    parts: tuple[StoredPart, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no canonical form, and states that contradict themselves."""
        flaw = _flaw(self) or _contradiction(self)
        if flaw is not None:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, stored_ticket=flaw)

    @staticmethod
    def open(token: Token, ticket_id: str) -> StoredTicket:
        """Return the state of a ticket of which nothing is stored yet.

        Args:
            token: that the ticket id says.
            ticket_id: its text.
        """
        return StoredTicket(
            id=token.id,
            ticket_digest=sha256(ticket_id.encode()),
            sender=token.sender,
            recipient=token.recipient,
            size_max_bytes=token.size_max_bytes,
            purpose=token.purpose,
            subscription_id=token.subscription_id,
            method="" if token.challenge is None else token.challenge.method,
            expires_ms=token.expires_ms,
        )

    def total_bytes(self) -> int:
        """Return the size of all parts together."""
        return sum(part.size_bytes for part in self.parts)


def encode_stored_ticket(ticket: StoredTicket) -> bytes:
    """Encode a ticket in its one canonical form; the inverse of `parse_stored_ticket`.

    Returns:
        Less than 300 KiB.

    Source: vectors/upload/stored_tickets.json.
    """
    moments = (ticket.expires_ms, ticket.earned_ms, ticket.started_ms, ticket.lease_until_ms, ticket.ended_ms)
    parts = (
        encode_uint(_VERSION, 1),
        ticket.id,
        ticket.ticket_digest,
        ticket.sender,
        ticket.recipient,
        encode_uint(ticket.size_max_bytes, 8),
        encode_text(ticket.purpose, length_bytes=1),
        encode_text(ticket.subscription_id, length_bytes=1),
        encode_text(ticket.method, length_bytes=1),
        encode_uint(_PHASES.index(ticket.phase), 1),
        *(encode_uint(moment, 8) for moment in moments),
        encode_uint(_ENDS.index(ticket.end), 1),
        encode_uint(len(ticket.parts), 2),
        *(encode_text(part.name, length_bytes=1) + encode_uint(part.size_bytes, 8) for part in ticket.parts),
    )
    return b"".join(parts)


def parse_stored_ticket(raw: bytes) -> StoredTicket:
    """Parse a ticket that was stored.

    Args:
        raw: the whole ticket and nothing else.

    Raises:
        PeerError: MALFORMED or TOO_LARGE: not the canonical form, or a state that contradicts itself.

    Source: vectors/upload/stored_tickets.json.
    """
    reader = Reader(raw)
    version = reader.uint(1)
    if version != _VERSION:
        raise PeerError(ErrorCode.MALFORMED, version=version, wanted=_VERSION)
    try:
        ticket = _read(reader)
    except LocalError as error:
        raise PeerError(ErrorCode.MALFORMED, field=str(error.facts.get("stored_ticket", "part"))) from None
    reader.finish()
    return ticket


def _read(reader: Reader) -> StoredTicket:
    return StoredTicket(
        id=ChallengeId(reader.fixed(CHALLENGE_ID_BYTES)),
        ticket_digest=reader.fixed(_DIGEST_BYTES),
        sender=reader.fixed(ADDRESS_BYTES),
        recipient=reader.fixed(ADDRESS_BYTES),
        size_max_bytes=reader.uint(8),
        purpose=reader.text(1, PURPOSE_MAX_BYTES),
        subscription_id=reader.text(1, SUBSCRIPTION_MAX_BYTES),
        method=reader.text(1, _METHOD_MAX_BYTES),
        phase=_PHASES[_index(reader, len(_PHASES))],
        expires_ms=Instant(reader.uint(8)),
        earned_ms=Instant(reader.uint(8)),
        started_ms=Instant(reader.uint(8)),
        lease_until_ms=Instant(reader.uint(8)),
        ended_ms=Instant(reader.uint(8)),
        end=_ENDS[_index(reader, len(_ENDS))],
        parts=_read_parts(reader),
    )


def _read_parts(reader: Reader) -> tuple[StoredPart, ...]:
    count = reader.uint(2)
    if count > _PARTS_MAX:
        raise PeerError(ErrorCode.TOO_LARGE, parts=count, maximum=_PARTS_MAX)
    return tuple(StoredPart(reader.text(1, _PART_NAME_MAX_BYTES), reader.uint(8)) for _ in range(count))


def _index(reader: Reader, count: int) -> int:
    index = reader.uint(1)
    if index >= count:
        raise PeerError(ErrorCode.MALFORMED, index=index, count=count)
    return index


def _flaw(ticket: StoredTicket) -> str | None:
    """Name the first field that has no canonical form, or None."""
    sizes = (len(ticket.id), len(ticket.ticket_digest), len(ticket.sender), len(ticket.recipient))
    if sizes != (CHALLENGE_ID_BYTES, _DIGEST_BYTES, ADDRESS_BYTES, ADDRESS_BYTES):
        return "id, ticket_digest, sender or recipient"
    if not 0 <= ticket.size_max_bytes <= _UINT_MAX:
        return "size_max_bytes"
    if not is_short_text(ticket.purpose, PURPOSE_MAX_BYTES):
        return "purpose"
    if not is_short_text(ticket.subscription_id, SUBSCRIPTION_MAX_BYTES):
        return "subscription_id"
    if ticket.method and not is_name(ticket.method):
        return "method"
    moments = (ticket.expires_ms, ticket.earned_ms, ticket.started_ms, ticket.lease_until_ms, ticket.ended_ms)
    if not all(0 <= moment <= INSTANT_MAX_MS for moment in moments):
        return "a moment"
    names = [part.name for part in ticket.parts]
    if len(names) > _PARTS_MAX or any(before >= after for before, after in pairwise(names)):
        return "parts"
    return None


def _contradiction(ticket: StoredTicket) -> str | None:
    """Name the first field that does not go with the phase, or None."""
    match ticket.phase:
        case UploadPhase.SPENT:
            fits = ticket.end is End.COMPLETE
        case UploadPhase.LAPSED:
            fits = ticket.end in {End.DELETE, End.LAPSE}
        case _:
            fits = ticket.end is None and not ticket.ended_ms
    if not fits:
        return "end"
    if ticket.phase is UploadPhase.OPEN and ticket.earned_ms:
        return "earned_ms"
    has_begun = ticket.phase not in {UploadPhase.OPEN, UploadPhase.EARNED}
    if not has_begun and (ticket.started_ms or ticket.lease_until_ms or ticket.parts):
        return "parts"
    return None
