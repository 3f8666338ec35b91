"""A clock that only the test moves, and an event loop that jumps to the next moment instead of waiting for it.

    clock = VirtualClock(Instant(1_800_000_000_000))
    answer = run_virtual(main(clock), clock)      an hour of timers passes in the time the code itself takes

In `run_virtual` every kind of waiting is virtual: `clock.sleep_until`, `asyncio.sleep`, `asyncio.timeout`,
`loop.call_later`. Time stands still while anything can run and jumps when nothing can, so an order of events
is repeatable to the millisecond. Threads and sockets of other processes are not part of that world: who waits
for them together with a timer sees the timer first.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parley.errors import ErrorCode, LocalError
from parley.primitives.instants import Instant

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["VirtualClock", "run_virtual"]

ResultT = TypeVar("ResultT")

_US_PER_MS: Final = 1_000
_US_PER_SECOND: Final = 1_000_000


class VirtualClock:
    """Civil time under the test's control (a `ports.clock.Clock`)."""

    def __init__(self, start: Instant = Instant(0)) -> None:  # noqa: B008  # Instant(0) is the number 0
        """Stand still at `start`."""
        self._start_ms = start
        self._passed_us = 0
        self._sleepers: list[tuple[Instant, int, asyncio.Future[None]]] = []
        self._slept = 0

    def now(self) -> Instant:
        """Return the present moment."""
        return Instant(self._start_ms + self._passed_us // _US_PER_MS)

    def passed_us(self) -> int:
        """Return the microseconds since the start; timers of an event loop are finer than an instant."""
        return self._passed_us

    def advance(self, duration_ms: int) -> None:
        """Let time pass at once; sleepers whose moment came wake in the order of their moments.

        Args:
            duration_ms: 0 or more.

        Raises:
            LocalError: the duration is negative.
        """
        self.advance_us(duration_ms * _US_PER_MS)

    def advance_us(self, duration_us: int) -> None:
        """Let time pass at once, in microseconds.

        Raises:
            LocalError: the duration is negative.
        """
        if duration_us < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, duration_us=duration_us)
        self._passed_us += duration_us
        while self._sleepers and self._sleepers[0][0] <= self.now():
            _, _, sleeper = heapq.heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)

    def next_wake(self) -> Instant | None:
        """Return when the first sleeper wants to wake, or None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def until_us(self, moment: Instant) -> int:
        """Return the microseconds from now to a moment, 0 when it has come."""
        return max(0, (moment - self._start_ms) * _US_PER_MS - self._passed_us)

    async def sleep_until(self, moment: Instant) -> None:
        """Return once `now()` has reached `moment`; at once where it has already."""
        if moment <= self.now():
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slept += 1
        heapq.heappush(self._sleepers, (moment, self._slept, sleeper))
        await sleeper


def run_virtual(main: Coroutine[Any, Any, ResultT], clock: VirtualClock) -> ResultT:
    """Run a coroutine to its end in an event loop whose time is the clock's.

    Args:
        main: to run.
        clock: is moved whenever nothing can run.

    Returns:
        What the coroutine returns; what it raises is raised.

    Raises:
        LocalError: WRONG_STATE: everything waits and no timer is set, so nothing can ever happen.
    """
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(clock)) as runner:
        return runner.run(main)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """The standard event loop, told another time; `loop_factory` is how asyncio lets a test do that."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_JumpingSelector(clock))
        self._virtual_clock = clock

    def time(self) -> float:
        return self._virtual_clock.passed_us() / _US_PER_SECOND


class _JumpingSelector(selectors.BaseSelector):
    """Asks the real selector without waiting; where the loop would wait, moves the clock instead."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready and (timeout is None or timeout > 0):
            self._jump(timeout)
        return ready

    def _jump(self, timeout: float | None) -> None:
        moment = self._clock.next_wake()
        waits_us = [] if timeout is None else [max(1, round(timeout * _US_PER_SECOND))]
        if moment is not None:
            waits_us.append(self._clock.until_us(moment))
        if not waits_us:
            raise LocalError(ErrorCode.WRONG_STATE, waiting_for="nothing that time can bring")
        self._clock.advance_us(min(waits_us))
