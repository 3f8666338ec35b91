"""A network in memory: late, lossy, reordering, duplicating, partitioned, with nodes that crash; repeatable by seed.

    network = VirtualNetwork(Conditions(latency=parse_latency("lognormal:50:1"), loss=0.05), seed=7)
    network.send(0, 1, message)
    network.set_alarm(0, Instant(8_000))
    while (event := network.step()) is not None: ...

Nodes are numbers. Time is the network's own: `step` moves it to the next event. Events of one millisecond come in
the order in which they were caused.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Final, Generic, TypeVar

from parley.errors import ConfigError, ErrorCode, LocalError
from parley.primitives.instants import Instant

__all__ = [
    "Alarm",
    "Conditions",
    "Delivery",
    "Latency",
    "LatencyKind",
    "Traffic",
    "VirtualNetwork",
    "parse_latency",
    "replayable",
]

MessageT = TypeVar("MessageT")

_TOR_RELAYS: Final = 6
_TOR_RELAY_MEDIAN_MS: Final = 40
_TOR_RELAY_SIGMA: Final = 0.6
_TOR_STALL_CHANCE: Final = 0.02
_TOR_STALL_MS: Final = (1_000, 5_000)


class LatencyKind(Enum):
    """How the time that a message takes is distributed."""

    CONSTANT = "constant"
    UNIFORM = "uniform"
    LOGNORMAL = "lognormal"
    TOR = "tor"


@dataclass(frozen=True, slots=True)
class Latency:
    """The time that one message takes, one way.

    Attributes:
        kind: of distribution.
        low_ms: the constant; the least of uniform; the median of lognormal. Unused by tor.
        high_ms: the most of uniform. Unused by the others.
        sigma: standard deviation of the logarithm, of lognormal. Unused by the others.
    """

    kind: LatencyKind = LatencyKind.CONSTANT
    low_ms: int = 50
    high_ms: int = 50
    sigma: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: 0 <= low_ms <= high_ms <= 600000 (high_ms only for uniform) or 0 <= sigma <= 5 does not hold.
        """
        high_ms = self.high_ms if self.kind is LatencyKind.UNIFORM else self.low_ms
        if not 0 <= self.low_ms <= high_ms <= 600_000 or not 0 <= self.sigma <= 5:  # noqa: PLR2004  # as documented
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="latency", rule="0 <= low <= high <= 600000 ms")

    def draw_ms(self, source: Random) -> int:
        """Draw the time of one message, 0 ms or more.

        Tor: six relays to an onion service, each lognormal with median 40 ms and sigma 0.6, and in 2 of 100 messages
        a stall of 1 to 5 s; a model of the shape, not a measurement.
        """
        match self.kind:
            case LatencyKind.CONSTANT:
                return self.low_ms
            case LatencyKind.UNIFORM:
                return source.randint(self.low_ms, self.high_ms)
            case LatencyKind.LOGNORMAL:
                return round(self.low_ms * source.lognormvariate(0, self.sigma))
            case LatencyKind.TOR:
                relays = (source.lognormvariate(0, _TOR_RELAY_SIGMA) for _ in range(_TOR_RELAYS))
                stall_ms = source.randint(*_TOR_STALL_MS) if source.random() < _TOR_STALL_CHANCE else 0
                return round(_TOR_RELAY_MEDIAN_MS * sum(relays)) + stall_ms

    def __str__(self) -> str:
        """Return the form that `parse_latency` reads."""
        match self.kind:
            case LatencyKind.CONSTANT:
                return f"constant:{self.low_ms}"
            case LatencyKind.UNIFORM:
                return f"uniform:{self.low_ms}:{self.high_ms}"
            case LatencyKind.LOGNORMAL:
                return f"lognormal:{self.low_ms}:{self.sigma:g}"
            case LatencyKind.TOR:
                return "tor"


def parse_latency(text: str) -> Latency:
    """Read `constant:MS`, `uniform:LOW:HIGH`, `lognormal:MEDIAN:SIGMA` or `tor`.

    Raises:
        ConfigError: none of these, or a number out of range.
    """
    name, *numbers = text.split(":")
    try:
        match LatencyKind(name), numbers:
            case LatencyKind.CONSTANT, [value]:
                return Latency(LatencyKind.CONSTANT, int(value))
            case LatencyKind.UNIFORM, [low, high]:
                return Latency(LatencyKind.UNIFORM, int(low), int(high))
            case LatencyKind.LOGNORMAL, [median, sigma]:
                return Latency(LatencyKind.LOGNORMAL, int(median), sigma=float(sigma))
            case LatencyKind.TOR, []:
                return Latency(LatencyKind.TOR)
    except ValueError:
        pass
    forms = "constant:MS, uniform:LOW:HIGH, lognormal:MEDIAN:SIGMA or tor"
    raise ConfigError(ErrorCode.CONFIG_INVALID, setting="latency", wanted=forms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the network does to messages.

    Attributes:
        latency: of a message, one way.
        is_latency_of_link: each pair of nodes keeps the latency it drew first, instead of one draw per message.
        loss: chance that a message never arrives, 0..1.
        duplication: chance that a message arrives twice, the second time after a latency of its own, 0..1.
        reordering: chance that a message is held back, 0..1.
        held_back_ms: the longest a held back message waits on top of its latency.
    """

    latency: Latency = field(default_factory=Latency)
    is_latency_of_link: bool = False
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    held_back_ms: int = 1_000

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a chance is outside 0..1, or held_back_ms is negative.
        """
        for name in ("loss", "duplication", "reordering"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, minimum=0, maximum=1)
        if self.held_back_ms < 0:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="held_back_ms", minimum=0)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[MessageT]):
    """A message arrives."""

    source: int
    target: int
    message: MessageT
    at: Instant


