"""What a gate costs a route: requests with a good proof each, against the same route bare, on one server."""

from __future__ import annotations

import asyncio
import atexit
import subprocess
import sys
from itertools import repeat
from pathlib import Path

from bench.gate_server import BARE_PATH, GATED_PATH, METHODS, REALM, SECRET, TICKET_MS
from bench.http_load import load
from bench.measure import Case
from parley.adapters.memory.store import MemoryStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.gate.binding import act_of
from parley.gate.work_scheme import WorkScheme, proof_payload
from parley.gate.x402 import X402_VERSION, PaymentSignature, encode_header

CONNECTIONS = 32
REQUESTS = 2_000
BLOCK = 24 * (REQUESTS + CONNECTIONS)
"""Paid requests that are prepared at a time, enough for the usual number of rounds: each is spent once."""

BODY = b'{"text":"the same small body on both sides"}'


class _Server:
    """The server process, started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._paid: list[bytes] = []

    def bare(self) -> int:
        self._start()
        return load(self._port, repeat(_request(BARE_PATH, b"")), count=REQUESTS, connections=CONNECTIONS)

    def gated(self) -> int:
        self._start()
        if len(self._paid) < REQUESTS + CONNECTIONS:
            self._paid = asyncio.run(_paid_requests())
        fresh = [self._paid.pop() for _ in range(REQUESTS + CONNECTIONS)]
        return load(self._port, iter(fresh), count=REQUESTS, connections=CONNECTIONS)

    def _start(self) -> None:
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.gate_server"],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.kill)
        self._port = int(self._process.stdout.readline()) if self._process.stdout is not None else 0


async def _paid_requests() -> list[bytes]:
    """Make offers as the gate would, which has the same secret; at one try, counter 0 is a good proof."""
    scheme = WorkScheme(
        METHODS, secret=SECRET, claims=MemoryStore().claims, entropy=SystemEntropy(), ticket_ms=TICKET_MS
    )
    act, now = act_of(method="POST", realm=REALM, target=GATED_PATH.encode(), body=BODY), SystemClock().now()
    requests: list[bytes] = []
    for _ in range(BLOCK):
        (entry,) = await scheme.offer(act, 1, now)
        signature = PaymentSignature(x402_version=X402_VERSION, accepted=entry, payload=proof_payload(bytes(8)))
        requests.append(_request(GATED_PATH, b"PAYMENT-SIGNATURE: " + encode_header(signature) + b"\r\n"))
    return requests


def _request(path: str, headers: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {REALM}\r\nContent-Length: {len(BODY)}\r\n".encode()
    return head + headers + b"\r\n" + BODY


_SERVER = _Server()

CASES = [
    Case(
        name="gate_paid_request",
        description=(
            "a request that brings a good proof of its own (decoded, checked, claimed in memory, its answer kept), "
            "against the same route without a gate, under uvicorn; requests per second"
        ),
        reference=_SERVER.bare,
        subject=_SERVER.gated,
        target=0.3,
    ),
]
