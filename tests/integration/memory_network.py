"""Whole nodes in one event loop: everything of a node but the socket, with wires that can be cut and healed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from parley.adapters.http.application import Application
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.adapters.memory.transport import MemoryTransport
from parley.errors import ErrorCode, UnavailableError
from parley.node.commands import ALL_COMMANDS
from parley.node.config import NodeConfig
from parley.node.data_directory import DataDirectory
from parley.node.registry import Audience, Registry
from parley.node.serving import build_application
from parley.node.wiring import Node, Parts, build_node
from parley.pool.addresses import Address
from parley.pool.peer_config import PeersConfig
from parley.testing.clock import VirtualClock
from parley.testing.liar import Lie, lying_registry

HOST = "127.0.0.1"
LATENCY_MS = 20
Wire = frozenset[int]


def address_of(number: int) -> Address:
    return Address(f"http://{HOST}:{7_000 + number}")


async def post(application: Application, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Send a request to an application as a server would, and return the body of the answer."""
    named = [(b"host", HOST.encode()), *((name.lower().encode(), value.encode()) for name, value in headers.items())]
    scope = {"type": "http", "method": "POST", "path": path, "headers": named, "client": (HOST, 1)}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401  # any message of ASGI
        sent.append(message)

    await application(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


@dataclass
class MemoryNode:
    """One node, and what of it survives a crash: its directory and its store."""

    number: int
    directory: Path
    peers: tuple[Address, ...]
    registry: Registry
    store: MemoryStore = field(default_factory=MemoryStore)
    node: Node | None = None
    application: Application | None = None
    lives: int = 0

    @property
    def running(self) -> Node:
        assert self.node is not None
        return self.node

    async def call(self, method: str, **params: object) -> Any:  # noqa: ANN401  # any JSON
        """Call a method of the owner, past JSON and HTTP, which have tests of their own."""
        command = self.registry.find(Audience.OWNER, method)
        assert command is not None
        outcome = await command.run(self.running, msgspec.convert(params, command.parameters))
        return msgspec.json.decode(outcome.json) if hasattr(outcome, "json") else outcome


class MemoryNetwork:
    """Nodes by number, and the wires between them; a wire that is cut carries nothing in either direction."""

    def __init__(
        self, folder: Path, clock: VirtualClock, wires: Sequence[tuple[int, int]], lies: Mapping[int, Lie] | None = None
    ) -> None:
        """Describe a network; of the two ends of a wire the first dials."""
        self.clock = clock
        self.wires = tuple(frozenset(wire) for wire in wires)
        self.cut: set[Wire] = set()
        self.silent: set[int] = set()
        told = lies or {}
        self.nodes = {
            number: MemoryNode(
                number,
                folder / str(number),
                tuple(address_of(other) for dialling, other in wires if dialling == number),
                lying_registry([told[number]]) if number in told else Registry(ALL_COMMANDS),
            )
            for number in sorted({end for wire in wires for end in wire})
        }

    async def start(self, numbers: Iterable[int] | None = None) -> None:
        """Start nodes, all by default."""
        for number in self.nodes if numbers is None else numbers:
            await self._start_one(self.nodes[number])

    async def crash(self, number: int) -> None:
        """Take a node away without a word; its memory is lost, its store is not."""
        one = self.nodes[number]
        node = one.running
        one.node = one.application = None
        await node.supervisor.close()
        node.queries.close()
        node.links._driver.stop()

    async def stop(self) -> None:
        """Close all nodes that run."""
        for one in self.nodes.values():
            if one.node is not None:
                await one.node.close()
                one.node = one.application = None

    async def pass_time(self, duration_ms: int) -> None:
        """Let time pass."""
        await asyncio.sleep(duration_ms / 1_000)

    def is_linked(self, one: int, other: int) -> bool:
        """Say whether both ends count each other as links."""
        ends = self.nodes[one].node, self.nodes[other].node
        if ends[0] is None or ends[1] is None:
            return False
        return ends[0].links.is_link(ends[1].identity.node_id) and ends[1].links.is_link(ends[0].identity.node_id)

    def up(self) -> list[Wire]:
        """Return the wires that carry something: not cut, a node at both ends."""
        running = {number for number, one in self.nodes.items() if one.node is not None}
        return [wire for wire in self.wires if wire not in self.cut and wire <= running]

    async def wait_linked(self, wires: Iterable[Wire], limit_ms: int = 1_800_000) -> None:
        """Let time pass until these wires are links; fail when they are not after half an hour."""
        wanted = list(wires)
        deadline = self.clock.now() + limit_ms
        while not all(self.is_linked(*sorted(wire)) for wire in wanted):
            assert self.clock.now() < deadline, f"not linked: {[w for w in wanted if not self.is_linked(*sorted(w))]}"
            await self.pass_time(100)

    async def _start_one(self, one: MemoryNode) -> None:
        one.lives += 1
        config = NodeConfig(
            data_dir=one.directory,
            http=f"{HOST}:{7_000 + one.number}",
            peers=one.peers,
            name=str(one.number),
            peering=PeersConfig(outbound_slots=0),
        )
        directory = DataDirectory(one.directory)
        directory.prepare()
        transport = MemoryTransport()
        for other in self.nodes:
            if other != one.number:
                transport.place(address_of(other), partial(self._carry, one.number, other))
        entropy = SeededEntropy(f"{one.number}/{one.lives}".encode())
        parts = Parts(self.clock, entropy, one.store, transport)
        one.node = build_node(config, (), directory, parts, address_of(one.number))
        one.application = build_application(one.node, one.registry, HOST, None)
        await one.node.links.start()

    async def _carry(self, source: int, target: int, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        await self.pass_time(LATENCY_MS)
        application = self.nodes[target].application
        if application is None or frozenset((source, target)) in self.cut:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        if target in self.silent:
            await asyncio.get_running_loop().create_future()
        answer = await post(application, path, body, headers)
        await self.pass_time(LATENCY_MS)
        return answer
