"""The parts of mail together, as a node starts them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from parley.adapters.memory.store import MemoryStore
from parley.primitives.instants import Instant
from tests.unit.node.mail_parts import pieces
from tests.unit.node.parts import SetClock, make_node


class SteppedClock(SetClock):
    """Time passes as soon as somebody waits for it, and others run meanwhile; after some steps it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.has_run = asyncio.Event()

    async def sleep_until(self, moment: Instant) -> None:
        self.steps += 1
        if self.steps > 400:
            self.has_run.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        await super().sleep_until(moment)


async def test_mail_starts_sweeps_and_stops(tmp_path: Path) -> None:
    clock, store = SteppedClock(), MemoryStore()
    node = make_node(tmp_path, clock, store)
    blobs = node.mail.uploads._blobs
    await node.mail.start(node.supervisor)
    await blobs.put("00/orphan", pieces(b"orphan"), limit_bytes=6)
    await clock.has_run.wait()
    assert await blobs.list() == (), "parts that nobody names are dropped now and then"
    await node.close()


async def test_a_store_that_does_not_answer_stops_no_sweep(tmp_path: Path) -> None:
    clock, store = SteppedClock(), MemoryStore()
    node = make_node(tmp_path, clock, store)
    await node.mail.start(node.supervisor)
    await store.close()
    await clock.has_run.wait()
    assert clock.steps > 400
    await node.close()
