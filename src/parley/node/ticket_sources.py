"""How often one source may ask: a token bucket each, for as many sources as fit, the least recent forgotten first.

Asking costs the issuer next to nothing, so this only keeps one source from crowding out the others: it is generous,
and most of all to the programs of the same machine. Being forgotten makes a bucket full; who has enough addresses to
bring that about needs no such trick.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from parley.pool.addresses import AddressScope, host_scope, source_network
from parley.pool.allowance import Allowance
from parley.primitives.instants import Instant

__all__ = ["Rate", "Sources"]

_SOURCES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a source may ask.

    Attributes:
        burst: at once, 1 or more.
        per_second: for as long as it likes, 1 or more.
    """

    burst: int
    per_second: int


class Sources:
    """The buckets."""

    def __init__(
        self,
        rate: Rate = Rate(120, 4),
        own_rate: Rate = Rate(20_000, 2_000),
        *,
        sources_max: int = _SOURCES_MAX,
    ) -> None:
        """Remember nobody yet.

        Args:
            rate: of a source.
            own_rate: of the loopback interface.
            sources_max: how many are remembered.
        """
        self._rate = rate
        self._own_rate = own_rate
        self._sources_max = sources_max
        self._buckets: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._buckets)

    def debit(self, source: str, now: Instant, units: int = 1) -> int:
        """Spend of what a source has.

        Args:
            source: IP address, or empty where there is none.
            now: the moment.
            units: how much, 1 or more.

        Returns:
            0, or the milliseconds to wait.
        """
        return self._bucket(source, now).debit(units, now)

    def charge(self, source: str, now: Instant, units: int) -> None:
        """Take from what a source has, also when it has less."""
        self._bucket(source, now).charge(units, now)

    def _bucket(self, source: str, now: Instant) -> Allowance:
        name = source_network(source) if source else ""
        bucket = self._buckets.pop(name, None)
        if bucket is None:
            rate = self._own_rate if not source or host_scope(source) is AddressScope.LOOPBACK else self._rate
            bucket = Allowance(units=rate.burst, units_per_second=rate.per_second, now=now)
            if len(self._buckets) >= self._sources_max:
                self._buckets.popitem(last=False)
        self._buckets[name] = bucket
        return bucket
