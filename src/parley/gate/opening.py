"""One opening for all who ask: who goes away neither ends it nor begins another, and a failure is remembered.

    request 1  ──►  get  ──►  begins the opening, a task of its own
    request 2  ──►  get  ──►  waits for the same one
    request 1 is cancelled:   the opening goes on

Opening costs much (a passphrase is stretched) and strangers' requests cause it. So what failed for a setting fails
until it is closed, and what failed because something did not answer fails for some seconds, without another try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from parley.errors import ConfigError, ErrorCode, LocalError, PeerError, UnavailableError
from parley.ports.clock import Clock
from parley.primitives.instants import Instant

__all__ = ["Closable", "SharedOpening"]

_PAUSE_MS: Final = 5_000


class Closable(Protocol):
    """What can be open."""

    async def close(self) -> None:
        """Let go of everything."""


Item = TypeVar("Item", bound=Closable)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An opening that failed; `until_ms` is None where another try makes no sense."""

    error: ConfigError | UnavailableError
    until_ms: Instant | None

    def fresh_error(self, now: Instant) -> ConfigError | UnavailableError:
        """Return the error anew: one that is raised again and again would collect all its ways."""
        code, facts = self.error.code, dict(self.error.facts)
        if self.until_ms is None:
            return ConfigError(code, **facts)
        return UnavailableError(code, retry_after_ms=max(1, self.until_ms - now), **facts)


class SharedOpening(Generic[Item]):
    """Opens one thing once, for all who ask at a time."""

    def __init__(self, open_item: Callable[[], Awaitable[Item]], clock: Clock) -> None:
        """Open nothing yet.

        Args:
            open_item: opens; whatever it raises, it has let go of everything.
            clock: tells when another try is due.
        """
        self._open_item = open_item
        self._clock = clock
        self._task: asyncio.Task[Item | _Failed] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> Item:
        """Return what is open, once it is.

        Raises:
            ConfigError: it cannot be opened; so it stays until `close`.
            UnavailableError: something did not answer, now or less than some seconds ago.
        """
        task = self._task
        if task is None or self._is_over(task):
            task = self._task = asyncio.create_task(self._attempt(), name="opening")
        outcome = await asyncio.shield(task)
        if isinstance(outcome, _Failed):
            raise outcome.fresh_error(self._clock.now())
        return outcome

    async def close(self) -> None:
        """Close what is open, after an opening that is under way; forget a failure. The next `get` opens again."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})
        task, self._task = self._task, None
        # Whoever asks from here on begins an opening, which waits until this is closed.
        async with self._one_at_a_time:
            if task is None or task.cancelled() or task.exception() is not None:
                return
            outcome = task.result()
            if not isinstance(outcome, _Failed):
                await outcome.close()

    async def _attempt(self) -> Item | _Failed:
        async with self._one_at_a_time:
            try:
                return await self._open_item()
            except ConfigError as error:
                return _Failed(error, None)
            except LocalError as error:
                # A setting that whoever made the item handed on unread.
                return _Failed(ConfigError(ErrorCode.CONFIG_INVALID, **error.facts), None)
            except UnavailableError as error:
                return self._failed_for_now(error)
            except (PeerError, OSError):
                # A chain that talks nonsense, or a disk that fails: not the fault of who sent the request.
                return self._failed_for_now(UnavailableError(ErrorCode.UNREACHABLE))

    def _failed_for_now(self, error: UnavailableError) -> _Failed:
        return _Failed(error, Instant(self._clock.now() + max(_PAUSE_MS, error.retry_after_ms)))

    def _is_over(self, task: asyncio.Task[Item | _Failed]) -> bool:
        if not task.done():
            return False
        if task.cancelled() or task.exception() is not None:
            return True
        outcome = task.result()
        return isinstance(outcome, _Failed) and outcome.until_ms is not None and outcome.until_ms <= self._clock.now()
