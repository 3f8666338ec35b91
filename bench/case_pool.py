"""What the pool adds to the work that cannot be avoided: verifying a signature, copying a record."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from importlib import import_module

from bench.measure import Case
from bench.offers import NOW, PER_BOOK, author_secret, offers, prefix
from parley.pool.config import PoolConfig
from parley.pool.messages import Record, record_body, record_id
from parley.pool.rules import check_record
from parley.pool.table import RecordTable
from parley.primitives import schnorr

__all__ = ["CASES", "CONFIG", "RECORDS", "fill"]

RECORDS = 100_000
CONFIG = PoolConfig(
    records_max=RECORDS,
    pool_bytes_max=2**30,
    link_records_max=RECORDS,
    link_bytes_max=2**30,
    author_records_max=RECORDS,
)
_MESSAGE_BYTES = 180
_LINKS = tuple(f"link {number}" for number in range(16))
_BATCH = 64
_BATCHES = 80
_BOOKS = range(0, RECORDS // PER_BOOK, 25)
_ENTROPY = bytes(32)


def fill(table: RecordTable, count: int, *, message_bytes: int) -> int:
    """Push offers into a table over sixteen links and return the bytes of their canonical form."""
    size_bytes = 0
    for number, record in enumerate(offers(count, message_bytes=message_bytes)):
        body = record_body(record)
        size_bytes += len(body) + len(record.signature)
        table.push(record, body, _LINKS[number % len(_LINKS)], NOW)
    return size_bytes


@cache
def _table() -> RecordTable:
    """Return a table that holds 100,000 live offers, for reading."""
    table = RecordTable(CONFIG)
    fill(table, RECORDS, message_bytes=_MESSAGE_BYTES)
    return table


@cache
def _written(*, is_full: bool) -> RecordTable:
    """Return one to push to, with room for as many again, or full: whatever is new pushes an old one out."""
    table = RecordTable(CONFIG if is_full else replace(CONFIG, records_max=2 * RECORDS))
    fill(table, RECORDS, message_bytes=_MESSAGE_BYTES)
    return table


@cache
def _batches() -> list[list[Record]]:
    """Return signed offers, by turns a newer one of an offer that is held and one that is new."""
    held = offers(_BATCH * _BATCHES, message_bytes=_MESSAGE_BYTES)
    others = offers(_BATCH * _BATCHES, message_bytes=_MESSAGE_BYTES, edition=1)
    signed = []
    for number, (refreshed, new) in enumerate(zip(held, others, strict=True)):
        unsigned = replace(refreshed, sequence=refreshed.sequence + 1) if number % 2 else new
        signed.append(replace(unsigned, signature=schnorr.sign(author_secret(number), record_id(unsigned), _ENTROPY)))
    return [signed[start : start + _BATCH] for start in range(0, len(signed), _BATCH)]


@cache
def _unused(*, is_full: bool) -> Iterator[list[Record]]:
    """Return the batches in turn for one table; more rounds than batches would push repeats, and end instead."""
    del is_full
    return iter(_batches())


@cache
def _bare_calls() -> tuple[Callable[..., int], list[tuple[object, ...]]]:
    """Return the C function, and its arguments with every key parsed and every hash made beforehand."""
    coincurve = import_module("coincurve")
    binding = import_module("coincurve._libsecp256k1")
    context = coincurve.GLOBAL_CONTEXT.ctx
    calls: list[tuple[object, ...]] = []
    for record in _batches()[0]:
        key = coincurve.PublicKeyXOnly(record.author).public_key
        calls.append((context, record.signature, record_id(record), 32, key))
    return binding.lib.secp256k1_schnorrsig_verify, calls


def _verify_bare() -> int:
    verify, calls = _bare_calls()
    return sum(verify(*call) for call in calls)


def _push_verified(*, is_full: bool) -> int:
    table, batch = _written(is_full=is_full), next(_unused(is_full=is_full))
    for number, record in enumerate(batch):
        body = check_record(record, NOW, CONFIG)
        if isinstance(body, bytes):
            table.push(record, body, _LINKS[number % len(_LINKS)], NOW)
    return len(batch)


@cache
def _by_address() -> dict[tuple[bytes, tuple[str, ...]], Record]:
    """Return all offers by address, as a plain dictionary."""
    return {(record.author, record.keys): record for record in offers(RECORDS, message_bytes=_MESSAGE_BYTES)}


@cache
def _addresses() -> list[list[tuple[bytes, tuple[str, ...]]]]:
    """Return the addresses of the offers of each book that is asked for."""
    books = list(_by_address())
    return [books[book * PER_BOOK : (book + 1) * PER_BOOK] for book in _BOOKS]


def _look_up() -> int:
    records = _by_address()
    found = 0
    for addresses in _addresses():
        copied: list[Record] = []
        for address in addresses:
            copied.append(records[address])  # noqa: PERF401 # the plainest loop is what is compared with
        found += len(copied)
    return found


def _look_up_and_copy() -> int:
    records, duplicate = _by_address(), copy.copy
    return sum(len([duplicate(records[address]) for address in addresses]) for addresses in _addresses())


def _query() -> int:
    table = _table()
    return sum(len(table.query(prefix(book), NOW)) for book in _BOOKS)


def _query_records() -> int:
    table = _table()
    return sum(len([entry.record() for entry in table.query(prefix(book), NOW)]) for book in _BOOKS)


CASES = [
    Case(
        name="pool_push",
        description="check offers of 400 authors (form, times, signature) and push them into a pool of 100,000, "
        "half of them newer ones of what is held; "
        "reference: only the signatures, by the C function with every argument prepared",
        reference=_verify_bare,
        subject=partial(_push_verified, is_full=False),
        target=0.7,
    ),
    Case(
        name="pool_push_full",
        description="the same into a pool that is full, where each new one pushes out an old one",
        reference=_verify_bare,
        subject=partial(_push_verified, is_full=True),
        target=0.6,
    ),
    Case(
        name="pool_query",
        description="find the 100 offers of a book among 100,000, newest first; "
        "reference: look the 100 up in a dictionary by address, into a new list",
        reference=_look_up,
        subject=_query,
        target=1 / 3,
    ),
    Case(
        name="pool_query_copied",
        description="the same; reference: look the 100 up and make a copy.copy of each",
        reference=_look_up_and_copy,
        subject=_query,
        target=1 / 3,
    ),
    Case(
        name="pool_query_records",
        description="find the 100 and read each back as a value; "
        "reference: look the 100 up and make a copy.copy of each",
        reference=_look_up_and_copy,
        subject=_query_records,
        target=1 / 3,
    ),
]
