"""Work done on all cores: a challenge goes in, a proof comes out, and meanwhile it can be watched and stopped.

What a method asks for decides how:

    a search for a counter, compiled engine      all cores, threads
    a search for a counter, hashlib              all cores, processes; one thread where starting them costs more
    anything else                                `method.start(challenge)` in one thread, a slice at a time

Slices are timed and sized so that each takes about a twentieth of a second. So stopping takes as long, and
progress is as fresh. The mark of a progress is the lowest counter that was not tried: whoever resumes there, in
this process or another, on however many cores, tries nothing twice but what was under way.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, runtime_checkable

from parley.adapters.search_processes import SearchProcesses
from parley.errors import ErrorCode, LocalError, UnavailableError
from parley.primitives.encoding import encode_uint
from parley.primitives.sha256_search import COUNTERS, ENGINE, HASHLIB, Engine, Search
from parley.protocol.challenges import Challenge
from parley.protocol.work import Pending, Progress, Solution, Solver, WorkMethod

__all__ = ["OnProgress", "SearchMethod", "WorkProgress", "WorkSolver", "count_cores"]

_COUNTER_BYTES: Final = 8
_SLICE_NS: Final = 50_000_000
"""What a slice should take: short enough to stop at once for a person, long enough to cost nothing."""

_FIRST_TRIES: Final = 16_384
"""The first slice of a search: a few milliseconds with hashlib."""

_SLICE_MAX_TRIES: Final = 2**28
_GROWTH_MAX: Final = 4
_PROCESSES_MIN_TRIES: Final = 2**20
"""From how many expected tries on other processes are started: they take about as long as this takes hashlib."""


@dataclass(frozen=True, slots=True)
class WorkProgress:
    """How far the work is.

    Attributes:
        tries: made since it was started or resumed.
        expected_tries: how many it takes on average, 0 where the work is not tries; the real number varies, and
            one challenge in twenty takes three times as many.
        mark: where to resume.
    """

    tries: int
    expected_tries: int
    mark: bytes


OnProgress = Callable[[WorkProgress], None]
"""Called in the event loop's thread after each slice; must not wait."""


@runtime_checkable
class SearchMethod(Protocol):
    """A work method whose proof is a counter, 8 bytes big endian, and whose mark is one too."""

    def search(self, challenge: Challenge) -> Search:
        """Return what to search for.

        Raises:
            PeerError: MALFORMED: the params.
        """


@dataclass(frozen=True, slots=True)
class _Part:
    """Counters in a row, given to one core."""

    first: int
    tries: int


@dataclass(slots=True)
class _Frontier:
    """Which counters are tried, under way and to come; after the last one comes zero.

    Attributes:
        origin: the first counter.
        given: how many were handed out from there on.
        under_way: parts handed out and not tried yet.
        returned: parts to hand out again.
    """

    origin: int
    given: int = 0
    under_way: set[_Part] = field(default_factory=set)
    returned: list[_Part] = field(default_factory=list)

    def take(self, tries: int) -> _Part:
        """Hand out the next counters, at most `tries` of them."""
        if self.returned:
            part = self.returned.pop()
            if part.tries > tries:
                self.returned.append(_Part(part.first + tries, part.tries - tries))
                part = _Part(part.first, tries)
        else:
            first = (self.origin + self.given) % COUNTERS
            part = _Part(first, min(tries, COUNTERS - first))
            self.given += part.tries
        self.under_way.add(part)
        return part

    def finish(self, part: _Part) -> None:
        """Note that a part was tried."""
        self.under_way.remove(part)

    def give_back(self, part: _Part) -> None:
        """Note that a part was not tried."""
        self.under_way.remove(part)
        self.returned.append(part)

    def mark(self) -> bytes:
        """Return the lowest counter that was not tried, seen from the origin."""
        untried = ((part.first - self.origin) % COUNTERS for part in (*self.under_way, *self.returned))
        lowest = min(untried, default=self.given)
        return encode_uint((self.origin + lowest) % COUNTERS, _COUNTER_BYTES)


@dataclass(slots=True)
class _Slices:
    """How many tries the next slice should have."""

    tries: int

    def note(self, tries: int, elapsed_ns: int) -> None:
        """Learn from a slice that was made."""
        wanted = tries * _SLICE_NS // max(1, elapsed_ns)
        self.tries = max(1, min(wanted, tries * _GROWTH_MAX, _SLICE_MAX_TRIES))


