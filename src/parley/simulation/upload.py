"""The price of tickets under honest load and under a flood: the node's own controller, on a virtual clock.

Honest senders come at random moments, ask for a ticket, search at their own speed at the price of that moment, and
present the work. Whoever finds the price above what it is willing to compute gives up. The flood is one machine that
does nothing but earn tickets, under a new name each (`names`), under one name (`one-name`), or from tickets that it
fetched at the floor before it began (`hoard`). Searching is simulated by its law, the exponential distribution.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from statistics import median
from typing import Final

from parley.errors import ConfigError, ErrorCode
from parley.primitives.instants import Instant
from parley.simulation.estimates import percentile
from parley.upload.config import UploadConfig
from parley.upload.price import PriceController

__all__ = ["Flood", "MinuteRow", "UploadReport", "UploadSimulation", "simulate_upload"]

_MINUTE_MS: Final = 60_000
_TRIES_PER_UNIT: Final = 4_096
_START: Final = Instant(1_800_000_000_000)
_FLOODER: Final = b"flooder"
_SETTLING_MINUTES: Final = 10

_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "senders": (0, 10_000),
    "messages_per_hour": (1, 600),
    "sender_tries_per_second": (1_000, 10**9),
    "flood_tries_per_second": (1_000, 10**12),
    "patience_s": (1, 86_400),
    "minutes": (1, 1_440),
    "flood_from": (0, 1_440),
    "flood_until": (0, 1_440),
    "seed": (0, 2**63),
}


class Flood(Enum):
    """How the tickets of the flood are earned."""

    NONE = "none"
    NAMES = "names"
    ONE_NAME = "one-name"
    HOARD = "hoard"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSimulation:
    """What is simulated."""

    upload: UploadConfig = field(default_factory=UploadConfig)
    """The limits of the node."""
    flood: Flood = Flood.NAMES
    """How the tickets of the flood are earned."""
    senders: int = 200
    """Honest senders."""
    messages_per_hour: int = 6
    """What one honest sender sends, on average."""
    sender_tries_per_second: int = 2_200_000
    """How fast an honest sender searches: a tuned loop in Python on one core."""
    flood_tries_per_second: int = 176_000_000
    """How fast the flood searches: two cores with AVX-512."""
    patience_s: int = 300
    """How long an honest sender is willing to compute for one message, on average."""
    minutes: int = 150
    """How long the simulation runs."""
    flood_from: int = 30
    """The minute in which the flood begins."""
    flood_until: int = 90
    """The minute in which the flood ends."""
    seed: int = 1
    """Of all chance."""

    def __post_init__(self) -> None:
        """Check each range.

        Raises:
            ConfigError: a value is outside its range.
        """
        for item in fields(self):
            if item.name in _RANGES:
                low, high = _RANGES[item.name]
                if not low <= getattr(self, item.name) <= high:
                    raise ConfigError(ErrorCode.CONFIG_INVALID, setting=item.name, minimum=low, maximum=high)


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """One minute.

    Attributes:
        minute: from 0.
        units: the price without surcharge at its end.
        honest: tickets earned by honest senders.
        flood: tickets earned by the flood.
        given_up: honest senders who found the price too high.
        waits_s: how long each honest sender computed who was done in this minute.
    """

    minute: int
    units: int
    honest: int
    flood: int
    given_up: int
    waits_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What came of one simulation.

    Attributes:
        config: what was simulated.
        minutes: one row each.
        reversals: how often the price turned from rising to falling or back, while the flood lasted and after its
            first ten minutes.
    """

    config: UploadSimulation
    minutes: tuple[MinuteRow, ...]
    reversals: int

    def during(self) -> tuple[MinuteRow, ...]:
        """Return the minutes of the flood, without those in which the price settles."""
        first = self.config.flood_from + _SETTLING_MINUTES
        return tuple(row for row in self.minutes if first <= row.minute < self.config.flood_until)

    def document(self) -> dict[str, object]:
        """Return the report as JSON takes it."""
        return {
            "flood": self.config.flood.value,
            "seed": self.config.seed,
            "reversals": self.reversals,
            "minutes": [
                {
                    "minute": row.minute,
                    "units": row.units,
                    "honest": row.honest,
                    "flood": row.flood,
                    "given_up": row.given_up,
                    "wait_median_s": round(median(row.waits_s), 3) if row.waits_s else None,
                    "wait_p95_s": round(percentile(row.waits_s, 0.95), 3) if row.waits_s else None,
                }
                for row in self.minutes
            ],
        }


