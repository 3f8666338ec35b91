"""What every machine promises: only `PeerError` escapes, time acts once, the same inputs give the same outputs.

The adversary is the case's own (`parley.testing.machines`): valid and invalid events, repeats, contradictions, early
and late ones, in any order. A machine that is not registered fails here.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import ErrorCode, PeerError
from parley.primitives.instants import Instant
from parley.protocol.machine import Handled, Machine, Refused, TimeoutReached, drain
from parley.testing.machines import MACHINE_CASES, START, MachineCase

SOURCES = Path(__file__).parents[2] / "src" / "parley"
METHODS = {"receive", "handle_timeout", "next_timeout", "next_output"}
TIMEOUT = TimeoutReached()
every_machine = pytest.mark.parametrize("case", MACHINE_CASES, ids=lambda case: case.name)


class Step(Enum):
    """What happens next."""

    EVENT = "the adversary sends something"
    WAIT = "time passes, and the driver wakes the machine whether it is due or not"
    DUE = "time passes until the machine wants to be woken"


Script = list[tuple[Step, int]]
scripts = st.lists(
    st.tuples(st.sampled_from([Step.EVENT, Step.EVENT, Step.EVENT, Step.WAIT, Step.DUE]), st.integers(0, 3_000)),
    max_size=50,
)
seeds = st.integers(0, 2**32)


def feed(machine: Machine[Any, object], given: object, now: Instant) -> ErrorCode | None:
    """Take one input in; return why it is refused."""
    try:
        if isinstance(given, TimeoutReached):
            machine.handle_timeout(now)
        else:
            machine.receive(given, now)
    except PeerError as error:
        return error.code
    return None


@dataclass
class Trial:
    """One machine, its adversary, and all that went in and came out."""

    case: MachineCase
    seed: int
    now: Instant = START
    inputs: list[tuple[object, Instant]] = field(default_factory=list)
    outputs: list[list[object]] = field(default_factory=list)
    cells: set[tuple[Enum, type]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.machine = self.case.make()
        self.dice = random.Random(self.seed)
        self.outputs.append(drain(self.machine))

    @property
    def phase(self) -> Enum:
        return self.case.phase(self.machine)

    def play(self, script: Script) -> None:
        for step, pause_ms in script:
            if step is Step.EVENT:
                self.now = Instant(self.now + pause_ms // 30)
                self.receive(self.case.events(self.dice, self.now))
                continue
            due = self.machine.next_timeout()
            if step is Step.DUE and due is not None:
                self.now = max(self.now, due)
            elif step is Step.WAIT:
                self.now = Instant(self.now + pause_ms)
            self.let_time_act()

    def receive(self, event: object) -> None:
        before = self.phase
        cell = self.case.table.cells[before, type(event)]
        self.cells.add((before, type(event)))
        refusal = feed(self.machine, event, self.now)
        if isinstance(cell, Refused):
            assert refusal is cell.code
        self.case.table.check_step(before, event, self.phase)
        outputs = self.keep(event)
        if refusal is not None or not isinstance(cell, Handled):
            assert self.phase is before
            assert outputs == []
        self.check_end(before)

    def let_time_act(self) -> None:
        """Wake the machine twice: before it is due nothing happens, and once it has acted nothing is due any more."""
        before, due = self.phase, self.machine.next_timeout()
        self.machine.handle_timeout(self.now)
        after, next_due, outputs = self.phase, self.machine.next_timeout(), self.keep(TIMEOUT)
        if due is None or self.now < due:
            assert (after, next_due, outputs) == (before, due, [])
        elif TimeoutReached in self.case.table.events:
            self.cells.add((before, TimeoutReached))
            self.case.table.check_step(before, TIMEOUT, after)
        assert next_due is None or next_due > self.now
        self.machine.handle_timeout(self.now)
        assert (self.phase, self.machine.next_timeout(), self.keep(TIMEOUT)) == (after, next_due, [])
        self.check_end(before)

    def keep(self, given: object) -> list[object]:
        outputs: list[object] = drain(self.machine)
        self.inputs.append((given, self.now))
        self.outputs.append(outputs)
        return outputs

    def check_end(self, before: Enum) -> None:
        """Nothing leaves a final phase, and whoever has ended does not want to be woken."""
        if before in self.case.table.final:
            assert self.phase is before
        if self.phase in self.case.table.final:
            assert self.machine.next_timeout() is None


@every_machine
@given(script=scripts, seed=seeds)
def test_whatever_comes_it_keeps_to_its_table_and_lets_time_act_once(
    case: MachineCase, script: Script, seed: int
) -> None:
    trial = Trial(case, seed)
    assert trial.phase is case.table.initial
    trial.play(script)


@every_machine
@given(script=scripts, seed=seeds)
def test_the_same_inputs_give_the_same_outputs(case: MachineCase, script: Script, seed: int) -> None:
    trial = Trial(case, seed)
    trial.play(script)
    again = case.make()
    outputs = [drain(again)]
    for given_input, now in trial.inputs:
        feed(again, given_input, now)
        outputs.append(drain(again))
    assert outputs == trial.outputs
    assert case.phase(again) is trial.phase


@every_machine
def test_the_adversary_meets_every_phase_with_every_event(case: MachineCase) -> None:
    # Guards the properties above against testing nothing. In a final phase no time is asked for.
    wanted = {cell for cell in case.table.cells if cell[1] is not TimeoutReached or cell[0] not in case.table.final}
    dice, met = random.Random(1), set[tuple[Enum, type]]()
    for seed in range(300):
        trial = Trial(case, seed)
        trial.play([(dice.choice(tuple(Step)[: 1 + (seed + turn) % 3]), dice.randint(0, 900)) for turn in range(40)])
        met |= trial.cells
        if met == wanted:
            return
    assert met == wanted


def test_every_machine_is_registered() -> None:
    found = []
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "def next_output(" in text else ():
            if isinstance(node, ast.ClassDef) and not any(ast.unparse(kind)[:8] == "Protocol" for kind in node.bases):
                methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                found += [node.name] if methods >= METHODS else []
    assert sorted(found) == [case.name for case in MACHINE_CASES]
    assert [type(case.make()).__name__ for case in MACHINE_CASES] == [case.name for case in MACHINE_CASES]
