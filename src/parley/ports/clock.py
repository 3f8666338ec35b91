"""The clock: where `now` comes from."""

from __future__ import annotations

from typing import Protocol

from parley.primitives.instants import Instant

__all__ = ["Clock"]


class Clock(Protocol):
    """Civil time that never runs backwards within one process."""

    def now(self) -> Instant:
        """Return the present moment; never less than what an earlier call returned."""

    async def sleep_until(self, moment: Instant) -> None:
        """Return once `now()` has reached `moment`; at once where it has already."""