@dataclass(frozen=True, slots=True)
class Alarm:
    """A moment that a node asked to be told of has come."""

    node: int
    at: Instant


@dataclass(slots=True)
class Traffic:
    """What the network did so far, in messages."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    duplicated: int = 0


class VirtualNetwork(Generic[MessageT]):
    """Carries messages between numbered nodes in virtual time."""

    def __init__(self, conditions: Conditions, *, seed: int | str, now: Instant = Instant(0)) -> None:  # noqa: B008
        """Begin with nothing under way.

        Args:
            conditions: what happens to messages.
            seed: of all chance; the same seed and the same calls give the same events.
            now: the first moment.
        """
        self.seed = seed
        self.now = now
        self.traffic = Traffic()
        self._conditions = conditions
        self._source = Random(f"network/{seed}")
        self._events: list[tuple[int, int, int, int, MessageT | None]] = []
        self._caused = 0
        self._under_way = 0
        self._link_latency_ms: dict[tuple[int, int], int] = {}
        self._crashed: set[int] = set()
        self._side: dict[int, int] = {}

    def __repr__(self) -> str:
        """Return the seed, to be printed where something fails."""
        return f"VirtualNetwork(seed={self.seed!r}, now={self.now})"

    @property
    def under_way(self) -> int:
        """How many messages have been sent and have not arrived, been lost or met a crashed node."""
        return self._under_way

    def send(self, source: int, target: int, message: MessageT) -> None:
        """Send a message; whether, when and how often it arrives is the network's to say."""
        conditions = self._conditions
        self.traffic.sent += 1
        if source in self._crashed or self._is_cut(source, target) or self._happens(conditions.loss):
            self.traffic.lost += 1
            return
        self._carry(source, target, message)
        if self._happens(conditions.duplication):
            self.traffic.duplicated += 1
            self._carry(source, target, message)

    def set_alarm(self, node: int, moment: Instant) -> None:
        """Have `step` return an `Alarm` for the node at this moment; at once when it has passed."""
        self._schedule(max(moment, self.now), -1, node, None)

    def crash(self, node: int) -> None:
        """Stop a node: what it sends, what reaches it and its alarms are lost until it restarts."""
        self._crashed.add(node)

    def restart(self, node: int) -> None:
        """Let a node send and receive again; what it missed stays lost."""
        self._crashed.discard(node)

    def is_crashed(self, node: int) -> bool:
        """Say whether a node is stopped."""
        return node in self._crashed

    def partition(self, sides: Iterable[Collection[int]]) -> None:
        """Cut the network: nodes on different sides do not reach each other; a node on no side reaches all.

        Raises:
            LocalError: a node is on two sides.
        """
        self._side = {}
        for number, side in enumerate(sides):
            for node in side:
                if node in self._side:
                    raise LocalError(ErrorCode.INVALID_ARGUMENT, node_on_two_sides=node)
                self._side[node] = number

    def heal(self) -> None:
        """Undo the partition; what was cut off stays lost."""
        self._side = {}

    def next_event_at(self) -> Instant | None:
        """Return when `step` has something to return, at the earliest, or None when nothing is to come."""
        return Instant(self._events[0][0]) if self._events else None

    def step(self) -> Delivery[MessageT] | Alarm | None:
        """Move to the next event and return it, or None when there is none."""
        while self._events:
            moment, _, source, target, message = heapq.heappop(self._events)
            self.now = Instant(moment)
            if message is None:
                if target not in self._crashed:
                    return Alarm(target, self.now)
                continue
            self._under_way -= 1
            if target in self._crashed or self._is_cut(source, target):
                self.traffic.lost += 1
                continue
            self.traffic.delivered += 1
            return Delivery(source, target, message, self.now)
        return None

    def wait_until(self, moment: Instant) -> None:
        """Let time pass with nothing to come.

        Raises:
            LocalError: something is to come before that moment; `step` first.
        """
        if self._events and self._events[0][0] < moment:
            raise LocalError(ErrorCode.WRONG_STATE, next_event_ms=self._events[0][0], moment_ms=moment)
        self.now = max(self.now, moment)

    def _carry(self, source: int, target: int, message: MessageT) -> None:
        conditions = self._conditions
        wait_ms = self._latency_ms(source, target)
        if self._happens(conditions.reordering):
            wait_ms += self._source.randint(0, conditions.held_back_ms)
        self._under_way += 1
        self._schedule(self.now + wait_ms, source, target, message)

    def _latency_ms(self, source: int, target: int) -> int:
        if not self._conditions.is_latency_of_link:
            return self._conditions.latency.draw_ms(self._source)
        link = (source, target) if source < target else (target, source)
        known_ms = self._link_latency_ms.get(link)
        if known_ms is None:
            known_ms = self._link_latency_ms[link] = self._conditions.latency.draw_ms(self._source)
        return known_ms

    def _schedule(self, moment_ms: int, source: int, target: int, message: MessageT | None) -> None:
        self._caused += 1
        heapq.heappush(self._events, (moment_ms, self._caused, source, target, message))

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._source.random() < chance

    def _is_cut(self, source: int, target: int) -> bool:
        if not self._side:
            return False
        sides = self._side.get(source), self._side.get(target)
        return None not in sides and sides[0] != sides[1]


@contextmanager
def replayable(seed: int | str) -> Iterator[None]:
    """Add the seed to whatever escapes the block, so that a failure says how to repeat it."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed: {seed}")
        raise
