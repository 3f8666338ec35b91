"""What a link may spend: a token bucket in integers, and what a query is expected to cost."""

from __future__ import annotations

from parley.primitives.instants import Instant

__all__ = ["Allowance", "quote_query"]

_MS_PER_SECOND = 1_000


class Allowance:
    """A token bucket: holds at most `units`, regains `units_per_second`; thousandths are kept, not rounded away."""

    __slots__ = ("_at_ms", "_millis_left", "_millis_max", "_units_per_second")

    def __init__(self, *, units: int, units_per_second: int, now: Instant) -> None:
        """Begin full."""
        self._millis_max = units * _MS_PER_SECOND
        self._millis_left = self._millis_max
        self._units_per_second = units_per_second
        self._at_ms = now

    def debit(self, units: int, now: Instant) -> int:
        """Spend `units` when they are there.

        Returns:
            0 when spent; otherwise the milliseconds to wait, and nothing is spent. What is more than the bucket holds
            is spent from a full bucket.
        """
        self._regain(now)
        wanted = min(units * _MS_PER_SECOND, self._millis_max)
        if wanted <= self._millis_left:
            self._millis_left -= wanted
            return 0
        return -(-(wanted - self._millis_left) // self._units_per_second)

    def charge(self, units: int, now: Instant) -> None:
        """Spend `units` whether they are there or not: what is owed is regained first, at most one full bucket."""
        self._regain(now)
        self._millis_left = max(-self._millis_max, self._millis_left - units * _MS_PER_SECOND)

    def is_full(self, now: Instant) -> bool:
        """Say whether all is regained, so that this differs in nothing from a new one."""
        self._regain(now)
        return self._millis_left == self._millis_max

    def left(self, now: Instant) -> int:
        """Return the whole units left; below zero what is owed."""
        self._regain(now)
        return self._millis_left // _MS_PER_SECOND

    def _regain(self, now: Instant) -> None:
        passed_ms = max(0, now - self._at_ms)
        self._millis_left = min(self._millis_max, self._millis_left + passed_ms * self._units_per_second)
        self._at_ms = max(self._at_ms, now)


def quote_query(*, remaining: int, size_limit: int, links: int, units_max: int) -> int:
    """Return what following a query is expected to cost, in units: nodes asked plus records answered.

    Every node is taken to have as many links as this one, and no node is reached twice: an upper estimate.

    Args:
        remaining: deepness left, this node included.
        size_limit: most records of the answer.
        links: of this node, the caller not counted.
        units_max: where counting stops.
    """
    asked, ring = 0, 1
    for _ in range(remaining - 1):
        ring *= max(links, 1)
        asked += ring
        if asked >= units_max:
            return units_max
    return min(units_max, 1 + asked + size_limit)
