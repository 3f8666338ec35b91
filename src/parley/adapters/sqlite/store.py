"""The durable store's three tables in SQLite; the contract is `parley.ports.store`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from parley.adapters.sqlite.worker import Worker
from parley.errors import ConflictError, ErrorCode
from parley.ports.store import Document, JournalEntry, check_name, check_uint, check_value
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Claim, Outcome, judge

__all__ = ["SqliteClaims", "SqliteDocuments", "SqliteJournal", "SqliteStore"]

_BUSY_TIMEOUT_MS: Final = 5_000


class SqliteClaims:
    """Claims, decided inside the transaction that records them."""

    def __init__(self, worker: Worker) -> None:
        """Use the worker's file."""
        self._worker = worker

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        """Claim a key for an owner; see `parley.ports.store.Claims`."""
        wanted = Claim(key, owner, expires_ms)
        return await self._worker.write(lambda connection: _claim(connection, wanted, now))

    async def prune(self, now: Instant) -> int:
        """Forget the claims that have lapsed; return how many."""
        return await self._worker.write(
            lambda connection: connection.execute("DELETE FROM claims WHERE expires_ms <= ?", (now,)).rowcount
        )


class SqliteJournal:
    """Journals, one row for each entry."""

    def __init__(self, worker: Worker) -> None:
        """Use the worker's file."""
        self._worker = worker

    async def append(self, machine: str, run: int, sequence: int, entry: bytes) -> None:
        """Keep one input; see `parley.ports.store.Journal`."""
        check_name(machine)
        check_uint(run)
        check_uint(sequence)
        check_value(entry)
        await self._worker.write(lambda connection: _append(connection, (machine, run, sequence), entry))

    async def entries(self, machine: str, run: int) -> tuple[JournalEntry, ...]:
        """Return all entries of a run, by ascending sequence."""
        check_name(machine)
        check_uint(run)
        rows = await self._worker.read(
            lambda connection: connection.execute(
                "SELECT sequence, entry FROM journal WHERE machine = ? AND run = ? ORDER BY sequence",
                (machine, run),
            ).fetchall()
        )
        return tuple(JournalEntry(sequence, entry) for sequence, entry in rows)

    async def runs(self, machine: str) -> tuple[int, ...]:
        """Return the runs of a machine that have entries, ascending."""
        check_name(machine)
        rows = await self._worker.read(
            lambda connection: connection.execute(
                "SELECT DISTINCT run FROM journal WHERE machine = ? ORDER BY run", (machine,)
            ).fetchall()
        )
        return tuple(run for (run,) in rows)

    async def forget(self, machine: str, run: int) -> None:
        """Drop all entries of a run."""
        check_name(machine)
        check_uint(run)
        await self._worker.write(
            lambda connection: (
                connection.execute("DELETE FROM journal WHERE machine = ? AND run = ?", (machine, run)).rowcount
            )
        )


class SqliteDocuments:
    """Documents, one row each."""

    def __init__(self, worker: Worker) -> None:
        """Use the worker's file."""
        self._worker = worker

    async def get(self, namespace: str, key: str) -> bytes | None:
        """Return a value, or None."""
        check_name(namespace)
        check_name(key)
        row = await self._worker.read(
            lambda connection: connection.execute(
                "SELECT value FROM documents WHERE namespace = ? AND key = ?", (namespace, key)
            ).fetchone()
        )
        return None if row is None else row[0]

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        """Keep a value; see `parley.ports.store.Documents`."""
        check_name(namespace)
        check_name(key)
        check_value(value)
        await self._worker.write(
            lambda connection: (
                connection.execute(
                    "INSERT OR REPLACE INTO documents (namespace, key, value) VALUES (?, ?, ?)",
                    (namespace, key, value),
                ).rowcount
            )
        )

    async def delete(self, namespace: str, key: str) -> bool:
        """Drop a value; return whether there was one."""
        check_name(namespace)
        check_name(key)
        deleted = await self._worker.write(
            lambda connection: (
                connection.execute("DELETE FROM documents WHERE namespace = ? AND key = ?", (namespace, key)).rowcount
            )
        )
        return deleted > 0

    async def list(self, namespace: str) -> tuple[Document, ...]:
        """Return all documents of a namespace, ascending by the UTF-8 of their keys."""
        check_name(namespace)
        rows = await self._worker.read(
            lambda connection: connection.execute(
                "SELECT key, value FROM documents WHERE namespace = ? ORDER BY key", (namespace,)
            ).fetchall()
        )
        return tuple(Document(key, value) for key, value in rows)


class SqliteStore:
    """The three tables in one file."""

    def __init__(self, worker: Worker) -> None:
        """Use the worker's file; `open` makes one."""
        self._worker = worker
        self._claims = SqliteClaims(worker)
        self._journal = SqliteJournal(worker)
        self._documents = SqliteDocuments(worker)

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_ms: int = _BUSY_TIMEOUT_MS) -> SqliteStore:
        """Open the file, make it where there is none, and bring its schema up to date.

        Args:
            path: of the file; its folder must exist.
            busy_timeout_ms: how long a step waits for other processes.

        Raises:
            ConfigError: STORE_TOO_NEW; DATA_DIR_UNUSABLE: no such folder, no permission, not our file.
            UnavailableError: another process kept the file locked.
        """
        return cls(await Worker.open(path, busy_timeout_ms=busy_timeout_ms))

    @property
    def claims(self) -> SqliteClaims:
        """Return the claims."""
        return self._claims

    @property
    def journal(self) -> SqliteJournal:
        """Return the journal."""
        return self._journal

    @property
    def documents(self) -> SqliteDocuments:
        """Return the documents."""
        return self._documents

    async def close(self) -> None:
        """Finish what was asked for and let go of the file; closing twice is harmless."""
        await self._worker.close()


def _claim(connection: sqlite3.Connection, wanted: Claim, now: Instant) -> Outcome:
    row = connection.execute("SELECT owner, expires_ms FROM claims WHERE key = ?", (wanted.key,)).fetchone()
    held = None if row is None else Claim(wanted.key, row[0], Instant(row[1]))
    outcome = judge(held, wanted, now)
    if isinstance(outcome, Applied):
        connection.execute(
            "INSERT OR REPLACE INTO claims (key, owner, expires_ms) VALUES (?, ?, ?)",
            (wanted.key, wanted.owner, wanted.expires_ms),
        )
    return outcome


def _append(connection: sqlite3.Connection, place: tuple[str, int, int], entry: bytes) -> None:
    inserted = connection.execute(
        "INSERT INTO journal (machine, run, sequence, entry) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (*place, entry),
    ).rowcount
    if inserted:
        return
    (held,) = connection.execute(
        "SELECT entry FROM journal WHERE machine = ? AND run = ? AND sequence = ?", place
    ).fetchone()
    if held != entry:
        raise ConflictError(ErrorCode.WRONG_STATE, run=place[1], sequence=place[2])
