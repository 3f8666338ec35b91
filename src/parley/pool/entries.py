"""Held records: one canonical byte string each, read back on demand, and who holds how many of them."""

from __future__ import annotations

import struct
from functools import partial

from parley.errors import ErrorCode, LocalError
from parley.pool.messages import SIGNATURE_BYTES, Record, body_id, encode_record
from parley.pool.ranking import Ranking, State
from parley.primitives.ids import AuthorKey, RecordId
from parley.primitives.instants import Instant

__all__ = ["AuthorHolding", "Entry", "LinkHolding"]

_NUMBERS = struct.Struct(">QQQ")
_NUMBERS_AT = -SIGNATURE_BYTES - _NUMBERS.size
_CREATED_AT = _NUMBERS_AT + 8
_BLOCK_BYTES = 1_024
_SLACK = 8

_EMPTY_SIGNATURE = bytes(SIGNATURE_BYTES)


class Entry:
    """One record, or the tombstone of one, in the table.

    Attributes:
        raw: canonical bytes of the record; of a tombstone: the same with an empty message and signature.
        expires_ms: when it leaves the table.
        guard_ms: until when records of its sequence or lower are refused; >= expires_ms.
        born: arrival number; a lower one is older.
        holding: whose it is; None once it has left the table.
        is_tombstone: whether it only closes its address.
    """

    __slots__ = ("born", "expires_ms", "guard_ms", "holding", "is_tombstone", "raw")

    def __init__(self, raw: bytes, expires_ms: int, guard_ms: int, born: int) -> None:
        """Keep a record's canonical bytes."""
        self.raw = raw
        self.expires_ms = expires_ms
        self.guard_ms = guard_ms
        self.born = born
        self.holding: AuthorHolding | None = None
        self.is_tombstone = False

    @property
    def author(self) -> AuthorKey:
        """The author's public key, 32 bytes."""
        return AuthorKey(self.raw[:32])

    @property
    def sequence(self) -> int:
        """The sequence number."""
        return int.from_bytes(self.raw[_NUMBERS_AT:_CREATED_AT], "big")

    @property
    def created_ms(self) -> int:
        """When the record was signed."""
        return int.from_bytes(self.raw[_CREATED_AT : _CREATED_AT + 8], "big")

    def holder(self) -> AuthorHolding:
        """Return whose this is.

        Raises:
            LocalError: it has left the table.
        """
        if self.holding is None:
            raise LocalError(ErrorCode.WRONG_STATE, value="an entry that has left the table")
        return self.holding

    def newness(self) -> bytes:
        """Return what a higher value of means a newer record: created, then expires and signature."""
        return self.raw[_CREATED_AT:]

    def id(self) -> RecordId:
        """Return the record's id."""
        return body_id(self.raw[:-SIGNATURE_BYTES])

    def keys(self) -> tuple[str, ...]:
        """Return the keys."""
        return self._keys_end()[0]

    def _keys_end(self) -> tuple[tuple[str, ...], int]:
        raw, position, keys = self.raw, 33, []
        for _ in range(raw[32]):
            end = position + 1 + raw[position]
            keys.append(raw[position + 1 : end].decode())
            position = end
        return tuple(keys), position

    def keys_and_message(self) -> tuple[tuple[str, ...], str]:
        """Return the keys and the message text."""
        keys, position = self._keys_end()
        return keys, self.raw[position + 4 : _NUMBERS_AT].decode()

    def record(self) -> Record:
        """Return the record as a value."""
        keys, message = self.keys_and_message()
        sequence, created_ms, expires_ms = _NUMBERS.unpack_from(self.raw, len(self.raw) + _NUMBERS_AT)
        return Record(
            self.author, keys, message, sequence, Instant(created_ms), Instant(expires_ms), self.raw[-SIGNATURE_BYTES:]
        )

    def path(self) -> tuple[str | bytes, ...]:
        """Return the address as a path in the trie: the keys, then the author."""
        return (*self.keys(), self.raw[:32])

    def close(self, sequence: int) -> None:
        """Turn this entry into a tombstone that refuses `sequence` and lower until its guard ends."""
        until_ms = Instant(self.guard_ms)
        closed = Record(self.author, self.keys(), "", sequence, Instant(self.created_ms), until_ms, _EMPTY_SIGNATURE)
        self.raw = encode_record(closed)
        self.expires_ms = until_ms
        self.is_tombstone = True


