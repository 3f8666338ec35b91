"""The durable store in one SQLite file, which several processes may share."""

from parley.adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
