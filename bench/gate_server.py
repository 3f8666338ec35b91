"""The server side of `case_gate`: one small route, bare, behind a gate of work and behind a till, under uvicorn.

Prints its port, then serves until its standard input ends; on one core unless told to take them all.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bench.gate_chain import CHAIN_ID, PRICE_WEI, RECIPIENT, make_broker, make_desk
from parley.adapters.sqlite.store import SqliteStore
from parley.gate import GateConfig, TicketGate
from parley.gate.lottery_scheme import LotteryScheme
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry

SECRET = bytes(range(32))
METHODS = Registry((ProofOfWork(tries_per_unit=1),))
REALM = "bench.test"
BARE_PATH = "/bare"
GATED_PATH = "/gated"
FREE_PATH = "/free"
SOLD_PATH = "/sold"
DEAR_PATH = "/dear"
DEAR_TICKETS = 10
ALL_CORES = "--all-cores"
TICKET_MS = 3_600_000


async def _framework_route(request: Request) -> Response:
    """Answer two bytes, as an application of Starlette does."""
    await request.body()
    return Response(b"{}", media_type="application/json")


_STARLETTE = Starlette(
    routes=[Route(path, _framework_route, methods=["POST"]) for path in (FREE_PATH, SOLD_PATH, DEAR_PATH)]
)


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the routes of Starlette, and the bare ones."""
    is_bare = scope["type"] != "http" or scope["path"] in {BARE_PATH, GATED_PATH}
    await (_route if is_bare else _STARLETTE)(scope, receive, send)


async def _route(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer two bytes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def _main(folder: Path) -> None:
    broker = make_broker()
    # What is claimed here is as durable as at any node: a window of nonces at a time.
    store = await SqliteStore.open(folder / "gate.sqlite")
    gate = TicketGate(
        _application,
        price_units={GATED_PATH: 1},
        price={SOLD_PATH: PRICE_WEI, DEAR_PATH: DEAR_TICKETS * PRICE_WEI},
        till=LotteryScheme(make_desk(broker, store, b"server"), broker, chain_id=CHAIN_ID, recipient=RECIPIENT),
        secret=SECRET,
        methods=METHODS,
        config=GateConfig(realm=REALM, ticket_ms=TICKET_MS),
    )
    config = uvicorn.Config(gate, port=0, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn signals its start by this flag alone
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving
    await store.close()


if __name__ == "__main__":
    if ALL_CORES not in sys.argv and hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as created:
        asyncio.run(_main(Path(created)))
