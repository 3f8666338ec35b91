"""A process that presents one result for one ticket, when told to: ticket_child.py STORE TICKET RESULT ENTROPY."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.sqlite import SqliteStore
from parley.errors import Rejected
from parley.node.metrics import Metrics
from parley.node.tickets import TicketOffice
from parley.ports.store import Store
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from parley.upload.config import UploadConfig
from parley.upload.methods import Arithmetic, Subscription
from parley.upload.price import PriceController

__all__ = ["NOW", "FixedClock", "make_office", "outcome", "present"]

NOW = Instant(1_800_000_000_000)
CONFIG = UploadConfig(floor_units=1, ceiling_units=1, methods=("pow", "math"))


class FixedClock:
    """Stands still."""

    def now(self) -> Instant:
        return NOW

    async def sleep_until(self, moment: Instant) -> None:
        del moment


def make_office(store: Store, seed: str = "", metrics: Metrics | None = None) -> TicketOffice:
    """Return one of several offices of one node, all with one secret."""
    return TicketOffice(
        Registry((ProofOfWork(form="bits"), Arithmetic())),
        config=CONFIG,
        subscriptions=Subscription({}),
        price=PriceController(CONFIG),
        store=store,
        clock=FixedClock(),
        entropy=SeededEntropy(seed.encode()),
        secret=b"\x07" * 32,
        metrics=(metrics or Metrics()).upload,
    )


def outcome(answer: object) -> str:
    """Say what an answer was, in one line."""
    return answer.code.name if isinstance(answer, Rejected) else repr(answer)


async def present(path: Path, ticket_id: str, method: str, result: int) -> str:
    """Present a result at an office of its own."""
    metrics = Metrics()
    store = await SqliteStore.open(path, busy_timeout_ms=60_000)
    try:
        answer = await make_office(store, ticket_id, metrics).submit(ticket_id, method, result, "")
    finally:
        await store.close()
    earned = metrics.registry.get_sample_value("parley_upload_tickets_earned_total", {"method": method})
    return f"{int(earned or 0)} {outcome(answer)}"


def main(arguments: list[str]) -> None:
    """Say that it is up, wait to be told, present, and say what came of it."""
    path, ticket_id, method, result = arguments
    os.write(1, b"up\n")
    sys.stdin.readline()
    os.write(1, f"{asyncio.run(present(Path(path), ticket_id, method, int(result)))}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
