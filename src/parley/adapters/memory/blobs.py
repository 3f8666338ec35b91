"""Blobs in a dictionary: the same answers, and nothing survives the process."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator

from parley.errors import ErrorCode, LocalError, Rejected
from parley.ports.blobs import CHUNK_BYTES, Blob, Stored, check_blob_name, check_blob_prefix

__all__ = ["MemoryBlobs"]


class MemoryBlobs:
    """A `parley.ports.blobs.Blobs` for tests and simulations."""

    def __init__(self) -> None:
        """Start empty."""
        self._held: dict[str, bytes] = {}

    async def put(self, name: str, chunks: AsyncIterable[bytes], *, limit_bytes: int) -> Stored | Rejected:
        """Keep what comes; see the port."""
        check_blob_name(name)
        if limit_bytes < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, limit_bytes=limit_bytes)
        content = bytearray()
        async for chunk in chunks:
            content += chunk
            if len(content) > limit_bytes:
                return Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": limit_bytes})
        self._held[name] = bytes(content)
        return Stored(len(content), hashlib.sha256(content).digest())

    async def read(self, name: str) -> AsyncIterator[bytes] | None:
        """Return the blob in chunks, or None."""
        check_blob_name(name)
        held = self._held.get(name)
        return None if held is None else _chunks(held)

    async def list(self, prefix: str = "") -> tuple[Blob, ...]:
        """Return the blobs of that name or folder."""
        names = self._under(prefix) if prefix else tuple(sorted(self._held))
        return tuple(Blob(name, len(self._held[name])) for name in names)

    async def delete(self, prefix: str) -> int:
        """Drop blobs; return how many went."""
        names = self._under(prefix)
        for name in names:
            del self._held[name]
        return len(names)

    def _under(self, prefix: str) -> tuple[str, ...]:
        check_blob_prefix(prefix)
        return tuple(sorted(name for name in self._held if name == prefix or name.startswith(f"{prefix}/")))


async def _chunks(held: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(held), CHUNK_BYTES):
        yield held[start : start + CHUNK_BYTES]
