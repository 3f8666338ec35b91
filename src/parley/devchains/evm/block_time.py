"""What time the next block has: by the clock of this machine, or 12 seconds after the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.errors import ErrorCode, LocalError

__all__ = ["BlockTime"]

_BLOCK_S: Final = 12
_GENESIS_S: Final = 1_700_000_000


class BlockTime:
    """The time of the chain, which may be set forward."""

    def __init__(self, now_s: Callable[[], int] | None) -> None:
        """Follow a clock; without one, equal acts make equal chains."""
        self._now_s = now_s
        self._offset_s = 0
        self._next_s: int | None = None

    def first_s(self) -> int:
        """Return the time of the first block."""
        return _GENESIS_S if self._now_s is None else self._now_s()

    def due_s(self, parent_s: int) -> int:
        """Return the time of the block after one of this time, always after it."""
        if self._next_s is not None:
            return max(self._next_s, parent_s + 1)
        if self._now_s is None:
            return parent_s + _BLOCK_S
        return max(self._now_s() + self._offset_s, parent_s + 1)

    def set_next(self, timestamp_s: int, parent_s: int) -> None:
        """Give the next block its time; the clock goes on from there.

        Raises:
            LocalError: not after the head's.
        """
        if timestamp_s <= parent_s:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="timestamp_s", wanted="after the head's")
        self._next_s = timestamp_s
        if self._now_s is not None:
            self._offset_s = timestamp_s - self._now_s()

    def passed(self) -> None:
        """Note that a block has taken the time that was set."""
        self._next_s = None