def simulate_upload(config: UploadSimulation) -> UploadReport:
    """Run one simulation; the same configuration gives the same report.

    Args:
        config: what to simulate.
    """
    world = _World(config)
    rows = tuple(world.run_minute(minute) for minute in range(config.minutes))
    return UploadReport(config, rows, world.reversals)


class _World:
    """One node, its honest senders and the flood."""

    def __init__(self, config: UploadSimulation) -> None:
        self.reversals = 0
        self._config = config
        self._price = PriceController(config.upload)
        self._dice = random.Random(config.seed)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self._level = 0
        self._was_up: bool | None = None
        self._honest, self._flooded, self._given_up = 0, 0, 0
        self._waits_s: list[float] = []
        for number in range(config.senders):
            self._plan_message(0.0, b"sender %d" % number)
        if config.flood is not Flood.NONE:
            self._at(config.flood_from * 60.0, self._flood)

    def run_minute(self, minute: int) -> MinuteRow:
        """Let one minute pass."""
        self._honest, self._flooded, self._given_up, self._waits_s = 0, 0, 0, []
        while self._events and self._events[0][0] < (minute + 1) * 60:
            moment_s, _, act = heapq.heappop(self._events)
            act(moment_s)
            self._watch(moment_s)
        units = self._price.view(_instant(60.0 * (minute + 1))).units
        return MinuteRow(minute, units, self._honest, self._flooded, self._given_up, tuple(self._waits_s))

    def _at(self, moment_s: float, act: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment_s, self._count, act))

    def _plan_message(self, after_s: float, name: bytes) -> None:
        pause_s = self._dice.expovariate(self._config.messages_per_hour / 3_600)
        self._at(after_s + pause_s, lambda now_s: self._ask(now_s, name))

    def _ask(self, now_s: float, name: bytes) -> None:
        self._plan_message(now_s, name)
        self._price.note_request(name, _instant(now_s))
        tries = self._price.units(name, _instant(now_s)) * _TRIES_PER_UNIT
        if tries > self._config.patience_s * self._config.sender_tries_per_second:
            self._given_up += 1
            return
        wait_s = self._dice.expovariate(self._config.sender_tries_per_second / tries)
        self._at(now_s + wait_s, lambda done_s: self._earn(done_s, name, now_s))

    def _earn(self, now_s: float, name: bytes, asked_s: float) -> None:
        self._price.note_spent(name, _instant(asked_s), _instant(now_s))
        self._honest += 1
        self._waits_s.append(now_s - asked_s)

    def _flood(self, now_s: float) -> None:
        """Ask for the next ticket of the flood, and plan when its work is done."""
        config = self._config
        if now_s >= config.flood_until * 60:
            return
        name = _FLOODER if config.flood is Flood.ONE_NAME else b"flooder %d" % self._count
        asked_s = now_s
        units = self._price.units(name, _instant(now_s))
        fetched_s = config.flood_from * 60.0 - 1
        if config.flood is Flood.HOARD and self._price.is_honoured(_instant(fetched_s), _instant(now_s)):
            asked_s, units = fetched_s, config.upload.floor_units
        wait_s = self._dice.expovariate(config.flood_tries_per_second / (units * _TRIES_PER_UNIT))
        self._at(now_s + wait_s, lambda done_s: self._earn_flood(done_s, name, asked_s))

    def _earn_flood(self, now_s: float, name: bytes, asked_s: float) -> None:
        self._price.note_spent(name, _instant(asked_s), _instant(now_s))
        self._flooded += 1
        self._flood(now_s)

    def _watch(self, now_s: float) -> None:
        """Count the turns of the price while the flood lasts, once it has had time to settle."""
        level, before = self._price.level, self._level
        self._level = level
        first_s = (self._config.flood_from + _SETTLING_MINUTES) * 60
        if level == before or not first_s <= now_s < self._config.flood_until * 60:
            return
        is_up = level > before
        self.reversals += self._was_up is not None and self._was_up != is_up
        self._was_up = is_up


def _instant(moment_s: float) -> Instant:
    return Instant(_START + int(moment_s * 1_000))
