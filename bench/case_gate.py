"""What a gate costs a route: paid requests against the same route bare, on one server."""

from __future__ import annotations

import asyncio
import atexit
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, repeat
from pathlib import Path

from bench.case_lottery import validate_unknown
from bench.gate_chain import PRICE_WEI, SENDERS, key_of, make_broker, make_desk, sender_of
from bench.gate_server import (
    ALL_CORES,
    BARE_PATH,
    DEAR_PATH,
    DEAR_TICKETS,
    FREE_PATH,
    GATED_PATH,
    METHODS,
    REALM,
    SECRET,
    SOLD_PATH,
    TICKET_MS,
)
from bench.http_load import load
from bench.measure import Case
from parley.adapters.lottery.documents import params_object
from parley.adapters.memory.store import MemoryStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.gate.binding import act_of
from parley.gate.lottery_forms import lottery_entry, lottery_header, network_name
from parley.gate.schemes import Charge
from parley.gate.work_scheme import WorkScheme, proof_payload
from parley.gate.x402 import X402_VERSION, PaymentSignature, encode_header
from parley.lottery.batches import TicketBatch
from parley.lottery.params import PRICE_OF_A_WEI, Payment, TicketParams

CONNECTIONS = 32
REQUESTS = 2_000
DEAR_REQUESTS = 400
NONCES = 400
"""Of one commitment: beyond them a gate says along with its answers under which others to pay."""

BODY = b'{"text":"the same small body on both sides"}'


class _Server:
    """The server process, started when it is first needed."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._senders = count()

    def unpaid(self, path: str) -> int:
        self.start()
        return load(self._port, repeat(_request(path, b"")), count=REQUESTS, connections=CONNECTIONS)

    def paid(self, requests: Iterator[bytes], number: int) -> int:
        return load(self._port, requests, count=number, connections=CONNECTIONS)

    def fresh_sender(self) -> int:
        number = next(self._senders)
        if number >= SENDERS:
            message = "there are more rounds than senders"
            raise RuntimeError(message)
        return number

    def start(self) -> None:
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.gate_server", *self._options],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.kill)
        self._port = int(self._process.stdout.readline()) if self._process.stdout is not None else 0


class _Prepared:
    """Paid requests, each good once, made before the clock runs: for the warm-up and every round."""

    def __init__(self, server: _Server, make: Callable[[], list[bytes]], number: int) -> None:
        self._server = server
        self._make = make
        self._number = number
        self._rounds: list[list[bytes]] = []

    def send(self) -> int:
        if not self._rounds:
            self._server.start()
            self._rounds = [self._make() for _ in range(ROUNDS)]
        return self._server.paid(iter(self._rounds.pop()), self._number)


ROUNDS = 16
"""So many are prepared at a time: the usual number of rounds and the warm-up."""


def _worked() -> list[bytes]:
    """Make offers as the gate would, which has the same secret; at one try, counter 0 is a good proof."""
    scheme = WorkScheme(
        METHODS, secret=SECRET, claims=MemoryStore().claims, entropy=SystemEntropy(), ticket_ms=TICKET_MS
    )
    act, now = act_of(method="POST", realm=REALM, target=GATED_PATH.encode(), body=BODY), SystemClock().now()

    async def make() -> list[bytes]:
        requests: list[bytes] = []
        for _ in range(REQUESTS + CONNECTIONS):
            (entry,) = await scheme.offer(Charge(act, 1, bytes(32)), now)
            signature = PaymentSignature(x402_version=X402_VERSION, accepted=entry, payload=proof_payload(bytes(8)))
            requests.append(_request(GATED_PATH, b"PAYMENT-SIGNATURE: " + encode_header(signature) + b"\r\n"))
        return requests

    return asyncio.run(make())


def _bought(server: _Server, path: str, tickets: int, number: int) -> list[bytes]:
    """Pay requests with tickets of a sender of their own, under parameters that the server's desk knows again."""
    return asyncio.run(_sign(path, tickets, number, server.fresh_sender()))


async def _sign(path: str, tickets: int, number: int, sender: int) -> list[bytes]:
    broker = make_broker()
    desk, view = make_desk(broker, MemoryStore(), b"client %d" % sender), await broker.view()
    requests: list[bytes] = []
    while len(requests) < number:
        params = await desk.quote(sender_of(sender), PRICE_WEI, PRICE_OF_A_WEI)
        if not isinstance(params, TicketParams):
            raise TypeError(str(params))
        entry = lottery_entry(
            network=network_name(view.chain_id),
            amount_wei=tickets * PRICE_WEI,
            recipient=params.recipient,
            broker=view.broker,
            max_timeout_seconds=60,
            extra={"params": params_object(params)},
        )
        for first in range(0, NONCES, tickets):
            nonces = tuple(range(first, first + tickets))
            batch = TicketBatch(params, view.creation_round, sender_of(sender), nonces, key_of(sender))
            batch.sign(0, tickets)
            payment = Payment(sender_of(sender), params, view.creation_round, batch.signed())
            requests.append(_request(path, b"PAYMENT-SIGNATURE: " + lottery_header(entry, payment) + b"\r\n"))
    return requests


def _request(path: str, headers: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {REALM}\r\nContent-Length: {len(BODY)}\r\n".encode()
    return head + headers + b"\r\n" + BODY


_SERVER = _Server()
_WIDE = _Server(ALL_CORES)
_WORKED = _Prepared(_SERVER, _worked, REQUESTS)
_SOLD = _Prepared(_SERVER, lambda: _bought(_SERVER, SOLD_PATH, 1, REQUESTS + CONNECTIONS), REQUESTS)
_DEAR = _Prepared(_WIDE, lambda: _bought(_WIDE, DEAR_PATH, DEAR_TICKETS, DEAR_REQUESTS + CONNECTIONS), DEAR_REQUESTS)

CASES = [
    Case(
        name="gate_paid_request",
        description=(
            "a request that brings a good proof of its own (decoded, checked, claimed in memory, its answer kept), "
            "against the same route without a gate, under uvicorn; requests per second"
        ),
        reference=lambda: _SERVER.unpaid(BARE_PATH),
        subject=_WORKED.send,
        target=0.3,
    ),
    Case(
        name="gate_lottery_request",
        description=(
            "a request that brings one lottery ticket (decoded, recovered, checked against chain and float, its nonce "
            "in a window that is claimed in SQLite, its answer kept), against the same empty route of Starlette at no "
            "price; requests per second"
        ),
        reference=lambda: _SERVER.unpaid(FREE_PATH),
        subject=_SOLD.send,
        target=0.35,
    ),
    Case(
        name="gate_lottery_ten",
        description=(
            "tickets that come ten in a request, over HTTP and through the gate; reference: hash, digest, recovered "
            "address, commitment and draw of tickets in a loop on one core, without any server; the server may use "
            "all cores; tickets per second"
        ),
        reference=validate_unknown,
        subject=lambda: DEAR_TICKETS * _DEAR.send(),
        target=0.6,
    ),
]
