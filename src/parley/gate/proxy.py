"""A reverse proxy as an ASGI application, so that a gate can charge for a server that knows nothing of it.

    client  ──►  TicketGate  ──►  ReverseProxy  ──►  upstream server
                 takes the payment    hop-by-hop and payment headers stay here; bodies pass as they come, both ways

The path is passed on as it was sent. What a server might read as another path than the gate did is refused: a path
with dots for segments, a backslash, or control characters. Headers with `_` in their names do not pass, because many
servers read it as `-`; nor do values that are no UTF-8, because they would not arrive as they came. WebSockets
are refused, because they would pass unpaid.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from starlette.types import Receive, Scope, Send
from yarl import URL

from parley.errors import ConfigError, ErrorCode
from parley.gate.answers import Answer
from parley.gate.exchange import AnyValue, header_values, send_answer, target_of
from parley.gate.problems import problem
from parley.gate.x402 import SENDER_HEADER, SIGNATURE_HEADER

__all__ = ["ProxyConfig", "ReverseProxy"]

_MS_PER_SECOND: Final = 1_000
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",  # codespell:ignore te
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Of one connection, not of the message (RFC 9110, section 7.6.1)."""
_OWN: Final = frozenset({SIGNATURE_HEADER.lower().encode(), SENDER_HEADER.lower().encode(), b"expect", b"host"})
_OVERRIDES: Final = frozenset(
    {
        b"true-client-ip",
        b"x-client-ip",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
"""What some servers take for the method, the path or the client, in place of those that the gate charged for."""
_FORWARDED: Final = frozenset({b"forwarded", b"x-real-ip"})
_FORWARDED_PREFIX: Final = b"x-forwarded-"
_FORWARDED_FOR: Final = b"x-forwarded-for"
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_BROKEN: Final = frozenset(b"\r\n\0")
_QUEUED_CHUNKS: Final = 4
_POLICY_VIOLATION: Final = 1_008


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """How a proxy treats its upstream server.

    Attributes:
        connect_ms: the longest to wait for a connection, and for a free one where all are in use.
        silence_ms: the longest that the upstream server may send nothing.
        connections_max: most connections to the upstream server at once.
        keep_host: pass the Host header on as it came; else the upstream server sees its own name there. What came is
            in X-Forwarded-Host either way.
        trust_forwarded: another proxy stands in front: what it says in Forwarded, X-Real-IP and X-Forwarded-* is
            kept, so it must set or drop them all. Else such headers are the client's invention, and dropped.
    """

    connect_ms: int = 10_000
    silence_ms: int = 60_000
    connections_max: int = 256
    keep_host: bool = False
    trust_forwarded: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for setting in ("connect_ms", "silence_ms", "connections_max"):
            if getattr(self, setting) < 1:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=setting, minimum=1)


class ReverseProxy:
    """Passes every request on to one server; `close` lets go of its connections, and so does the lifespan's end."""

    def __init__(self, upstream: str, config: ProxyConfig | None = None) -> None:
        """Open nothing yet.

        Args:
            upstream: http or https URL of the server, with a path in front of all others or without; no query.
            config: limits.

        Raises:
            ConfigError: no such URL.
        """
        self._base = _base_of(upstream)
        self._config = ProxyConfig() if config is None else config
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: AnyValue, receive: AnyValue, send: AnyValue) -> None:
        """Answer one request."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    async def close(self) -> None:
        """Let go of all connections; the next request opens some again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay one exchange; when the client goes away, so does the request to the upstream server."""
        has_body = scope["method"] != "HEAD"
        target = target_of(scope)
        if not _is_plain(target, scope["path"]):
            await send_answer(_refusal("path"), send, has_body=has_body)
            return
        headers = _texts(self._request_headers(scope))
        if headers is None:
            await send_answer(_refusal("headers"), send, has_body=has_body)
            return
        body = _IncomingBody(receive, is_empty=not _has_body(scope))
        relay = _Relay(self._open(), self._base + target.decode("latin-1"), headers)
        watching = asyncio.create_task(body.pump())
        relaying = asyncio.create_task(relay.run(scope["method"], body, send))
        try:
            await asyncio.wait({watching, relaying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Either the answer is out, or nobody waits for it any more.
            watching.cancel()
            if not relaying.done():
                relaying.cancel()
            ended = await asyncio.gather(watching, relaying, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            config = self._config
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=config.connections_max),
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=config.connect_ms / _MS_PER_SECOND,
                    sock_read=config.silence_ms / _MS_PER_SECOND,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_AUTOMATIC,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _request_headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        is_trusting = self._config.trust_forwarded
        passed = [
            (name, value)
            for name, value in _passed_on(scope["headers"], _OWN | _OVERRIDES)
            if b"_" not in name and (is_trusting or not _is_of_the_way(name.lower()))
        ]
        before = [value for name, value in passed if name.lower() == _FORWARDED_FOR]
        named = {name.lower() for name, _ in passed}
        hosts = header_values(scope, b"host")
        client: tuple[str, int] | None = scope.get("client")
        if client is not None:
            passed = [item for item in passed if item[0].lower() != _FORWARDED_FOR]
            passed.append((_FORWARDED_FOR, b", ".join([*before, client[0].encode()])))
        if b"x-forwarded-proto" not in named:
            passed.append((b"x-forwarded-proto", scope["scheme"].encode()))
        if hosts and b"x-forwarded-host" not in named:
            passed.append((b"x-forwarded-host", hosts[0]))
        if hosts and self._config.keep_host:
            passed.append((b"host", hosts[0]))
        return passed


class _IncomingBody:
    """The body of a request, as it comes, a few chunks ahead of who reads it; and the news that the client is gone."""

    def __init__(self, receive: Receive, *, is_empty: bool) -> None:
        self.is_empty = is_empty
        self._receive = receive
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_CHUNKS)

    async def pump(self) -> None:
        """Take what comes; return when the client goes away."""
        is_whole = False
        while (message := await self._receive())["type"] == "http.request":
            chunk: bytes = message.get("body", b"")
            if chunk and not is_whole:
                await self._chunks.put(chunk)
            if not is_whole and not message.get("more_body", False):
                is_whole = True
                await self._chunks.put(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body, once."""
        while (chunk := await self._chunks.get()) is not None:
            yield chunk


