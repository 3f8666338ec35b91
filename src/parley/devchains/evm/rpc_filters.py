"""Filters: what a caller wants to hear of, and how far it has heard; asked from time to time, never pushed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from parley.devchains.evm.blocks import MinedBlock
from parley.devchains.evm.local_chain import LocalChain, matches
from parley.devchains.evm.news import Event
from parley.devchains.evm.rpc_forms import data_text, log_document, parse_account, parse_hash, wrong
from parley.primitives.ids import Address

__all__ = ["BLOCKS", "TRANSACTIONS", "Filters", "LogQuery", "changes", "parse_query", "query_documents"]

BLOCKS: Final = Event.BLOCK_JOINED
"""A filter of new blocks."""

TRANSACTIONS: Final = Event.TRANSACTION_WAITS
"""A filter of new transactions in the pool."""

_FILTERS_MAX: Final = 1_000
_ACCOUNTS_MAX: Final = 100
_TOPICS_MAX: Final = 4
_ALTERNATIVES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which events are wanted.

    Attributes:
        contracts: of any of these; of all where empty.
        topics: at each place any of these; empty at a place for whatever stands there.
    """

    contracts: frozenset[Address]
    topics: tuple[frozenset[bytes], ...]


class Filters:
    """All filters of one server; the one that was asked least lately goes where there are too many."""

    def __init__(self) -> None:
        """Begin without any."""
        self._kept: OrderedDict[int, tuple[LogQuery | Event, int]] = OrderedDict()
        self._next = 1

    def add(self, wanted: LogQuery | Event, position: int) -> int:
        """Keep a filter that has heard everything before a position; return its number."""
        number = self._next
        self._next += 1
        self._kept[number] = (wanted, position)
        if len(self._kept) > _FILTERS_MAX:
            self._kept.popitem(last=False)
        return number

    def find(self, number: int) -> tuple[LogQuery | Event, int] | None:
        """Return what a filter wants, and how far it has heard."""
        return self._kept.get(number)

    def advance(self, number: int, position: int) -> None:
        """Note that a filter has heard everything before a position."""
        wanted, _ = self._kept.pop(number)
        self._kept[number] = (wanted, position)

    def remove(self, number: int) -> bool:
        """Forget a filter; False where there is none."""
        return self._kept.pop(number, None) is not None


def changes(local: LocalChain, wanted: LogQuery | Event, position: int) -> list[Any] | None:
    """Return what a filter has not heard yet; None where that is forgotten."""
    events = local.news.since(position)
    if events is None:
        return None
    if isinstance(wanted, Event):
        return [data_text(name) for event, name in events if event is wanted]
    found: list[Any] = []
    for event, name in events:
        block = None if event is Event.TRANSACTION_WAITS else local.history.known(name)
        if block is not None:
            found += _documents(block, wanted, is_removed=event is Event.BLOCK_LEFT)
    return found


def query_documents(local: LocalChain, query: LogQuery, first: int, last: int, limit: int) -> list[Any] | None:
    """Return the events of a range of blocks, documents in order; None where there are more than the limit."""
    found: list[Any] = []
    for block in local.history.with_events(first, last):
        found += _documents(block, query)
        if len(found) > limit:
            return None
    return found


def parse_query(wanted: dict[str, Any]) -> LogQuery:
    """Read which events are wanted, without the range of blocks.

    Raises:
        PeerError: INVALID_PARAMS.
    """
    accounts = wanted.get("address")
    if accounts is None:
        accounts = []
    elif not isinstance(accounts, list):
        accounts = [accounts]
    topics = wanted.get("topics") or []
    if len(accounts) > _ACCOUNTS_MAX or not isinstance(topics, list) or len(topics) > _TOPICS_MAX:
        raise wrong("filter", "at most 100 addresses, and 4 topics")
    return LogQuery(
        frozenset(parse_account(account, "address") for account in accounts), tuple(_parse_place(one) for one in topics)
    )


def _parse_place(place: object) -> frozenset[bytes]:
    """Read what may stand at one place: null for anything, one topic, or a list of them."""
    if place is None:
        return frozenset()
    alternatives = place if isinstance(place, list) else [place]
    if len(alternatives) > _ALTERNATIVES_MAX:
        raise wrong("topics", "at most 100 alternatives")
    if None in alternatives:
        return frozenset()
    return frozenset(parse_hash(one, "topics") for one in alternatives)


def _documents(block: MinedBlock, query: LogQuery, *, is_removed: bool = False) -> list[Any]:
    return [
        log_document(log, place, is_removed=is_removed)
        for place in range(len(block.outcomes))
        for log in block.logs_of(place)
        if matches(log, query.contracts, query.topics)
    ]
