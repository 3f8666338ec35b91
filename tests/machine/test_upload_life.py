"""Every cell of the table of `UploadLife`, and every edge that it allows, taken by the machine itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from parley.errors import PeerError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Foreign, Replayed
from parley.protocol.machine import Handled, Ignored, Refused, TimeoutReached, drain
from parley.upload.config import UploadConfig
from parley.upload.life import (
    UPLOAD_TABLE,
    Completed,
    Deleted,
    EndClaimed,
    PartBegun,
    PartGrown,
    PartStored,
    ProofAccepted,
    StoredTicket,
    UploadEvent,
    UploadLife,
    UploadPhase,
)

CONFIG = UploadConfig(size_max_bytes=2_000, part_max_bytes=1_500, lease_ms=1_000, lease_cap_ms=3_000)
TICKET = StoredTicket(
    id=ChallengeId(bytes(16)),
    ticket_digest=bytes(32),
    sender=b"s" * 32,
    recipient=b"r" * 32,
    size_max_bytes=2_000,
    purpose="mail",
    subscription_id="",
    method="pow",
    expires_ms=Instant(5_000),
)
DEPTH = 5
Step = UploadEvent | TimeoutReached
Edge = tuple[UploadPhase, type, UploadPhase]


@dataclass
class Walk:
    """A machine and the clock it has seen; `exchange` of an event says by how many it is behind the newest."""

    life: UploadLife
    now: Instant
    exchange: int = 0

    def take(self, step: Step) -> Edge:
        before = self.life.phase
        ticket = self.life.ticket
        if isinstance(step, TimeoutReached):
            due = self.life.next_timeout()
            self.now = self.now if due is None else due
            self.life.handle_timeout(self.now)
        else:
            if isinstance(step, EndClaimed):
                step = replace(step, exchange=self.exchange - step.exchange)
            try:
                self.life.receive(step, self.now)
            except PeerError:
                assert self.life.ticket is ticket
        for output in drain(self.life):
            self.exchange = getattr(output, "exchange", self.exchange)
        return before, type(step), self.life.phase


def steps() -> Iterator[Step]:
    """Yield each event in each guise."""
    yield from (TimeoutReached(), ProofAccepted(), PartBegun(10), PartBegun(1_501), PartGrown(10))
    yield from (PartStored("header", 10), PartStored("", 10), Completed(), Deleted())
    for outcome in (Applied(), Replayed(), Foreign()):
        yield EndClaimed(0, outcome)
    yield EndClaimed(1, Applied())


@pytest.fixture(scope="module")
def taken() -> set[Edge]:
    """Take all walks of up to five steps."""
    edges: set[Edge] = set()
    paths: list[tuple[Step, ...]] = [()]
    for _ in range(DEPTH):
        longer = []
        for path in paths:
            for step in steps():
                for start in (TICKET.expires_ms, Instant(1)):  # the former: nobody has let time act yet
                    walk = Walk(UploadLife(TICKET, CONFIG), start)
                    last = [walk.take(given) for given in (*path, step)][-1]
                    edges.add(last)
                if last[0] is not last[2] or isinstance(step, TimeoutReached | Deleted | Completed | EndClaimed):
                    longer.append((*path, step))
        paths = longer
    return edges


def test_every_phase_meets_every_event(taken: set[Edge]) -> None:
    met = {(before, event) for before, event, _ in taken}
    assert met == {(phase, event) for phase in UploadPhase for event in UPLOAD_TABLE.events}


def test_handled_cells_lead_where_the_table_says_and_everywhere_it_says(taken: set[Edge]) -> None:
    handled = {edge for edge in taken if isinstance(UPLOAD_TABLE.cells[edge[0], edge[1]], Handled)}
    assert handled == set(UPLOAD_TABLE.edges())


def test_ignored_and_refused_cells_change_nothing(taken: set[Edge]) -> None:
    others = [edge for edge in taken if isinstance(UPLOAD_TABLE.cells[edge[0], edge[1]], Ignored | Refused)]
    assert others
    assert all(before is after for before, _, after in others)


def test_it_starts_open_and_ends_spent_or_lapsed() -> None:
    assert UPLOAD_TABLE.initial is UploadPhase.OPEN
    assert UPLOAD_TABLE.final == {UploadPhase.SPENT, UploadPhase.LAPSED}
