"""Who holds most: a heap of states, brought up to date only when somebody asks."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["Ranking", "State"]

KeyT = TypeVar("KeyT", bytes, str)
FoundT = TypeVar("FoundT")

State = tuple[int, int, KeyT]
"""How a holder stands: minus its weight, arrival of what it would lose, its name. The least comes first."""

_SLACK = 64


class Ranking(Generic[KeyT]):
    """Holders in order of weight; among equals, whose loss would be the older one.

    A change is noted by name only. The new state is looked up when it matters, and put into the heap; the state before
    stays there until it comes up or such states prevail.
    """

    __slots__ = ("_changed", "_current", "_heap", "_state_of")

    def __init__(self, holders: Iterable[KeyT], state_of: Callable[[KeyT], State[KeyT] | None]) -> None:
        """Rank holders.

        Args:
            holders: all there are now.
            state_of: how a holder stands at the moment, or None when it is no more.
        """
        self._state_of: Callable[[KeyT], State[KeyT] | None] = state_of
        self._current: dict[KeyT, State[KeyT]] = {}
        self._changed: set[KeyT] = set(holders)
        self._heap: list[State[KeyT]] = []

    def note(self, holder: KeyT) -> None:
        """Take in that a holder stands differently now, is new, or is no more."""
        self._changed.add(holder)
        if len(self._changed) > len(self._current) + _SLACK:
            self._catch_up()

    def first(self, take: Callable[[KeyT], FoundT | None]) -> FoundT | None:
        """Return what `take` gives of the first holder of whom it gives anything."""
        if self._changed:
            self._catch_up()
        heap, current = self._heap, self._current
        passed: list[State[KeyT]] = []
        found: FoundT | None = None
        while heap and found is None:
            state = heap[0]
            if current.get(state[2]) is not state:
                heapq.heappop(heap)
                continue
            found = take(state[2])
            if found is None:
                passed.append(heapq.heappop(heap))
        for state in passed:
            heapq.heappush(heap, state)
        return found

    def _catch_up(self) -> None:
        heap, current = self._heap, self._current
        for holder in self._changed:
            state = self._state_of(holder)
            if state is None:
                current.pop(holder, None)
            elif current.get(holder) != state:
                current[holder] = state
                heapq.heappush(heap, state)
        self._changed.clear()
        if len(heap) > 2 * len(current) + _SLACK:
            heap[:] = current.values()
            heapq.heapify(heap)
