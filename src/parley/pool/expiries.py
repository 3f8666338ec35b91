"""When each held entry ends: buckets of seconds, and the exact order within the second that has begun."""

from __future__ import annotations

import heapq

from parley.pool.entries import Entry
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = ["Expiries"]

_BUCKET_MS = 1_000
_SLACK = 1_024


class Expiries:
    """Entries by their `expires_ms`.

    An entry that leaves the table, or ends later than planned, stays where it was until then; whoever is out of date
    is skipped, and when these prevail the buckets are swept.

    Attributes:
        quiet_until: before this moment `pop` gives nothing.
    """

    __slots__ = ("_buckets", "_due", "_planned", "_seconds", "quiet_until")

    def __init__(self) -> None:
        """Begin with none."""
        self._buckets: dict[int, list[Entry]] = {}
        self._seconds: list[int] = []
        self._due: list[tuple[int, int, Entry]] = []
        self._planned = 0
        self.quiet_until: int = INSTANT_MAX_MS

    def plan(self, entry: Entry, *, held: int) -> None:
        """Take in when an entry ends.

        Args:
            entry: held; once more when its `expires_ms` has changed.
            held: how many entries the table holds.
        """
        second = entry.expires_ms // _BUCKET_MS
        bucket = self._buckets.get(second)
        if bucket is None:
            self._buckets[second] = [entry]
            heapq.heappush(self._seconds, second)
            self.quiet_until = min(self.quiet_until, second * _BUCKET_MS)
        else:
            bucket.append(entry)
        self._planned += 1
        if self._planned > 2 * held + _SLACK:
            self._sweep()

    def pop(self, now: Instant) -> Entry | None:
        """Take out the entry that ended first, or return None when none has."""
        while self._seconds and self._seconds[0] * _BUCKET_MS <= now:
            second = heapq.heappop(self._seconds)
            bucket = self._buckets.pop(second)
            self._planned -= len(bucket)
            for entry in bucket:
                if _is_planned(entry, second):
                    heapq.heappush(self._due, (entry.expires_ms, entry.born, entry))
        while self._due and self._due[0][0] <= now:
            expires_ms, _, entry = heapq.heappop(self._due)
            if entry.holding is not None and entry.expires_ms == expires_ms:
                return entry
        due_ms = self._due[0][0] if self._due else INSTANT_MAX_MS
        begins_ms = self._seconds[0] * _BUCKET_MS if self._seconds else INSTANT_MAX_MS
        self.quiet_until = min(due_ms, begins_ms)
        return None

    def next(self) -> Instant | None:
        """Return when `pop` has something to give at the latest, or None while nothing is planned."""
        if self._due:
            return Instant(self._due[0][0])
        return Instant((self._seconds[0] + 1) * _BUCKET_MS) if self._seconds else None

    def _sweep(self) -> None:
        swept = {
            second: [entry for entry in bucket if _is_planned(entry, second)]
            for second, bucket in self._buckets.items()
        }
        self._buckets = {second: bucket for second, bucket in swept.items() if bucket}
        self._seconds = sorted(self._buckets)
        self._planned = sum(map(len, self._buckets.values()))


def _is_planned(entry: Entry, second: int) -> bool:
    return entry.holding is not None and entry.expires_ms // _BUCKET_MS == second
