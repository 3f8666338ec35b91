"""A small application behind a gate, a clock that stands, and ways to pay by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Message, Receive, Scope, Send

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.gate.config import GateConfig
from parley.gate.middleware import TicketGate
from parley.gate.schemes import Scheme
from parley.gate.work_scheme import challenge_of, proof_payload
from parley.gate.x402 import (
    REQUIRED_HEADER,
    SIGNATURE_HEADER,
    X402_VERSION,
    PaymentRequired,
    PaymentSignature,
    encode_header,
    parse_required,
)
from parley.ports.store import Claims
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry, Solution
from parley.testing.clock import VirtualClock

Content = bytes | AsyncIterable[bytes] | None
Headers = Sequence[tuple[str, str]]

START = Instant(1_800_000_000_000)
SECRET = bytes(range(32))
POW = ProofOfWork(tries_per_unit=1)
ORIGIN = "http://gate.test"


@dataclass
class Counted:
    """An application that echoes bodies and counts how often it acted.

    Attributes:
        acted: how often.
        status: that it answers.
        chunks: answered instead of the request's body, one message each.
        opened: it waits for this before it answers.
        begun: it says by this that it waits.
    """

    acted: int = 0
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: list[bytes] | None = None
    opened: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": f"{scope['type']}.seen"})
            return
        self.acted += 1
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        self.begun.set()
        if self.opened is not None:
            await self.opened.wait()
        if self.failure is not None:
            raise self.failure
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for chunk in [body] if self.chunks is None else self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Stage:
    """A gate in front of an application."""

    def __init__(
        self,
        app: Counted | None = None,
        *,
        price_units: int | Mapping[str, int] = 3,
        config: GateConfig | None = None,
        claims: Claims | None = None,
        methods: Registry | None = None,
        schemes: tuple[Scheme, ...] = (),
        secret: bytes = SECRET,
        seed: bytes = b"stage",
    ) -> None:
        self.app = Counted() if app is None else app
        self.clock = VirtualClock(START)
        self.gate = TicketGate(
            self.app,
            price_units=price_units,
            secret=secret,
            claims=MemoryStore().claims if claims is None else claims,
            methods=Registry((POW,)) if methods is None else methods,
            schemes=schemes,
            config=config,
            clock=self.clock,
            entropy=SeededEntropy(seed),
        )

    def client(self) -> httpx.AsyncClient:
        """Return a client that talks to the gate without a socket."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.gate, raise_app_exceptions=False), base_url=ORIGIN)

    async def ask(
        self, method: str = "GET", url: str = "/search", *, content: Content = None, headers: Headers = ()
    ) -> httpx.Response:
        """Send one request."""
        async with self.client() as client:
            return await client.request(method, url, content=content, headers=list(headers))

    async def earn(self, method: str = "GET", url: str = "/search", *, content: Content = None) -> str:
        """Ask without payment and do the work; return the value of PAYMENT-SIGNATURE."""
        refused = await self.ask(method, url, content=content)
        assert refused.status_code == 402
        return pay(refused)

    async def ask_paid(
        self,
        signature: str,
        method: str = "GET",
        url: str = "/search",
        *,
        content: Content = None,
        headers: Headers = (),
    ) -> httpx.Response:
        """Send one request with a payment."""
        return await self.ask(method, url, content=content, headers=[*headers, (SIGNATURE_HEADER, signature)])


def required_of(response: httpx.Response) -> PaymentRequired:
    """Read what a 402 asks for."""
    return parse_required(response.headers[REQUIRED_HEADER].encode())


def solve(required: PaymentRequired, number: int = 0) -> bytes:
    """Solve one entry; return the proof."""
    found = POW.start(challenge_of(required.accepts[number])).step(1_000_000)
    assert isinstance(found, Solution)
    return found.proof


def pay(refused: httpx.Response) -> str:
    """Solve what a 402 asks for; return the value of PAYMENT-SIGNATURE."""
    required = required_of(refused)
    return sign(required, solve(required))


def sign(required: PaymentRequired, proof: bytes) -> str:
    """Return the value of PAYMENT-SIGNATURE for the first entry and a proof."""
    signature = PaymentSignature(x402_version=X402_VERSION, accepted=required.accepts[0], payload=proof_payload(proof))
    return encode_header(signature).decode()


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """Read a refusal."""
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == response.status_code
    return document


class Inbox:
    """The messages that a gate sends, and those that it is given, one after the other."""

    def __init__(self, *messages: Message) -> None:
        self.sent: list[Message] = []
        self.given = list(messages)

    async def receive(self) -> Message:
        return self.given.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)
