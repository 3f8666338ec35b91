"""A process that ends one upload, when told to: spending_child.py FOLDER NUMBER END."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from parley.adapters.files.blobs import FileBlobs
from parley.adapters.sqlite import SqliteStore
from tests.unit.node.mail_parts import TICKET, Desk, code

__all__ = ["STORE_NAME", "desk_at", "end"]

STORE_NAME = "store.sqlite3"


@asynccontextmanager
async def desk_at(folder: Path, number: int) -> AsyncIterator[Desk]:
    """Open one of several desks of one node: they share a database and a folder, and nothing else."""
    store = await SqliteStore.open(folder / STORE_NAME, busy_timeout_ms=60_000)
    desk = Desk(store=store, blobs=await FileBlobs.open(folder / "blobs"), runs=number)
    desk.give()
    await desk.mailbox.load()
    try:
        yield desk
    finally:
        await store.close()


async def end(desk: Desk, wanted: str) -> str:
    """End the upload, and say what came of it in one line."""
    uploads = desk.uploads
    outcome = await (uploads.complete(TICKET) if wanted == "complete" else uploads.delete(TICKET))
    refusal = code(outcome)
    return f"{wanted} {'done' if refusal is None else refusal.name}"


async def main(arguments: list[str]) -> None:
    """Say that it is up, wait to be told, end the upload, and say what came of it."""
    folder, number, wanted = arguments
    async with desk_at(Path(folder), int(number)) as desk:
        os.write(1, b"up\n")
        sys.stdin.readline()
        os.write(1, f"{await end(desk, wanted)}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