class AuthorHolding:
    """What one author holds over one link.

    Those entries that have left stay among the arrived until they are half of them, or reach the front, so that the
    oldest is found without looking at all.

    Attributes:
        arrived: the entries in order of arrival, and some that have left.
        records: how many are held.
        size_bytes: of their canonical bytes.
    """

    __slots__ = ("_front", "arrived", "author", "link", "records", "size_bytes")

    def __init__(self, author: bytes, link: LinkHolding) -> None:
        """Begin with nothing held."""
        self.author = author
        self.link = link
        self.records = 0
        self.size_bytes = 0
        self.arrived: list[Entry] = []
        self._front = 0

    def entries(self) -> list[Entry]:
        """Return the entries, oldest first."""
        return [entry for entry in self.arrived[self._front :] if entry.holding is self]

    def tidy(self) -> None:
        """Forget entries that have left, when they prevail."""
        if len(self.arrived) > 2 * self.records + _SLACK:
            self.arrived = self.entries()
            self._front = 0

    def oldest(self) -> Entry:
        """Return the oldest entry; there is one."""
        while (entry := self.arrived[self._front]).holding is not self:
            self._front += 1
        return entry

    def weight(self, *, by_bytes: bool) -> int:
        """Return how much is held: records, or whole blocks of 1,024 bytes."""
        return self.size_bytes // _BLOCK_BYTES if by_bytes else self.records


class LinkHolding:
    """What came over one link, by author; finds the author that holds most.

    There are two rankings of authors, by records and by bytes, each built when it is first needed: a pool with room to
    spare pays nothing for them.
    """

    __slots__ = ("_rankings", "authors", "name", "records", "size_bytes")

    def __init__(self, name: str) -> None:
        """Begin with nothing held."""
        self.name = name
        self.authors: dict[bytes, AuthorHolding] = {}
        self.records = 0
        self.size_bytes = 0
        self._rankings: dict[bool, Ranking[bytes]] = {}

    def weight(self, *, by_bytes: bool) -> int:
        """Return how much is held: records, or whole blocks of 1,024 bytes."""
        return self.size_bytes // _BLOCK_BYTES if by_bytes else self.records

    def add(self, entry: Entry, author: bytes) -> None:
        """Count an entry in as the author's newest."""
        holding = self.authors.get(author)
        if holding is None:
            holding = self.authors[author] = AuthorHolding(author, self)
        size_bytes = len(entry.raw)
        entry.holding = holding
        holding.arrived.append(entry)
        holding.records += 1
        holding.size_bytes += size_bytes
        self.records += 1
        self.size_bytes += size_bytes
        if self._rankings:
            self._note(author)

    def discard(self, entry: Entry) -> None:
        """Count an entry out."""
        holding = entry.holder()
        size_bytes = len(entry.raw)
        entry.holding = None
        holding.records -= 1
        holding.size_bytes -= size_bytes
        self.records -= 1
        self.size_bytes -= size_bytes
        if holding.records:
            holding.tidy()
        else:
            del self.authors[holding.author]
        self._note(holding.author)

    def replace(self, held: Entry, entry: Entry) -> None:
        """Count an entry out and another of its author in, as the newest."""
        holding = held.holder()
        change_bytes = len(entry.raw) - len(held.raw)
        held.holding = None
        entry.holding = holding
        holding.arrived.append(entry)
        holding.size_bytes += change_bytes
        self.size_bytes += change_bytes
        holding.tidy()
        if self._rankings:
            self._note(holding.author)

    def resize(self, holding: AuthorHolding, change_bytes: int) -> None:
        """Count a change of size of one of the author's entries."""
        holding.size_bytes += change_bytes
        self.size_bytes += change_bytes
        self._note(holding.author)

    def victim(self, *, by_bytes: bool, spare: Entry | None = None) -> Entry | None:
        """Return the oldest entry of the author that holds most; None when there is none but `spare`.

        Args:
            by_bytes: whether most means bytes or records.
            spare: the newest entry of this link, which is passed over.
        """
        ranking = self._rankings.get(by_bytes)
        if ranking is None:
            ranking = self._rankings[by_bytes] = Ranking(self.authors, partial(self._state, by_bytes))
        return ranking.first(partial(self._oldest, spare))

    def _oldest(self, spare: Entry | None, author: bytes) -> Entry | None:
        oldest = self.authors[author].oldest()
        return None if oldest is spare else oldest

    def _state(self, by_bytes: bool, author: bytes) -> State[bytes] | None:  # noqa: FBT001 # bound by partial, above
        holding = self.authors.get(author)
        return None if holding is None else (-holding.weight(by_bytes=by_bytes), holding.oldest().born, author)

    def _note(self, author: bytes) -> None:
        for ranking in self._rankings.values():
            ranking.note(author)
