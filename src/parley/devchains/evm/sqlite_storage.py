"""A chain in one file: SQLite, each step written through to the disk, one process at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from parley.errors import ConfigError, ErrorCode, UnavailableError

__all__ = ["SqliteStorage"]

_OWNER_ONLY: Final = 0o600
_FORMAT: Final = 1
_APPLICATION: Final = 0x50434856  # names the file's kind to whoever opens it


class SqliteStorage:
    """Keys and values in one table of one file."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Args:
            path: of the file; its folder exists.

        Raises:
            ConfigError: STORE_TOO_NEW; DATA_DIR_UNUSABLE: no such folder, no permission, another file, or another
                process keeps a chain in it.
        """
        self._connection: sqlite3.Connection | None = None
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER_ONLY))
            connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path)) from error
        try:
            _prepare(connection, path)
        except sqlite3.Error as error:
            connection.close()
            is_busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            reason = "another process runs this chain" if is_busy else error.sqlite_errorname
            raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason=reason) from error
        except ConfigError:
            connection.close()
            raise
        self._connection = connection

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""
        try:
            row = self._open().execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise _unavailable(error) from error
        return None if row is None else row[0]

    def write(self, put: Mapping[bytes, bytes], drop: Iterable[bytes] = ()) -> None:
        """Take all changes in, or none; they are on the disk when this returns."""
        connection = self._open()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany("DELETE FROM kept WHERE key = ?", ((key,) for key in drop))
                connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", put.items())
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _unavailable(error) from error

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys that begin with a prefix, in order, with their values."""
        after = prefix[:-1] + bytes((prefix[-1] + 1,))
        query = "SELECT key, value FROM kept WHERE key >= ? AND key < ? ORDER BY key"
        try:
            rows = self._open().execute(query, (prefix, after)).fetchall()
        except sqlite3.Error as error:
            raise _unavailable(error) from error
        yield from rows

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        return self._connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Take the file for this process, and make the table where there is none."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("BEGIN IMMEDIATE")
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if (application, version, tables) == (0, 0, 0):
        connection.execute("CREATE TABLE kept (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
    elif application != _APPLICATION:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason="holds no embedded chain")
    elif version > _FORMAT:
        raise ConfigError(ErrorCode.STORE_TOO_NEW, path=str(path), version=version)
    connection.execute("COMMIT")


def _unavailable(error: sqlite3.Error) -> UnavailableError:
    return UnavailableError(ErrorCode.STORE_UNAVAILABLE, cause=error.sqlite_errorname)
