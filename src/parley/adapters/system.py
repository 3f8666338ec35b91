"""The clock and the entropy of the machine that the process runs on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives.instants import Instant

__all__ = ["SystemClock", "SystemEntropy"]

_NS_PER_MS: Final = 1_000_000
_LONGEST_SLEEP_MS: Final = 60_000


class SystemClock:
    """The machine's civil time, kept from running backwards.

    Where the civil time is set forward, so is this clock. Where it is set back, this clock goes on at half
    its speed until the civil time has caught up: moments stay in order, waiting still ends, and the error
    that peers see shrinks.
    """

    def __init__(
        self,
        *,
        civil_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Start at the civil time.

        Args:
            civil_ns: returns nanoseconds since 1970, which may be set back and forth.
            monotonic_ns: returns nanoseconds since any moment, which never are.
        """
        self._civil_ns = civil_ns
        self._monotonic_ns = monotonic_ns
        self._last_ns = civil_ns()
        self._last_monotonic_ns = monotonic_ns()

    def now(self) -> Instant:
        """Return milliseconds since 1970-01-01T00:00:00Z; never less than before."""
        monotonic_ns = self._monotonic_ns()
        slowed_ns = self._last_ns + (monotonic_ns - self._last_monotonic_ns) // 2
        self._last_ns = max(self._civil_ns(), slowed_ns)
        self._last_monotonic_ns = monotonic_ns
        return Instant(self._last_ns // _NS_PER_MS)

    async def sleep_until(self, moment: Instant) -> None:
        """Return once `now()` has reached `moment`; looks again every minute, as the time may be set."""
        while (remaining_ms := moment - self.now()) > 0:  # noqa: ASYNC110  # nothing signals that time has come
            await asyncio.sleep(min(remaining_ms, _LONGEST_SLEEP_MS) / 1_000)


class SystemEntropy:
    """The operating system's generator."""

    def take(self, size_bytes: int) -> bytes:
        """Return fresh bytes.

        Args:
            size_bytes: 1 or more.

        Raises:
            LocalError: fewer than one byte is asked for.
        """
        if size_bytes < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=size_bytes)
        return os.urandom(size_bytes)
