"""Every durable store obeys the port, whatever it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from parley.adapters.memory import MemoryStore
from parley.adapters.sqlite import SqliteStore
from parley.errors import ErrorCode, UnavailableError
from parley.ports.store import Claims, Documents, Journal, Store
from parley.primitives.instants import Instant
from parley.testing.conformance import check_claims, check_documents, check_journal

Open = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def open_empty(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Return what opens an empty store and closes it in the end."""
    numbers = count()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        if request.param == "memory":
            store: Store = MemoryStore()
        else:
            store = await SqliteStore.open(tmp_path / f"{next(numbers)}.sqlite3")
        try:
            yield store
        finally:
            await store.close()

    return opened


async def test_claims(open_empty: Open) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Claims]:
        async with open_empty() as store:
            yield store.claims

    await check_claims(make)


async def test_journal(open_empty: Open) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Journal]:
        async with open_empty() as store:
            yield store.journal

    await check_journal(make)


async def test_documents(open_empty: Open) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Documents]:
        async with open_empty() as store:
            yield store.documents

    await check_documents(make)


async def test_a_closed_store_answers_no_more(open_empty: Open) -> None:
    now, later = Instant(0), Instant(1)
    async with open_empty() as store:
        await store.close()
        await store.close()
        for call in (
            store.claims.claim(b"key", b"owner", later, now),
            store.claims.prune(now),
            store.journal.append("m", 0, 0, b""),
            store.journal.entries("m", 0),
            store.journal.runs("m"),
            store.journal.forget("m", 0),
            store.documents.get("s", "k"),
            store.documents.put("s", "k", b""),
            store.documents.delete("s", "k"),
            store.documents.list("s"),
        ):
            with pytest.raises(UnavailableError) as caught:
                await call
            assert caught.value.code is ErrorCode.SHUTTING_DOWN
