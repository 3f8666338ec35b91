"""The one interface of everything that waits, and its transition table as data.

A machine is driven by somebody else: inputs come through `receive`, time through `handle_timeout`,
effects leave through `next_output`. It reads no clock, no entropy and no socket, so the same machine
runs in a node, in a wallet, in the simulator and in a test, and replaying its inputs gives its outputs.

The transition table names, for every (phase, event) pair, whether the event is handled (and which phases
may follow), ignored, or refused. The documents' diagrams and the exhaustive tests are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.instants import Instant

__all__ = [
    "Ask",
    "Blame",
    "Cell",
    "Fail",
    "Finish",
    "Handled",
    "Ignored",
    "Machine",
    "Publish",
    "Refused",
    "Send",
    "TimeoutReached",
    "TransitionTable",
    "drain",
]

EventT_contra = TypeVar("EventT_contra", contravariant=True)
OutputT_co = TypeVar("OutputT_co", covariant=True)
ValueT = TypeVar("ValueT")
PhaseT = TypeVar("PhaseT", bound=Enum)


class Machine(Protocol[EventT_contra, OutputT_co]):
    """Everything that waits: a query, a session, a redemption."""

    def receive(self, event: EventT_contra, now: Instant) -> None:
        """Take one input in.

        Raises:
            PeerError: the event breaks the protocol; the state is unchanged. Whatever else escapes is our bug.
        """

    def handle_timeout(self, now: Instant) -> None:
        """Let time act. Idempotent; does nothing before `next_timeout()`."""

    def next_timeout(self) -> Instant | None:
        """Return when `handle_timeout` wants to be called next, or None."""

    def next_output(self) -> OutputT_co | None:
        """Take the next effect to perform, or None when there is none."""


@dataclass(frozen=True, slots=True)
class Send(Generic[ValueT]):
    """Send a message to a peer; no answer is awaited."""

    to: bytes
    message: ValueT


@dataclass(frozen=True, slots=True)
class Publish(Generic[ValueT]):
    """Publish a value to the world (a chain, the pool)."""

    value: ValueT


@dataclass(frozen=True, slots=True)
class Ask(Generic[ValueT]):
    """Ask a question whose answer returns as an event that carries `exchange`."""

    exchange: int
    query: ValueT


@dataclass(frozen=True, slots=True)
class Blame:
    """Hold somebody responsible.

    Attributes:
        culprit: public key of the one to blame.
        code: what for.
        evidence: encoded messages that prove it; empty when only seen by us.
    """

    culprit: bytes
    code: ErrorCode
    evidence: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish(Generic[ValueT]):
    """The machine is done and this is its result."""

    value: ValueT


@dataclass(frozen=True, slots=True)
class Fail:
    """The machine gave up for good."""

    code: ErrorCode


@dataclass(frozen=True, slots=True)
class TimeoutReached:
    """The event that stands for time in a transition table."""


@dataclass(frozen=True, slots=True)
class Handled(Generic[PhaseT]):
    """The event acts; `next_phases` are the phases that may follow."""

    next_phases: frozenset[PhaseT]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event is lawful and changes nothing (a late answer, a repeat)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The event raises `PeerError(code)` and changes nothing."""

    code: ErrorCode


Cell = Handled[PhaseT] | Ignored | Refused


@dataclass(frozen=True, slots=True)
class TransitionTable(Generic[PhaseT]):
    """Which event may act in which phase: complete by construction.

    Attributes:
        name: of the machine, as the documents call it.
        phases: the enumeration of phases.
        initial: the phase of a new machine.
        final: the phases that nothing leaves.
        events: the event classes, `TimeoutReached` among them where time acts.
        cells: one cell for every (phase, event class).
    """

    name: str
    phases: type[PhaseT]
    initial: PhaseT
    final: frozenset[PhaseT]
    events: tuple[type, ...]
    cells: Mapping[tuple[PhaseT, type], Cell[PhaseT]]

    def __post_init__(self) -> None:
        """Refuse a table with a hole, a stray cell, or a way out of a final phase."""
        wanted = {(phase, event) for phase in self.phases for event in self.events}
        if set(self.cells) != wanted:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, table=self.name, wanted=len(wanted), got=len(self.cells))
        for (phase, _), cell in self.cells.items():
            if phase in self.final and isinstance(cell, Handled) and cell.next_phases != {phase}:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, table=self.name, leaves_final=phase.name)

    def is_handled(self, phase: PhaseT, event: object) -> bool:
        """Say whether the event acts in this phase.

        Raises:
            PeerError: the table refuses the event here.
            LocalError: the event is of a class that the table does not know.
        """
        cell = self.cells.get((phase, type(event)))
        if cell is None:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, table=self.name, event=type(event).__name__)
        if isinstance(cell, Refused):
            raise PeerError(cell.code, machine=self.name, phase=phase.name, event=type(event).__name__)
        return isinstance(cell, Handled)

    def check_step(self, before: PhaseT, event: object, after: PhaseT) -> None:
        """Check that a step which was taken is one the table allows.

        Raises:
            LocalError: the code and its table disagree.
        """
        cell = self.cells[before, type(event)]
        allowed = cell.next_phases if isinstance(cell, Handled) else frozenset({before})
        if after not in allowed:
            raise LocalError(ErrorCode.WRONG_STATE, machine=self.name, before=before.name, after=after.name)

    def edges(self) -> Iterable[tuple[PhaseT, type, PhaseT]]:
        """Yield every allowed (phase, event class, next phase), in the order of the enumeration."""
        for phase in self.phases:
            for event in self.events:
                cell = self.cells[phase, event]
                if isinstance(cell, Handled):
                    for after in self.phases:
                        if after in cell.next_phases:
                            yield phase, event, after


def drain(machine: Machine[EventT_contra, ValueT]) -> list[ValueT]:
    """Take all waiting outputs of a machine, in order."""
    outputs: list[ValueT] = []
    while (output := machine.next_output()) is not None:
        outputs.append(output)
    return outputs
