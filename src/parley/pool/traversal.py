"""One copy of a query, followed at one node: ask the links, check and combine what they bring, answer in time.

    COLLECTING ──all links answered, failed, or the deadline──▶ DONE

The router opens one traversal per copy that it follows. Nothing here trusts a link: every record is checked
again (form, prefix, times, signature), and a bad one costs the link that brought it, with its whole answer.
What a careful relay could not have seen is left out without blame: an expiry after it was asked, a clock that
differs from ours by less than twice the skew that nodes allow each other, a limit that is only this node's.

Source: docs/spec/pool.md §4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

from parley.errors import ErrorCode, Rejected
from parley.pool.config import SKEW_MS_MAX, PoolConfig
from parley.pool.fairness import choose, fit, take_turns
from parley.pool.messages import (
    COUNT_MAX,
    KEY_BYTES_MAX,
    KEYS_MAX,
    NODE_NAME_CHARACTERS_MAX,
    TRUNCATED_BY_MAX,
    Answer,
    Item,
    Query,
    Record,
    Stats,
    body_id,
    encode_record,
    is_node_name,
    item_bytes,
    record_body,
)
from parley.pool.rules import Verify, check_form, check_times, is_under
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Blame, Finish, Handled, Ignored, Send, TimeoutReached, TransitionTable

__all__ = ["TRAVERSAL_TABLE", "LinkAnswered", "LinkFailed", "Traversal", "TraversalPhase"]

_OWN = NodeId(b"")
_TOLERANCE_MS = 2 * SKEW_MS_MAX
_ESCAPED_BYTES = 6
_ITEM_BYTES_MOST = 512 + _ESCAPED_BYTES * (NODE_NAME_CHARACTERS_MAX + KEYS_MAX * KEY_BYTES_MAX)


Address = tuple[bytes, tuple[str, ...]]
"""Author and keys: of the records at one address the newest counts."""


class TraversalPhase(Enum):
    """Where a traversal is."""

    COLLECTING = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class LinkAnswered:
    """A link answered its copy of the query."""

    link: NodeId
    answer: Answer


@dataclass(frozen=True, slots=True)
class LinkFailed:
    """A link refused its copy, could not be reached, or answered nonsense."""

    link: NodeId
    code: ErrorCode


@dataclass(frozen=True, slots=True)
class _Blamed:
    """What is wrong with an answer, and the record that shows it."""

    code: ErrorCode
    evidence: tuple[bytes, ...] = ()


TraversalEvent = LinkAnswered | LinkFailed
TraversalOutput = Send[Query] | Blame | Finish[Answer]

_EITHER = Handled(frozenset(TraversalPhase))
TRAVERSAL_TABLE: TransitionTable[TraversalPhase] = TransitionTable(
    name="traversal",
    phases=TraversalPhase,
    initial=TraversalPhase.COLLECTING,
    final=frozenset({TraversalPhase.DONE}),
    events=(LinkAnswered, LinkFailed, TimeoutReached),
    cells={
        (TraversalPhase.COLLECTING, LinkAnswered): _EITHER,
        (TraversalPhase.COLLECTING, LinkFailed): _EITHER,
        (TraversalPhase.COLLECTING, TimeoutReached): Handled(frozenset({TraversalPhase.DONE})),
        (TraversalPhase.DONE, LinkAnswered): Ignored(),
        (TraversalPhase.DONE, LinkFailed): Ignored(),
        (TraversalPhase.DONE, TimeoutReached): Ignored(),
    },
)


class Traversal:
    """Follows one copy of a query (a `Machine`): sends copies on, then finishes with an `Answer`."""

    def __init__(
        self,
        query: Query,
        *,
        links: Iterable[NodeId],
        own_items: tuple[Item, ...],
        own_left_out: int,
        own_name: str,
        config: PoolConfig,
        verify: Verify,
        now: Instant,
    ) -> None:
        """Send the query on to the links, and finish at once when there is nobody to ask.

        Args:
            query: as it arrived; its `remaining` counts this node.
            links: whom to ask; the caller is not among them.
            own_items: what this node adds, newest first; empty for a copy that is only forwarded again.
            own_left_out: how many own records the size limit left out already.
            own_name: what this node calls itself.
            config: limits.
            verify: signature check.
            now: when the copy arrived.
        """
        self._query = query
        self._own_items = own_items
        self._own_left_out = own_left_out
        self._own_name = own_name
        self._config = config
        self._verify = verify
        self._asked_at = now
        self._deadline = Instant(now + query.budget_ms)
        self._outputs: deque[TraversalOutput] = deque()
        self._answers: dict[NodeId, Answer] = {}
        self._refused = 0
        self._asked: tuple[NodeId, ...] = ()
        self.phase = TraversalPhase.COLLECTING
        child_budget_ms = query.budget_ms - config.hop_margin_ms
        if query.remaining > 1 and child_budget_ms > 0:
            self._asked = tuple(dict.fromkeys(links))
        child = replace(query, remaining=query.remaining - 1, budget_ms=child_budget_ms)
        self._outputs.extend(Send(link, child) for link in self._asked)
        self._waiting = set(self._asked)
        self._finish_when_complete(now)

    @property
    def asked(self) -> tuple[NodeId, ...]:
        """Links that were sent a copy."""
        return self._asked

    def receive(self, event: TraversalEvent, now: Instant) -> None:
        """Take a link's answer or failure in; a second one of the same link changes nothing."""
        if not TRAVERSAL_TABLE.is_handled(self.phase, event) or event.link not in self._waiting:
            return
        self._waiting.discard(event.link)
        if isinstance(event, LinkAnswered):
            self._take(event.link, event.answer, now)
        else:
            self._refused += 1
        self._finish_when_complete(now)

    def handle_timeout(self, now: Instant) -> None:
        """Answer with what has arrived once the deadline is reached."""
        if self.phase is TraversalPhase.COLLECTING and now >= self._deadline:
            self._finish(now)

    def next_timeout(self) -> Instant | None:
        """Return the deadline while collecting."""
        return self._deadline if self.phase is TraversalPhase.COLLECTING else None

    def next_output(self) -> TraversalOutput | None:
        """Take the next `Send`, `Blame` or the one `Finish`."""
        return self._outputs.popleft() if self._outputs else None

    def _take(self, link: NodeId, answer: Answer, now: Instant) -> None:
        kept = self._checked(answer, now)
        if isinstance(kept, _Blamed):
            self._outputs.append(Blame(link, kept.code, kept.evidence))
            self._refused += 1
        else:
            self._answers[link] = replace(answer, items=kept)

    def _checked(self, answer: Answer, now: Instant) -> tuple[Item, ...] | _Blamed:
        """Return what is wanted of an answer, or what is wrong with it; signatures last, as they cost most."""
        if len(answer.items) > self._query.size_limit:
            return _Blamed(ErrorCode.NOT_ASKED_FOR)
        kept: list[Item] = []
        for item in answer.items:
            form = check_form(item.record, self._config)
            code = self._fault(item, form, now)
            if code is not None:
                return _Blamed(code, _evidence(item.record))
            if form is None and self._is_wanted(item.record, now):
                kept.append(item)
        for record in (item.record for item in kept):
            if not self._verify(record.author, body_id(record_body(record)), record.signature):
                return _Blamed(ErrorCode.BAD_SIGNATURE, _evidence(record))
        return tuple(kept)

    def _fault(self, item: Item, form: Rejected | None, now: Instant) -> ErrorCode | None:
        """Return what no careful relay would have sent; how long messages may be is each node's own choice."""
        record = item.record
        if form is not None and form.code is not ErrorCode.TOO_LARGE:
            return form.code
        if not is_node_name(item.node):
            return ErrorCode.MALFORMED
        if not is_under(record.keys, self._query.keys):
            return ErrorCode.NOT_ASKED_FOR
        if record.expires_ms + _TOLERANCE_MS <= self._asked_at:
            return ErrorCode.EXPIRED
        if record.created_ms > now + _TOLERANCE_MS:
            return ErrorCode.CLOCK_SKEW
        return None

    def _is_wanted(self, record: Record, now: Instant) -> bool:
        max_age_ms = self._query.max_age_ms
        is_young = max_age_ms is None or record.created_ms >= now - max_age_ms
        return is_young and check_times(record, now, self._config) is None

    def _finish_when_complete(self, now: Instant) -> None:
        if not self._waiting:
            self._finish(now)

    def _finish(self, now: Instant) -> None:
        self.phase = TraversalPhase.DONE
        items, left_out = self._combine(now)
        self._outputs.append(Finish(Answer(items, self._stats(left_out + self._own_left_out))))

    def _combine(self, now: Instant) -> tuple[tuple[Item, ...], int]:
        """Return what the answer holds, and how many addresses were left out of it."""
        brought: dict[NodeId, tuple[Item, ...]] = {_OWN: self._own_items}
        brought.update((link, self._answers[link].items) for link in self._asked if link in self._answers)
        best: dict[Address, int] = {}
        for items in brought.values():
            for item in items:
                address = _address(item)
                best[address] = max(best.get(address, -1), item.record.sequence)
        newest = {
            link: [
                item for item in items if item.record.sequence == best[_address(item)] and item.record.expires_ms > now
            ]
            for link, items in brought.items()
        }
        chosen, left_out = choose(newest, self._query.size_limit, author=_author, address=_address)
        limit_bytes = self._config.answer_bytes_max
        counted = sum(map(len, chosen.values()))
        if sum(_most_bytes(item) for items in chosen.values() for item in items) > limit_bytes:
            chosen = fit(chosen, limit_bytes, author=_author, size_bytes=item_bytes)
        items = tuple(take_turns(chosen.values()))
        return items, left_out + counted - len(items)

    def _stats(self, left_out: int) -> Stats:
        told = [answer.stats for answer in self._answers.values()]
        names = [self._own_name] if left_out else []
        names += [name for stats in told for name in stats.truncated_by[:TRUNCATED_BY_MAX] if is_node_name(name)]
        answered_duplicate = sum(answer.duplicate for answer in self._answers.values())
        farthest = (1 + max(0, answer.stats.hops) for answer in self._answers.values() if not answer.duplicate)
        return Stats(
            asked=_count(len(self._asked), (stats.asked for stats in told)),
            answered=_count(len(told), (stats.answered for stats in told)),
            timed_out=_count(len(self._waiting), (stats.timed_out for stats in told)),
            refused=_count(self._refused, (stats.refused for stats in told)),
            duplicates=_count(answered_duplicate, (stats.duplicates for stats in told)),
            truncated_by=tuple(dict.fromkeys(names))[:TRUNCATED_BY_MAX],
            hops=min(max(farthest, default=0), self._query.remaining - 1),
        )


def _count(own: int, told: Iterable[int]) -> int:
    """Add up, so that no link can tell a number that the next hop would refuse to read."""
    return min(own + sum(min(max(number, 0), COUNT_MAX) for number in told), COUNT_MAX)


def _most_bytes(item: Item) -> int:
    """Return a bound of `item_bytes` that costs next to nothing; few answers need the exact sizes."""
    return _ITEM_BYTES_MOST + _ESCAPED_BYTES * len(item.record.message)


def _address(item: Item) -> Address:
    return item.record.author, item.record.keys


def _author(item: Item) -> bytes:
    return item.record.author


def _evidence(record: Record) -> tuple[bytes, ...]:
    try:
        return (encode_record(record),)
    except ValueError:
        return ()
