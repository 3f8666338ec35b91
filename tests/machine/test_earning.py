"""Every cell of the table of `Earning`, and every edge that it allows, taken by the machine itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from parley.errors import ErrorCode
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.earning import (
    EARNING_TABLE,
    ChallengeOffered,
    Earning,
    EarningEvent,
    EarningPhase,
    EarningTerms,
    PresentationAccepted,
    PresentationRefused,
    SolutionFound,
)
from parley.protocol.machine import Handled, Ignored, TimeoutReached, drain
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry

TERMS = EarningTerms(binding=bytes(32), limits={"pow": 10}, attempts_max=1, deadline=Instant(1_000), retry_ms=400)
CHALLENGE = Challenge(
    id=ChallengeId(bytes(16)),
    method="pow",
    params={"tries": 10},
    binding=bytes(32),
    expires_ms=Instant(500),
    mac=bytes(32),
)
DEPTH = 4
Edge = tuple[EarningPhase, type, EarningPhase]


@dataclass
class Walk:
    """A machine and the clock it has seen; exchanges count from 1, the newest is the current one."""

    earning: Earning
    now: Instant
    exchange: int = 1

    def take(self, step: EarningEvent | TimeoutReached) -> Edge:
        before = self.earning.phase
        if isinstance(step, TimeoutReached):
            due = self.earning.next_timeout()
            self.now = self.now if due is None else due
            self.earning.handle_timeout(self.now)
        else:
            self.earning.receive(replace(step, exchange=self.exchange - step.exchange), self.now)
        for output in drain(self.earning):
            self.exchange = getattr(output, "exchange", self.exchange)
        return before, type(step), self.earning.phase


def steps() -> Iterator[EarningEvent | TimeoutReached]:
    """Yield each event in each guise; `exchange` says here by how many it is behind."""
    yield TimeoutReached()
    for behind in (0, 1):
        yield ChallengeOffered(behind, (CHALLENGE,))
        yield ChallengeOffered(behind, ())
        yield SolutionFound(behind, b"proof")
        yield PresentationAccepted(behind, b"answer")
        for code in (ErrorCode.WORK_REJECTED, ErrorCode.BUSY, ErrorCode.QUOTA_EXCEEDED):
            yield PresentationRefused(behind, code)


def walks(terms: EarningTerms, depth: int) -> Iterator[Edge]:
    """Yield the edges taken on all walks of up to `depth` steps."""
    paths: list[tuple[EarningEvent | TimeoutReached, ...]] = [()]
    for _ in range(depth):
        longer = []
        for path in paths:
            for step in steps():
                walk = Walk(Earning(Registry((ProofOfWork(),)), terms, Instant(0)), Instant(0))
                drain(walk.earning)
                edges = [walk.take(taken) for taken in (*path, step)]
                yield edges[-1]
                if edges[-1][0] is not edges[-1][2] or isinstance(step, TimeoutReached):
                    longer.append((*path, step))
        paths = longer


@pytest.fixture(scope="module")
def taken() -> set[Edge]:
    """Take all walks, with a near and with a far deadline, and with attempts to spare."""
    variants = (TERMS, replace(TERMS, deadline=Instant(250)), replace(TERMS, attempts_max=9))
    return {edge for terms in variants for edge in walks(terms, DEPTH)}


def test_every_phase_meets_every_event(taken: set[Edge]) -> None:
    met = {(before, event) for before, event, _ in taken}
    assert met == {(phase, event) for phase in EarningPhase for event in EARNING_TABLE.events}


def test_handled_cells_lead_where_the_table_says_and_everywhere_it_says(taken: set[Edge]) -> None:
    handled = {edge for edge in taken if isinstance(EARNING_TABLE.cells[edge[0], edge[1]], Handled)}
    assert handled == set(EARNING_TABLE.edges())


def test_ignored_cells_change_nothing(taken: set[Edge]) -> None:
    ignored = [edge for edge in taken if isinstance(EARNING_TABLE.cells[edge[0], edge[1]], Ignored)]
    assert ignored
    assert all(before is after for before, _, after in ignored)


def test_it_starts_by_asking_and_ends_granted_or_failed() -> None:
    assert EARNING_TABLE.initial is EarningPhase.ASKING
    assert EARNING_TABLE.final == {EarningPhase.GRANTED, EarningPhase.FAILED}
    assert set(EARNING_TABLE.events) == {
        ChallengeOffered,
        SolutionFound,
        PresentationAccepted,
        PresentationRefused,
        TimeoutReached,
    }
