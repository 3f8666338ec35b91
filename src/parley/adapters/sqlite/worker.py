"""The one thread that talks to the file, and the transactions that callers share.

SQLite has one writer at a time and a commit waits for the disk. So callers queue up, and all that has
queued up while the disk was busy goes into the next transaction together: under load one wait for the disk
serves many. A caller hears of its result only after the commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

from parley.adapters.sqlite.connection import connect, unavailable
from parley.errors import ErrorCode, ParleyError, UnavailableError

__all__ = ["Worker"]

_BATCH_MAX: Final = 512
"""The most calls in one transaction: what bounds how long the first of them waits for the last."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Call(Generic[T]):
    """One call that waits; `job` writes nothing before it raises."""

    job: Callable[[sqlite3.Connection], T]
    writes: bool
    future: Future[T] = field(default_factory=Future)

    def perform(self, connection: sqlite3.Connection) -> Callable[[], None]:
        """Do the job; return how to tell the caller, once it is committed."""
        try:
            result = self.job(connection)
        except ParleyError as error:
            refusal = error
            return lambda: self.future.set_exception(refusal)
        return lambda: self.future.set_result(result)


class Worker:
    """A connection and the thread that owns it."""

    def __init__(self, connection: sqlite3.Connection, executor: ThreadPoolExecutor) -> None:
        """Take over a connection that was opened in the executor's single thread."""
        self._connection = connection
        self._executor = executor
        self._lock = threading.Lock()
        self._calls: deque[_Call[object]] = deque()
        self._is_draining = False
        self._is_closed = False

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_ms: int) -> Worker:
        """Open the file in a thread of its own.

        Raises:
            ConfigError: see `parley.adapters.sqlite.connection.connect`.
            UnavailableError: another process kept the file locked.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parley-sqlite")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(executor, lambda: connect(path, busy_timeout_ms=busy_timeout_ms))
        except ParleyError:
            executor.shutdown(wait=False)
            raise
        return cls(connection, executor)

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job that writes nothing.

        Raises:
            UnavailableError: the file does not answer, or the worker is closed.
            ParleyError: what the job raised.
        """
        return await self._run(_Call(job, writes=False))

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job that writes, and return after the commit.

        Args:
            job: raises before it has written anything, or not at all.

        Raises:
            UnavailableError: the file does not answer, or the worker is closed.
            ParleyError: what the job raised.
        """
        return await self._run(_Call(job, writes=True))

    async def close(self) -> None:
        """Finish what has queued up, then let go of the file."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(self._executor, self._finish)
        self._executor.shutdown(wait=False)

    async def _run(self, call: _Call[T]) -> T:
        with self._lock:
            if self._is_closed:
                raise UnavailableError(ErrorCode.SHUTTING_DOWN)
            self._calls.append(call)  # type: ignore[arg-type]  # each call keeps its own T to itself
            starts = not self._is_draining
            self._is_draining = True
        if starts:
            self._executor.submit(self._drain)
        return await asyncio.wrap_future(call.future)

    def _drain(self) -> None:
        try:
            self._commit(self._take())
        finally:
            with self._lock:
                self._is_draining = bool(self._calls)
            if self._is_draining:
                self._executor.submit(self._drain)

    def _finish(self) -> None:
        try:
            while calls := self._take():
                self._commit(calls)
        finally:
            self._connection.close()

    def _take(self) -> list[_Call[object]]:
        with self._lock:
            waiting = [self._calls.popleft() for _ in range(min(_BATCH_MAX, len(self._calls)))]
        return [call for call in waiting if call.future.set_running_or_notify_cancel()]

    def _commit(self, calls: list[_Call[object]]) -> None:
        if not calls:
            return
        mode = "IMMEDIATE" if any(call.writes for call in calls) else "DEFERRED"
        answers: list[Callable[[], None]] = []
        try:
            self._connection.execute(f"BEGIN {mode}")
            waiting = [call.perform(self._connection) for call in calls]
            self._connection.execute("COMMIT")
            answers = waiting
        except sqlite3.Error as error:
            answers = [_refuse(call, error) for call in calls]
        finally:
            # Whatever else came up is a fault of ours: it goes on, and nobody is left waiting.
            for answer in answers or [_refuse(call, sys.exception()) for call in calls]:
                answer()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _refuse(call: _Call[object], error: BaseException | None) -> Callable[[], None]:
    return lambda: call.future.set_exception(unavailable(error))
