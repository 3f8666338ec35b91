"""Small records to test with, stamped instead of signed."""

from __future__ import annotations

from parley.pool.entries import Entry
from parley.pool.messages import Item, Query, Record, Removal, encode_record
from parley.primitives.ids import AuthorKey, NodeId, RequestId
from parley.primitives.instants import Instant
from parley.testing.stamps import stamped, stamped_removal

NOW = Instant(1_760_000_000_000)
KEYS = ("swap", "btc")


def author(number: int) -> AuthorKey:
    return AuthorKey(bytes([number]) * 32)


def node(number: int) -> NodeId:
    return NodeId(bytes([0xF0, number]) * 16)


def record(
    number: int = 1,
    keys: tuple[str, ...] = KEYS,
    message: str = "offer",
    *,
    sequence: int = 1,
    age_ms: int = 1_000,
    left_ms: int = 60_000,
) -> Record:
    """Return a record of author `number`, made `age_ms` ago, which ends in `left_ms`."""
    created_ms, expires_ms = Instant(NOW - age_ms), Instant(NOW + left_ms)
    return stamped(Record(author(number), keys, message, sequence, created_ms, expires_ms, bytes(64)))


def removal(number: int = 1, keys: tuple[str, ...] = KEYS, *, sequence: int = 1) -> Removal:
    return stamped_removal(Removal(author(number), keys, sequence, bytes(64)))


def entry(number: int = 1, keys: tuple[str, ...] = KEYS, message: str = "offer", *, born: int = 1) -> Entry:
    made = record(number, keys, message)
    return Entry(encode_record(made), made.expires_ms, made.expires_ms, born)


def items(*records: Record, name: str = "peer") -> tuple[Item, ...]:
    return tuple(Item(name, made) for made in records)


def query(
    keys: tuple[str, ...] = KEYS,
    *,
    request: int = 1,
    remaining: int = 3,
    size_limit: int = 10,
    max_age_ms: int | None = None,
    budget_ms: int = 8_000,
) -> Query:
    return Query(RequestId(request.to_bytes(16, "big")), keys, remaining, size_limit, max_age_ms, budget_ms)
