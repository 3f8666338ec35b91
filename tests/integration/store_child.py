"""A process that uses one store among others, until it is done or killed: store_child.py open|race|write ..."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from parley.adapters.sqlite import SqliteStore
from parley.primitives.instants import Instant

__all__ = ["LATER", "NOW", "WRITERS"]

NOW = Instant(1_000)
LATER = Instant(2_000)
WRITERS = 8


def say(text: str) -> None:
    """Write one line in one step, so that a kill tears none apart."""
    os.write(1, f"{text}\n".encode())


async def open_each() -> None:
    """Open each file that is named, keep something in it, and say so."""
    say("up")
    while line := await asyncio.to_thread(sys.stdin.readline):
        store = await SqliteStore.open(Path(line.rstrip("\n")), busy_timeout_ms=60_000)
        await store.documents.put("space", f"{os.getpid()}", b"here")
        await store.close()
        say("kept")


async def race(path: Path, owner: str, keys: int) -> None:
    """Open the file when told to, claim all keys, and say how each claim went."""
    say("up")
    await asyncio.to_thread(sys.stdin.readline)
    store = await SqliteStore.open(path, busy_timeout_ms=60_000)
    for key in range(keys):
        outcome = await store.claims.claim(b"key %d" % key, owner.encode(), LATER, NOW)
        say(f"{key} {type(outcome).__name__}")
    await store.close()


async def write(path: Path, first: int) -> None:
    """Write without end from several tasks, and say each number once it was acknowledged three times."""
    store = await SqliteStore.open(path)
    numbers = count(first)

    async def write_on() -> None:
        for number in numbers:
            await store.claims.claim(b"key %d" % number, b"owner", LATER, NOW)
            await store.journal.append("machine", 0, number, b"entry %d" % number)
            await store.documents.put("space", f"{number}", b"value %d" % number)
            say(f"{number}")

    await asyncio.gather(*(write_on() for _ in range(WRITERS)))


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    match arguments:
        case ["open"]:
            asyncio.run(open_each())
        case ["race", path, owner, keys]:
            asyncio.run(race(Path(path), owner, int(keys)))
        case ["write", path, first]:
            asyncio.run(write(Path(path), int(first)))


if __name__ == "__main__":
    main(sys.argv[1:])
