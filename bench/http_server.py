"""The server side of `case_http`: a node with records in memory, and beside its routes one that does nothing.

Prints its port and the owner's secret, then serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import uvloop

from parley.adapters.http.application import Application
from parley.adapters.http.routes import HttpAnswer, HttpRequest, Route
from parley.adapters.http.server import listen, serve
from parley.adapters.memory.store import MemoryStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.node.commands import ALL_COMMANDS
from parley.node.config import NodeConfig
from parley.node.data_directory import DataDirectory
from parley.node.owner import PushMessage, push_message
from parley.node.registry import Registry
from parley.node.serving import build_application
from parley.node.wiring import Node, Parts, build_node
from parley.pool.config import PoolConfig

BOOKS = 100
RECORDS_PER_BOOK = 10
EMPTY_PATH = "/bench/empty"


class _Nowhere:
    """A transport that reaches nobody."""

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        del url, body, headers, timeout_ms, answer_limit_bytes
        raise UnavailableError(ErrorCode.UNREACHABLE)


async def _fill(node: Node) -> None:
    for book in range(BOOKS):
        for number in range(RECORDS_PER_BOOK):
            keys = ["swap", f"coin{book}", "sell", "mwc_lock_first", str(100_000 + number), f"offer-{book}-{number}"]
            message = (
                f'{{"version":1,"id":"SwapOffer_{number}","sell":true,"mwcAmount":{100_000 + number},'
                '"secAmount":1000,"secondaryCurrency":"BTC","mwcLockBlocks":1440,"secLockBlocks":144,'
                '"walletAddress":"xmgwbyjzejsvyofkeycftqmd7r2qk3btvmnxqd6ql4sx5gjr7gxa"}'
            )
            outcome = await push_message(node, PushMessage(keys=keys, message=message))
            if isinstance(outcome, Rejected):
                raise SystemExit(str(outcome))


async def _nothing(request: HttpRequest) -> HttpAnswer:
    del request
    return HttpAnswer(b"{}")


async def _main(folder: Path) -> None:
    config = NodeConfig(data_dir=folder, http="127.0.0.1:0", pool=PoolConfig())
    directory = DataDirectory(folder)
    directory.prepare()
    parts = Parts(SystemClock(), SystemEntropy(), MemoryStore(), _Nowhere())
    node = build_node(config, (), directory, parts, None)
    await _fill(node)
    listener = await listen("127.0.0.1", 0)
    full = build_application(node, Registry(ALL_COMMANDS), "127.0.0.1", None)
    empty = Route(method="POST", path=EMPTY_PATH, handler=_nothing)
    server = await serve(Application((*full.routes(), empty)), listener)
    print(server.port, node.owner_secret, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(grace_ms=100)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as temporary:
        uvloop.run(_main(Path(temporary)))
