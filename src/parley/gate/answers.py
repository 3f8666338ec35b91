"""Answers kept for a client that paid and lost the answer on the way: in memory, bounded, until the offer ends."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from itertools import chain
from typing import Final

import msgspec

from parley.primitives.instants import Instant

__all__ = ["Absence", "Answer", "KeptAnswers"]

_ENTRY_BYTES: Final = 512
"""What an entry costs beside the bytes of the answer, roughly, so that empty answers are bounded too."""


class Answer(msgspec.Struct, frozen=True):
    """A whole answer.

    Attributes:
        status: of HTTP.
        headers: as they were sent.
        body: all of it.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def size_bytes(self) -> int:
        """Return roughly what it costs to keep."""
        return _ENTRY_BYTES + len(self.body) + sum(map(len, chain.from_iterable(self.headers)))


class Absence(Enum):
    """Why there is no answer."""

    UNDER_WAY = auto()
    NOT_KEPT = auto()


class KeptAnswers:
    """Answers under names, the oldest dropped first."""

    def __init__(self, maximum_bytes: int) -> None:
        """Keep at most so many bytes."""
        self._maximum_bytes = maximum_bytes
        self._held_bytes = 0
        self._held: OrderedDict[bytes, tuple[Answer, int, Instant]] = OrderedDict()
        self._under_way: set[bytes] = set()

    def begin(self, name: bytes) -> None:
        """Note that an answer is being made."""
        self._under_way.add(name)

    def finish(self, name: bytes, answer: Answer | None, *, expires_ms: Instant, now: Instant) -> None:
        """Keep an answer, or note that there is none to keep.

        Args:
            name: as in `begin`.
            answer: None where it was too large, or never came to its end.
            expires_ms: the moment from which nobody asks for it any more.
            now: the present moment.
        """
        self._under_way.discard(name)
        size_bytes = 0 if answer is None else answer.size_bytes()
        if answer is None or size_bytes > self._maximum_bytes:
            return
        self._held[name] = (answer, size_bytes, expires_ms)
        self._held_bytes += size_bytes
        # Offers all stand for the same time, so those that end first are very nearly those that came first.
        while self._held_bytes > self._maximum_bytes or self._is_first_expired(now):
            _, (_, dropped_bytes, _) = self._held.popitem(last=False)
            self._held_bytes -= dropped_bytes

    def find(self, name: bytes) -> Answer | Absence:
        """Return the answer, or why there is none."""
        if name in self._under_way:
            return Absence.UNDER_WAY
        held = self._held.get(name)
        return Absence.NOT_KEPT if held is None else held[0]

    def _is_first_expired(self, now: Instant) -> bool:
        return bool(self._held) and next(iter(self._held.values()))[2] <= now
