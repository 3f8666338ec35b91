"""Every cell of the table of `Redemption`, and every edge that it allows, taken by the machine itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, PeerError
from parley.lottery.params import CreationRound
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import (
    REDEMPTION_TABLE,
    BlockSeen,
    CallBegun,
    CallConfirmed,
    CallDropped,
    CallRejected,
    CallSeen,
    CallUndone,
    RedemptionEvent,
    RedemptionPhase,
    TrialPassed,
    TrialRefused,
    UseAnswered,
)
from parley.lottery.redemption_records import RedemptionRecord
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.protocol.machine import Handled, Ignored, Refused, drain
from parley.testing.winners import make_winner

NOW = Instant(1)
MADE_IN = CreationRound(5, b"\x05" * 32)
WINNER = make_winner(b"\x07" * 32, Address(b"\x02" * 20), MADE_IN, face_value_wei=100, expiration_block=1)
CONFIG = RedemptionConfig(confirmations=1, retry_blocks=1)
CHAIN = ChainView(
    chain_id=1,
    broker=Address(b"\xb0" * 20),
    block_number=10,
    block_hash=bytes(32),
    creation_round=MADE_IN,
    previous_round=None,
    is_round_initialized=True,
    ticket_validity_rounds=1,
    recipients=1,
    gas_price_wei=1,
)
SENDER = SenderView(
    sender=WINNER.sender,
    block_hash=bytes(32),
    deposit_wei=1_000,
    reserve_wei=0,
    claimable_wei=0,
    state=SenderState.LOCKED,
)
GOOD = BlockSeen(CHAIN, SENDER)
PAID = CallConfirmed(paid_wei=100, cost_wei=9, refusal="", transaction_hash=bytes(32), is_used=True)
DEPTH = 5
Edge = tuple[RedemptionPhase, type, RedemptionPhase]


class Walk:
    """A machine; exchanges of answers say by how many they are behind the newest question."""

    def __init__(self) -> None:
        self.machine = Redemption(RedemptionRecord(winner=WINNER), CONFIG)
        self.exchange = 0

    def take(self, step: RedemptionEvent) -> Edge:
        before, record = self.machine.phase, self.machine.record
        if isinstance(step, TrialPassed | TrialRefused | UseAnswered):
            step = replace(step, exchange=self.exchange - step.exchange)
        if isinstance(REDEMPTION_TABLE.cells[before, type(step)], Refused):
            with pytest.raises(PeerError):
                self.machine.receive(step, NOW)
            assert self.machine.record is record
        else:
            self.machine.receive(step, NOW)
        for output in drain(self.machine):
            self.exchange = getattr(output, "exchange", self.exchange)
        return before, type(step), self.machine.phase


def steps() -> Iterator[RedemptionEvent]:
    """Yield each event in each guise."""
    later = replace(CHAIN, block_number=12)
    over = replace(CHAIN, creation_round=CreationRound(6, b"\x06" * 32))
    yield from (GOOD, BlockSeen(later, SENDER), BlockSeen(over, SENDER), BlockSeen(CHAIN, SENDER, 10**9))
    yield from (TrialPassed(0, 5), TrialPassed(0, 10**9), TrialPassed(1, 5), TrialRefused(0, "no"))
    yield from (UseAnswered(0, is_used=True), UseAnswered(0, is_used=False), UseAnswered(1, is_used=True))
    yield from (CallBegun("call", 1), CallRejected(ErrorCode.REVERTED), CallRejected(ErrorCode.FUNDS_TOO_LOW))
    yield from (CallDropped(), CallSeen(1, bytes(32)), CallUndone())
    for refusal in ("", "no"):
        for is_used in (True, False):
            yield replace(PAID, refusal=refusal, is_used=is_used)


@pytest.fixture(scope="module")
def taken() -> set[Edge]:
    """Take all walks of some steps; a step that changed nothing is not walked on from."""
    edges: set[Edge] = set()
    paths: list[tuple[RedemptionEvent, ...]] = [()]
    for _ in range(DEPTH):
        longer, arrived = [], set()
        for path in paths:
            for step in steps():
                walk = Walk()
                last = [walk.take(given) for given in (*path, step)][-1]
                edges.add(last)
                machine = walk.machine
                stands = (machine.phase, machine.reason, machine.reserved_wei, machine._asked)
                if stands not in arrived:
                    arrived.add(stands)
                    longer.append((*path, step))
        paths = longer
    return edges


def test_every_phase_meets_every_event(taken: set[Edge]) -> None:
    met = {(before, event) for before, event, _ in taken}
    assert met == {(phase, event) for phase in RedemptionPhase for event in REDEMPTION_TABLE.events}


def test_handled_cells_lead_where_the_table_says_and_everywhere_it_says(taken: set[Edge]) -> None:
    handled = {edge for edge in taken if isinstance(REDEMPTION_TABLE.cells[edge[0], edge[1]], Handled)}
    assert handled == set(REDEMPTION_TABLE.edges())


def test_ignored_and_refused_cells_change_nothing(taken: set[Edge]) -> None:
    others = [edge for edge in taken if isinstance(REDEMPTION_TABLE.cells[edge[0], edge[1]], Ignored | Refused)]
    assert others
    assert all(before is after for before, _, after in others)


def test_only_the_chain_ends_it_by_use_or_by_time() -> None:
    assert REDEMPTION_TABLE.initial is RedemptionPhase.WAITING
    assert REDEMPTION_TABLE.final == {RedemptionPhase.REDEEMED, RedemptionPhase.EXPIRED}
    into_final = {edge[1] for edge in REDEMPTION_TABLE.edges() if edge[2] in REDEMPTION_TABLE.final}
    assert into_final == {UseAnswered, CallConfirmed}
