"""Claims in a file, for a gate whose application is made before any event loop runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from parley.adapters.sqlite.store import SqliteStore
from parley.primitives.instants import Instant
from parley.protocol.claims import Outcome

__all__ = ["FileClaims"]


class FileClaims:
    """Claims in a SQLite file (a `parley.ports.store.Claims`), opened when the first is made.

    Several processes may share the file. What was claimed survives `kill -9`.
    """

    def __init__(self, path: Path) -> None:
        """Take the path of the file; its folder must exist, the file need not."""
        self._path = path
        self._store: SqliteStore | None = None
        self._opening = asyncio.Lock()

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        """Claim a key for an owner; see `parley.ports.store.Claims`.

        Raises:
            ConfigError: the file cannot be opened or was written by a newer release.
            UnavailableError: the file did not answer.
        """
        store = await self._opened()
        return await store.claims.claim(key, owner, expires_ms, now)

    async def prune(self, now: Instant) -> int:
        """Forget the claims that have lapsed; return how many.

        Raises:
            ConfigError: as `claim`.
            UnavailableError: as `claim`.
        """
        store = await self._opened()
        return await store.claims.prune(now)

    async def close(self) -> None:
        """Let go of the file; the next claim opens it again."""
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    async def _opened(self) -> SqliteStore:
        async with self._opening:
            if self._store is None:
                self._store = await SqliteStore.open(self._path)
            return self._store
