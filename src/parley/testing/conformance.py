"""What every adapter must do, as functions that any adapter can be run against; no test framework needed.

    await check_claims(make)        make() opens an empty store's claims, as an async context manager
    await check_journal(make)
    await check_documents(make)
    await check_clock(make)         make() returns a clock
    await check_entropy(make)       make() returns a source

Each raises LocalError naming the rule that the adapter breaks, and returns None where it obeys all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from parley.errors import ConflictError, ErrorCode, LocalError
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import (
    NAME_MAX_BYTES,
    UINT_MAX,
    VALUE_MAX_BYTES,
    Claims,
    Document,
    Documents,
    Journal,
    JournalEntry,
)
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.claims import CLAIM_NAME_MAX_BYTES, Applied, Foreign, Replayed

__all__ = ["RACERS", "check_claims", "check_clock", "check_documents", "check_entropy", "check_journal"]

RACERS: Final = 200
"""How many tasks race for one key."""

_NOW: Final = Instant(1_800_000_000_000)
_LATER: Final = Instant(_NOW + 60_000)
_CLOCK_READINGS: Final = 1_000
_ENTROPY_SIZES: Final = (1, 31, 32, 33, 64, 1_000)


async def check_claims(make: Callable[[], AbstractAsyncContextManager[Claims]]) -> None:
    """Check a table of claims.

    Args:
        make: opens an empty one.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    for check in (
        _claim_is_applied_then_replayed_or_foreign,
        _claim_lapses_with_or_without_pruning,
        _claim_of_the_past_is_refused,
        _claim_names_have_limits,
        _race_has_one_winner,
        _race_of_repeats_has_one_first,
    ):
        async with make() as claims:
            await check(claims)


async def check_journal(make: Callable[[], AbstractAsyncContextManager[Journal]]) -> None:
    """Check a journal.

    Args:
        make: opens an empty one.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    for check in (
        _entries_come_back_in_order,
        _append_may_be_repeated,
        _runs_are_apart,
        _journal_arguments_have_limits,
        _appends_at_once_are_all_kept,
    ):
        async with make() as journal:
            await check(journal)


async def check_documents(make: Callable[[], AbstractAsyncContextManager[Documents]]) -> None:
    """Check a table of documents.

    Args:
        make: opens an empty one.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    for check in (
        _document_is_put_replaced_and_deleted,
        _namespaces_are_apart_and_listed_in_order,
        _document_arguments_have_limits,
        _puts_at_once_are_all_kept,
    ):
        async with make() as documents:
            await check(documents)


async def check_clock(make: Callable[[], Clock]) -> None:
    """Check a clock.

    Args:
        make: returns one that runs, or that moves when slept on.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    clock = make()
    readings = [clock.now() for _ in range(_CLOCK_READINGS)]
    _expect("a clock never runs backwards", wanted=sorted(readings), got=readings)
    _expect("an instant is in range", wanted=True, got=0 <= readings[0] <= INSTANT_MAX_MS)
    await clock.sleep_until(readings[0])
    wake_at = Instant(clock.now() + 2)
    await clock.sleep_until(wake_at)
    _expect("a sleeper wakes no earlier than it asked", wanted=True, got=clock.now() >= wake_at)


async def check_entropy(make: Callable[[], Entropy]) -> None:
    """Check a source of entropy.

    Args:
        make: returns one.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    entropy = make()
    for size_bytes in _ENTROPY_SIZES:
        _expect("as many bytes as asked for", wanted=size_bytes, got=len(entropy.take(size_bytes)))
    taken = {entropy.take(16) for _ in range(RACERS)}
    _expect("no bytes come twice", wanted=RACERS, got=len(taken))
    _expect("all values of a byte come up", wanted=256, got=len(set(entropy.take(16_384))))

    async def take_none() -> None:
        entropy.take(0)

    await _expect_refusal("no bytes cannot be asked for", LocalError, take_none())


async def _claim_is_applied_then_replayed_or_foreign(claims: Claims) -> None:
    got = [
        await claims.claim(b"key", b"first", _LATER, _NOW),
        await claims.claim(b"key", b"first", _LATER, _NOW),
        await claims.claim(b"key", b"second", _LATER, _NOW),
        await claims.claim(b"key", b"first", Instant(_LATER + 1), Instant(_LATER - 1)),
        await claims.claim(b"key2", b"second", _LATER, _NOW),
    ]
    wanted = [Applied(), Replayed(), Foreign(), Replayed(), Applied()]
    _expect("a key is its first owner's", wanted=wanted, got=got)


