"""An application behind a gate whose claims are in a file: python -m uvicorn --factory tests.integration.gate_app:make.

Its folder is the environment's GATE_FOLDER; each time it acts, it adds a line to `acted` there.
"""

from __future__ import annotations

import os
from pathlib import Path

from starlette.types import Receive, Scope, Send

from parley.gate import TicketGate
from parley.gate.file_claims import FileClaims
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry


def make() -> TicketGate:
    """Make the application for one process."""
    folder = Path(os.environ["GATE_FOLDER"])

    async def act(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await receive()
        with (folder / "acted").open("a") as file:  # one short line, kept before the answer
            file.write(f"{scope['path']}\n")
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    return TicketGate(
        act,
        price_units=1,
        secret=bytes(range(32)),
        claims=FileClaims(folder / "claims.sqlite"),
        methods=Registry((ProofOfWork(tries_per_unit=4),)),
    )
