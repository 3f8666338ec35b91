"""The demo's network: five node processes in a directory that goes when the demo goes.

A --- B
|     |        the graph of the message pool's first description,
D --- C        and E behind D, so that deepness 4 finds more than deepness 3
|
E
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from parley.cli.client import OwnerClient
from parley.errors import ErrorCode, ParleyError, Rejected, UnavailableError
from parley.testing.processes import LIAR_MODULE, NodeProcess, stop_all

__all__ = ["ASKING", "DRAWING", "GRAPH", "DemoNetwork", "Wallet", "neighbours", "wait_until"]

GRAPH: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"D": (), "A": ("D",), "C": ("D",), "E": ("D",), "B": ("A", "C")}
)
"""Whom each node dials, in an order in which everybody dialled is there already."""
ASKING: Final = "B"
"""The node whose wallet asks."""
DRAWING: Final = ("A --- B", "|     |", "D --- C", "|", "E")
"""The graph for people."""

_SETTINGS: Final = """\
# The graph stays as it was drawn: nobody dials but the peers that were named at the start.
[peering]
outbound_slots = 0
"""
_DEADLINE_MS: Final = 60_000
_POLL_S: Final = 0.02
_NS_PER_MS: Final = 1_000_000
_MS_PER_SECOND: Final = 1_000


def neighbours(name: str) -> tuple[str, ...]:
    """Return the names of the nodes that a node of the graph is linked with, in order."""
    return tuple(sorted({*GRAPH[name], *(other for other, dialled in GRAPH.items() if name in dialled)}))


class Wallet:
    """What a wallet does with its own node: one call at a time, over the node's RPC."""

    def __init__(self, node: NodeProcess) -> None:
        """Use the node of which `running` was seen."""
        self._client = OwnerClient(node.url, node.directory.read_owner_secret())

    async def call(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
        """Call a method.

        Returns:
            The whole result, `{"Ok": value, ...}`.

        Raises:
            ParleyError: the node refuses, or does not answer.
        """
        result = await asyncio.to_thread(self._client.call, method, params)
        if isinstance(result, Rejected):
            raise ParleyError(result.code, method=method, **result.facts)
        return result

    async def call_each(self, method: str, every: Sequence[Mapping[str, Any]]) -> None:
        """Call a method once for each set of parameters, in order.

        Raises:
            ParleyError: as `call`; the rest is not called then.
        """
        for params in every:
            await self.call(method, **params)

    async def timed(self, method: str, **params: Any) -> tuple[dict[str, Any], int]:  # noqa: ANN401  # any JSON
        """Call a method; return its result and the milliseconds until it came."""
        begun_ns = time.perf_counter_ns()
        result = await self.call(method, **params)
        return result, (time.perf_counter_ns() - begun_ns) // _NS_PER_MS


class DemoNetwork:
    """Node processes by name; leaving the block ends them all and removes what they wrote.

    Attributes:
        nodes: those started, by name.
        path: the directory that holds theirs.
    """

    def __init__(self, settings: str = "") -> None:
        """Start nothing yet.

        Args:
            settings: of every node, beside those of the graph.
        """
        self.nodes: dict[str, NodeProcess] = {}
        self.path = Path()
        self._settings = _SETTINGS + settings

    def __enter__(self) -> Self:
        """Make the directory."""
        self.path = Path(tempfile.mkdtemp(prefix="parley-demo-"))
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, whatever happened; nothing here waits in the event loop, so nothing interrupts it."""
        try:
            stop_all(self.nodes.values())
        finally:
            shutil.rmtree(self.path, ignore_errors=True)

    async def start(self, names: Iterable[str], started: Callable[[str], None]) -> None:
        """Start nodes of the graph, those that nobody waits for together.

        Args:
            names: in the order of the graph.
            started: is told of each that answers.

        Raises:
            UnavailableError: one of them ended, or did not answer in time.
        """
        waiting: list[NodeProcess] = []
        for name in names:
            if any(dialled in (node.name for node in waiting) for dialled in GRAPH[name]):
                await self._await_running(waiting, started)
                waiting = []
            peers = [word for dialled in GRAPH[name] for word in ("--peer", self.nodes[dialled].url)]
            waiting.append(self._spawn(name, ("--name", name, "--log-level", "warning", *peers)))
        await self._await_running(waiting, started)

    async def start_liar(self, name: str, lies: Sequence[str]) -> NodeProcess:
        """Start a node that lies to the asking node, and wait until it answers.

        Raises:
            UnavailableError: it ended, or did not answer in time.
        """
        told = [word for lie in lies for word in ("--lie", lie)]
        liar = self._spawn(name, ("--peer", self.nodes[ASKING].url, *told), program=(LIAR_MODULE,))
        await self._await_running([liar], lambda _: None)
        return liar

    async def wait_linked(self) -> None:
        """Wait until every link of the graph is known at both of its ends.

        Raises:
            UnavailableError: it took too long.
        """
        for name in self.nodes:
            await self.wait_links(name, len(neighbours(name)))

    async def wait_links(self, name: str, links: int) -> None:
        """Wait until a node has so many links.

        Raises:
            UnavailableError: it took too long.
        """
        wallet = Wallet(self.nodes[name])

        async def is_linked() -> bool:
            peers = (await wallet.call("peers_list"))["Ok"]
            return len([peer for peer in peers if peer["phase"] == "linked"]) == links

        await wait_until(is_linked, f"{links} links of node {name}")

    def _spawn(self, name: str, arguments: Sequence[str], program: Sequence[str] | None = None) -> NodeProcess:
        directory = self.path / name
        directory.mkdir(mode=0o700)
        (directory / "parley.toml").write_text(self._settings, encoding="utf-8")
        node = (
            NodeProcess(name, directory, arguments)
            if program is None
            else NodeProcess(name, directory, arguments, program=program)
        )
        self.nodes[name] = node
        node.start()
        return node

    async def _await_running(self, nodes: Sequence[NodeProcess], started: Callable[[str], None]) -> None:
        for node in nodes:

            async def is_running(node: NodeProcess = node) -> bool:
                return node.running() is not None

            try:
                await wait_until(is_running, f"node {node.name} answers")
            except UnavailableError as error:
                log = " ".join(node.last_words(1))
                raise UnavailableError(error.code, node=node.name, log=log) from error
            started(node.name)


async def wait_until(is_so: Callable[[], Awaitable[bool]], wanted: str) -> None:
    """Look again and again until something is so.

    Raises:
        UnavailableError: UNREACHABLE: it was not so in time.
    """
    deadline_s = time.monotonic() + _DEADLINE_MS / _MS_PER_SECOND
    while not await is_so():
        if time.monotonic() >= deadline_s:
            raise UnavailableError(ErrorCode.UNREACHABLE, wanted=wanted, timeout_ms=_DEADLINE_MS)
        await asyncio.sleep(_POLL_S)
