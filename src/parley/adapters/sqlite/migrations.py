"""The schema of the file, as the ordered steps that lead to it; a released step is never changed.

`PRAGMA user_version` counts the steps that a file has taken. A file with more of them was written by a
newer release and is refused untouched: an older program cannot know what it would break.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from parley.errors import ConfigError, ErrorCode

__all__ = ["APPLICATION_ID", "MIGRATIONS", "check_file", "migrate"]

APPLICATION_ID: Final = 0x50524C59
"""Marks the file as ours ("PRLY"), so that another program's file is not taken for it."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        """CREATE TABLE claims (
            key BLOB PRIMARY KEY NOT NULL,
            owner BLOB NOT NULL,
            expires_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX claims_by_expiry ON claims (expires_ms)",
        """CREATE TABLE journal (
            machine TEXT NOT NULL,
            run INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            entry BLOB NOT NULL,
            PRIMARY KEY (machine, run, sequence)
        ) STRICT""",
        """CREATE TABLE documents (
            namespace TEXT NOT NULL,
            key TEXT NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (namespace, key)
        ) STRICT""",
    ),
)
"""Step n leads from version n to version n + 1."""


def check_file(connection: sqlite3.Connection) -> int:
    """Check that the file is new or ours, and not from the future.

    Returns:
        Its version; 0 for a new file.

    Raises:
        ConfigError: STORE_TOO_NEW, or DATA_DIR_UNUSABLE: another program's file.
    """
    version: int
    version, application_id, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"
        " FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    is_new = version == application_id == tables == 0
    if not is_new and application_id != APPLICATION_ID:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, application_id=application_id, version=version)
    if version > len(MIGRATIONS):
        raise ConfigError(ErrorCode.STORE_TOO_NEW, version=version, known_version=len(MIGRATIONS))
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that the file has not taken yet, all of them or none.

    Of several processes that open one new file, one takes the steps and the others wait for it.

    Raises:
        ConfigError: as `check_file`.
        sqlite3.Error: the file cannot be written.
    """
    if check_file(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[check_file(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
