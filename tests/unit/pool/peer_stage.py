"""A peer book on a stage: time and answers are the test's, and every output is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import Address, address_host, parse_address
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import (
    AddressAdded,
    AskAddresses,
    HelloAccepted,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    Link,
    Misbehaved,
    PeerBookEvent,
    PeerBookOutput,
    PeerPhase,
    PeerStatus,
    Reply,
    SayHello,
)
from parley.pool.peers import PeerBook
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, drain

OWN_ID = NodeId(b"\xee" * 32)
OWN_ADDRESS = Address("http://9.9.9.9:1")
START = Instant(1_000_000)


def node(number: int) -> NodeId:
    return NodeId(bytes([number]) * 32)


def at(text: str) -> Address:
    """Return the address of a host and port, such as "8.8.0.1:1"."""
    address = parse_address(f"http://{text}")
    assert not isinstance(address, Rejected)
    return address


@dataclass
class Stage:
    """Plays the world around one book; `outputs` are all since the start."""

    config: PeersConfig = field(default_factory=PeersConfig)
    own_address: Address | None = OWN_ADDRESS
    seed: bytes = b"s" * 32
    now: Instant = START
    outputs: list[PeerBookOutput] = field(default_factory=list)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.book = PeerBook(config=self.config, own_id=OWN_ID, own_address=self.own_address, seed=self.seed)

    def receive(self, event: PeerBookEvent) -> list[PeerBookOutput]:
        self.book.receive(event, self.now)
        return self._kept()

    def wait(self, passed_ms: int = 0) -> list[PeerBookOutput]:
        """Let time pass in one step, and act."""
        self.now = Instant(self.now + passed_ms)
        self.book.handle_timeout(self.now)
        return self._kept()

    def sleep(self, passed_ms: int) -> list[PeerBookOutput]:
        """Let time pass as a driver would: the book is woken whenever it wants to be."""
        until, outputs = self.now + passed_ms, list[PeerBookOutput]()
        while (due := self.book.next_timeout()) is not None and due <= until:
            self.now = max(self.now, due)
            outputs += self.wait()
        self.now = Instant(until)
        return outputs

    def status(self, address: Address) -> PeerStatus | None:
        return next((peer for peer in self.book.status(self.now) if peer.address == address), None)

    def shown(self, address: Address) -> PeerStatus:
        status = self.status(address)
        assert status is not None
        return status

    def phase(self, address: Address) -> PeerPhase:
        status = self.status(address)
        return PeerPhase.UNKNOWN if status is None else status.phase

    def hello(self, address: Address) -> Ask[SayHello]:
        """Return the newest greeting of an address."""
        found: Ask[SayHello] | None = None
        for output in self.outputs:
            if isinstance(output, Ask) and isinstance(output.query, SayHello) and output.query.address == address:
                found = Ask(output.exchange, output.query)
        assert found is not None
        return found

    def question(self, address: Address) -> Ask[AskAddresses]:
        """Return the newest question for addresses to a link."""
        found: Ask[AskAddresses] | None = None
        for output in self.outputs:
            if isinstance(output, Ask) and isinstance(output.query, AskAddresses) and output.query.address == address:
                found = Ask(output.exchange, output.query)
        assert found is not None
        return found

    def greeted(self) -> list[Address]:
        """Return all addresses greeted so far, in order."""
        return [
            output.query.address
            for output in self.outputs
            if isinstance(output, Ask) and isinstance(output.query, SayHello)
        ]

    def answer(self, address: Address, node_id: NodeId, claimed: str | None = None) -> list[PeerBookOutput]:
        return self.receive(HelloAnswered(self.hello(address).exchange, node_id, claimed))

    def fail(self, address: Address, code: ErrorCode = ErrorCode.UNREACHABLE) -> list[PeerBookOutput]:
        return self.receive(HelloFailed(self.hello(address).exchange, code))

    def dial(self, address: Address, *, is_static: bool = False) -> None:
        """Make the book greet an address."""
        self.receive(AddressAdded(address, is_static))
        self.wait()
        assert self.phase(address) is PeerPhase.GREETING

    def link(self, address: Address, node_id: NodeId, *, is_static: bool = False) -> None:
        """Make an outbound link."""
        self.dial(address, is_static=is_static)
        self.answer(address, node_id)
        assert self.phase(address) is PeerPhase.LINKED

    def knock(self, address: Address | None, node_id: NodeId, host: str | None = None) -> int:
        """Let somebody greet the book, from its own host unless said otherwise; return the token."""
        self.tokens += 1
        source = host if host is not None else address_host(address) if address is not None else "8.8.8.8"
        self.receive(HelloReceived(self.tokens, node_id, address, source))
        return self.tokens

    def reply(self, token: int) -> HelloAccepted | Rejected | None:
        answers = [output.answer for output in self.outputs if isinstance(output, Reply) and output.token == token]
        assert len(answers) <= 1
        return answers[0] if answers else None

    def link_inbound(self, address: Address, node_id: NodeId) -> None:
        """Let somebody greet the book, and answer the call-back."""
        token = self.knock(address, node_id)
        self.answer(address, node_id)
        assert self.reply(token) == HelloAccepted(is_link=True)

    def ban(self, node_id: NodeId) -> list[PeerBookOutput]:
        return self.receive(Misbehaved(node_id, ErrorCode.BAD_SIGNATURE))

    def links(self) -> list[tuple[Address, NodeId, bool]]:
        return [(link.address, link.node_id, link.is_outbound) for link in self.book.links]

    def _kept(self) -> list[PeerBookOutput]:
        outputs: list[PeerBookOutput] = drain(self.book)
        self.outputs += outputs
        return outputs


def link_of(address: Address, node_id: NodeId, *, is_outbound: bool = True) -> Link:
    return Link(node_id, address, is_outbound)
