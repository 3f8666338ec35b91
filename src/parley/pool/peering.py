"""What the peer book takes in and puts out, and the transition tables of the book and of one peer's life.

Source: docs/spec/peers.md §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import Address
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Cell, Handled, Ignored, TimeoutReached, TransitionTable

__all__ = [
    "PEER_BOOK_TABLE",
    "PEER_TABLE",
    "AddressAdded",
    "AddressRemoved",
    "AddressesReceived",
    "AskAddresses",
    "Closed",
    "HelloAccepted",
    "HelloAnswered",
    "HelloFailed",
    "HelloReceived",
    "Link",
    "LinkUsed",
    "LinksNow",
    "Misbehaved",
    "PeerBookEvent",
    "PeerBookOutput",
    "PeerBookPhase",
    "PeerPhase",
    "PeerStatus",
    "Remember",
    "Reply",
    "Report",
    "SayHello",
    "Started",
]


class PeerBookPhase(Enum):
    """Whether the book makes links."""

    OPEN = auto()
    CLOSED = auto()


class PeerPhase(Enum):
    """Where one address is in its life as a peer."""

    UNKNOWN = auto()
    KNOWN = auto()
    GREETING = auto()
    LINKED = auto()
    PAUSED = auto()
    BANNED = auto()


@dataclass(frozen=True, slots=True)
class Started:
    """The node begins: what its owner set, and what was remembered. May come more than once."""

    static: tuple[Address, ...] = ()
    anchors: tuple[Address, ...] = ()
    known: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressAdded:
    """The owner named an address: to keep linked for ever (`is_static`), or to try like any other."""

    address: Address
    is_static: bool = True


@dataclass(frozen=True, slots=True)
class AddressRemoved:
    """The owner wants an address forgotten; a link to it ends."""

    address: Address


@dataclass(frozen=True, slots=True)
class HelloAnswered:
    """A `SayHello` was answered, and the signature of the answer verified.

    Attributes:
        exchange: of the `Ask`.
        node_id: who signed the answer.
        claimed_address: the text that the peer gave as its own address.
    """

    exchange: int
    node_id: NodeId
    claimed_address: str | None = None


@dataclass(frozen=True, slots=True)
class HelloFailed:
    """An `Ask` of either kind was refused, not answered in time, or answered with nonsense."""

    exchange: int
    code: ErrorCode


@dataclass(frozen=True, slots=True)
class AddressesReceived:
    """An `AskAddresses` was answered with these texts."""

    exchange: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HelloReceived:
    """Somebody greets this node; the signature of the request was verified.

    Attributes:
        token: for the `Reply`, which may come only after a call-back.
        node_id: who signed.
        address: the text that the caller gave as its own address.
        source_host: the IP address of the connection, as the socket tells it.
    """

    token: int
    node_id: NodeId
    address: str | None
    source_host: str


@dataclass(frozen=True, slots=True)
class Misbehaved:
    """A node broke the protocol, as the router or the server saw it."""

    node_id: NodeId
    code: ErrorCode
    evidence: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkUsed:
    """A link answered a query; `is_useful` when it brought verified records that were new."""

    node_id: NodeId
    is_useful: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """The node stops: answer whoever waits, end all links."""


@dataclass(frozen=True, slots=True)
class SayHello:
    """Greet this address; with an expected id the request is addressed to that node only."""

    address: Address
    expected_node_id: NodeId | None


@dataclass(frozen=True, slots=True)
class AskAddresses:
    """Ask this link for `limit` addresses."""

    node_id: NodeId
    address: Address
    limit: int


@dataclass(frozen=True, slots=True)
class Link:
    """A peer that this node talks to; `is_outbound` when this node chose it."""

    node_id: NodeId
    address: Address
    is_outbound: bool


@dataclass(frozen=True, slots=True)
class LinksNow:
    """These are the links now, oldest first."""

    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class HelloAccepted:
    """The hello may be answered; `is_link` when the caller is a link, so that its requests are served freely."""

    is_link: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the hello with this token."""

    token: int
    answer: HelloAccepted | Rejected