async def _claim_lapses_with_or_without_pruning(claims: Claims) -> None:
    await claims.claim(b"kept", b"first", _LATER, _NOW)
    await claims.claim(b"pruned", b"first", _LATER, _NOW)
    far = Instant(_LATER + 60_000)
    await claims.claim(b"long", b"first", far, _NOW)
    _expect("a claim is kept until it lapses", wanted=0, got=await claims.prune(Instant(_LATER - 1)))
    before = await claims.claim(b"kept", b"second", far, Instant(_LATER - 1))
    _expect("a claim binds until it lapses", wanted=Foreign(), got=before)
    after = await claims.claim(b"kept", b"second", far, _LATER)
    _expect("a lapsed claim binds nobody", wanted=Applied(), got=after)
    _expect("pruning counts what lapsed", wanted=1, got=await claims.prune(_LATER))
    _expect("pruning twice finds nothing", wanted=0, got=await claims.prune(_LATER))
    again = await claims.claim(b"pruned", b"second", far, _LATER)
    _expect("pruning changes no answer", wanted=Applied(), got=again)
    held = await claims.claim(b"long", b"second", far, _LATER)
    _expect("pruning keeps what has not lapsed", wanted=Foreign(), got=held)


async def _claim_of_the_past_is_refused(claims: Claims) -> None:
    rule = "a claim that would have lapsed is refused"
    await _expect_refusal(rule, ConflictError, claims.claim(b"key", b"first", _NOW, _NOW))
    got = await claims.claim(b"key", b"second", _LATER, _NOW)
    _expect("a refused claim leaves no trace", wanted=Applied(), got=got)


async def _claim_names_have_limits(claims: Claims) -> None:
    longest = bytes(CLAIM_NAME_MAX_BYTES)
    got = await claims.claim(longest, longest, _LATER, _NOW)
    _expect("names of the largest size are claimed", wanted=Applied(), got=got)
    for key, owner in ((b"", b"x"), (b"x", b""), (longest + b"x", b"x"), (b"x", longest + b"x")):
        await _expect_refusal("names have limits", LocalError, claims.claim(key, owner, _LATER, _NOW))
    for expires_ms in (-1, INSTANT_MAX_MS + 1):
        refused = claims.claim(b"x", b"x", Instant(expires_ms), _NOW)
        await _expect_refusal("moments have limits", LocalError, refused)


async def _race_has_one_winner(claims: Claims) -> None:
    race = [claims.claim(b"key", b"owner %d" % racer, _LATER, _NOW) for racer in range(RACERS)]
    outcomes = await asyncio.gather(*race)
    _expect("one of many racers wins", wanted=1, got=outcomes.count(Applied()))
    _expect("all others lose", wanted=RACERS - 1, got=outcomes.count(Foreign()))
    winner = b"owner %d" % outcomes.index(Applied())
    got = await claims.claim(b"key", winner, _LATER, _NOW)
    _expect("the key is the winner's", wanted=Replayed(), got=got)


async def _race_of_repeats_has_one_first(claims: Claims) -> None:
    race = [claims.claim(b"key", b"owner", _LATER, _NOW) for _ in range(RACERS)]
    outcomes = await asyncio.gather(*race)
    _expect("one of many repeats is the first", wanted=1, got=outcomes.count(Applied()))
    _expect("all others repeat it", wanted=RACERS - 1, got=outcomes.count(Replayed()))


async def _entries_come_back_in_order(journal: Journal) -> None:
    _expect("an unknown run has no entries", wanted=(), got=await journal.entries("machine", 0))
    _expect("an unknown machine has no runs", wanted=(), got=await journal.runs("machine"))
    for sequence in (7, 0, 3, UINT_MAX):
        await journal.append("machine", 0, sequence, b"entry %d" % sequence)
    wanted = tuple(JournalEntry(sequence, b"entry %d" % sequence) for sequence in (0, 3, 7, UINT_MAX))
    _expect("entries come by sequence", wanted=wanted, got=await journal.entries("machine", 0))


async def _append_may_be_repeated(journal: Journal) -> None:
    await journal.append("machine", 0, 1, b"entry")
    await journal.append("machine", 0, 1, b"entry")
    rule = "another entry does not take a place"
    await _expect_refusal(rule, ConflictError, journal.append("machine", 0, 1, b"other"))
    wanted = (JournalEntry(1, b"entry"),)
    _expect("a repeat changes nothing", wanted=wanted, got=await journal.entries("machine", 0))


async def _runs_are_apart(journal: Journal) -> None:
    for machine, run in (("a", 2), ("a", 1), ("b", 1), ("a", UINT_MAX)):
        await journal.append(machine, run, 0, b"%s %d" % (machine.encode(), run))
    _expect("runs are listed in order", wanted=(1, 2, UINT_MAX), got=await journal.runs("a"))
    await journal.forget("a", 1)
    await journal.forget("a", 1)
    _expect("a forgotten run is gone", wanted=(2, UINT_MAX), got=await journal.runs("a"))
    _expect("and its entries", wanted=(), got=await journal.entries("a", 1))
    wanted = (JournalEntry(0, b"b 1"),)
    _expect("another machine's run stays", wanted=wanted, got=await journal.entries("b", 1))


