"""A Starlette application whose search costs 20 gwei, paid by lottery tickets.

    parley chain dev &                                                  prints the broker's address
    BROKER=0x... TILL_PASSPHRASE_FILE=words python -m uvicorn --factory examples.gate_lottery:make

See docs/howto/charge-for-a-route.md.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from parley.gate import TicketGate
from parley.gate.till import LotteryTill


async def front(request: Request) -> Response:
    """Say what there is; free."""
    return PlainTextResponse(f"ask {request.url_for('search')} for something\n")


async def search(request: Request) -> Response:
    """Find what is asked for; behind the gate."""
    return JSONResponse({"found": request.query_params.get("q", "")})


def make() -> Starlette:
    """Make the application; the till's folder, chain and broker come from the environment."""
    folder = Path(os.environ.get("TILL_FOLDER", "till"))
    folder.mkdir(mode=0o700, exist_ok=True)
    till = LotteryTill(
        folder,
        chain_url=os.environ.get("CHAIN_URL", "http://127.0.0.1:8545"),
        chain_id=int(os.environ.get("CHAIN_ID", "31337")),
        broker=os.environ["BROKER"],
        passphrase=Path(os.environ["TILL_PASSPHRASE_FILE"]).read_text().strip(),
    )
    made = Starlette(routes=[Route("/", front), Route("/search", search)])
    made.add_middleware(TicketGate, price={"/search": "20 gwei"}, till=till)
    return made
