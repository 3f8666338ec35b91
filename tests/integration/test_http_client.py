"""The HTTP client against peers that misbehave in every way, and through a proxy."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import aiohttp
import pytest

from parley.adapters.http.client import HttpTransport
from parley.adapters.http.outgoing import CheckedResolver, Socks5
from parley.adapters.http.server import Application, HttpAnswer, HttpRequest, Route, listen, serve
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from tests.integration.socks5_server import Socks5Server, running_socks5

PATIENCE_MS: Final = 30_000
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def onion(seed: int) -> str:
    """Return the name of an onion service, version 3, whose key is no matter here."""
    key = bytes([seed]) * 32
    checksum = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + checksum + b"\x03").decode().lower() + ".onion"


@dataclass
class Peer:
    """Answers each request with given bytes, and remembers what came.

    Attributes:
        answer: bytes for each request.
        rest: further bytes, one by one with a pause.
        stays: whether the connection is kept after the answer.
    """

    answer: bytes = b""
    rest: tuple[bytes, ...] = ()
    stays: bool = False
    url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
                self.requests.append(head + await reader.readexactly(size))
                writer.write(self.answer)
                for part in self.rest:
                    await writer.drain()
                    await asyncio.sleep(0.02)
                    writer.write(part)
                await writer.drain()
                if not self.stays:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running(peer: Peer) -> AsyncIterator[Peer]:
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(peer.serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ask(
    transport: HttpTransport, url: str, body: bytes = b"{}", *, timeout_ms: int = PATIENCE_MS, limit_bytes: int = 1_000
) -> bytes:
    return await transport.request(f"{url}/v2/foreign", body, {}, timeout_ms=timeout_ms, answer_limit_bytes=limit_bytes)


async def outcome(peer: Peer, **arguments: Any) -> bytes | PeerError | UnavailableError:  # noqa: ANN401  # as `ask`
    """Ask a peer once."""
    async with running(peer), HttpTransport() as transport:
        try:
            return await ask(transport, peer.url, **arguments)
        except (PeerError, UnavailableError) as error:
            return error


def is_malformed(got: object) -> bool:
    return isinstance(got, PeerError) and got.code is ErrorCode.MALFORMED


def is_unreachable(got: object) -> bool:
    return isinstance(got, UnavailableError) and got.code is ErrorCode.UNREACHABLE


def is_too_large(got: object) -> bool:
    return isinstance(got, PeerError) and got.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", b"{}"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}"),
        (OK + b"\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 503 No\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    ],
)
async def test_an_answer_is_read(answer: bytes, body: bytes) -> None:
    assert await outcome(Peer(answer)) == body


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 3_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /v2/foreign\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 Found\r\nLocation: /v2/foreign\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_what_is_no_answer_of_the_protocol_is_malformed(answer: bytes) -> None:
    peer = Peer(answer)
    assert is_malformed(await outcome(peer))
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        OK + b"Content-Length: 5\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
    ],
)
async def test_an_answer_that_breaks_off_is_none(answer: bytes) -> None:
    assert is_unreachable(await outcome(Peer(answer)))


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 1001\r\n\r\n" + b"x" * 1_001,
        OK + b"Content-Length: 99999999999999\r\n\r\n",
        OK + b"\r\n" + b"x" * 1_001,
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1_001,
        b"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2_000,
    ],
)
async def test_an_answer_above_the_limit_is_not_read_to_its_end(answer: bytes) -> None:
    assert is_too_large(await outcome(Peer(answer, stays=True)))


async def test_a_small_answer_that_unpacks_to_a_large_one_stays_small() -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    assert await outcome(Peer(answer), limit_bytes=10_000) == packed


@pytest.mark.parametrize(
    "peer",
    [
        Peer(b"", stays=True),
        Peer(OK, stays=True),
        Peer(OK + b"Content-Length: 100\r\n\r\n", rest=(b"x",) * 100, stays=True),
        Peer(OK + b"Transfer-Encoding: chunked\r\n\r\n", rest=(b"1\r\nx\r\n",) * 100, stays=True),
        Peer(b"", rest=(b"HTTP/1.1 100 Continue\r\n\r\n",) * 100, stays=True),
    ],
)
async def test_the_deadline_holds_however_the_answer_trickles(peer: Peer) -> None:
    got = await outcome(peer, timeout_ms=200)
    assert is_unreachable(got)
    assert isinstance(got, UnavailableError)
    assert got.facts == {"timeout_ms": 200}


async def test_the_request_says_nothing_that_it_need_not() -> None:
    peer = Peer(OK + b"Content-Length: 2\r\n\r\n{}")
    async with running(peer), HttpTransport() as transport:
        await transport.request(
            f"{peer.url}/v2/foreign", b"[1]", {"Parley-Sent": "1"}, timeout_ms=PATIENCE_MS, answer_limit_bytes=10
        )
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert body == b"[1]"
    assert sorted(head.lower().split(b"\r\n")) == sorted(
        [
            b"post /v2/foreign http/1.1",
            b"host: " + peer.url.removeprefix("http://").encode(),
            b"parley-sent: 1",
            b"content-type: application/json",
            b"accept: application/json",
            b"accept-encoding: identity",
            b"user-agent: parley",
            b"content-length: 3",
        ]
    )


async def test_connections_are_kept_and_cookies_are_not() -> None:
    peer = Peer(OK + b"Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}", stays=True)
    async with running(peer), HttpTransport() as transport:
        for _ in range(3):
            assert await ask(transport, peer.url) == b"{}"
    assert peer.connections == 1
    assert b"cookie" not in peer.requests[2].lower()


async def test_the_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await outcome(Peer(OK + b"Content-Length: 2\r\n\r\n{}")) == b"{}"


async def test_a_closed_transport_says_so() -> None:
    transport = HttpTransport()
    await transport.close()
    await transport.close()
    with pytest.raises(UnavailableError) as caught:
        await ask(transport, "http://127.0.0.1:1")
    assert caught.value.code is ErrorCode.SHUTTING_DOWN


async def test_a_url_of_another_form_is_not_asked() -> None:
    async with HttpTransport() as transport:
        with pytest.raises(LocalError):
            await ask(transport, "http://LOCALHOST:80")


@pytest.mark.parametrize(
    ("host", "resolved", "is_followed"),
    [
        ("a.example.org", "127.0.0.1", False),
        ("a.example.org", "10.0.0.1", False),
        ("a.example.org", "169.254.169.254", False),
        ("a.internal", "127.0.0.1", False),
        ("a.internal", "169.254.169.254", False),
        ("localhost", "10.0.0.1", False),
        ("a.localhost", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
    ],
)
async def test_a_name_is_followed_only_to_where_it_says(
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    resolved: str,
    is_followed: bool,  # noqa: FBT001  # a column
) -> None:
    async def resolve(_host: str, port: int, **_options: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (resolved, port))]

    peer = Peer(OK + b"Content-Length: 2\r\n\r\n{}")
    async with running(peer), HttpTransport() as transport:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        url = peer.url.replace("127.0.0.1", host)
        if is_followed:
            assert await ask(transport, url) == b"{}"
        else:
            with pytest.raises(UnavailableError) as caught:
                await ask(transport, url)
            assert caught.value.code is ErrorCode.UNREACHABLE
    assert len(peer.requests) == int(is_followed)


async def test_a_name_that_leads_to_several_places_is_followed_to_the_right_one() -> None:
    class Loop:
        """Knows one name."""

        async def getaddrinfo(self, _host: str, port: int, **_options: object) -> list[tuple[Any, ...]]:
            hosts = ("127.0.0.1", "8.8.8.8", "10.0.0.1")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    resolver = CheckedResolver(aiohttp.ThreadedResolver(cast("asyncio.AbstractEventLoop", Loop())))
    assert [found["host"] for found in await resolver.resolve("a.example.org", 80)] == ["8.8.8.8"]
    assert [found["host"] for found in await resolver.resolve("a.internal", 80)] == ["8.8.8.8", "10.0.0.1"]
    await resolver.close()


@asynccontextmanager
async def service() -> AsyncIterator[int]:
    """Run a peer that tells the Host that it was called by; yield its port."""

    async def tell(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(request.header(b"host") or b"none")

    server = await serve(
        Application([Route(method="POST", path="/v2/foreign", handler=tell)]), await listen("127.0.0.1", 0)
    )
    try:
        yield server.port
    finally:
        await server.stop(grace_ms=0)


async def test_an_onion_service_is_reached_through_the_proxy_which_resolves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = onion(1)
    async with service() as port, running_socks5(Socks5Server({name: port})) as proxy:
        resolved: list[str] = []
        loop = asyncio.get_running_loop()
        own = loop.getaddrinfo

        async def resolve(host: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # as of the loop
            resolved.append(host)
            return await own(host, *arguments, **options)

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        async with HttpTransport(Socks5("127.0.0.1", proxy.port)) as transport:
            assert await ask(transport, f"http://{name}:80") == name.encode()
            assert await ask(transport, f"http://{name}:80") == name.encode()
    assert proxy.asked == [(3, name, 80)]
    assert name not in resolved


async def test_other_peers_are_reached_directly_unless_all_go_through_the_proxy() -> None:
    async with service() as port, running_socks5(Socks5Server({"127.0.0.1": port})) as proxy:
        url = f"http://127.0.0.1:{port}"
        async with HttpTransport(Socks5("127.0.0.1", proxy.port)) as transport:
            assert await ask(transport, url) == url.removeprefix("http://").encode()
        assert proxy.asked == []
        async with HttpTransport(Socks5("127.0.0.1", proxy.port, for_all=True)) as transport:
            assert await ask(transport, url) == url.removeprefix("http://").encode()
        assert proxy.asked == [(1, "127.0.0.1", port)]


async def test_without_a_proxy_an_onion_service_is_refused_and_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = []

    async def resolve(host: str, *_arguments: object, **_options: object) -> Any:  # noqa: ANN401  # as of the loop
        resolved.append(host)
        raise OSError(None, "no such host")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with HttpTransport() as transport:
        with pytest.raises(UnavailableError) as caught:
            await ask(transport, f"http://{onion(1)}:80")
    assert caught.value.code is ErrorCode.UNREACHABLE
    assert caught.value.facts == {"fault": "no SOCKS5 proxy is set for .onion peers"}
    assert resolved == []


@pytest.mark.parametrize(
    "changes",
    [
        {"reply": 1},
        {"reply": 5},
        {"services": {}},
        {"raw_reply": b""},
        {"raw_reply": b"HTTP/1.1 400 Bad Request\r\n\r\n"},
        {"raw_reply": b"", "closes": True},
        {"raw_reply": b"\x05", "closes": True},
        {"raw_reply": b"\x05\x00", "closes": True},
        {"raw_reply": b"\x05\x00\x05\x00\x00\x01", "closes": True},
        {"raw_reply": b"\x05\xff"},
        {"raw_reply": b"\x05\x00\x05\x00\x00\x09"},
        {"is_silent": True},
    ],
)
async def test_a_proxy_that_does_not_connect_leaves_the_peer_unreachable(changes: Mapping[str, Any]) -> None:
    name = onion(2)
    server = Socks5Server(**({"services": {name: 1}} | dict(changes)))
    async with running_socks5(server) as proxy, HttpTransport(Socks5("127.0.0.1", proxy.port)) as transport:
        with pytest.raises(UnavailableError) as caught:
            await ask(transport, f"http://{name}:80", timeout_ms=300)
    assert caught.value.code is ErrorCode.UNREACHABLE


async def test_no_proxy_where_one_is_set_leaves_the_peer_unreachable() -> None:
    taken = await listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    taken.close()
    async with HttpTransport(Socks5("127.0.0.1", port)) as transport:
        with pytest.raises(UnavailableError) as caught:
            await ask(transport, f"http://{onion(3)}:80")
    assert caught.value.code is ErrorCode.UNREACHABLE
