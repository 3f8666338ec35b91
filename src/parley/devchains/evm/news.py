"""What has happened to a chain lately, for those who ask from time to time what is new."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

__all__ = ["Event", "News"]

_KEPT: Final = 10_000


class Event(Enum):
    """What can happen."""

    BLOCK_JOINED = "block joined"
    """A block became the head."""
    BLOCK_LEFT = "block left"
    """The head was taken back."""
    TRANSACTION_WAITS = "transaction waits"
    """A transaction came into the pool."""


class News:
    """The last events in order; each has a number, one more than that of the event before."""

    def __init__(self) -> None:
        """Begin without any."""
        self._events: deque[tuple[Event, bytes]] = deque(maxlen=_KEPT)
        self.end = 0
        """The number of the event that comes next."""

    def tell(self, event: Event, name: bytes) -> None:
        """Add an event.

        Args:
            event: what happened.
            name: hash of the block or the transaction.
        """
        self._events.append((event, name))
        self.end += 1

    def since(self, number: int) -> tuple[tuple[Event, bytes], ...] | None:
        """Return all events from a number on; None where some of them are forgotten."""
        missing = self.end - number
        if missing > len(self._events):
            return None
        return tuple(self._events)[len(self._events) - missing :] if missing else ()
