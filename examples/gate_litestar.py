"""A Litestar application whose search costs some work: python -m uvicorn examples.gate_litestar:app.

See docs/howto/put-a-route-behind-tickets.md; examples/gate_client.py is a client that pays.
"""

from __future__ import annotations

from litestar import Litestar, get, post
from litestar.middleware import DefineMiddleware

from parley.gate import TicketGate


@get("/search")
async def search(q: str = "") -> dict[str, str]:
    """Find what is asked for; behind the gate."""
    return {"found": q}


@post("/note")
async def note(data: dict[str, str]) -> dict[str, int]:
    """Take a note; behind the gate."""
    return {"characters": len(data.get("text", ""))}


app = Litestar(
    route_handlers=[search, note],
    middleware=[DefineMiddleware(TicketGate, price_units={"/search": 16, "/note": 16})],
)
