"""An Ethereum node that says what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.rpc_client import RpcLimits

__all__ = ["Refused", "ScriptedNode", "listening"]


@dataclass(frozen=True)
class Refused:
    """An error of the node."""

    code: int
    message: str
    data: object = None


@dataclass
class ScriptedNode:
    """Answers by method, with a value or with what a function makes of the params.

    Attributes:
        answers: by method; a value, a Refused, or a function of the params that returns one.
        body: in place of every answer, where set.
        status: of every response.
        version: of every answer.
        is_other_id: whether answers carry another id than their question.
        is_silent: whether no question is answered.
        drops: how many connections are closed without an answer, before the first is answered.
        asked: methods and params, in order.
        url: where it listens.
        ended: set when it is to stop.
    """

    answers: dict[str, object] = field(default_factory=dict)
    body: bytes | None = None
    status: int = 200
    version: str = "2.0"
    is_other_id: bool = False
    is_silent: bool = False
    drops: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question = json.loads(await request.read())
        method, params = question["method"], question["params"]
        self.asked.append((method, params))
        if self.drops > 0:
            self.drops -= 1
            transport = request.transport
            assert transport is not None
            transport.close()
            return web.Response()
        if self.is_silent:
            await self.ended.wait()
        if self.body is not None:
            return web.Response(body=self.body, status=self.status, content_type="application/json")
        answer = self.answers[method]
        if isinstance(answer, Callable):  # type: ignore[arg-type]  # a class of the abstract kind
            answer = answer(params)  # type: ignore[operator]  # told apart by the line above
        document: dict[str, object] = {"jsonrpc": self.version, "id": question["id"] + self.is_other_id}
        if isinstance(answer, Refused):
            error: dict[str, object] = {"code": answer.code, "message": answer.message}
            document["error"] = error if answer.data is None else {**error, "data": answer.data}
        else:
            document["result"] = answer
        return web.Response(body=json.dumps(document).encode(), status=self.status, content_type="application/json")


@asynccontextmanager
async def listening(node: ScriptedNode, limits: RpcLimits | None = None) -> AsyncIterator[JsonRpcChain]:
    """Start a node on loopback, and a chain that asks it."""
    application = web.Application()
    application.router.add_post("/{key:.*}", node.handle)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    node.url = f"http://127.0.0.1:{runner.addresses[0][1]}/key-that-is-paid-for"
    chain = JsonRpcChain(node.url, limits)
    try:
        yield chain
    finally:
        node.ended.set()
        await chain.close()
        await runner.cleanup()
