"""What the router takes in and puts out, and its transition table.

Source: docs/spec/pool.md §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from parley.errors import ErrorCode, Rejected
from parley.pool.messages import Answer, Query
from parley.primitives.ids import NodeId
from parley.protocol.machine import Ask, Blame, Handled, Ignored, TimeoutReached, TransitionTable

__all__ = [
    "ROUTER_TABLE",
    "AnswerReceived",
    "AskFailed",
    "AskLink",
    "Closed",
    "LinksChanged",
    "OwnerQueried",
    "QueryReceived",
    "Reply",
    "RouterEvent",
    "RouterOutput",
    "RouterPhase",
]


class RouterPhase(Enum):
    """Whether the router takes queries."""

    OPEN = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class OwnerQueried:
    """A wallet of this node asks; `query.remaining` is the deepness. Equal queries under way are merged."""

    token: int
    query: Query


@dataclass(frozen=True, slots=True)
class QueryReceived:
    """A peer asks, or a stranger who has earned it (`is_paid`, not debited)."""

    token: int
    link: NodeId
    query: Query
    is_paid: bool = False


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """A link answered an `Ask`."""

    exchange: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class AskFailed:
    """A link refused an `Ask`, was not reached, or answered nonsense."""

    exchange: int
    code: ErrorCode


@dataclass(frozen=True, slots=True)
class LinksChanged:
    """These are the links now."""

    links: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """The node stops: answer whoever waits, take nothing new."""


@dataclass(frozen=True, slots=True)
class AskLink:
    """Put this query to this link."""

    link: NodeId
    query: Query


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer whoever asked with this token."""

    token: int
    answer: Answer | Rejected


RouterEvent = OwnerQueried | QueryReceived | AnswerReceived | AskFailed | LinksChanged | Closed
RouterOutput = Ask[AskLink] | Reply | Blame

_STAYS_OPEN = Handled(frozenset({RouterPhase.OPEN}))
_STAYS_CLOSED = Handled(frozenset({RouterPhase.CLOSED}))
ROUTER_TABLE: TransitionTable[RouterPhase] = TransitionTable(
    name="router",
    phases=RouterPhase,
    initial=RouterPhase.OPEN,
    final=frozenset({RouterPhase.CLOSED}),
    events=(OwnerQueried, QueryReceived, AnswerReceived, AskFailed, LinksChanged, Closed, TimeoutReached),
    cells={
        (RouterPhase.OPEN, OwnerQueried): _STAYS_OPEN,
        (RouterPhase.OPEN, QueryReceived): _STAYS_OPEN,
        (RouterPhase.OPEN, AnswerReceived): _STAYS_OPEN,
        (RouterPhase.OPEN, AskFailed): _STAYS_OPEN,
        (RouterPhase.OPEN, LinksChanged): _STAYS_OPEN,
        (RouterPhase.OPEN, Closed): _STAYS_CLOSED,
        (RouterPhase.OPEN, TimeoutReached): _STAYS_OPEN,
        (RouterPhase.CLOSED, OwnerQueried): _STAYS_CLOSED,
        (RouterPhase.CLOSED, QueryReceived): _STAYS_CLOSED,
        (RouterPhase.CLOSED, AnswerReceived): Ignored(),
        (RouterPhase.CLOSED, AskFailed): Ignored(),
        (RouterPhase.CLOSED, LinksChanged): Ignored(),
        (RouterPhase.CLOSED, Closed): Ignored(),
        (RouterPhase.CLOSED, TimeoutReached): Ignored(),
    },
)
