"""One node's part in all traversals: which copies to follow, for whom, and at whose cost.

The router never reads a clock or a socket: questions leave as `Ask`, answers return with their exchange
number, replies leave as `Reply` with the token of who asked.

Source: docs/spec/pool.md §4.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field, replace
from typing import assert_never

from parley.errors import ConfigError, ErrorCode, Rejected
from parley.pool.allowance import Allowance, quote_query
from parley.pool.config import PoolConfig
from parley.pool.entries import Entry
from parley.pool.fairness import choose_by_author
from parley.pool.messages import NODE_NAME_CHARACTERS_MAX, Answer, Item, Query, is_keys, is_node_name
from parley.pool.routing import (
    ROUTER_TABLE,
    AnswerReceived,
    AskFailed,
    AskLink,
    Closed,
    LinksChanged,
    OwnerQueried,
    QueryReceived,
    Reply,
    RouterEvent,
    RouterOutput,
    RouterPhase,
)
from parley.pool.rules import Verify
from parley.pool.seen import SeenRequests
from parley.pool.table import RecordTable
from parley.pool.traversal import LinkAnswered, LinkFailed, Traversal
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Blame, Finish, Send

__all__ = ["Router"]

_LOOKS_PER_UNIT = 16
_ALLOWANCES_SLACK = 64


@dataclass(slots=True)
class _Open:
    """A traversal under way and who waits for it; `merge_key` is set for the owner's."""

    traversal: Traversal
    tokens: list[int]
    link: NodeId | None
    query: Query
    merge_key: tuple[object, ...] | None
    exchanges: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer that may be served again."""

    answer: Answer
    deepness: int
    until_ms: int


class Router:
    """All traversals of one node (a `Machine`)."""

    def __init__(self, *, table: RecordTable, config: PoolConfig, own_name: str, verify: Verify) -> None:
        """Begin open, with no links.

        Args:
            table: the node's own records; read, never changed.
            config: limits.
            own_name: what this node calls itself in answers.
            verify: signature check of records.

        Raises:
            ConfigError: the name is not one that other nodes accept.
        """
        if not is_node_name(own_name):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="name", characters_max=NODE_NAME_CHARACTERS_MAX)
        self._table = table
        self._config = config
        self._verify = verify
        self._links: tuple[NodeId, ...] = ()
        self._allowances: dict[NodeId, Allowance] = {}
        self._open: dict[int, _Open] = {}
        self._exchanges: dict[int, tuple[int, NodeId]] = {}
        self._merging: dict[tuple[object, ...], int] = {}
        self._open_by_link: dict[NodeId | None, int] = {}
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._seen = SeenRequests(keep_ms=config.seen_ms, entries_max=config.seen_max)
        self._deadlines: list[tuple[Instant, int]] = []
        self._outputs: deque[RouterOutput] = deque()
        self._next_number = 0
        self.own_name = own_name
        self.phase = RouterPhase.OPEN

    @property
    def open_queries(self) -> int:
        """How many traversals are under way."""
        return len(self._open)

    def receive(self, event: RouterEvent, now: Instant) -> None:
        """Take one input in. Refusals are replies, so nothing is raised for what a peer sends."""
        if not ROUTER_TABLE.is_handled(self.phase, event):
            return
        match event:
            case OwnerQueried(token, query):
                self._owner_queried(token, query, now)
            case QueryReceived():
                self._query_received(event, now)
            case AnswerReceived(exchange, answer):
                self._settle(exchange, answer, now)
            case AskFailed(exchange, code):
                self._settle(exchange, code, now)
            case LinksChanged(links):
                self._links = tuple(dict.fromkeys(links))
                self._forget_allowances(now)
            case Closed():
                self._close()
            case _:
                assert_never(event)

    def handle_timeout(self, now: Instant) -> None:
        """Finish every traversal whose deadline is reached."""
        while self._deadlines and self._deadlines[0][0] <= now:
            _, number = heapq.heappop(self._deadlines)
            opened = self._open.get(number)
            if opened is not None:
                opened.traversal.handle_timeout(now)
                self._collect(number, opened, now)

    def next_timeout(self) -> Instant | None:
        """Return the earliest deadline of a traversal under way."""
        while self._deadlines and self._deadlines[0][1] not in self._open:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def next_output(self) -> RouterOutput | None:
        """Take the next `Ask`, `Reply` or `Blame`."""
        return self._outputs.popleft() if self._outputs else None

    def local(
        self, keys: tuple[str, ...], size_limit: int, max_age_ms: int | None, now: Instant
    ) -> list[Entry] | Rejected:
        """Answer the owner from this node's own records alone, fairly cut per author: a query of deepness 1."""
        refusal = self._local_refusal(keys, size_limit, max_age_ms)
        return refusal or choose_by_author(self._table.query(keys, now, max_age_ms), size_limit, _entry_author)

    def _owner_queried(self, token: int, query: Query, now: Instant) -> None:
        refusal = self._refusal(query, None)
        if refusal is not None:
            self._outputs.append(Reply(token, refusal))
            return
        merge_key = (query.keys, query.size_limit, query.max_age_ms, query.remaining, query.budget_ms)
        under_way = self._merging.get(merge_key)
        if under_way is not None:
            self._open[under_way].tokens.append(token)
            return
        kept = self._served_again(query, now)
        if kept is not None and kept.deepness == query.remaining:
            self._outputs.append(Reply(token, kept.answer))
            return
        self._seen.note(query.request_id, self._reach(query), now)
        self._follow(query, token, None, now, merge_key=merge_key, with_own=True)

    def _query_received(self, event: QueryReceived, now: Instant) -> None:
        config = self._config
        query = _within(event.query, config)
        refusal = self._refusal(query, event.link)
        if refusal is not None:
            self._outputs.append(Reply(event.token, refusal))
            return
        reach, known = self._reach(query), self._seen.remaining(query.request_id, now)
        is_duplicate = known is not None and reach <= known
        allowance = None if event.is_paid else self._allowance(event.link, now)
        wait_ms = 0 if allowance is None else allowance.debit(1 if is_duplicate else self._cost_units(query), now)
        if wait_ms:
            self._outputs.append(Reply(event.token, Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": wait_ms})))
            return
        if is_duplicate:
            self._outputs.append(Reply(event.token, Answer(duplicate=True)))
            return
        self._seen.note(query.request_id, reach, now, event.link)
        kept = self._served_again(query, now)
        if kept is not None and known is None and query.remaining > 1:
            self._outputs.append(Reply(event.token, kept.answer))
            return
        looked_at = self._table.looked_at
        self._follow(query, event.token, event.link, now, merge_key=None, with_own=known is None)
        if allowance is not None:
            allowance.charge((self._table.looked_at - looked_at) // _LOOKS_PER_UNIT, now)

    def _refusal(self, query: Query, link: NodeId | None) -> Rejected | None:
        config = self._config
        refusal = self._local_refusal(query.keys, query.size_limit, query.max_age_ms)
        if refusal is not None:
            return refusal
        if not 1 <= query.remaining <= config.deepness_max:
            return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "deepness", "maximum": config.deepness_max})
        if not 1 <= query.budget_ms <= config.seen_ms:
            return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "budget", "maximum_ms": config.seen_ms})
        is_full = link is not None and len(self._open) >= config.open_queries_max
        if is_full or self._open_by_link.get(link, 0) >= config.link_open_queries_max:
            return Rejected(ErrorCode.BUSY, {"open_queries": len(self._open), "retry_after_ms": config.hop_margin_ms})
        return None

    def _local_refusal(self, keys: tuple[str, ...], size_limit: int, max_age_ms: int | None) -> Rejected | None:
        if self.phase is RouterPhase.CLOSED:
            return Rejected(ErrorCode.SHUTTING_DOWN)
        if not is_keys(keys):
            return Rejected(ErrorCode.KEYS_INVALID)
        if not 1 <= size_limit <= self._config.size_limit_max:
            maximum = self._config.size_limit_max
            return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "size_limit", "maximum": maximum})
        if max_age_ms is not None and max_age_ms < 0:
            return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "expiration"})
        return None

    def _reach(self, query: Query) -> int:
        """Return the deepness that the budget allows: a copy that must stop here is not remembered as a deep one."""
        hops = (query.budget_ms - 1) // self._config.hop_margin_ms
        return min(query.remaining, 1 + hops)

    def _allowance(self, link: NodeId, now: Instant) -> Allowance:
        allowance = self._allowances.get(link)
        if allowance is None:
            if len(self._allowances) >= 2 * len(self._links) + _ALLOWANCES_SLACK:
                self._forget_allowances(now)
            config = self._config
            allowance = self._allowances[link] = Allowance(
                units=config.bucket_units, units_per_second=config.bucket_units_per_second, now=now
            )
        return allowance

    def _forget_allowances(self, now: Instant) -> None:
        """Forget what is spent by nobody; who leaves and returns finds what it has left."""
        links = set(self._links)
        self._allowances = {
            link: allowance
            for link, allowance in self._allowances.items()
            if link in links or not allowance.is_full(now)
        }

    def _cost_units(self, query: Query) -> int:
        return quote_query(
            remaining=query.remaining,
            size_limit=query.size_limit,
            links=max(0, len(self._links) - 1),
            units_max=self._config.bucket_units,
        )

    def _served_again(self, query: Query, now: Instant) -> _Kept | None:
        kept = self._kept.get((query.keys, query.size_limit, query.max_age_ms))
        if kept is None or kept.until_ms <= now or kept.deepness < query.remaining:
            return None
        oldest_ms = 0 if query.max_age_ms is None else now - query.max_age_ms
        records = ((item, item.record) for item in kept.answer.items)
        live = tuple(item for item, record in records if record.expires_ms > now and record.created_ms >= oldest_ms)
        return replace(kept, answer=replace(kept.answer, items=live))

    def _follow(
        self,
        query: Query,
        token: int,
        link: NodeId | None,
        now: Instant,
        *,
        merge_key: tuple[object, ...] | None,
        with_own: bool,
    ) -> None:
        found = self._table.query(query.keys, now, query.max_age_ms) if with_own else []
        entries = choose_by_author(found, query.size_limit, _entry_author)
        traversal = Traversal(
            query,
            links=(other for other in self._links if other != link),
            own_items=tuple(Item(self.own_name, entry.record()) for entry in entries),
            own_left_out=len(found) - len(entries),
            own_name=self.own_name,
            config=self._config,
            verify=self._verify,
            now=now,
        )
        self._next_number += 1
        number = self._next_number
        opened = self._open[number] = _Open(traversal, [token], link, query, merge_key)
        self._open_by_link[link] = self._open_by_link.get(link, 0) + 1
        if merge_key is not None:
            self._merging[merge_key] = number
        deadline = traversal.next_timeout()
        if deadline is not None:
            heapq.heappush(self._deadlines, (deadline, number))
        self._collect(number, opened, now)

    def _settle(self, exchange: int, result: Answer | ErrorCode, now: Instant) -> None:
        number, link = self._exchanges.pop(exchange, (0, NodeId(b"")))
        opened = self._open.get(number)
        if opened is None:
            return
        event = LinkAnswered(link, result) if isinstance(result, Answer) else LinkFailed(link, result)
        opened.traversal.receive(event, now)
        self._collect(number, opened, now)

    def _collect(self, number: int, opened: _Open, now: Instant) -> None:
        while (output := opened.traversal.next_output()) is not None:
            match output:
                case Send(to, query):
                    self._next_number += 1
                    self._exchanges[self._next_number] = (number, NodeId(to))
                    opened.exchanges.append(self._next_number)
                    self._outputs.append(Ask(self._next_number, AskLink(NodeId(to), query)))
                case Blame():
                    self._outputs.append(output)
                case Finish(answer):
                    self._finish(number, opened, answer, now)
                case _:
                    assert_never(output)

    def _finish(self, number: int, opened: _Open, answer: Answer, now: Instant) -> None:
        self._forget(number, opened)
        self._outputs.extend(Reply(token, answer) for token in opened.tokens)
        query = opened.query
        if opened.merge_key is not None and query.budget_ms >= self._config.budget_ms:
            self._keep((query.keys, query.size_limit, query.max_age_ms), answer, query.remaining, now)

    def _keep(self, key: tuple[object, ...], answer: Answer, deepness: int, now: Instant) -> None:
        """Keep an answer of the owner's for a while; one that had less time than usual may have holes, and is not."""
        config = self._config
        self._kept = {other: kept for other, kept in self._kept.items() if kept.until_ms > now and other != key}
        if config.cache_age_ms and config.cache_entries_max:
            if len(self._kept) >= config.cache_entries_max:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = _Kept(answer, deepness, now + config.cache_age_ms)

    def _forget(self, number: int, opened: _Open) -> None:
        del self._open[number]
        for exchange in opened.exchanges:
            self._exchanges.pop(exchange, None)
        self._open_by_link[opened.link] -= 1
        if not self._open_by_link[opened.link]:
            del self._open_by_link[opened.link]
        if opened.merge_key is not None:
            del self._merging[opened.merge_key]

    def _close(self) -> None:
        self.phase = RouterPhase.CLOSED
        for number, opened in list(self._open.items()):
            self._forget(number, opened)
            self._outputs.extend(Reply(token, Rejected(ErrorCode.SHUTTING_DOWN)) for token in opened.tokens)


def _within(query: Query, config: PoolConfig) -> Query:
    """Return a peer's query cut to the limits of this node."""
    remaining = min(query.remaining, config.deepness_max)
    size_limit = min(query.size_limit, config.size_limit_max)
    budget_ms = min(query.budget_ms, config.budget_ms)
    if (remaining, size_limit, budget_ms) == (query.remaining, query.size_limit, query.budget_ms):
        return query
    return replace(query, remaining=remaining, size_limit=size_limit, budget_ms=budget_ms)


def _entry_author(entry: Entry) -> bytes:
    return entry.raw[:32]
