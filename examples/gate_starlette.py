"""A Starlette application whose search costs some work: python -m uvicorn examples.gate_starlette:app.

See docs/howto/put-a-route-behind-tickets.md; examples/gate_client.py is a client that pays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from parley.gate import TicketGate


async def front(request: Request) -> Response:
    """Say what there is; free."""
    return PlainTextResponse(f"ask {request.url_for('search')} for something\n")


async def search(request: Request) -> Response:
    """Find what is asked for; behind the gate."""
    return JSONResponse({"found": request.query_params.get("q", "")})


async def note(request: Request) -> Response:
    """Take a note and give it back line by line; behind the gate."""
    lines = (await request.body()).splitlines(keepends=True)

    async def pieces() -> AsyncIterator[bytes]:
        for line in lines:
            yield line.upper()

    return StreamingResponse(pieces(), media_type="text/plain")


app = Starlette(routes=[Route("/", front), Route("/search", search), Route("/note", note, methods=["POST"])])
app.add_middleware(TicketGate, price_units={"/search": 16, "/note": 16})
