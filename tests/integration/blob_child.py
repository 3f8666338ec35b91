"""A process that puts blobs until it is killed: blob_child.py ROOT FIRST; says each number once it was acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

from parley.adapters.files.blobs import FileBlobs

__all__ = ["content_of"]

WRITERS = 4


def content_of(number: int) -> bytes:
    """Return what is put under a number: a few hundred kilobytes, so that a kill falls inside."""
    return b"%08d" % number * 40_000


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]


async def write(root: Path, first: int) -> None:
    blobs = await FileBlobs.open(root)
    numbers = count(first)

    async def write_on() -> None:
        for number in numbers:
            await blobs.put(f"folder-{number % 3}/{number}", pieces(content_of(number)), limit_bytes=1_000_000)
            os.write(1, b"%d\n" % number)

    await asyncio.gather(*(write_on() for _ in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
