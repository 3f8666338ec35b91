"""Real nodes in one process: everything is the node's own but the sockets, the disk and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp, Message

from parley.adapters.memory import MemoryStore, SeededEntropy
from parley.errors import ErrorCode, UnavailableError
from parley.node.config import load_config
from parley.node.data_directory import DataDirectory
from parley.node.wiring import Node, Parts, build_node
from parley.pool.addresses import Address
from parley.pool.messages import Record, record_id
from parley.pool.table import OWNER_LINK, Stored
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant
from parley.testing.clock import VirtualClock

START = Instant(1_800_000_000_000)
"""2027-01-15 08:00:00 UTC."""

HOUR_MS = 3_600_000


@dataclass
class Switchboard:
    """Carries requests to applications in this process (a `ports.transport.Transport`)."""

    applications: dict[str, ASGIApp] = field(default_factory=dict)

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        """Call the application at the URL's host and port."""
        del timeout_ms
        place = urlsplit(url)
        application = self.applications.get(f"{place.scheme}://{place.netloc}")
        if application is None:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        fetched = await fetch(application, place.path, method="POST", body=body, headers=headers)
        return fetched.body[:answer_limit_bytes]


@dataclass(frozen=True)
class Fetched:
    """What an application answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


async def fetch(
    application: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Fetched:
    """Ask an ASGI application as a server would."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    place = urlsplit(path)
    all_headers = {"host": "127.0.0.1:7420", "content-length": str(len(body)), **(headers or {})}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": place.path,
        "raw_path": place.path.encode(),
        "root_path": "",
        "query_string": place.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in all_headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 7_420),
    }
    await application(scope, receive, send)
    start = sent[0]
    return Fetched(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


async def post(
    application: ASGIApp, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Fetched:
    """Send a form."""
    sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
    return await fetch(application, path, method="POST", body=urlencode(fields).encode(), headers=sent)


def make_node(
    directory: Path,
    *,
    clock: VirtualClock | None = None,
    transport: Switchboard | None = None,
    address: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Node:
    """Build a node that listens nowhere, with some settings by name."""
    config, origins = load_config(flags={"data_dir": str(directory), **(settings or {})}, environment={})
    prepared = DataDirectory(config.data_dir)
    prepared.prepare()
    parts = Parts(
        clock or VirtualClock(START), SeededEntropy(str(directory).encode()), MemoryStore(), transport or Switchboard()
    )
    return build_node(config, origins, prepared, parts, None if address is None else Address(address))


def author(number: int) -> bytes:
    """Return a secret key."""
    return number.to_bytes(32, "big")


def put(
    node: Node,
    keys: tuple[str, ...],
    message: str,
    *,
    secret: bytes | None = None,
    link: str = OWNER_LINK,
    created_ms: int = START,
    lasts_ms: int = HOUR_MS,
) -> Record:
    """Sign a record and push it into a node; without a secret the node itself signs."""
    key = AuthorKey(node.identity.node_id if secret is None else schnorr.public_key(secret))
    unsigned = Record(key, keys, message, 7, Instant(created_ms), Instant(created_ms + lasts_ms), bytes(64))
    digest = record_id(unsigned)
    signature = node.identity.sign_now(digest) if secret is None else schnorr.sign(secret, digest, bytes(32))
    record = Record(key, keys, message, 7, unsigned.created_ms, unsigned.expires_ms, signature)
    outcome = node.push(record, link)
    assert isinstance(outcome, Stored)
    return record


async def settle(rounds: int = 200) -> None:
    """Let everything run that can run now."""
    for _ in range(rounds):
        await asyncio.sleep(0)