async def _journal_arguments_have_limits(journal: Journal) -> None:
    largest = bytes(VALUE_MAX_BYTES)
    name = "n" * NAME_MAX_BYTES
    await journal.append(name, 0, 0, largest)
    kept = await journal.entries(name, 0)
    _expect("the largest entry is kept", wanted=(JournalEntry(0, largest),), got=kept)
    for machine, run, sequence, entry in (
        ("", 0, 0, b""),
        (name + "n", 0, 0, b""),
        ("\ud800", 0, 0, b""),
        ("m", -1, 0, b""),
        ("m", UINT_MAX + 1, 0, b""),
        ("m", 0, -1, b""),
        ("m", 0, UINT_MAX + 1, b""),
        ("m", 0, 0, largest + b"x"),
    ):
        refused = journal.append(machine, run, sequence, entry)
        await _expect_refusal("arguments of an append have limits", LocalError, refused)
    _expect("what is refused leaves no trace", wanted=(), got=await journal.runs("m"))
    await _expect_refusal("names have limits", LocalError, journal.runs(""))
    await _expect_refusal("runs have limits", LocalError, journal.entries("m", -1))
    await _expect_refusal("runs have limits", LocalError, journal.forget("m", -1))


async def _appends_at_once_are_all_kept(journal: Journal) -> None:
    numbers = range(RACERS)
    await asyncio.gather(*(journal.append("m", number % 2, number, b"%d" % number) for number in numbers))
    for run in (0, 1):
        wanted = tuple(JournalEntry(number, b"%d" % number) for number in numbers if number % 2 == run)
        _expect("appends at once are all kept", wanted=wanted, got=await journal.entries("m", run))


async def _document_is_put_replaced_and_deleted(documents: Documents) -> None:
    _expect("what was not put is not there", wanted=None, got=await documents.get("space", "key"))
    _expect("nor can it be deleted", wanted=False, got=await documents.delete("space", "key"))
    for value in (b"first", b"", b"second"):
        await documents.put("space", "key", value)
        _expect("the last value is there", wanted=value, got=await documents.get("space", "key"))
    _expect("deleting says so", wanted=True, got=await documents.delete("space", "key"))
    _expect("what was deleted is gone", wanted=None, got=await documents.get("space", "key"))


async def _namespaces_are_apart_and_listed_in_order(documents: Documents) -> None:
    keys = ("b", "a", "\uffff", "\U0001f600", "a\x00", "B")  # UTF-8 orders the last two planes unlike UTF-16
    for key in keys:
        await documents.put("space", key, key.encode())
    await documents.put("other", "a", b"other")
    in_order = ("B", "a", "a\x00", "b", "\uffff", "\U0001f600")
    wanted = tuple(Document(key, key.encode()) for key in in_order)
    _expect("documents come in order", wanted=wanted, got=await documents.list("space"))
    await documents.delete("space", "a")
    _expect("namespaces are apart", wanted=b"other", got=await documents.get("other", "a"))
    _expect("an unknown namespace is empty", wanted=(), got=await documents.list("none"))


async def _document_arguments_have_limits(documents: Documents) -> None:
    largest, name = bytes(VALUE_MAX_BYTES), "n" * NAME_MAX_BYTES
    await documents.put(name, name, largest)
    _expect("the largest document is kept", wanted=largest, got=await documents.get(name, name))
    for namespace, key, value in (
        ("", "k", b""),
        ("s", "", b""),
        (name + "n", "k", b""),
        ("s", "\u00e9" * 128, b""),
        ("s", "\ud800", b""),
        ("s", "k", largest + b"x"),
    ):
        refused = documents.put(namespace, key, value)
        await _expect_refusal("arguments of a put have limits", LocalError, refused)
    _expect("what is refused leaves no trace", wanted=(), got=await documents.list("s"))
    await _expect_refusal("names have limits", LocalError, documents.get("s", ""))
    await _expect_refusal("names have limits", LocalError, documents.delete("", "k"))
    await _expect_refusal("names have limits", LocalError, documents.list(""))


async def _puts_at_once_are_all_kept(documents: Documents) -> None:
    keys = [f"{number:03}" for number in range(RACERS)]
    await asyncio.gather(*(documents.put("space", key, key.encode()) for key in keys))
    wanted = tuple(Document(key, key.encode()) for key in keys)
    _expect("puts at once are all kept", wanted=wanted, got=await documents.list("space"))


def _expect(rule: str, *, wanted: object, got: object) -> None:
    if got != wanted:
        raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=_shorten(repr(wanted)), got=_shorten(repr(got)))


async def _expect_refusal(rule: str, kind: type[Exception], call: Awaitable[object]) -> None:
    try:
        got = await call
    except kind:
        return
    raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=kind.__name__, got=_shorten(repr(got)))


def _shorten(text: str) -> str:
    return text if len(text) <= NAME_MAX_BYTES else f"{text[:NAME_MAX_BYTES]}…"
