"""What the file is, whose, and what happens when it fails; the tables' contract is in tests/contracts/."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from parley.adapters.sqlite import SqliteStore
from parley.adapters.sqlite.connection import connect
from parley.adapters.sqlite.migrations import APPLICATION_ID, MIGRATIONS, migrate
from parley.adapters.sqlite.worker import Worker
from parley.errors import ConfigError, ConflictError, ErrorCode, LocalError, UnavailableError
from parley.ports.store import JournalEntry
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Replayed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Look at the file without the adapter."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def test_a_new_file_is_the_owners_alone_and_so_is_what_lies_beside_it(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.documents.put("space", "key", b"value")
    beside = sorted(path.parent.iterdir())
    assert [file.name for file in beside] == ["store.sqlite3", "store.sqlite3-shm", "store.sqlite3-wal"]
    assert {mode_of(file) for file in beside} == {0o600}
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == ["store.sqlite3"]


def test_a_file_that_others_may_read_is_restricted(path: Path) -> None:
    connect(path, busy_timeout_ms=1).close()
    path.chmod(0o644)
    connect(path, busy_timeout_ms=1).close()
    assert mode_of(path) == 0o600


def test_it_writes_ahead_and_waits_for_the_disk(path: Path) -> None:
    with closing(connect(path, busy_timeout_ms=5_000)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (5_000,)


async def test_what_was_kept_is_there_when_opened_again(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.claims.claim(b"key", b"owner", Instant(10), Instant(0))
    await store.journal.append("machine", 1, 2, b"entry")
    await store.documents.put("space", "key", b"value")
    await store.close()
    again = await SqliteStore.open(path)
    assert await again.claims.claim(b"key", b"owner", Instant(10), Instant(0)) == Replayed()
    assert await again.journal.entries("machine", 1) == (JournalEntry(2, b"entry"),)
    assert await again.documents.get("space", "key") == b"value"
    await again.close()


async def test_the_file_says_whose_it_is_and_of_which_version(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    with raw(path) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x50524C59,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_file_of_a_newer_release_is_refused_untouched(path: Path) -> None:
    with raw(path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(ConfigError) as caught:
        connect(path, busy_timeout_ms=1)
    assert caught.value.code is ErrorCode.STORE_TOO_NEW
    assert caught.value.facts == {"version": len(MIGRATIONS) + 1, "known_version": len(MIGRATIONS)}
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE theirs (a)", "PRAGMA user_version = 1", "PRAGMA application_id = 1"],
)
def test_another_programs_file_is_refused_untouched(path: Path, statement: str) -> None:
    with raw(path) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    with pytest.raises(ConfigError) as caught:
        connect(path, busy_timeout_ms=1)
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused_untouched(path: Path) -> None:
    path.write_bytes(b"no database at all\n" * 100)
    with pytest.raises(ConfigError) as caught:
        connect(path, busy_timeout_ms=1)
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE
    assert caught.value.facts["sqlite_error"] == "SQLITE_NOTADB"
    assert path.read_bytes() == b"no database at all\n" * 100


async def test_a_missing_folder_and_a_folder_in_place_of_the_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for unusable in (tmp_path / "missing" / "store", tmp_path / "folder"):
        with pytest.raises(ConfigError) as caught:
            await SqliteStore.open(unusable)
        assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE


def test_a_store_without_a_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        connect(Path(":memory:"), busy_timeout_ms=0)
    assert caught.value.facts["journal_mode"] == "memory"


def tables_of(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [name for (name,) in rows]


def test_a_migration_is_taken_whole_or_not_at_all(path: Path) -> None:
    with raw(path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("CREATE TABLE journal (in_the_way)")
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection)
        assert tables_of(connection) == ["journal"]
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
        connection.execute("DROP TABLE journal")
        migrate(connection)
        assert tables_of(connection) == ["claims", "documents", "journal"]


def test_a_migration_is_taken_once(path: Path) -> None:
    with raw(path) as connection:
        migrate(connection)
        connection.execute("INSERT INTO documents (namespace, key, value) VALUES ('s', 'k', x'')")
        migrate(connection)
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (1,)


async def test_a_file_that_another_process_holds_is_unavailable_then_available(path: Path) -> None:
    store = await SqliteStore.open(path, busy_timeout_ms=1)
    with raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError) as caught:
            await store.documents.put("space", "key", b"value")
        assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
        assert caught.value.facts == {"cause": "SQLITE_BUSY"}
        assert await store.documents.get("space", "key") is None
        other.execute("ROLLBACK")
    await store.documents.put("space", "key", b"value")
    assert await store.documents.get("space", "key") == b"value"
    await store.close()


async def test_a_new_file_that_another_process_holds_is_unavailable(path: Path) -> None:
    with raw(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UnavailableError) as caught:
            await SqliteStore.open(path, busy_timeout_ms=1)
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE


def test_a_new_file_that_others_prepare_too_is_tried_again(path: Path) -> None:
    with raw(path) as reader:
        reader.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        pauses: list[float] = []

        def pause(duration_s: float) -> None:
            pauses.append(duration_s)
            reader.execute("ROLLBACK")

        connect(path, busy_timeout_ms=1_000, pause=pause).close()
        assert len(pauses) == 1


async def test_calls_that_queue_up_share_one_transaction(path: Path) -> None:
    """While the thread is held up, calls queue; a look at the log of changes tells how often it commits."""
    worker = await Worker.open(path, busy_timeout_ms=5_000)
    held, go = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> list[str]:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        held.set()
        go.wait(60)
        return statements

    holding = asyncio.ensure_future(worker.read(hold))
    await asyncio.to_thread(held.wait, 60)

    def insert(key: str, connection: sqlite3.Connection) -> int:
        query = "INSERT INTO documents (namespace, key, value) VALUES ('s', ?, x'')"
        return connection.execute(query, (key,)).rowcount

    waiting = [asyncio.ensure_future(worker.write(partial(insert, key))) for key in "abcdef"]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiting) == [1] * 6
    statements = await holding
    await worker.close()
    assert [text for text in statements if text in {"COMMIT", "BEGIN IMMEDIATE", "BEGIN DEFERRED"}] == [
        "COMMIT",
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]


async def test_a_refused_call_does_not_spoil_those_it_shares_a_transaction_with(path: Path) -> None:
    store = await SqliteStore.open(path)
    outcomes = await asyncio.gather(
        store.journal.append("m", 0, 0, b"first"),
        store.journal.append("m", 0, 0, b"other"),
        store.journal.append("m", 0, 1, b"second"),
        store.claims.claim(b"key", b"owner", Instant(1), Instant(1)),
        store.claims.claim(b"key", b"owner", Instant(2), Instant(1)),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [type(None), ConflictError, type(None), ConflictError, Applied]
    assert await store.journal.entries("m", 0) == (JournalEntry(0, b"first"), JournalEntry(1, b"second"))
    await store.close()


async def test_a_fault_of_ours_leaves_nobody_waiting_and_nothing_written(path: Path) -> None:
    worker = await Worker.open(path, busy_timeout_ms=5_000)

    def fault(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO documents (namespace, key, value) VALUES ('s', 'k', x'')")
        raise ZeroDivisionError

    with pytest.raises(UnavailableError) as caught:
        await worker.write(fault)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    count = await worker.read(lambda connection: connection.execute("SELECT count(*) FROM documents").fetchone())
    assert count == (0,)
    await worker.close()


async def test_a_call_that_was_given_up_before_its_turn_is_not_made(path: Path) -> None:
    worker = await Worker.open(path, busy_timeout_ms=5_000)
    held, go = threading.Event(), threading.Event()
    made: list[str] = []

    def hold(_connection: sqlite3.Connection) -> None:
        held.set()
        go.wait(60)

    holding = asyncio.ensure_future(worker.read(hold))
    await asyncio.to_thread(held.wait, 60)
    given_up = asyncio.ensure_future(worker.write(lambda _: made.append("given up")))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    go.set()
    await holding
    await worker.write(lambda _: made.append("made"))
    assert made == ["made"]
    await worker.close()


async def test_closing_finishes_what_was_asked_for(path: Path) -> None:
    store = await SqliteStore.open(path)
    waiting = [asyncio.ensure_future(store.documents.put("s", f"{key}", b"value")) for key in range(600)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    with raw(path) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (600,)


async def test_two_stores_on_one_file_see_each_other(path: Path) -> None:
    one, other = await SqliteStore.open(path), await SqliteStore.open(path)
    await one.documents.put("s", "k", b"value")
    assert await other.documents.get("s", "k") == b"value"
    await one.close()
    await other.documents.put("s", "k", b"again")
    assert await other.documents.get("s", "k") == b"again"
    await other.close()


async def test_arguments_out_of_range_reach_no_file(path: Path) -> None:
    store = await SqliteStore.open(path)
    with raw(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LocalError):
            await store.documents.put("", "k", b"")
    await store.close()
