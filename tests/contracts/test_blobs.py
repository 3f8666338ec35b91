"""Every keeper of blobs obeys the port, and the checks find the faults that they are there to find."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from parley.adapters.files.blobs import FileBlobs
from parley.adapters.memory.blobs import MemoryBlobs
from parley.errors import LocalError, Rejected
from parley.ports.blobs import Blobs, Stored
from parley.testing.blob_conformance import check_blobs


class Unlimited(MemoryBlobs):
    """Takes more than the limit."""

    async def put(self, name: str, chunks: AsyncIterable[bytes], *, limit_bytes: int) -> Stored | Rejected:
        return await super().put(name, chunks, limit_bytes=max(limit_bytes, -1) + 1_000)


class Torn(MemoryBlobs):
    """Shows what has come of a blob before all of it has."""

    async def put(self, name: str, chunks: AsyncIterable[bytes], *, limit_bytes: int) -> Stored | Rejected:
        async def seen() -> AsyncIterator[bytes]:
            content = b""
            async for chunk in chunks:
                content += chunk
                self._held[name] = content
                yield chunk

        return await super().put(name, seen(), limit_bytes=limit_bytes)


class Leaky(MemoryBlobs):
    """Deletes whatever begins with the name."""

    async def delete(self, prefix: str) -> int:
        await super().delete(prefix)
        doomed = [name for name in self._held if name.startswith(prefix)]
        for name in doomed:
            del self._held[name]
        return len(doomed)


@pytest.mark.parametrize("kind", ["memory", "files"])
async def test_adapters_obey(kind: str, tmp_path: Path) -> None:
    numbers = count()

    @asynccontextmanager
    async def make() -> AsyncIterator[Blobs]:
        yield MemoryBlobs() if kind == "memory" else await FileBlobs.open(tmp_path / f"{next(numbers)}")

    await check_blobs(make)


@pytest.mark.parametrize("kind", [Unlimited, Torn, Leaky])
async def test_faults_are_found(kind: Callable[[], Blobs]) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Blobs]:
        yield kind()

    opened: Callable[[], AbstractAsyncContextManager[Blobs]] = make
    with pytest.raises(LocalError):
        await check_blobs(opened)
