"""The reverse proxy between a real client and a real server: what passes, what stays, and what is refused."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from yarl import URL

from parley.adapters.http.server import listen, serve
from parley.errors import ConfigError
from parley.gate.middleware import TicketGate
from parley.gate.proxy import ProxyConfig, ReverseProxy
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from tests.integration.loopback import serving

PATIENCE_S = 30
GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"


class Upstream:
    """A server that knows nothing of gates: it says what it saw, and can be told to wait."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.begun = asyncio.Event()
        self.gone = asyncio.Event()
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        routes = [
            Route("/echo{rest:path}", self.echo, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
            Route("/drip", self.drip),
            Route("/upload", self.upload, methods=["POST"]),
            Route("/headers", self.headers),
            Route("/away", self.away),
            Route("/hang", self.hang),
        ]
        self.app = Starlette(routes=routes)

    async def echo(self, request: Request) -> Response:
        self.seen.append(request)
        return JSONResponse(
            {
                "method": request.method,
                "path": request.scope["raw_path"].decode("latin-1"),
                "query": request.scope["query_string"].decode("latin-1"),
                "headers": [[name.decode(), value.decode("latin-1")] for name, value in request.headers.raw],
                "body": (await request.body()).decode("latin-1"),
            }
        )

    async def drip(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while chunk := await self.chunks.get():
                    yield chunk
            finally:
                self.gone.set()

        del request
        return StreamingResponse(pieces(), media_type="text/plain")

    async def upload(self, request: Request) -> Response:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            await self.chunks.put(chunk)
        return PlainTextResponse(str(size))

    async def headers(self, request: Request) -> Response:
        del request
        answer = Response(GZIP, 418, {"content-encoding": "gzip", "x-kept": "yes", "connection": "x-dropped"})
        answer.headers.append("set-cookie", "a=1")
        answer.headers.append("set-cookie", "b=2")
        answer.headers.append("x-dropped", "of this connection")
        return answer

    async def away(self, request: Request) -> Response:
        del request
        return RedirectResponse("http://elsewhere.test/")

    async def hang(self, request: Request) -> Response:
        self.begun.set()
        try:
            while not await request.is_disconnected():  # noqa: ASYNC110  # starlette says it by this alone
                await asyncio.sleep(0.01)
        finally:
            self.gone.set()
        return Response()


@asynccontextmanager
async def proxied(config: ProxyConfig | None = None) -> AsyncIterator[tuple[Upstream, str]]:
    upstream = Upstream()
    async with serving(upstream.app) as url, serving(ReverseProxy(url, config)) as front:
        yield upstream, front


@asynccontextmanager
async def asking(url: str, method: str = "GET", **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:  # noqa: ANN401  # aiohttp's own
    async with (
        asyncio.timeout(PATIENCE_S),
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.request(method, URL(url, encoded=True), allow_redirects=False, **options) as answer,
    ):
        yield answer


async def echoed(url: str, method: str = "GET", **options: Any) -> dict[str, Any]:  # noqa: ANN401  # aiohttp's own
    async with asking(url, method, **options) as answer:
        assert answer.status == 200, await answer.text()
        document: dict[str, Any] = await answer.json()
        return document


async def raw(url: str, head: str) -> bytes:
    """Send what no client library would; return the whole answer."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode("latin-1"))
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_request_passes_as_it_was_sent() -> None:
    async with proxied() as (_, url):
        seen = await echoed(f"{url}/echo/a%2Fb/%C3%A9//?q=1&q=%20x", "POST", data=b"some bytes")
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/echo/a%2Fb/%C3%A9//", "q=1&q=%20x")
    assert seen["body"] == "some bytes"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
async def test_a_request_without_a_body_has_none_upstream(method: str) -> None:
    async with proxied() as (_, url):
        seen = await echoed(f"{url}/echo", method)
    names = [name for name, _ in seen["headers"]]
    assert (seen["method"], seen["body"], "transfer-encoding" in names) == (method, "", False)


async def test_headers_of_the_connection_and_of_the_gate_stay() -> None:
    sent = {
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "TE": "trailers",  # codespell:ignore te
        "Proxy-Authorization": "Basic eA==",
        "PAYMENT-SIGNATURE": "e30=",
        "PAYMENT-SENDER": "eip155:1:0x00",
        "X-Kept": "yes",
        "Authorization": "Bearer x",
    }
    async with proxied() as (_, url):
        seen = dict((await echoed(f"{url}/echo", headers=sent))["headers"])
    assert (seen["x-kept"], seen["authorization"]) == ("yes", "Bearer x")
    gone = {"x-hop", "te", "proxy-authorization", "payment-signature", "payment-sender"}  # codespell:ignore te
    assert gone.isdisjoint(seen)


async def test_nothing_is_added_that_the_client_did_not_say() -> None:
    async with proxied() as (_, url):
        answer = await raw(url, "GET /echo HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n")
    for name in (b'"user-agent"', b'"accept"', b'"accept-encoding"', b'"cookie"', b'"content-type"'):
        assert name not in answer.lower()


async def test_the_upstream_server_learns_who_asked_and_under_which_name() -> None:
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6"}
    async with proxied() as (_, url):
        seen = dict((await echoed(f"{url}/echo", headers=lies))["headers"])
        host = url.removeprefix("http://")
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["x-forwarded-host"]) == ("127.0.0.1", "http", host)
    assert seen["host"] != host
    assert {"forwarded", "x-real-ip"}.isdisjoint(seen)


OVERRIDES = ("x-original-url", "x-rewrite-url", "true-client-ip", "x-client-ip", "x-http-method-override")


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_headers_that_servers_take_for_the_path_the_method_or_the_client_stay(*, is_trusted: bool) -> None:
    sent = {**dict.fromkeys(OVERRIDES, "/dear"), "X_Forwarded_For": "6.6.6.6", "Payment_Sender": "x", "X-Kept": "yes"}
    async with proxied(ProxyConfig(trust_forwarded=is_trusted)) as (_, url):
        seen = dict((await echoed(f"{url}/echo", headers=sent))["headers"])
    assert {*OVERRIDES, "x_forwarded_for", "payment_sender"}.isdisjoint(seen)
    assert (seen["x-kept"], seen["x-forwarded-for"]) == ("yes", "127.0.0.1")


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_what_is_said_of_the_way_here_stays_unless_it_is_trusted(*, is_trusted: bool) -> None:
    said = {"X-Forwarded-Prefix": "/p", "X-Forwarded-Ssl": "on", "X-Forwarded-Anything": "1"}
    async with proxied(ProxyConfig(trust_forwarded=is_trusted)) as (_, url):
        seen = dict((await echoed(f"{url}/echo", headers=said))["headers"])
    assert {name.lower() for name in said}.intersection(seen) == (
        {name.lower() for name in said} if is_trusted else set()
    )


async def test_letters_of_all_languages_in_headers_pass_as_their_bytes() -> None:
    async with proxied() as (_, url):
        head = "GET /echo HTTP/1.1\r\nHost: x\r\nX-Name: {}\r\nConnection: close\r\n\r\n"
        answer = await raw(url, head.format("né ü".encode().decode("latin-1")))
    _, _, body = answer.partition(b"\r\n\r\n")
    assert dict(json.loads(body)["headers"])["x-name"].encode("latin-1") == "né ü".encode()


async def test_a_header_that_cannot_pass_as_its_bytes_is_refused() -> None:
    async with proxied() as (upstream, url):
        answer = await raw(url, "GET /echo HTTP/1.1\r\nHost: x\r\nX-Name: n\xe9\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert upstream.seen == []


async def test_another_proxy_in_front_is_believed_if_it_is_said_so() -> None:
    said = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test"}
    async with proxied(ProxyConfig(trust_forwarded=True, keep_host=True)) as (_, url):
        seen = dict((await echoed(f"{url}/echo", headers=said))["headers"])
        host = url.removeprefix("http://")
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("6.6.6.6, 127.0.0.1", "https")
    assert (seen["x-forwarded-host"], seen["host"]) == ("shop.test", host)


async def test_an_answer_passes_as_it_was_sent() -> None:
    async with proxied() as (_, url), asking(f"{url}/headers") as answer:
        assert (answer.status, await answer.read()) == (418, GZIP)
        assert (answer.headers["content-encoding"], answer.headers["x-kept"]) == ("gzip", "yes")
        assert answer.headers.getall("set-cookie") == ["a=1", "b=2"]
        assert "x-dropped" not in answer.headers


async def test_cookies_of_one_client_are_not_kept_for_another() -> None:
    async with proxied() as (_, url):
        async with asking(f"{url}/headers"):
            pass
        seen = await echoed(f"{url}/echo")
    assert "cookie" not in dict(seen["headers"])


async def test_redirects_are_the_clients_to_follow() -> None:
    async with proxied() as (_, url), asking(f"{url}/away") as answer:
        assert (answer.status, answer.headers["location"]) == (307, "http://elsewhere.test/")


async def test_head_has_no_body_and_keeps_its_length() -> None:
    async with proxied() as (_, url):
        async with asking(f"{url}/headers", "HEAD") as answer:
            assert (answer.status, await answer.read()) == (418, b"")
            assert answer.headers["content-length"] == str(len(GZIP))
        async with asking(f"{url}/headers") as answer:
            assert answer.status == 418


async def test_an_answer_streams() -> None:
    async with proxied() as (upstream, url), asking(f"{url}/drip") as answer:
        for piece in (b"one", b"two"):
            await upstream.chunks.put(piece)
            assert await answer.content.readany() == piece
        await upstream.chunks.put(b"")
        assert await answer.read() == b""


async def test_a_body_streams() -> None:
    fed: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while chunk := await fed.get():
            yield chunk

    async with proxied() as (upstream, url):

        async def send() -> str:
            async with asking(f"{url}/upload", "POST", data=body()) as answer:
                return await answer.text()

        sending = asyncio.create_task(send())
        async with asyncio.timeout(PATIENCE_S):
            for piece in (b"one", b"four"):
                await fed.put(piece)
                assert await upstream.chunks.get() == piece
            await fed.put(b"")
            assert await sending == "7"


async def test_a_large_body_passes_both_ways() -> None:
    body = bytes(range(256)) * 20_000
    async with proxied() as (upstream, url):
        drain = asyncio.create_task(_drain(upstream.chunks, len(body)))
        async with asking(f"{url}/upload", "POST", data=BytesIO(body)) as answer:
            assert await answer.text() == str(len(body))
        assert await drain == body


async def _drain(chunks: asyncio.Queue[bytes], size_bytes: int) -> bytes:
    held = b""
    while len(held) < size_bytes:
        held += await chunks.get()
    return held


async def test_when_the_client_goes_away_so_does_the_request_upstream() -> None:
    async with proxied() as (upstream, url):
        host, _, port = url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            await upstream.begun.wait()
            assert not upstream.gone.is_set()
            writer.close()
            await upstream.gone.wait()
        assert upstream.gone.is_set()


async def test_a_server_that_is_not_there_is_502() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        async with serving(ReverseProxy(f"http://127.0.0.1:{port}")) as url, asking(f"{url}/x") as answer:
            document = await answer.json(content_type="application/problem+json")
            assert (answer.status, document["reason"]) == (502, "unreachable")


async def test_a_server_that_says_nothing_is_504() -> None:
    async with proxied(ProxyConfig(silence_ms=50)) as (upstream, url):
        async with asking(f"{url}/hang") as answer:
            assert answer.status == 504
        async with asyncio.timeout(PATIENCE_S):
            await upstream.gone.wait()


@pytest.mark.parametrize(
    "broken",
    [
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"",
    ],
)
async def test_what_is_no_answer_is_502(broken: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(broken)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, serving(ReverseProxy(f"http://127.0.0.1:{port}")) as url, asking(f"{url}/x") as got:
        assert got.status == 502


async def test_an_answer_that_breaks_off_is_not_completed() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, serving(ReverseProxy(f"http://127.0.0.1:{port}")) as url:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with asking(f"{url}/x") as got:
                await got.read()


@pytest.mark.parametrize(
    "target",
    [
        "/free/../echo",
        "/free/%2e%2e/echo",
        "/./echo",
        "/free/..;x/echo",
        "/free\\..\\echo",
        "/free/..%2fecho",
        "/echo%00",
        "/echo%0d%0aX: y",
        "*",
        "http://evil.test/echo/../x",
    ],
)
async def test_a_path_that_could_be_read_in_two_ways_is_refused(target: str) -> None:
    async with proxied() as (upstream, url):
        answer = await raw(url, f"OPTIONS {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert upstream.seen == []


async def test_an_upgrade_does_not_pass() -> None:
    head = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    async with proxied() as (_, url):
        answer = await raw(url, head)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'["upgrade"' not in answer


async def test_websockets_are_refused() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await ReverseProxy("http://127.0.0.1:1")({"type": "websocket", "path": "/"}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_gate_in_front_charges_for_it() -> None:
    upstream = Upstream()
    async with serving(upstream.app) as url:
        gate = TicketGate(ReverseProxy(url), price_units=1, methods=Registry((ProofOfWork(tries_per_unit=1),)))
        async with serving(gate) as front, asking(f"{front}/echo") as answer:
            assert answer.status == 402
    assert upstream.seen == []


class Noted:
    """An application that says when it is asked."""

    is_stopping = False

    def __init__(self, app: TicketGate, asked: asyncio.Event) -> None:
        self._app = app
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asked.set()
        await self._app(scope, receive, send)


@pytest.mark.parametrize("is_late", [False, True])
async def test_trailers_of_a_body_do_not_become_headers_of_the_request(*, is_late: bool) -> None:
    head = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    tail = "3\r\nabc\r\n0\r\nX-Role: owner\r\nPAYMENT-SENDER: x\r\n\r\n"
    upstream, asked = Upstream(), asyncio.Event()

    async with serving(upstream.app) as url:
        proxy = ReverseProxy(url)
        gate = TicketGate(proxy, price_units={"/dear": 1})
        listener = await listen("127.0.0.1", 0)
        server = await serve(Noted(gate, asked), listener)
        host, _, port = server.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(PATIENCE_S):
            writer.write(head.encode() if is_late else (head + tail).encode())
            if is_late:
                await asked.wait()
                writer.write(tail.encode())
            answer = await reader.read()
        writer.close()
        await server.stop(grace_ms=0)
        listener.close()
        await proxy.close()
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert document["body"] == "abc"
    assert "x-role" not in dict(document["headers"])


async def test_it_can_be_closed_and_used_again() -> None:
    upstream = Upstream()
    async with serving(upstream.app) as url:
        proxy = ReverseProxy(f"{url}/echo/")
        async with serving(proxy) as front:
            assert (await echoed(f"{front}/x"))["path"] == "/echo/x"
            await proxy.close()
            assert (await echoed(f"{front}/y"))["path"] == "/echo/y"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:80", "ftp://a", "http://", "http://a?b", "http://a#b", "http://u@a", "http://a:x", "http://a:0"],
)
def test_what_is_no_upstream_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        ReverseProxy(url)


@pytest.mark.parametrize("setting", ["connect_ms", "silence_ms", "connections_max"])
def test_limits_out_of_range_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError):
        ProxyConfig(**{setting: 0})  # type: ignore[arg-type]  # none of these is a bool


async def test_a_scope_of_another_kind_is_passed_over() -> None:
    async def never(*_: object) -> dict[str, Any]:
        raise AssertionError

    scope: Scope = {"type": "other"}
    receive: Receive = never
    send: Send = never  # type: ignore[assignment]  # never called
    await ReverseProxy("http://127.0.0.1:1")(scope, receive, send)
