"""What each node has done wrong: points that decay, and the bar that follows too many.

A score halves every `half_life_ms`. Between two halvings it falls in a straight line, so all is exact in
integers: after n half-lives and r of the next one, `(s >> n) - (s >> n) * r / (2 * half_life)`.

Source: docs/spec/peers.md §7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from parley.errors import ErrorCode
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant

__all__ = ["MISBEHAVIOUR_POINTS", "SCORE_BANS_MAX", "Scores", "points_for"]

SCORE_BANS_MAX = 16
"""A score stops growing at this many times the score of a ban: just over five half-lives clear any."""

_CLEAR_HALF_LIVES = 6
_MILLI = 1_000

MISBEHAVIOUR_POINTS: Mapping[ErrorCode, tuple[int, str]] = MappingProxyType(
    {
        ErrorCode.BAD_SIGNATURE: (100, "every honest node verifies what it passes on"),
        ErrorCode.MALFORMED: (50, "no honest program sends bytes that do not decode"),
        ErrorCode.TOO_LARGE: (50, "the limit is part of the protocol"),
        ErrorCode.KEYS_INVALID: (50, "the form of keys is part of the protocol"),
        ErrorCode.NOT_ASKED_FOR: (50, "an answer outside the question is made to waste time or room"),
        ErrorCode.PROTOCOL_VIOLATION: (50, "the message is not lawful in any order of events"),
        ErrorCode.EXPIRED: (10, "beyond what clocks explain, but no lie about anybody"),
        ErrorCode.CLOCK_SKEW: (10, "a wrong clock is a fault, seldom an attack"),
        ErrorCode.LIFETIME_TOO_LONG: (5, "another node may be set to keep records for longer"),
        ErrorCode.WORK_REJECTED: (20, "a proof is checked by its maker before it is sent"),
        ErrorCode.ALREADY_SPENT: (5, "a lost answer explains a repeat"),
        ErrorCode.PARSE_ERROR: (50, "as MALFORMED"),
        ErrorCode.INVALID_REQUEST: (50, "as MALFORMED"),
        ErrorCode.INVALID_PARAMS: (20, "a newer release may know more parameters"),
        ErrorCode.METHOD_NOT_FOUND: (5, "a newer release may know more methods"),
        ErrorCode.RATE_LIMITED: (1, "asking too much is refused, not punished; for ever asking too much is"),
    }
)
"""Points and the reason for them, by code.

What is not listed costs nothing: it is no fault of the node, or anybody could do it in the node's name (a request
signed wrongly, or sent on to another recipient).
"""


def points_for(code: ErrorCode) -> int:
    """Return what one fault costs, 0 when it is none of the node's."""
    return MISBEHAVIOUR_POINTS.get(code, (0, ""))[0]


@dataclass(slots=True)
class _Score:
    millipoints: int = 0
    at_ms: int = 0
    is_barred: bool = False
    reasons: dict[ErrorCode, int] = field(default_factory=dict)


class Scores:
    """The scores of at most `scores_max` nodes, of which at most `bans_max` are barred."""

    __slots__ = ("_ban_millipoints", "_bans_max", "_half_life_ms", "_scores", "_scores_max")

    def __init__(self, *, half_life_ms: int, ban_score: int, bans_max: int, scores_max: int) -> None:
        """Begin with nobody blamed.

        Args:
            half_life_ms: time in which half is forgiven, 1 or more.
            ban_score: points that bar a node, 2 or more; it is free again below half of them.
            bans_max: most nodes barred, 1 or more.
            scores_max: most nodes with a score, 1 or more.
        """
        self._half_life_ms = half_life_ms
        self._ban_millipoints = ban_score * _MILLI
        self._bans_max = bans_max
        self._scores_max = scores_max
        self._scores: dict[NodeId, _Score] = {}

    def __len__(self) -> int:
        """Return how many nodes have a score, some of them perhaps decayed to nothing."""
        return len(self._scores)

    def charge(self, node_id: NodeId, code: ErrorCode, now: Instant) -> bool:
        """Add the points of one fault.

        Returns:
            True when the node is barred now.
        """
        points = points_for(code)
        if points == 0:
            return self.is_barred(node_id, now)
        score = self._scores.get(node_id)
        if score is None:
            self._make_room(now)
            score = self._scores[node_id] = _Score(at_ms=now)
        score.is_barred = self.is_barred(node_id, now)
        total = self._millipoints(score, now) + points * _MILLI
        score.millipoints = min(total, SCORE_BANS_MAX * self._ban_millipoints)
        score.at_ms = max(now, score.at_ms)
        score.reasons[code] = score.reasons.get(code, 0) + 1
        if not score.is_barred and score.millipoints >= self._ban_millipoints:
            self._bound_bans(now)
            score.is_barred = True
        return score.is_barred

    def points(self, node_id: NodeId, now: Instant) -> int:
        """Return the points of a node now, rounded up."""
        score = self._scores.get(node_id)
        return 0 if score is None else -(-self._millipoints(score, now) // _MILLI)

    def reasons(self, node_id: NodeId) -> tuple[tuple[ErrorCode, int], ...]:
        """Return what a node was charged for and how often, in order of code."""
        score = self._scores.get(node_id)
        return () if score is None else tuple(sorted(score.reasons.items()))

    def is_barred(self, node_id: NodeId, now: Instant) -> bool:
        """Say whether a node reached the score of a ban and has not fallen below half of it since."""
        score = self._scores.get(node_id)
        return score is not None and score.is_barred and 2 * self._millipoints(score, now) >= self._ban_millipoints

    def free_at(self, node_id: NodeId, now: Instant) -> Instant:
        """Return the first moment at which a node is not barred; `now` when it is free already."""
        score = self._scores.get(node_id)
        if score is None or not self.is_barred(node_id, now):
            return now
        # Barred until the one, free at the other: the answer lies between.
        barred, free = int(now), score.at_ms + _CLEAR_HALF_LIVES * self._half_life_ms
        while free - barred > 1:
            middle = (barred + free) // 2
            if self.is_barred(node_id, Instant(middle)):
                barred = middle
            else:
                free = middle
        return Instant(free)

    def _millipoints(self, score: _Score, now: int) -> int:
        halvings, passed_ms = divmod(max(0, now - score.at_ms), self._half_life_ms)
        left = score.millipoints >> min(halvings, score.millipoints.bit_length())
        return left - left * passed_ms // (2 * self._half_life_ms)

    def _make_room(self, now: Instant) -> None:
        if len(self._scores) >= self._scores_max:
            del self._scores[min(self._scores, key=lambda node: self._weight(node, now))]

    def _bound_bans(self, now: Instant) -> None:
        barred = [node for node in self._scores if self.is_barred(node, now)]
        if len(barred) >= self._bans_max:
            self._scores[min(barred, key=lambda node: self._weight(node, now))].is_barred = False

    def _weight(self, node_id: NodeId, now: Instant) -> tuple[bool, int, NodeId]:
        return self.is_barred(node_id, now), self._millipoints(self._scores[node_id], now), node_id
