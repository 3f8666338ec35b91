"""A FastAPI application whose notes cost some work: python -m uvicorn examples.gate_fastapi:app.

See docs/howto/put-a-route-behind-tickets.md; examples/gate_client.py is a client that pays.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, FastAPI

from parley.gate import TicketGate

app = FastAPI(title="Notes behind a gate")
app.add_middleware(TicketGate, price_units={"/search": 16, "/note": 16})


@app.get("/search")
async def search(q: str = "") -> dict[str, str]:
    """Find what is asked for; behind the gate."""
    return {"found": q}


@app.post("/note", status_code=201)
async def note(text: Annotated[str, Body(embed=True, max_length=1_000)]) -> dict[str, int]:
    """Take a note; behind the gate."""
    return {"characters": len(text)}
