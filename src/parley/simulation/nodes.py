"""A pool node in the simulation: the node's own `Router`, with the network in memory in place of HTTP.

What HTTP does is done here: an answer belongs to one request, a repeated request is not served twice, and answers
to a process that has since restarted are lost. Everything else is the machine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from parley.errors import ErrorCode, LocalError, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, record_body
from parley.pool.router import Router
from parley.pool.routing import AnswerReceived, AskFailed, AskLink, LinksChanged, OwnerQueried, QueryReceived, Reply
from parley.pool.rules import Verify
from parley.pool.table import OWNER_LINK, RecordTable
from parley.primitives.ids import NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Blame
from parley.testing.network import VirtualNetwork

__all__ = [
    "AnswerMessage",
    "Cut",
    "Habits",
    "Message",
    "PoolNode",
    "QueryMessage",
    "Tally",
    "name_node",
    "number_of",
]

_OWN_GROUP = NodeId(b"")
_NODE_BYTES = 32

Cut = Callable[[Mapping[NodeId, Sequence[Item]], int], tuple[Item, ...]]
"""(items by the link that brought them, size limit) -> what stays of them."""


@dataclass(frozen=True, slots=True)
class QueryMessage:
    """A query on its way; `life` tells one process of the sender from its next."""

    life: int
    exchange: int
    query: Query


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    """An answer on its way back to the process that asked."""

    life: int
    exchange: int
    answer: Answer | Rejected


Message = QueryMessage | AnswerMessage


def name_node(number: int) -> NodeId:
    """Return the identity of a numbered node."""
    return NodeId(number.to_bytes(_NODE_BYTES, "big"))


def number_of(name: bytes) -> int:
    """Return the number of a named node."""
    return int.from_bytes(name, "big")


@dataclass(frozen=True, slots=True)
class Habits:
    """How a node departs from the rules.

    Attributes:
        is_forwarded_again: a copy with more deepness left than any before is followed; else only the first is.
        cut: takes the place of the machine's own rule for cutting answers; None keeps that.
        size_limit: for `cut`.
        edit: changes an answer before it is sent to a peer; what a liar does.
    """

    is_forwarded_again: bool = True
    cut: Cut | None = None
    size_limit: int = 0
    edit: Callable[[Answer], Answer] | None = None


@dataclass(slots=True)
class Tally:
    """What was sent over all links so far; what the network then loses was sent all the same.

    Attributes:
        requests: copies of queries.
        answers: answers, refusals among them.
        duplicates: answers that add nothing, as the node knew the request already.
        records: records in answers.
    """

    requests: int = 0
    answers: int = 0
    duplicates: int = 0
    records: int = 0

    def clear(self) -> None:
        """Begin again at 0."""
        self.requests = self.answers = self.duplicates = self.records = 0

    def count(self, message: Message) -> None:
        """Count one message."""
        if isinstance(message, QueryMessage):
            self.requests += 1
            return
        self.answers += 1
        if isinstance(message.answer, Answer):
            self.duplicates += message.answer.duplicate
            self.records += len(message.answer.items)


class PoolNode:
    """Drives one `Router` in the network in memory."""

    def __init__(
        self,
        number: int,
        *,
        links: Sequence[int],
        network: VirtualNetwork[Message],
        config: PoolConfig,
        verify: Verify,
        habits: Habits,
        tally: Tally,
    ) -> None:
        """Start a node.

        Args:
            number: of the node in the network.
            links: numbers of the nodes it is linked to.
            network: carries its messages.
            config: of its pool.
            verify: signature check.
            habits: how it departs from the rules.
            tally: counts what it sends.
        """
        self.number = number
        self.blames: list[Blame] = []
        self.finished: dict[int, tuple[Answer | Rejected, Instant]] = {}
        self.queries = 0
        self.clock_offset_ms = 0
        self._network = network
        self._config = config
        self._verify = verify
        self._habits = habits
        self._tally = tally
        self._links = tuple(name_node(link) for link in links)
        self._life = 0
        self._armed_ms: int | None = None
        self._tokens = 0
        self._table = RecordTable(config)
        self._begin_life()

    @property
    def open_queries(self) -> int:
        """How many queries this node follows now."""
        return self._router.open_queries

    def store(self, record: Record) -> None:
        """Put a record of this node's own wallet into its table.

        Raises:
            LocalError: the table refuses it.
        """
        stored = self._table.push(record, record_body(record), OWNER_LINK, self._now())
        if isinstance(stored, Rejected):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, refused=stored.code.name)

    def ask(self, query: Query) -> int:
        """Put a wallet's query to this node.

        Returns:
            The token under which `finished` holds the answer later.
        """
        self._tokens += 1
        self._router.receive(OwnerQueried(self._tokens, query), self._now())
        self._perform()
        return self._tokens

    def deliver(self, source: int, message: Message) -> None:
        """Take in what the network brought."""
        match message:
            case QueryMessage():
                self._take_query(source, message)
            case AnswerMessage():
                self._take_answer(message)
        self._perform()

    def wake(self) -> None:
        """Let time act."""
        self._armed_ms = None
        self._router.handle_timeout(self._now())
        self._perform()

    def restart(self) -> None:
        """Begin again after a crash: everything but the records of the own wallets is forgotten."""
        self._begin_life()

    def forget_answers(self) -> None:
        """Drop what earlier queries left behind; nothing may be under way."""
        self.queries = 0
        self.blames.clear()
        self.finished.clear()
        self._served.clear()
        self._asked.clear()
        self._brought.clear()
        self._first_served.clear()

    def _begin_life(self) -> None:
        self._life += 1
        self._router = Router(table=self._table, config=self._config, own_name=str(self.number), verify=self._verify)
        self._router.receive(LinksChanged(self._links), self._now())
        self._waiting: dict[int, tuple[int, int, int]] = {}
        self._served: set[tuple[int, int, int]] = set()
        self._asked: dict[int, tuple[NodeId, RequestId]] = {}
        self._brought: dict[RequestId, dict[int, NodeId]] = {}
        self._first_served: set[RequestId] = set()
        self._armed_ms = None

    def _now(self) -> Instant:
        return Instant(self._network.now + self.clock_offset_ms)

    def _take_query(self, source: int, message: QueryMessage) -> None:
        name = (source, message.life, message.exchange)
        if name in self._served:
            return
        self._served.add(name)
        self.queries += 1
        query = message.query
        if not self._habits.is_forwarded_again:
            if query.request_id in self._first_served:
                self._send(source, AnswerMessage(message.life, message.exchange, Answer(duplicate=True)))
                return
            self._first_served.add(query.request_id)
        self._tokens += 1
        self._waiting[self._tokens] = (source, message.life, message.exchange)
        self._router.receive(QueryReceived(self._tokens, name_node(source), query), self._now())

    def _take_answer(self, message: AnswerMessage) -> None:
        if message.life != self._life or message.exchange not in self._asked:
            return
        link, request_id = self._asked.pop(message.exchange)
        answer = message.answer
        if isinstance(answer, Rejected):
            self._router.receive(AskFailed(message.exchange, answer.code), self._now())
            return
        if self._habits.cut is not None:
            brought = self._brought.setdefault(request_id, {})
            brought.update((id(item), link) for item in answer.items)
        self._router.receive(AnswerReceived(message.exchange, answer), self._now())

    def _perform(self) -> None:
        while (output := self._router.next_output()) is not None:
            match output:
                case Ask(exchange, AskLink(link, query)):
                    self._asked[exchange] = (link, query.request_id)
                    self._send(number_of(link), QueryMessage(self._life, exchange, query))
                case Reply(token, answer):
                    self._reply(token, answer)
                case Blame():
                    self.blames.append(output)
        moment = self._router.next_timeout()
        if moment is not None and (self._armed_ms is None or moment < self._armed_ms):
            self._armed_ms = moment
            self._network.set_alarm(self.number, Instant(moment - self.clock_offset_ms))

    def _reply(self, token: int, answer: Answer | Rejected) -> None:
        peer = self._waiting.pop(token, None)
        if peer is None:
            kept = self._cut(answer) if isinstance(answer, Answer) else answer
            self.finished[token] = (kept, self._network.now)
            return
        source, life, exchange = peer
        if isinstance(answer, Answer):
            answer = self._cut(answer)
            if self._habits.edit is not None:
                answer = self._habits.edit(answer)
        self._send(source, AnswerMessage(life, exchange, answer))

    def _cut(self, answer: Answer) -> Answer:
        cut = self._habits.cut
        if cut is None or len(answer.items) <= self._habits.size_limit:
            return answer
        links = {place: link for brought in self._brought.values() for place, link in brought.items()}
        groups: dict[NodeId, list[Item]] = {}
        for item in answer.items:
            groups.setdefault(links.get(id(item), _OWN_GROUP), []).append(item)
        return replace(answer, items=cut(groups, self._habits.size_limit))

    def _send(self, target: int, message: Message) -> None:
        self._tally.count(message)
        self._network.send(self.number, target, message)
