"""The conformance checks find the faults that they are there to find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from parley.adapters.memory import MemoryStore, SeededEntropy
from parley.errors import LocalError
from parley.ports.store import Claims, Document, Documents, Journal, JournalEntry
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Foreign, Outcome, Replayed
from parley.testing.conformance import check_claims, check_clock, check_documents, check_entropy, check_journal


class LookThenMark:
    """Claims that look, then mark: two steps."""

    def __init__(self) -> None:
        self._owners: dict[bytes, tuple[bytes, Instant]] = {}

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        await MemoryStore().claims.claim(key, owner, expires_ms, now)
        held = self._owners.get(key)
        await asyncio.sleep(0)
        if held is not None and held[1] > now:
            return Replayed() if held[0] == owner else Foreign()
        self._owners[key] = (owner, expires_ms)
        return Applied()

    async def prune(self, now: Instant) -> int:
        lapsed = [key for key, (_, expires_ms) in self._owners.items() if expires_ms <= now]
        for key in lapsed:
            del self._owners[key]
        return len(lapsed)


class EagerPruning:
    """Claims that are pruned a moment early."""

    def __init__(self) -> None:
        self._inner = MemoryStore().claims

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        return await self._inner.claim(key, owner, expires_ms, now)

    async def prune(self, now: Instant) -> int:
        return await self._inner.prune(Instant(now + 1))


class Overwriting:
    """A journal whose later entries replace earlier ones."""

    def __init__(self) -> None:
        self._inner = MemoryStore().journal
        self._held: dict[tuple[str, int, int], bytes] = {}

    async def append(self, machine: str, run: int, sequence: int, entry: bytes) -> None:
        await MemoryStore().journal.append(machine, run, sequence, entry)
        self._held[machine, run, sequence] = entry

    async def entries(self, machine: str, run: int) -> tuple[JournalEntry, ...]:
        await self._inner.entries(machine, run)
        held = {place[2]: entry for place, entry in self._held.items() if place[:2] == (machine, run)}
        return tuple(JournalEntry(sequence, held[sequence]) for sequence in sorted(held))

    async def runs(self, machine: str) -> tuple[int, ...]:
        await self._inner.runs(machine)
        return tuple(sorted({run for name, run, _ in self._held if name == machine}))

    async def forget(self, machine: str, run: int) -> None:
        await self._inner.forget(machine, run)
        for place in [place for place in self._held if place[:2] == (machine, run)]:
            del self._held[place]


class SortedLikeUtf16:
    """Documents listed in another order."""

    def __init__(self) -> None:
        self._inner = MemoryStore().documents

    async def get(self, namespace: str, key: str) -> bytes | None:
        return await self._inner.get(namespace, key)

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        await self._inner.put(namespace, key, value)

    async def delete(self, namespace: str, key: str) -> bool:
        return await self._inner.delete(namespace, key)

    async def list(self, namespace: str) -> tuple[Document, ...]:
        documents = await self._inner.list(namespace)
        return tuple(sorted(documents, key=lambda document: document.key.encode("utf-16-be")))


class Backwards:
    """A clock that runs backwards now and then."""

    def __init__(self) -> None:
        self._moments = cycle([5, 6, 4])

    def now(self) -> Instant:
        return Instant(next(self._moments))

    async def sleep_until(self, moment: Instant) -> None:
        del moment


class Stuttering:
    """Entropy that says the same again."""

    def take(self, size_bytes: int) -> bytes:
        return SeededEntropy(b"seed").take(size_bytes)


@pytest.mark.parametrize(
    ("faulty", "rule"), [(LookThenMark, "one of many racers wins"), (EagerPruning, "a claim is kept until it lapses")]
)
async def test_faulty_claims(faulty: type[LookThenMark | EagerPruning], rule: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Claims]:
        yield faulty()

    with pytest.raises(LocalError) as caught:
        await check_claims(make)
    assert caught.value.facts["rule"] == rule


async def test_a_faulty_journal() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Journal]:
        yield Overwriting()

    with pytest.raises(LocalError) as caught:
        await check_journal(make)
    assert caught.value.facts["rule"] == "another entry does not take a place"


async def test_faulty_documents() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Documents]:
        yield SortedLikeUtf16()

    with pytest.raises(LocalError) as caught:
        await check_documents(make)
    assert caught.value.facts["rule"] == "documents come in order"


async def test_a_faulty_clock() -> None:
    with pytest.raises(LocalError) as caught:
        await check_clock(Backwards)
    assert caught.value.facts["rule"] == "a clock never runs backwards"
    assert len(str(caught.value.facts["got"])) <= 256


async def test_faulty_entropy() -> None:
    with pytest.raises(LocalError) as caught:
        await check_entropy(Stuttering)
    assert caught.value.facts["rule"] == "no bytes come twice"