class _Relay:
    """One request to the upstream server, and its answer on the way back."""

    def __init__(self, session: aiohttp.ClientSession, url: str, headers: list[tuple[str, str]]) -> None:
        self._session = session
        self._url = url
        self._headers = headers
        self._is_started = False

    async def run(self, method: str, body: _IncomingBody, send: Send) -> None:
        try:
            async with self._session.request(
                method,
                URL(self._url, encoded=True),
                headers=self._headers,
                data=None if body.is_empty else body.chunks(),
                allow_redirects=False,
            ) as response:
                await self._pass_back(response, send, has_body=method != "HEAD")
        except (aiohttp.ServerTimeoutError, TimeoutError):
            await self._refuse(504, send, has_body=method != "HEAD")
        except (aiohttp.ClientError, OSError):
            await self._refuse(502, send, has_body=method != "HEAD")

    async def _pass_back(self, response: aiohttp.ClientResponse, send: Send, *, has_body: bool) -> None:
        headers = _passed_on(response.raw_headers, frozenset())
        if any(not _BROKEN.isdisjoint(value) for _, value in headers):
            raise aiohttp.ClientPayloadError
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        self._is_started = True
        if has_body:
            async for chunk in response.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _refuse(self, status: int, send: Send, *, has_body: bool) -> None:
        """Say that the upstream server failed; an answer that has begun is left without its end, which shows."""
        if not self._is_started:
            facts = {"value": "upstream"}
            await send_answer(problem(status, ErrorCode.UNREACHABLE, facts=facts), send, has_body=has_body)


def _base_of(upstream: str) -> str:
    try:
        parts = urlsplit(upstream)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or parts.query or parts.fragment or parts.username is not None:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="upstream", wanted="an http or https URL without a query")
    return upstream.rstrip("/")


def _is_plain(target: bytes, path: str) -> bool:
    """Say whether a path can be read in one way only, as to dots, backslashes and control characters."""
    if not target.startswith(b"/") or any(letter in path for letter in "\\\0\r\n"):
        return False
    # Some servers cut off what follows a semicolon before they resolve dots.
    return not any(segment.split(";", 1)[0] in {".", ".."} for segment in path.split("/"))


def _is_of_the_way(name: bytes) -> bool:
    """Say whether a header tells of the way that a request came, by its name in lower case."""
    return name in _FORWARDED or name.startswith(_FORWARDED_PREFIX)


def _texts(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]] | None:
    """Return headers as the client library wants them, which writes UTF-8; None where that gives other bytes."""
    try:
        return [(name.decode("ascii"), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        return None


def _refusal(field: str) -> Answer:
    return problem(400, ErrorCode.INVALID_REQUEST, facts={"field": field})


def _has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


def _passed_on(headers: Sequence[tuple[bytes, bytes]], dropped: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a message without those of its connection."""
    named = {
        name.strip().lower()
        for header, value in headers
        if header.lower() == b"connection"
        for name in value.split(b",")
    }
    left_out = _HOP_BY_HOP | named | dropped
    return [(bytes(name), bytes(value)) for name, value in headers if name.lower() not in left_out]
