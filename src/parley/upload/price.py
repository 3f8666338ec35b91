"""What a ticket costs: a price that follows the work that arrives, and a surcharge for who sends much.

    arriving   units of work of the tickets that were earned, in a minute, smoothed: half is forgotten after each
               half life
    demand     arriving / price: how many tickets a minute that work earns at the price of today
    price      a rung of a ladder from the floor to the ceiling, each about √2 times the one before
               up    while demand > 5/4 of the target
               down  while demand < 1/2 of the target

Free requests do not count: whoever wants to raise the price has to work for it. What counts is the work and not the
number of tickets, priced as it was when the ticket was issued. So a rise takes effect in the estimate at once, and
tickets that were fetched cheaply before a rise and are spent after it do not raise the price further. A ticket whose
price is less than a quarter of the present one is honoured for a few minutes only (`is_honoured`).

No rung is left in both directions by the same demand: a step up leaves a demand of at least 5/8 of the target (the
smallest rungs are 1 and 2), which is more than a half, and a step down leaves at most a demand below the upper bound.

The surcharge multiplies: each recent ticket of a sender adds a half (as configured), and recent ones fade. It makes a
flood under one name expensive for that name alone; a flood under many names is the price's to stop. Only what was
earned counts, so naming somebody in free requests does not make their tickets dearer.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from parley.primitives.instants import Instant
from parley.upload.config import UploadConfig

__all__ = ["PriceController", "PriceView", "ladder"]

_MINUTE_MS: Final = 60_000
_UPPER: Final = 1.25
_LOWER: Final = 0.5
_CHANGES_MAX: Final = 256
_HONOURED_FACTOR: Final = 4
"""A price that has risen by more than this is a new price for old tickets too, once they are old enough."""

_FORGOTTEN: Final = 1 / 16
"""Below this many recent tickets, a sender is forgotten."""


def ladder(floor_units: int, ceiling_units: int) -> tuple[int, ...]:
    """Return the prices from the floor to the ceiling, each about √2 times the one before.

    Args:
        floor_units: 1 or more.
        ceiling_units: at least the floor.

    Returns:
        Strictly ascending; the first is the floor, the last the ceiling.
    """
    rungs: list[int] = [floor_units]
    doublings = 1
    while (rung := math.isqrt(floor_units * floor_units << doublings)) < ceiling_units:
        if rung > rungs[-1]:
            rungs.append(rung)
        doublings += 1
    if ceiling_units > rungs[-1]:
        rungs.append(ceiling_units)
    return tuple(rungs)


@dataclass(frozen=True, slots=True)
class PriceView:
    """What the operator may see.

    Attributes:
        units: the price without a surcharge.
        level: its place on the ladder, 0 is the floor.
        levels: how many there are.
        requests_per_minute: tickets asked for, smoothed.
        demand_per_minute: tickets that the arriving work earns at this price, smoothed.
        busy_senders: how many senders have a surcharge.
    """

    units: int
    level: int
    levels: int
    requests_per_minute: float
    demand_per_minute: float
    busy_senders: int


class _Fading:
    """A sum of which half is forgotten after each half life."""

    __slots__ = ("_amount", "_at", "_half_life_ms")

    def __init__(self, half_life_ms: int) -> None:
        self._half_life_ms = half_life_ms
        self._amount = 0.0
        self._at = Instant(0)

    def read(self, now: Instant) -> float:
        """Return what is left; a clock that goes back changes nothing, and from a minute on it fades from there on."""
        if now > self._at:
            self._amount *= 2.0 ** ((self._at - now) / self._half_life_ms)
        if now > self._at or self._at - now > _MINUTE_MS:
            # Steps that overtake each other by a little are no step of the clock, and must not fade twice.
            self._at = now
        return self._amount

    def add(self, amount: float, now: Instant, *, maximum: float = math.inf) -> None:
        """Add to what is left, up to a maximum."""
        self._amount = min(self.read(now) + amount, maximum)


class PriceController:
    """The price of one node's tickets; its memory is bounded, and a restart begins at the floor.

    Attributes:
        level: place of the price on the ladder when it was last looked at; 0 is the floor.
    """

    def __init__(self, config: UploadConfig) -> None:
        """Begin at the floor.

        Args:
            config: the limits.
        """
        self._config = config
        self._ladder = ladder(config.floor_units, config.ceiling_units)
        self.level = 0
        self._changes: deque[tuple[Instant, int]] = deque([(Instant(0), self._ladder[0])], maxlen=_CHANGES_MAX)
        self._per_minute = math.log(2) * _MINUTE_MS / config.demand_half_life_ms
        self._work = _Fading(config.demand_half_life_ms)
        self._requests = _Fading(config.demand_half_life_ms)
        # In the order of their last ticket, so that the first is the first to be forgotten.
        self._senders: dict[bytes, _Fading] = {}
        percent = max(config.surcharge_percent, 1)
        self._recent_max = (config.surcharge_factor_max - 1) * 100 / percent

    def note_request(self, sender: bytes, now: Instant) -> None:
        """Take note of a request, which is free and moves no price.

        Args:
            sender: as claimed by whoever asks.
            now: the moment.
        """
        del sender
        self._requests.add(1, now)

    def note_spent(self, sender: bytes, issued_ms: Instant, now: Instant) -> None:
        """Take note of a ticket that was earned by work.

        Args:
            sender: of the ticket.
            issued_ms: when the ticket was issued, hence priced.
            now: the moment at which the work was accepted.
        """
        self._work.add(self._units_at(issued_ms), now)
        self._settle(now)
        recent = self._senders.pop(sender, None) or _Fading(self._config.surcharge_half_life_ms)
        recent.add(1, now, maximum=self._recent_max)
        self._senders[sender] = recent
        self._forget(now)

    def is_honoured(self, issued_ms: Instant, now: Instant) -> bool:
        """Say whether work at the price of an earlier moment may still be accepted.

        Without this, whoever fetches a heap of tickets while they are cheap could go on earning them at that price
        for as long as they live. Who is refused asks anew; it is no wrong answer.

        Args:
            issued_ms: when the ticket was issued.
            now: the moment of the judgement.
        """
        if now - issued_ms <= self._config.price_holds_ms:
            return True
        self._settle(now)
        return self._units_at(issued_ms) * _HONOURED_FACTOR >= self._ladder[self.level]

    def units(self, sender: bytes, now: Instant) -> int:
        """Return what a ticket for this sender costs now, in units of work.

        Args:
            sender: as claimed by whoever asks.
            now: the moment.

        Returns:
            floor <= units <= ceiling times the largest factor.
        """
        self._settle(now)
        base = self._ladder[self.level]
        recent = self._senders.get(sender)
        if recent is None or not self._config.surcharge_percent:
            return base
        surcharge = recent.read(now) * self._config.surcharge_percent / 100
        return min(int(base * (1 + surcharge)), base * self._config.surcharge_factor_max)

    def view(self, now: Instant) -> PriceView:
        """Return what the operator may see."""
        self._settle(now)
        self._forget(now)
        return PriceView(
            units=self._ladder[self.level],
            level=self.level,
            levels=len(self._ladder),
            requests_per_minute=self._requests.read(now) * self._per_minute,
            demand_per_minute=self._demand(now),
            busy_senders=len(self._senders),
        )

    def _demand(self, now: Instant) -> float:
        return self._work.read(now) * self._per_minute / self._ladder[self.level]

    def _settle(self, now: Instant) -> None:
        """Move to the next rung at which the demand lies between the bounds, or to the end of the ladder."""
        before = self.level
        target = self._config.target_per_minute
        while self.level + 1 < len(self._ladder) and self._demand(now) > _UPPER * target:
            self.level += 1
        while self.level > 0 and self._demand(now) < _LOWER * target:
            self.level -= 1
        if self.level != before:
            self._changes.append((now, self._ladder[self.level]))

    def _units_at(self, moment: Instant) -> int:
        """Return the price of a moment, without a surcharge; of times long gone, the oldest that is known."""
        for since_ms, units in reversed(self._changes):
            if since_ms <= moment:
                return units
        return self._changes[0][1]

    def _forget(self, now: Instant) -> None:
        """Forget senders whose tickets have faded, and beyond the limit those whose last ticket is oldest."""
        while self._senders:
            first = next(iter(self._senders))
            if len(self._senders) <= self._config.busy_senders_max and self._senders[first].read(now) >= _FORGOTTEN:
                return
            del self._senders[first]
