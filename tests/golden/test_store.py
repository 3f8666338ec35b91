"""Stored files of every version are still read."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from parley.adapters.sqlite import SqliteStore
from parley.ports.store import Document, JournalEntry
from parley.primitives.instants import Instant
from parley.protocol.claims import Foreign, Replayed

GOLDEN = Path(__file__).parent
NOW = Instant(1_900_000_000_000)
LATER = Instant(2_000_000_000_000)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(GOLDEN / "store_v1.sqlite", tmp_path))


def test_the_file_is_of_version_1(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


async def test_a_store_of_version_1_is_read(copy: Path) -> None:
    store = await SqliteStore.open(copy)
    assert await store.claims.claim(bytes(range(16)), b"owner", LATER, NOW) == Replayed()
    assert await store.claims.claim(bytes(range(16)), b"other", LATER, NOW) == Foreign()
    assert await store.claims.claim(b"\xff" * 64, b"\x00", LATER, NOW) == Replayed()
    assert await store.claims.prune(LATER) == 1
    assert await store.journal.runs("query") == (0, 2**63 - 1)
    assert await store.journal.entries("query", 0) == (
        JournalEntry(0, b""),
        JournalEntry(1, bytes(range(256))),
    )
    assert await store.journal.entries("query", 2**63 - 1) == (JournalEntry(2**63 - 1, b"last"),)
    assert await store.journal.entries("earning", 7) == (JournalEntry(0, b"first"),)
    assert await store.documents.list("peers") == (Document("a", b"first"), Document("b", b"second"))
    assert await store.documents.get("anchors", "\u00e9") == b""
    await store.close()


async def test_a_store_of_version_1_is_written_on(copy: Path) -> None:
    store = await SqliteStore.open(copy)
    await store.journal.append("query", 0, 2, b"new")
    await store.close()
    again = await SqliteStore.open(copy)
    assert len(await again.journal.entries("query", 0)) == 3
    await again.close()
