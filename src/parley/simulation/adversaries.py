"""Nodes that do not follow the rules: liars that spoil what they pass on, and sybils that answer with fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from parley.pool.messages import Answer, Item, Query
from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant
from parley.simulation.nodes import AnswerMessage, Message, QueryMessage, Tally
from parley.simulation.records import PREFIX, SignedRecords
from parley.testing.network import VirtualNetwork

__all__ = ["FAKE", "Sybil", "forge", "invent", "relabel"]

FAKE = "fake"
"""What the authors of fakes are called first."""


def forge(answer: Answer) -> Answer:
    """Alter the text of every record; its signature stays as it was."""
    return replace(
        answer, items=tuple(Item(item.node, replace(item.record, message="forged")) for item in answer.items)
    )


def relabel(number: int) -> Callable[[Answer], Answer]:
    """Return an edit that claims a new node for every record."""

    def edit(answer: Answer) -> Answer:
        items = (Item(f"liar {number} {place}", item.record) for place, item in enumerate(answer.items))
        return replace(answer, items=tuple(items))

    return edit


class Sybil:
    """Claims the nodes behind it, by passing the query on before anybody else, then answers with fakes alone.

    Whoever heard of the request first from a sybil sends it its records, and tells honest nodes that it knows the
    request already: so what lies behind a sybil is lost, unless a copy with more deepness left comes by another way.
    """

    def __init__(
        self,
        number: int,
        *,
        links: tuple[int, ...],
        network: VirtualNetwork[Message],
        items: tuple[Item, ...],
        is_greedy: bool,
        tally: Tally,
    ) -> None:
        """Take the fakes.

        Args:
            number: of the node in the network.
            links: numbers of the nodes it is linked to.
            network: carries its messages.
            items: the fakes, validly signed.
            is_greedy: answers every copy of a query with the fakes, and not only those that it follows.
            tally: counts what it sends.
        """
        self.number = number
        self.queries = 0
        self._links = links
        self._network = network
        self._items = items
        self._is_greedy = is_greedy
        self._tally = tally
        self._exchanges = 0
        self._followed: dict[RequestId, int] = {}

    def deliver(self, source: int, message: Message) -> None:
        """Answer a query and pass it on; the answers that come back are dropped."""
        if isinstance(message, AnswerMessage):
            return
        self.queries += 1
        query = message.query
        is_followed = query.remaining > self._followed.get(query.request_id, 0)
        if is_followed:
            self._followed[query.request_id] = query.remaining
            if query.remaining > 1:
                self._claim(replace(query, remaining=query.remaining - 1), source)
        shows_fakes = is_followed or self._is_greedy
        answer = Answer(self._items[: query.size_limit]) if shows_fakes else Answer(duplicate=True)
        self._send(source, AnswerMessage(message.life, message.exchange, answer))

    def wake(self) -> None:
        """Do nothing: a sybil waits for nothing."""

    def restart(self) -> None:
        """Do nothing: a sybil has nothing to lose."""

    def forget_answers(self) -> None:
        """Forget the requests of the query before."""
        self.queries = 0
        self._followed.clear()

    def _claim(self, query: Query, source: int) -> None:
        for link in self._links:
            if link != source:
                self._exchanges += 1
                self._send(link, QueryMessage(0, self._exchanges, query))

    def _send(self, target: int, message: Message) -> None:
        self._tally.count(message)
        self._network.send(self.number, target, message)


def invent(signed: SignedRecords, number: int, *, count: int, authors: int, now: Instant) -> tuple[Item, ...]:
    """Invent validly signed records, each with a node name of its own.

    Args:
        signed: where they are signed.
        number: of the sybil.
        count: how many.
        authors: who sign them in turns; 0 gives each an author of its own.
        now: when they are made.
    """
    found: list[Item] = []
    for place in range(count):
        author = f"{FAKE} {number} {place % authors if authors else place}"
        record = signed.make(author, now, keys=(*PREFIX, str(place)) if authors else PREFIX)
        found.append(Item(f"{FAKE} {number} {place}", record))
    return tuple(found)
