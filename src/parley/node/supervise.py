"""Background work that must not die silently: the one place where an unforeseen exception is caught.

What escapes gets an id that is logged with the trace; whoever asked is told "internal error" and that id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from parley.errors import ErrorCode, ParleyError
from parley.ports.entropy import Entropy

__all__ = ["Supervisor"]

_LOGGER = logging.getLogger("parley.node")
_ID_BYTES = 6

ValueT = TypeVar("ValueT")


class Supervisor:
    """Runs tasks and calls, and logs what escapes them."""

    def __init__(self, entropy: Entropy) -> None:
        """Begin with no tasks."""
        self._entropy = entropy
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something in the background until it ends or the supervisor closes."""
        task = asyncio.get_running_loop().create_task(self._guard(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never awaits its work.
        task.add_done_callback(lambda _: work.close())

    async def call(self, work: Awaitable[ValueT], name: str) -> ValueT | ParleyError:
        """Wait for something on somebody's behalf.

        Returns:
            What it returns, or the error that it raised; INTERNAL_ERROR when anything else escaped, which is logged
            under its `error_id`.
        """
        try:
            return await work
        except ParleyError as error:
            return error
        except Exception as error:
            return ParleyError(ErrorCode.INTERNAL_ERROR, error_id=self._log(name, error))

    async def close(self) -> None:
        """Cancel what still runs, and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guard(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception as error:
            self._log(name, error)

    def _log(self, name: str, error: Exception) -> str:
        error_id = self._entropy.take(_ID_BYTES).hex()
        _LOGGER.error("internal error %s in %s", error_id, name, exc_info=error)
        return error_id