class WorkSolver:
    """The cores of this machine, for work.

    One object serves any number of challenges at a time; they share the cores. Use it as an async context, or
    close it.
    """

    def __init__(self, *, cores: int = 0, engine: Engine = ENGINE) -> None:
        """Start nothing yet.

        Args:
            cores: how many to use, 1 or more; 0 for all that this process may use.
            engine: searches for counters; one that gives a wrong answer is not used again by this object.

        Raises:
            LocalError: fewer than 0 cores.
        """
        if cores < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, cores=cores)
        self._cores = cores or count_cores()
        self._engine = engine
        self._processes = SearchProcesses()
        self._has_processes = True
        self._threads: ThreadPoolExecutor | None = None

    @property
    def engine_name(self) -> str:
        """Name what searches for counters now."""
        return self._engine.name

    async def solve(
        self,
        method: WorkMethod,
        challenge: Challenge,
        *,
        mark: bytes = b"",
        answers: tuple[object, ...] = (),
        on_progress: OnProgress | None = None,
    ) -> Solution | Pending:
        """Solve a challenge; cancel the task to stop, after which nothing runs for longer than a slice.

        Args:
            method: the challenge's own.
            challenge: to solve; whether it costs too much is the caller's to say, before.
            mark: of an earlier progress with this challenge, or empty.
            answers: to the questions that the method's solver asked so far.
            on_progress: is told after each slice.

        Returns:
            The solution, or the question that has to be answered first. `Solution.tries` counts from the mark.

        Raises:
            PeerError: MALFORMED: the params.
            LocalError: a mark of another size.
        """
        expected = method.expected_tries(challenge.params)

        def report(progress: Progress) -> None:
            if on_progress is not None:
                on_progress(WorkProgress(progress.tries, expected, progress.mark))

        if not isinstance(method, SearchMethod):
            return await self._step(method.start(challenge, mark=mark, answers=answers), report)
        if mark and len(mark) != _COUNTER_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, mark_bytes=len(mark))
        frontier = _Frontier(int.from_bytes(mark, "big"))
        return await self._search(method.search(challenge), expected, frontier, report)

    async def close(self) -> None:
        """Wait for the slices under way, then end threads and processes; stop whoever solves before."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)
        if self._processes.are_running:
            await asyncio.to_thread(self._processes.close)

    async def __aenter__(self) -> Self:
        """Return the solver itself."""
        return self

    async def __aexit__(self, *details: object) -> None:
        """Close."""
        await self.close()

    async def _step(self, solver: Solver, report: Callable[[Progress], None]) -> Solution | Pending:
        loop, slices = asyncio.get_running_loop(), _Slices(1)
        while True:
            made = slices.tries
            step, elapsed_ns = await loop.run_in_executor(self._open_threads(), _timed_step, solver, made)
            if not isinstance(step, Progress):
                return step
            slices.note(made, elapsed_ns)
            report(step)

    async def _search(
        self, search: Search, expected_tries: int, frontier: _Frontier, report: Callable[[Progress], None]
    ) -> Solution:
        slices, tried = _Slices(_FIRST_TRIES), 0
        running: dict[asyncio.Future[tuple[int | None, int]], _Part] = {}
        try:
            while True:
                engine, width = self._choose(expected_tries)
                while len(running) < width:
                    part = frontier.take(slices.tries)
                    running[self._submit(engine, search, part)] = part
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    part = running.pop(future)
                    outcome = self._take_result(future)
                    if outcome is None:
                        frontier.give_back(part)
                        slices.tries = _FIRST_TRIES
                        continue
                    counter, elapsed_ns = outcome
                    if counter is not None:
                        return Solution(encode_uint(counter, _COUNTER_BYTES), tried + counter - part.first + 1)
                    frontier.finish(part)
                    slices.note(part.tries, elapsed_ns)
                    tried += part.tries
                    report(Progress(tried, frontier.mark()))
        finally:
            for future in running:
                future.add_done_callback(_forget)
                future.cancel()

    def _choose(self, expected_tries: int) -> tuple[Engine, int]:
        """Return what to search with, and in how many threads."""
        if self._engine != HASHLIB:
            return self._engine, self._cores
        if self._cores > 1 and expected_tries >= _PROCESSES_MIN_TRIES and self._has_processes:
            return self._processes, self._cores
        return HASHLIB, 1

    def _submit(self, engine: Engine, search: Search, part: _Part) -> asyncio.Future[tuple[int | None, int]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._open_threads(), _timed_find, engine, search, part.first, part.tries)

    def _take_result(self, future: asyncio.Future[tuple[int | None, int]]) -> tuple[int | None, int] | None:
        """Return what a slice found, or None when it has to be searched again in another way."""
        try:
            return future.result()
        except LocalError as error:
            if error.code is not ErrorCode.WRONG_STATE:
                raise
            self._engine = HASHLIB
        except UnavailableError:
            # Processes cannot be started, or were killed: one core in this process is left.
            self._has_processes = False
        return None

    def _open_threads(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._cores, thread_name_prefix="parley-work")
        return self._threads


def count_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _timed_find(engine: Engine, search: Search, first: int, tries: int) -> tuple[int | None, int]:
    """Search, and return with the result how many nanoseconds it took."""
    started_ns = time.monotonic_ns()
    counter = engine.find(search, first, tries)
    return counter, time.monotonic_ns() - started_ns


def _timed_step(solver: Solver, tries: int) -> tuple[Solution | Progress | Pending, int]:
    """Step, and return with the result how many nanoseconds it took."""
    started_ns = time.monotonic_ns()
    step = solver.step(tries)
    return step, time.monotonic_ns() - started_ns


def _forget(future: asyncio.Future[tuple[int | None, int]]) -> None:
    """Take the exception of a slice that nobody waits for any more, which would be logged otherwise."""
    if not future.cancelled():
        future.exception()
