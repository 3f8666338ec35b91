"""One node as a program: take the directory, listen, link, and stop so that nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from parley.adapters.files.blobs import FileBlobs
from parley.adapters.http.client import HttpTransport
from parley.adapters.http.outgoing import Socks5
from parley.adapters.http.server import ConnectionLimits, RunningServer, listen, serve
from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.adapters.upload.ticket_client import TicketClient
from parley.errors import Rejected, UnavailableError
from parley.node.config import NodeConfig, Setting
from parley.node.data_directory import DataDirectory, RunningNode
from parley.node.passphrase import ask_passphrase
from parley.node.program import Program, Tone
from parley.node.serving import build_application
from parley.node.wiring import Node, Parts, build_node
from parley.pool.addresses import Address, parse_address
from parley.primitives.instants import Instant

__all__ = ["proxy_of", "run_node", "running_node", "sweep"]

_LOGGER = logging.getLogger("parley.node")
_GRACE_MS = 3_000
_SWEEP_MS = 1_000
_PRUNE_MS = 600_000
_WIRE_SLACK_BYTES = 2**20
_ANY_HOSTS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared with, not listened on


async def run_node(program: Program, config: NodeConfig, settings: tuple[Setting, ...]) -> int:
    """Run a node until SIGINT or SIGTERM.

    Raises:
        ConfigError: the directory or the address cannot be used.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    passphrase = await ask_passphrase(config.chain, sys.stdin)
    with _log_to_stderr(config.log_level):
        async with running_node(program, config, settings, passphrase) as (node, server):
            program.output.item(
                {"http": server.url, "id": node.identity.node_id.hex(), "data_dir": str(config.data_dir)},
                f"node {node.identity.node_id.hex()}",
            )
            program.output.line(f"web page and RPC  {server.url}/", Tone.GOOD)
            program.output.line(f"data directory    {config.data_dir}")
            program.output.line("stop with Ctrl-C", Tone.FAINT)
            sys.stdout.flush()
            await stopped.wait()
            _LOGGER.info("stopping")
    return 0


@contextlib.asynccontextmanager
async def running_node(
    program: Program, config: NodeConfig, settings: tuple[Setting, ...], passphrase: str | None = None
) -> AsyncIterator[tuple[Node, RunningServer]]:
    """Run a node inside a block.

    Args:
        program: with the registry and the pages.
        config: the settings.
        settings: the same, with where each comes from.
        passphrase: of the wallet, where a person gave one.

    Raises:
        ConfigError: the directory or the address cannot be used.
    """
    directory = DataDirectory(config.data_dir)
    directory.prepare()
    lock = directory.lock()
    try:
        # A killed node leaves its note; from now on it would be believed, and the secret sent to whoever listens there.
        directory.forget_running()
        listener = await listen(*config.host_and_port())
        host, port = listener.getsockname()[:2]
        store = await SqliteStore.open(directory.store_path)
        transport = HttpTransport(proxy_of(config))
        blobs = await FileBlobs.open(directory.path / "blobs")
        nodes = TicketClient(proxy_of(config))
        parts = Parts(
            SystemClock(), SystemEntropy(), store, transport, blobs, nodes, caller=nodes, passphrase=passphrase
        )
        node = build_node(config, settings, directory, parts, _own_address(config, host, port))
        await node.start()
        application = build_application(node, program.registry, host, program.pages)
        server = await serve(application, listener, limits=_connection_limits(config))
        await node.links.start()
        node.supervisor.start(sweep(node), "sweep")
        # Last: whoever reads the note finds a node that knows its peers.
        directory.note_running(RunningNode(server.url, os.getpid(), node.identity.node_id.hex()))
        _LOGGER.info("listening on %s", server.url)
        try:
            yield node, server
        finally:
            directory.forget_running()
            await asyncio.gather(server.stop(grace_ms=_GRACE_MS), node.close())
            await transport.close()
    finally:
        os.close(lock)


def _connection_limits(config: NodeConfig) -> ConnectionLimits:
    """Return limits that let the largest part of a message in."""
    limits = ConnectionLimits()
    message_bytes = max(limits.message_bytes_max, config.upload.part_max_bytes + _WIRE_SLACK_BYTES)
    return replace(limits, message_bytes_max=message_bytes)


def _own_address(config: NodeConfig, host: str, port: int) -> Address | None:
    """Return where peers reach this node: as advertised, or as listened on; None when that is every interface."""
    if config.advertise:
        text = config.advertise
    elif host in _ANY_HOSTS:
        return None
    else:
        text = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    address = parse_address(text)
    return None if isinstance(address, Rejected) else address


def proxy_of(config: NodeConfig) -> Socks5 | None:
    """Return the SOCKS5 proxy that is set, if one is."""
    if not config.socks5:
        return None
    host, _, port = config.socks5.rpartition(":")
    return Socks5(host, int(port))


async def sweep(node: Node) -> None:
    """Let expiry act also while nobody asks, and forget claims that have lapsed, for as long as the node runs."""
    pruned_ms = 0
    while True:
        now = node.clock.now()
        node.table.expire(now)
        if now - pruned_ms >= _PRUNE_MS:
            pruned_ms = now
            try:
                await node.store.claims.prune(now)
                await node.tickets.sweep(now)
            except UnavailableError as error:
                # Lapsed claims bind nobody, so they can wait for the next time; expiry cannot.
                _LOGGER.warning("lapsed claims and tickets are kept for now: %s", error)
        await node.clock.sleep_until(Instant(now + _SWEEP_MS))


@contextlib.contextmanager
def _log_to_stderr(level: str) -> Iterator[None]:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("parley")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
