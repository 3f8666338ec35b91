"""The node's side of its links: performs what the peer book and the router ask for.

Who did not answer and who answered nonsense are told apart: the first is no fault, the second costs the link.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec

from parley.adapters.jsonrpc.greetings import HelloAnswer, HelloDocument, parse_nonce
from parley.errors import ErrorCode, ParleyError, PeerError, Rejected, UnavailableError
from parley.node.config import ANSWER_BYTES_MAX, NodeConfig
from parley.node.driver import Driver
from parley.node.identity import Identity
from parley.node.metrics import Metrics
from parley.node.queries import Queries
from parley.node.requests import PROTOCOL_VERSION, PeerRequests, hello_digest
from parley.node.supervise import Supervisor
from parley.pool.addresses import Address, parse_address
from parley.pool.peering import (
    AddressAdded,
    AddressesReceived,
    AddressRemoved,
    AskAddresses,
    Closed,
    HelloAccepted,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    Link,
    LinksNow,
    LinkUsed,
    Misbehaved,
    PeerBookEvent,
    PeerBookOutput,
    PeerStatus,
    Remember,
    Reply,
    Report,
    SayHello,
    Started,
)
from parley.pool.peers import PeerBook
from parley.pool.routing import AnswerReceived, AskFailed, AskLink
from parley.ports.clock import Clock
from parley.ports.store import Documents
from parley.primitives.ids import NodeId
from parley.protocol.machine import Ask, Blame

__all__ = ["Links"]

_LOGGER = logging.getLogger("parley.node")
_NAMESPACE = "peers"
_ANSWER_SLACK_BYTES = 65_536
_NONSENSE = frozenset({ErrorCode.MALFORMED, ErrorCode.TOO_LARGE, ErrorCode.KEYS_INVALID})
"""Failures of a query that no honest link causes, neither by its answer nor by its refusal."""


class Links:
    """Turns the peer book, and carries the router's questions to its links."""

    def __init__(
        self,
        book: PeerBook,
        *,
        identity: Identity,
        config: NodeConfig,
        own_address: Address | None,
        clock: Clock,
        requests: PeerRequests,
        documents: Documents,
        metrics: Metrics,
        supervisor: Supervisor,
    ) -> None:
        """Turn a book; `start` makes it dial."""
        self._book = book
        self._driver: Driver[PeerBookEvent, PeerBookOutput] = Driver(book, clock, self._perform)
        self._identity = identity
        self._config = config
        self._clock = clock
        self._requests = requests
        self._documents = documents
        self._metrics = metrics
        self._supervisor = supervisor
        self._queries: Queries | None = None
        self._waiting: dict[int, asyncio.Future[HelloAccepted | Rejected]] = {}
        self._token = 0
        self._by_id: dict[NodeId, Link] = {}
        self._static_turn = asyncio.Lock()
        self._is_closing = False
        self._last_words: Remember | None = None
        self.own_address = own_address

    @property
    def links(self) -> tuple[Link, ...]:
        """The links now."""
        return tuple(self._by_id.values())

    def is_link(self, node_id: NodeId) -> bool:
        """Say whether a node is a link."""
        return node_id in self._by_id

    def serve(self, queries: Queries) -> None:
        """Tell whose questions to carry."""
        self._queries = queries

    async def start(self) -> None:
        """Begin to dial: the static peers, those remembered, and those the owner added earlier."""
        static = [*self._config.peers, *await self._load("static")]
        anchors, known = await self._load("anchors"), await self._load("known")
        self._driver.deliver(Started(tuple(dict.fromkeys(static)), anchors, known))

    async def close(self) -> None:
        """End all links; what is remembered of them is stored when this returns, if the store answers."""
        self._is_closing = True
        self._driver.deliver(Closed())
        self._driver.stop()
        if self._last_words is not None:
            await self._remember(self._last_words)

    def status(self) -> tuple[PeerStatus, ...]:
        """Say what is known of every peer."""
        return self._book.status(self._clock.now())

    async def add(self, address: Address) -> None:
        """Keep an address linked, also after a restart; stored when this returns."""
        async with self._static_turn:
            static = dict.fromkeys((*await self._load("static"), address))
            await self._save("static", tuple(static))
        self._driver.deliver(AddressAdded(address))

    async def remove(self, address: Address) -> None:
        """Forget an address, also after a restart; stored when this returns."""
        async with self._static_turn:
            static = [kept for kept in await self._load("static") if kept != address]
            await self._save("static", tuple(static))
        self._driver.deliver(AddressRemoved(address))

    def ask(self, exchange: int, wanted: AskLink) -> None:
        """Put the router's question to a link, in the background."""
        self._supervisor.start(self._ask(exchange, wanted), "pool_query")

    def blame(self, blame: Blame) -> None:
        """Charge a link for what the router saw."""
        self._metrics.blames.labels(blame.code.name.lower()).inc()
        self._driver.deliver(Misbehaved(NodeId(blame.culprit), blame.code, blame.evidence))

    async def answer_hello(self, hello: HelloDocument, caller: NodeId, host: str) -> HelloAnswer | Rejected:
        """Answer a greeting, after the book has judged the caller; it may be greeted back first.

        Raises:
            PeerError: the nonce is no hex.
        """
        nonce = parse_nonce(hello)
        self._token += 1
        token = self._token
        future = self._waiting[token] = asyncio.get_running_loop().create_future()
        try:
            self._driver.deliver(HelloReceived(token, caller, hello.address, host))
            judged = await future
        finally:
            self._waiting.pop(token, None)
        if isinstance(judged, Rejected):
            return judged
        digest = hello_digest(callee=self._identity.node_id, caller=caller, nonce=nonce, address=self.own_address)
        return HelloAnswer(
            self._identity.node_id,
            PROTOCOL_VERSION,
            self._config.network,
            self.own_address,
            self._identity.sign_now(digest),
        )

    def shared_addresses(self, asker: NodeId, limit: int) -> tuple[Address, ...]:
        """Return the addresses to tell a link."""
        return self._book.shared_addresses(asker, limit)

    def _perform(self, output: PeerBookOutput) -> None:
        match output:
            case Ask(exchange, SayHello() as hello):
                self._supervisor.start(self._say_hello(exchange, hello), "peer_hello")
            case Ask(exchange, AskAddresses() as asked):
                self._supervisor.start(self._ask_addresses(exchange, asked), "peer_addresses")
            case LinksNow(links):
                self._by_id = {link.node_id: link for link in links}
                if self._queries is not None:
                    self._queries.change_links(tuple(self._by_id))
            case Reply(token, answer):
                future = self._waiting.get(token)
                if future is not None and not future.done():
                    future.set_result(answer)
            case Remember() if self._is_closing:
                self._last_words = output
            case Remember():
                self._supervisor.start(self._remember(output), "remember peers")
            case Report():
                self._metrics.reports.labels(output.code.name.lower()).inc()

    async def _say_hello(self, exchange: int, hello: SayHello) -> None:
        timeout_ms = self._config.peering.hello_timeout_ms
        asking = self._requests.hello(
            hello.address, hello.expected_node_id, own_address=self.own_address, timeout_ms=timeout_ms
        )
        answer = await self._outcome("peer_hello", asking)
        if isinstance(answer, ParleyError):
            self._driver.deliver(HelloFailed(exchange, answer.code))
        else:
            self._driver.deliver(HelloAnswered(exchange, answer.id, answer.address))

    async def _ask_addresses(self, exchange: int, asked: AskAddresses) -> None:
        timeout_ms = self._config.peering.hello_timeout_ms
        asking = self._requests.addresses(asked.node_id, asked.address, asked.limit, timeout_ms=timeout_ms)
        answer = await self._outcome("peer_addresses", asking)
        if isinstance(answer, ParleyError):
            self._driver.deliver(HelloFailed(exchange, answer.code))
        else:
            self._driver.deliver(AddressesReceived(exchange, answer))

    async def _ask(self, exchange: int, wanted: AskLink) -> None:
        link, queries = self._by_id.get(wanted.link), self._queries
        if queries is None:
            return
        if link is None:
            queries.settle(AskFailed(exchange, ErrorCode.UNREACHABLE))
            return
        # Not this node's own setting, which the link cannot know: it would be blamed for an honest answer.
        limit_bytes = ANSWER_BYTES_MAX + _ANSWER_SLACK_BYTES
        # A link may use its whole budget; until the router's own deadline its answer still has the margin to arrive.
        timeout_ms = wanted.query.budget_ms + self._config.pool.hop_margin_ms
        asking = self._requests.query(
            wanted.link, link.address, wanted.query, timeout_ms=timeout_ms, limit_bytes=limit_bytes
        )
        answer = await self._outcome("pool_query", asking)
        if isinstance(answer, ParleyError):
            if answer.code in _NONSENSE:
                self.blame(Blame(wanted.link, answer.code))
            queries.settle(AskFailed(exchange, answer.code))
            return
        self._metrics.items.inc(len(answer.items))
        self._driver.deliver(LinkUsed(wanted.link, is_useful=bool(answer.items)))
        queries.settle(AnswerReceived(exchange, answer))

    async def _outcome(self, method: str, asking: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  # any answer
        try:
            answer = await asking
        except (PeerError, UnavailableError) as error:
            self._metrics.asks.labels(method, error.code.name.lower()).inc()
            return error
        self._metrics.asks.labels(method, "ok").inc()
        return answer

    async def _remember(self, words: Remember) -> None:
        try:
            await self._save("anchors", words.anchors)
            await self._save("known", words.known)
        except UnavailableError as error:
            # Only a quicker start is lost, and nobody was promised it: no reason to stop in the middle of stopping.
            _LOGGER.warning("peers are not remembered: %s", error)

    async def _load(self, key: str) -> tuple[Address, ...]:
        raw = await self._documents.get(_NAMESPACE, key)
        texts = () if raw is None else msgspec.json.decode(raw, type=tuple[str, ...])
        parsed = (parse_address(text) for text in texts)
        return tuple(address for address in parsed if not isinstance(address, Rejected))

    async def _save(self, key: str, addresses: tuple[Address, ...]) -> None:
        await self._documents.put(_NAMESPACE, key, msgspec.json.encode(addresses))
