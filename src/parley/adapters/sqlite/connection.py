"""Opening the file: whose it is, who may read it, and how safely it writes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from parley.adapters.sqlite.migrations import check_file, migrate
from parley.errors import ConfigError, ErrorCode, UnavailableError

__all__ = ["connect", "unavailable"]

_OWNER_ONLY: Final = 0o600
_PRIMARY_CODE: Final = 0xFF  # the rest of SQLite's codes tells more of the same error
_PATIENCE_S: Final = 0.005


def connect(path: Path, *, busy_timeout_ms: int, pause: Callable[[float], None] = time.sleep) -> sqlite3.Connection:
    """Open the file, make it where there is none, and bring its schema up to date.

    Write-ahead log, so that reading never waits for writing; `synchronous = FULL`, so that a commit returns
    after the log has reached the disk. Only the owner may read the file and what SQLite keeps beside it.

    Args:
        path: of the file; its folder must exist.
        busy_timeout_ms: how long a step waits for other processes.
        pause: waits some seconds, between two tries to open a file that is busy.

    Raises:
        ConfigError: STORE_TOO_NEW; DATA_DIR_UNUSABLE: no such folder, no permission, not our file.
        UnavailableError: another process kept the file locked.
    """
    try:
        _restrict(path)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), errno=error.errno or 0) from error
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    try:
        _prepare_patiently(connection, path, busy_timeout_ms, pause)
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except ConfigError:
        connection.close()
        raise
    return connection


def unavailable(error: BaseException | None) -> UnavailableError:
    """Return the refusal that a failure of the file is answered with."""
    name = error.sqlite_errorname if isinstance(error, sqlite3.Error) else type(error).__name__
    refusal = UnavailableError(ErrorCode.STORE_UNAVAILABLE, cause=name)
    refusal.__cause__ = error
    return refusal


def _restrict(path: Path) -> None:
    """Make the file, or what is there, the owner's alone; SQLite gives its side files the same mode."""
    try:
        # Closed at once, before SQLite opens the file: closing it later would drop SQLite's locks on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER_ONLY))
    except FileExistsError:
        path.chmod(_OWNER_ONLY)


def _prepare_patiently(
    connection: sqlite3.Connection, path: Path, busy_timeout_ms: int, pause: Callable[[float], None]
) -> None:
    """Prepare the file, again and again while other processes do so too.

    SQLite's own patience does not do here: where two processes change a file to a write-ahead log at once,
    one is told without any wait that the file is busy, lest they wait for each other.
    """
    give_up_s = time.monotonic() + busy_timeout_ms / 1_000
    while True:
        try:
            check_file(connection)
            _set_up(connection, path)
            migrate(connection)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > give_up_s:
                raise
            pause(_PATIENCE_S)
        else:
            return


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), journal_mode=mode)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")


def _unusable(path: Path, error: sqlite3.Error) -> ConfigError | UnavailableError:
    if _is_busy(error):
        return unavailable(error)
    return ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), sqlite_error=error.sqlite_errorname)


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & _PRIMARY_CODE in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
