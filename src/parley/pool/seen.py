"""Which requests a node knows, each with the largest remaining deepness it has followed; bounded, and forgetful."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant

__all__ = ["SeenRequests"]


class SeenRequests:
    """Request ids for `keep_ms` after they were first noted; at most `entries_max`.

    When there is no room for another, the link that brought most loses its oldest: who floods is forgotten, and is
    answered twice; whoever asks little stays known.
    """

    __slots__ = ("_by_link", "_entries_max", "_keep_ms", "_known")

    def __init__(self, *, keep_ms: int, entries_max: int) -> None:
        """Begin knowing none."""
        self._keep_ms = keep_ms
        self._entries_max = entries_max
        self._known: OrderedDict[RequestId, tuple[int, int, Hashable]] = OrderedDict()
        self._by_link: dict[Hashable, OrderedDict[RequestId, None]] = {}

    def __len__(self) -> int:
        """Return how many are known, some of them perhaps out of date."""
        return len(self._known)

    def remaining(self, request_id: RequestId, now: Instant) -> int | None:
        """Return the largest remaining deepness noted, or None when the request is not known."""
        noted = self._known.get(request_id)
        return noted[0] if noted is not None and noted[1] > now else None

    def note(self, request_id: RequestId, remaining: int, now: Instant, link: Hashable = None) -> None:
        """Remember a request, or a larger remaining deepness of a known one.

        Args:
            request_id: of the copy.
            remaining: of the copy, the asked node included.
            now: the node's clock.
            link: who brought it; None for the owner.
        """
        self._forget_old(now)
        noted = self._known.get(request_id)
        if noted is not None:
            self._known[request_id] = (max(noted[0], remaining), noted[1], noted[2])
            return
        if len(self._known) >= self._entries_max:
            busiest = max(self._by_link.values(), key=len)
            self._forget(next(iter(busiest)))
        self._known[request_id] = (remaining, now + self._keep_ms, link)
        self._by_link.setdefault(link, OrderedDict())[request_id] = None

    def _forget_old(self, now: Instant) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if self._known[oldest][1] > now:
                return
            self._forget(oldest)

    def _forget(self, request_id: RequestId) -> None:
        _, _, link = self._known.pop(request_id)
        brought = self._by_link[link]
        del brought[request_id]
        if not brought:
            del self._by_link[link]
