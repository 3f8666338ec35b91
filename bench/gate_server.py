"""The server side of `case_gate`: one small route, once bare and once behind a gate, under uvicorn.

Prints its port, then serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvicorn
from starlette.types import Receive, Scope, Send

from parley.gate import GateConfig, TicketGate
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry

SECRET = bytes(range(32))
METHODS = Registry((ProofOfWork(tries_per_unit=1),))
REALM = "bench.test"
BARE_PATH = "/bare"
GATED_PATH = "/gated"
TICKET_MS = 3_600_000


async def _route(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer two bytes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def _main() -> None:
    gate = TicketGate(
        _route,
        price_units={GATED_PATH: 1},
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


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    asyncio.run(_main())