@dataclass(frozen=True, slots=True)
class Remember:
    """Store these addresses for the next start; the best come first."""

    anchors: tuple[Address, ...]
    known: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the owner that a peer was paused or banned, for what, and until when."""

    node_id: NodeId
    address: Address
    code: ErrorCode
    evidence: tuple[bytes, ...]
    until_ms: Instant


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer as it is shown.

    Attributes:
        address: where it is.
        node_id: who answered there last; None when nobody has.
        phase: where it is in its life.
        is_static: set by the owner.
        is_anchor: dialled first after a restart.
        is_outbound: chosen by this node; False for a peer that is no link.
        points: of misbehaviour, now.
        reasons: what it was charged for, and how often.
        failures: greetings in a row that failed.
        useful: answers that brought something new, since the link was made.
        linked_ms: since when it is linked; None when it is not.
        seen_ms: when it last answered; None when it never has.
        next_ms: when it is greeted next or free again.
        id_changes: how often another node answered at this address than before.
        claimed_address: what the peer calls its own address: text from a remote.
    """

    address: Address
    node_id: NodeId | None
    phase: PeerPhase
    is_static: bool
    is_anchor: bool
    is_outbound: bool
    points: int
    reasons: tuple[tuple[ErrorCode, int], ...]
    failures: int
    useful: int
    linked_ms: Instant | None
    seen_ms: Instant | None
    next_ms: Instant
    id_changes: int
    claimed_address: str | None


PeerBookEvent = (
    Started
    | AddressAdded
    | AddressRemoved
    | HelloAnswered
    | HelloFailed
    | AddressesReceived
    | HelloReceived
    | Misbehaved
    | LinkUsed
    | Closed
)
PeerBookOutput = Ask[SayHello] | Ask[AskAddresses] | LinksNow | Reply | Remember | Report

_EVENTS: tuple[type, ...] = (
    Started,
    AddressAdded,
    AddressRemoved,
    HelloAnswered,
    HelloFailed,
    AddressesReceived,
    HelloReceived,
    Misbehaved,
    LinkUsed,
    Closed,
    TimeoutReached,
)

_STAYS_OPEN = Handled(frozenset({PeerBookPhase.OPEN}))
_STAYS_CLOSED = Handled(frozenset({PeerBookPhase.CLOSED}))
PEER_BOOK_TABLE: TransitionTable[PeerBookPhase] = TransitionTable(
    name="peer_book",
    phases=PeerBookPhase,
    initial=PeerBookPhase.OPEN,
    final=frozenset({PeerBookPhase.CLOSED}),
    events=_EVENTS,
    cells={
        **{(PeerBookPhase.OPEN, event): _STAYS_OPEN for event in _EVENTS},
        **{(PeerBookPhase.CLOSED, event): Ignored() for event in _EVENTS},
        (PeerBookPhase.OPEN, Closed): _STAYS_CLOSED,
        (PeerBookPhase.CLOSED, HelloReceived): _STAYS_CLOSED,
    },
)


# One row per event, one column per phase (UNKNOWN, KNOWN, GREETING, LINKED, PAUSED, BANNED): the initials of
# the phases that may follow; none where the event changes nothing. Every event of the book passes every peer,
# so a cell also says what somebody else's event may do to this one: a newcomer takes its place.
_LIFE: Mapping[type, tuple[str, str, str, str, str, str]] = {
    Started: ("UK", "KU", "G", "L", "P", "BP"),
    AddressAdded: ("UK", "KU", "G", "L", "P", "BP"),
    AddressRemoved: ("", "KU", "GU", "LU", "PU", "UB"),
    HelloAnswered: ("UK", "KU", "GKLPBU", "LKU", "P", "UB"),
    HelloFailed: ("", "", "GKU", "LK", "", ""),
    AddressesReceived: ("UK", "KUPB", "GPB", "LPB", "P", "UB"),
    HelloReceived: ("UG", "KUG", "G", "L", "P", "B"),
    Misbehaved: ("", "KPB", "GPB", "LPB", "P", "UB"),
    LinkUsed: ("", "", "", "L", "", ""),
    Closed: ("", "U", "U", "U", "U", "U"),
    TimeoutReached: ("", "KG", "GKU", "LK", "PK", "BK"),
}
_INITIALS: Mapping[str, PeerPhase] = {phase.name[0]: phase for phase in PeerPhase}


def _cell(initials: str) -> Cell[PeerPhase]:
    return Handled(frozenset(_INITIALS[initial] for initial in initials)) if initials else Ignored()


PEER_TABLE: TransitionTable[PeerPhase] = TransitionTable(
    name="peer",
    phases=PeerPhase,
    initial=PeerPhase.UNKNOWN,
    final=frozenset(),
    events=_EVENTS,
    cells={
        (phase, event): _cell(initials)
        for event, row in _LIFE.items()
        for phase, initials in zip(PeerPhase, row, strict=True)
    },
)
