"""A virtual network for peer books: one clock, delays, nodes that are real books, and puppets that do as told."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import Address, address_host
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import (
    AddressesReceived,
    AskAddresses,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    PeerBookEvent,
    PeerBookOutput,
    Remember,
    Reply,
    SayHello,
)
from parley.pool.peers import PeerBook
from parley.primitives.hashing import sha256
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask

Answer = Callable[[ErrorCode | None], None]
"""Called once with None when a greeting is accepted, else with the reason."""


class Inhabitant(Protocol):
    """Whoever answers at an address."""

    address: Address
    node_id: NodeId

    def greet(self, caller: NodeId, address: Address | None, host: str, answer: Answer) -> None:
        """Take a greeting, and answer it now or later."""

    def addresses(self, asker: NodeId, limit: int) -> tuple[str, ...]:
        """Name other nodes."""


@dataclass
class World:
    """Carries greetings with a delay; an address that nobody lives at does not answer."""

    delay_ms: int = 20
    now: Instant = field(default=Instant(1_000_000))
    homes: dict[Address, Inhabitant] = field(default_factory=dict)
    _queue: list[tuple[Instant, int, Callable[[], None]]] = field(default_factory=list)
    _turn: int = 0

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        self._turn += 1
        heapq.heappush(self._queue, (Instant(self.now + delay_ms), self._turn, act))

    def run(self, passed_ms: int) -> None:
        """Let time pass."""
        until = Instant(self.now + passed_ms)
        while self._queue and self._queue[0][0] <= until:
            self.now, _, act = heapq.heappop(self._queue)
            act()
        self.now = until

    def move_in(self, inhabitant: Inhabitant, *also_at: Address) -> None:
        for address in (inhabitant.address, *also_at):
            self.homes[address] = inhabitant


def identity(address: Address) -> NodeId:
    """Return the id of the node at an address."""
    return NodeId(sha256(b"node", address.encode()))


class BookNode:
    """A node whose links are made by a real peer book."""

    def __init__(self, world: World, address: Address, config: PeersConfig, seed: bytes = b"seed") -> None:
        self.world = world
        self.address = address
        self.node_id = identity(address)
        self.book = PeerBook(config=config, own_id=self.node_id, own_address=address, seed=seed)
        self.remembered = Remember((), ())
        self._answers: dict[int, Answer] = {}
        self._tokens = 0

    def deliver(self, event: PeerBookEvent) -> None:
        self.book.receive(event, self.world.now)
        self._pump()

    def links(self) -> list[tuple[Address, bool]]:
        return [(link.address, link.is_outbound) for link in self.book.links]

    def greet(self, caller: NodeId, address: Address | None, host: str, answer: Answer) -> None:
        self._tokens += 1
        self._answers[self._tokens] = answer
        self.deliver(HelloReceived(self._tokens, caller, address, host))

    def addresses(self, asker: NodeId, limit: int) -> tuple[str, ...]:
        return self.book.shared_addresses(asker, limit)

    def _pump(self) -> None:
        while (output := self.book.next_output()) is not None:
            self._perform(output)
        due = self.book.next_timeout()
        if due is not None:
            self.world.later(max(0, due - self.world.now), self._wake)

    def _wake(self) -> None:
        due = self.book.next_timeout()
        if due is not None and due <= self.world.now:
            self.book.handle_timeout(self.world.now)
            self._pump()

    def _perform(self, output: PeerBookOutput) -> None:
        delay_ms = self.world.delay_ms
        match output:
            case Ask(exchange, SayHello(address, expected)):
                self.world.later(delay_ms, lambda: self._greeting_arrives(exchange, address, expected))
            case Ask(exchange, AskAddresses(_, address, limit)):
                self.world.later(2 * delay_ms, lambda: self._addresses_arrive(exchange, address, limit))
            case Reply(token, answer):
                self._answers.pop(token)(answer.code if isinstance(answer, Rejected) else None)
            case Remember():
                self.remembered = output
            case _:
                pass

    def _greeting_arrives(self, exchange: int, address: Address, expected: NodeId | None) -> None:
        there = self.world.homes.get(address)
        if there is None:
            return

        def answer(refusal: ErrorCode | None) -> None:
            event = HelloFailed(exchange, refusal) if refusal else HelloAnswered(exchange, there.node_id, there.address)
            self.world.later(self.world.delay_ms, lambda: self.deliver(event))

        if expected is not None and expected != there.node_id:
            answer(ErrorCode.WRONG_RECIPIENT)
        else:
            there.greet(self.node_id, self.address, address_host(self.address), answer)

    def _addresses_arrive(self, exchange: int, address: Address, limit: int) -> None:
        there = self.world.homes.get(address)
        if there is not None:
            self.deliver(AddressesReceived(exchange, there.addresses(self.node_id, limit)))


class Puppet:
    """A node without a book: accepts whoever greets it, and names whom it is told to name."""

    def __init__(self, address: Address, name: Callable[[int], tuple[str, ...]]) -> None:
        self.address = address
        self.node_id = identity(address)
        self._name = name

    def greet(self, caller: NodeId, address: Address | None, host: str, answer: Answer) -> None:
        del caller, address, host
        answer(None)

    def addresses(self, asker: NodeId, limit: int) -> tuple[str, ...]:
        del asker
        return self._name(limit)
