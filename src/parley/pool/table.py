"""The pool's memory: records by address, limited in number and bytes, each until its signed expiry.

When full, the link that holds most loses first (the owner's only to its own pushes), within it the author that holds
most, of that author the oldest record: a flooder pushes out itself before anybody else, and when all hold the same,
the oldest record goes. The record just pushed is never the one that leaves.

What the owner pushed is the owner's: no push over another link can evict it, or make it evictable by replacing it
with a newer record of its author.

Cost: a push or removal O(keys), an eviction O(log links + log authors), a query O(found), expiry O(log) a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.entries import Entry, LinkHolding
from parley.pool.expiries import Expiries
from parley.pool.messages import Record, Removal, body_address
from parley.pool.ranking import Ranking, State
from parley.pool.trie import Path, Trie
from parley.primitives.instants import Instant

__all__ = ["OWNER_LINK", "RecordTable", "Stored"]

OWNER_LINK = "owner"
"""The link of the node's own wallets."""


class Stored(NamedTuple):
    """A push was taken in.

    Attributes:
        entry: the held record.
        is_repeat: the very same record was held already.
        evicted: how many records had to leave for it.
    """

    entry: Entry
    is_repeat: bool = False
    evicted: int = 0


class RecordTable:
    """All records that one node keeps.

    Attributes:
        records: how many entries are held, tombstones among them.
        size_bytes: of their canonical bytes.
        tombstones: how many of them only close an address.
        looked_at: how many entries all queries together have walked over.
    """

    def __init__(self, config: PoolConfig, own_author: bytes = b"") -> None:
        """Begin empty.

        Args:
            config: the limits.
            own_author: the node's own public key; it has no author quota over the owner's link.
        """
        self._config = config
        self._own_author = own_author
        self._trie = Trie()
        self._links: dict[str, LinkHolding] = {}
        self._rankings: dict[bool, Ranking[str]] = {}
        self._expiries = Expiries()
        self._born = 0
        self.records = 0
        self.size_bytes = 0
        self.tombstones = 0
        self.looked_at = 0

    def push(self, record: Record, body: bytes, link: str, now: Instant) -> Stored | Rejected:
        """Take in a checked record (`pool.rules.check_record`), or refuse it and change nothing.

        Args:
            record: form, times and signature are checked.
            body: its canonical body.
            link: over which it came.
            now: the node's clock.
        """
        if now >= self._expiries.quiet_until:
            self.expire(now)
        raw = body + record.signature
        path: Path = (*record.keys, record.author)
        node, depth, held = self._trie.locate(path)
        if held is not None and not held.raw.startswith(body_address(body, record)):
            held = None
        if held is not None and held.sequence >= record.sequence:
            return self._repeat(held, raw, link)
        holding = None if held is None else held.holder()
        holder = OWNER_LINK if holding is not None and holding.link.name == OWNER_LINK else link
        refusal = self._refusal(record.author, len(raw), holder, held) or self._check_room(len(raw), link, held)
        if refusal is not None:
            return refusal
        self._born += 1
        entry = Entry(raw, record.expires_ms, record.expires_ms, self._born)
        if held is None:
            self._trie.insert(path, entry)
            self._add(entry, holder, record.author)
        else:
            node[path[depth]] = entry
            self._replace(held, entry, holder)
        self._expiries.plan(entry, held=self.records)
        return Stored(entry, evicted=self._make_room(entry))

    def remove(self, removal: Removal, now: Instant) -> Entry | Rejected:
        """Close an address by a checked removal; its tombstone stays until the old expiry.

        A removal of a higher sequence than the tombstone's closes the address up to that sequence.
        """
        self.expire(now)
        entry = self._trie.find((*removal.keys, removal.author))
        if entry is None:
            return Rejected(ErrorCode.NOT_FOUND)
        if entry.sequence > removal.sequence:
            return Rejected(ErrorCode.STALE_SEQUENCE, {"held_sequence": entry.sequence})
        if entry.is_tombstone and entry.sequence == removal.sequence:
            return Rejected(ErrorCode.NOT_FOUND)
        self._close(entry, removal.sequence)
        return entry

    def find(self, keys: tuple[str, ...], author: bytes, now: Instant) -> Entry | None:
        """Return the live record at an address, or None."""
        entry = self._trie.find((*keys, author))
        return entry if entry is not None and _is_live(entry, now) else None

    def held_sequence(self, keys: tuple[str, ...], author: bytes) -> int | None:
        """Return the sequence that a record at an address must exceed, removed ones included; None when any will do."""
        entry = self._trie.find((*keys, author))
        return None if entry is None else entry.sequence

    def query(self, prefix: tuple[str, ...], now: Instant, max_age_ms: int | None = None) -> list[Entry]:
        """Return the live records under a prefix, newest first.

        Args:
            prefix: 1..8 whole keys, or () for all.
            now: the node's clock.
            max_age_ms: only those created at most so long ago.
        """
        entries = self._trie.under(prefix)
        self.looked_at += len(entries)
        found = [entry for entry in entries if entry.expires_ms > now and not entry.is_tombstone]
        found.sort(key=Entry.newness, reverse=True)
        if max_age_ms is not None:
            oldest_ms = now - max_age_ms
            while found and found[-1].created_ms < oldest_ms:
                found.pop()
        return found

    def children(self, prefix: tuple[str, ...], now: Instant) -> list[tuple[str, int]]:
        """Return the keys that follow a prefix, each with its number of live records, in order of the keys."""
        counted = [
            (key, sum(_is_live(entry, now) for entry in entries)) for key, entries in self._trie.children(prefix)
        ]
        return sorted((key, count) for key, count in counted if count)

    def of_author(self, author: bytes) -> Iterator[Entry]:
        """Yield everything held of one author, tombstones excepted."""
        for link in tuple(self._links.values()):
            holding = link.authors.get(author)
            if holding is not None:
                yield from (entry for entry in holding.entries() if not entry.is_tombstone)

    def links(self) -> Iterable[LinkHolding]:
        """Return what is held per link."""
        return self._links.values()

    def next_expiry(self) -> Instant | None:
        """Return when `expire` has something to do, at the latest; None while nothing is held."""
        return self._expiries.next() if self.records else None

    def expire(self, now: Instant) -> None:
        """Drop what has expired; a record that replaced a longer-lived one leaves its tombstone."""
        if now < self._expiries.quiet_until:
            return
        while (entry := self._expiries.pop(now)) is not None:
            if entry.guard_ms > now:
                self._close(entry, entry.sequence)
            else:
                self._drop(entry, entry.path())

    def _repeat(self, held: Entry, raw: bytes, link: str) -> Stored | Rejected:
        if held.raw != raw:
            code = ErrorCode.REMOVED if held.is_tombstone else ErrorCode.STALE_SEQUENCE
            return Rejected(code, {"held_sequence": held.sequence})
        if link == OWNER_LINK and held.holder().link.name != OWNER_LINK:
            self._make_owners(held)
        return Stored(held, is_repeat=True)

    def _make_owners(self, held: Entry) -> None:
        """Hold as the owner's what somebody else had pushed first."""
        if self._refusal(held.author, len(held.raw), OWNER_LINK, None) is None:
            raw, author = held.raw, held.author
            self._discard(held)
            self._born += 1
            held.raw, held.born = raw, self._born
            self._add(held, OWNER_LINK, author)

    def _refusal(self, author: bytes, size_bytes: int, holder: str, held: Entry | None) -> Rejected | None:
        """Check the quotas of a link and of an author over it."""
        config = self._config
        if size_bytes > config.pool_bytes_max:
            return Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": config.pool_bytes_max})
        link = self._links.get(holder)
        if link is None:
            return None
        freed_records, freed_bytes = (0, 0) if held is None else _freed(held, link)
        more_records, more_bytes = 1 - freed_records, size_bytes - freed_bytes
        if holder != OWNER_LINK:
            records_max, bytes_max = config.link_records_max, config.link_bytes_max
            if link.records + more_records > records_max or link.size_bytes + more_bytes > bytes_max:
                return Rejected(ErrorCode.QUOTA_EXCEEDED, {"of": "link", "limit_records": records_max})
        elif author == self._own_author:
            return None
        holding = link.authors.get(author)
        if holding is not None:
            records_max, bytes_max = config.author_records_max, config.author_bytes_max
            if holding.records + more_records > records_max or holding.size_bytes + more_bytes > bytes_max:
                return Rejected(ErrorCode.QUOTA_EXCEEDED, {"of": "author", "limit_records": records_max})
        return None

    def _check_room(self, size_bytes: int, link: str, held: Entry | None) -> Rejected | None:
        """Refuse what could only be kept by evicting the owner's, unless it is the owner who pushes."""
        owner = self._links.get(OWNER_LINK)
        if link == OWNER_LINK or owner is None:
            return None
        freed_records, freed_bytes = (0, 0) if held is None else _freed(held, owner)
        records = owner.records + 1 - freed_records
        if (
            records > self._config.records_max
            or owner.size_bytes + size_bytes - freed_bytes > self._config.pool_bytes_max
        ):
            return Rejected(ErrorCode.QUOTA_EXCEEDED, {"of": "pool", "limit_records": self._config.records_max})
        return None

    def _make_room(self, newcomer: Entry) -> int:
        """Evict until there is room; the newcomer alone always has room."""
        config = self._config
        evicted = 0
        while (self.records > config.records_max or self.size_bytes > config.pool_bytes_max) and (
            victim := self._victim(newcomer, by_bytes=self.records <= config.records_max)
        ) is not None:
            self._drop(victim, victim.path())
            evicted += 1
        return evicted

    def _victim(self, newcomer: Entry, *, by_bytes: bool) -> Entry | None:
        ranking = self._rankings.get(by_bytes)
        if ranking is None:
            ranking = self._rankings[by_bytes] = Ranking(self._links, partial(self._state, by_bytes))
        victim = ranking.first(lambda name: self._links[name].victim(by_bytes=by_bytes, spare=newcomer))
        return victim or self._links[OWNER_LINK].victim(by_bytes=by_bytes, spare=newcomer)

    def _state(self, by_bytes: bool, name: str) -> State[str] | None:  # noqa: FBT001 # bound by partial, above
        link = None if name == OWNER_LINK else self._links.get(name)
        if link is None:
            return None
        victim = link.victim(by_bytes=by_bytes)
        return -link.weight(by_bytes=by_bytes), 0 if victim is None else victim.born, name

    def _note(self, name: str) -> None:
        for ranking in self._rankings.values():
            ranking.note(name)

    def _add(self, entry: Entry, name: str, author: bytes) -> None:
        link = self._links.get(name)
        if link is None:
            link = self._links[name] = LinkHolding(name)
        link.add(entry, author)
        self.records += 1
        self.size_bytes += len(entry.raw)
        if self._rankings:
            self._note(name)

    def _replace(self, held: Entry, entry: Entry, name: str) -> None:
        entry.guard_ms = max(entry.expires_ms, held.guard_ms)
        link = held.holder().link
        if link.name != name:
            author = held.author
            self._discard(held)
            self._add(entry, name, author)
            return
        change_bytes = len(entry.raw) - len(held.raw)
        link.replace(held, entry)
        self.size_bytes += change_bytes
        self.tombstones -= held.is_tombstone
        held.raw = b""
        if self._rankings:
            self._note(name)

    def _discard(self, entry: Entry) -> None:
        link = entry.holder().link
        link.discard(entry)
        if not link.records:
            del self._links[link.name]
        self.records -= 1
        self.size_bytes -= len(entry.raw)
        self.tombstones -= entry.is_tombstone
        entry.raw = b""
        self._note(link.name)

    def _drop(self, entry: Entry, path: Path) -> None:
        self._trie.remove(path)
        self._discard(entry)

    def _close(self, entry: Entry, sequence: int) -> None:
        before_bytes = len(entry.raw)
        self.tombstones += not entry.is_tombstone
        entry.close(sequence)
        self._expiries.plan(entry, held=self.records)
        self.size_bytes += len(entry.raw) - before_bytes
        holding = entry.holder()
        holding.link.resize(holding, len(entry.raw) - before_bytes)
        self._note(holding.link.name)


def _freed(held: Entry, link: LinkHolding) -> tuple[int, int]:
    """Return the records and bytes that a link gets back when an entry is replaced."""
    return (1, len(held.raw)) if held.holder().link is link else (0, 0)


def _is_live(entry: Entry, now: Instant) -> bool:
    return entry.expires_ms > now and not entry.is_tombstone
