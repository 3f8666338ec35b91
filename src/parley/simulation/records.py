"""Records whose signatures cost nothing: what was made here verifies, and nothing else does."""

from __future__ import annotations

from parley.pool.messages import Record, record_id
from parley.primitives.ids import AuthorKey, RecordId
from parley.primitives.instants import Instant

__all__ = ["PREFIX", "SignedRecords"]

PREFIX = ("market", "offer")
"""The keys that every simulated record begins with, and that queries ask for."""

_LIFETIME_MS = 43_200_000
_SIGNATURE_BYTES = 64


class SignedRecords:
    """Makes records and remembers their ids; `verify` takes the place of the curve."""

    def __init__(self) -> None:
        """Begin with no record."""
        self._authors: dict[RecordId, AuthorKey] = {}

    def make(
        self,
        author: str,
        now: Instant,
        *,
        keys: tuple[str, ...] = PREFIX,
        message: str = "",
        sequence: int = 0,
        lifetime_ms: int = _LIFETIME_MS,
    ) -> Record:
        """Make a record that verifies.

        Args:
            author: a name, at most 32 bytes; stands for the author's key.
            now: when it is made.
            keys: of the address.
            message: text.
            sequence: at the address.
            lifetime_ms: until it expires, 1 or more.
        """
        key = AuthorKey(author.encode().ljust(32, b"\0"))
        expires = Instant(now + lifetime_ms)
        record = Record(key, keys, message, sequence, now, expires, bytes(_SIGNATURE_BYTES))
        self._authors[record_id(record)] = key
        return record

    def author_of(self, record: Record) -> AuthorKey | None:
        """Return the author of this very record, or None when it was not made here."""
        return self._authors.get(record_id(record))

    def verify(self, author: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether a record of this id was made here by this author (a `pool.rules.Verify`)."""
        del signature
        return self._authors.get(RecordId(message)) == author
