"""The real server on the loopback interface, met by raw sockets that send what no library would."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from parley.adapters.http.server import (
    Application,
    ConnectionLimits,
    Credentials,
    HttpAnswer,
    HttpRequest,
    Route,
    RunningServer,
    allowed_hosts,
    listen,
    serve,
)
from parley.adapters.jsonrpc.calls import Call, encode_error, encode_ok, encode_result, parse_calls
from parley.adapters.jsonrpc.documents import QueryDocument
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ConfigError, ErrorCode, LocalError, Rejected

HOST: Final = b"Host: 127.0.0.1\r\n"
CLOSE: Final = b"Connection: close\r\n"
PATIENCE_S: Final = 30
QUERY: Final[dict[str, Any]] = {
    "request_id": "ef" * 16,
    "keys": ["swap"],
    "remaining": 3,
    "size_limit": 10,
    "max_age_ms": None,
    "budget_ms": 100,
}


@dataclass
class Gate:
    """Lets a handler say that it has begun, and wait."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0

    async def wait(self, _request: HttpRequest) -> HttpAnswer:
        self.calls += 1
        self.begun.set()
        await self.opened.wait()
        return HttpAnswer(b'"late"')


async def size(request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(b"%d" % len(request.body))


async def large(request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(b"x" * int(request.body))


async def rpc(request: HttpRequest) -> HttpAnswer:
    """Read one pool_query the way a node does."""
    parsed = parse_calls(request.body)
    if isinstance(parsed, Rejected):
        return HttpAnswer(encode_error(None, parsed))
    call = parsed.calls[0]
    assert isinstance(call, Call)
    params = parse_params(call.params, QueryDocument)
    if isinstance(params, Rejected):
        return HttpAnswer(encode_error(call.id, params))
    return HttpAnswer(encode_result(call.id, encode_ok(b"%d" % params.remaining)))


@asynccontextmanager
async def running(gate: Gate | None = None, **limits: int) -> AsyncIterator[RunningServer]:
    """Run a server, and expect that no connection of it outlives it."""
    routes = [
        Route(method="POST", path="/v2/foreign", handler=size),
        Route(method="POST", path="/v2/owner", handler=size, credentials=Credentials("parley", "secret")),
        Route(method="POST", path="/large", handler=large),
        Route(method="POST", path="/rpc", handler=rpc),
        Route(method="GET", path="/healthz", handler=size),
    ]
    if gate is not None:
        routes.append(Route(method="POST", path="/wait", handler=gate.wait))
    application = Application(routes, host_names=allowed_hosts("127.0.0.1"))
    server = await serve(application, await listen("127.0.0.1", 0), limits=ConnectionLimits(**limits))
    try:
        yield server
    finally:
        await server.stop(grace_ms=0)
    assert server.connections == 0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, as long as patience lasts."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


async def exchange(server: RunningServer, *parts: bytes, between: Callable[[], Awaitable[None]] | None = None) -> bytes:
    """Send the parts, and return all that comes until the server closes; b"reset" at the end when it cuts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    received = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            for part in parts:
                writer.write(part)
                await writer.drain()
                if between is not None:
                    await between()
            while chunk := await reader.read(65_536):
                received += chunk
    except ConnectionError:
        received += b"reset"
    finally:
        writer.close()
    return received


def post(path: str, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1".encode(), HOST.strip(), *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def facts(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body_of(answer))["error"]["data"]["facts"]
    return found


async def test_a_server_reports_the_port_that_it_found() -> None:
    async with running() as server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"
        answer = await exchange(server, post("/v2/foreign", b"123", CLOSE.strip()))
    assert status(answer) == 200
    assert body_of(answer) == b"3"
    assert b"\r\nx-content-type-options: nosniff\r\n" in answer
    assert b"\r\ndate:" not in answer.lower()
    assert b"\r\nserver:" not in answer.lower()


async def test_ipv6_is_served() -> None:
    application = Application([Route(method="POST", path="/v2/foreign", handler=size)], host_names=allowed_hosts("::1"))
    try:
        listener = await listen("::1", 0)
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    server = await serve(application, listener)
    reader, writer = await asyncio.open_connection("::1", server.port)
    writer.write(post("/v2/foreign", b"12", CLOSE.strip()).replace(b"127.0.0.1", b"[::1]"))
    answer = await reader.read()
    writer.close()
    await server.stop(grace_ms=0)
    assert server.url == f"http://[::1]:{server.port}"
    assert body_of(answer) == b"2"


async def test_a_taken_address_is_refused() -> None:
    async with running() as server:
        with pytest.raises(ConfigError) as caught:
            await listen("127.0.0.1", server.port)
    assert caught.value.code is ErrorCode.ADDRESS_IN_USE
    assert caught.value.facts == {"host": "127.0.0.1", "port": server.port}


@pytest.mark.parametrize("host", ["198.51.100.1", "no such host", "256.1.1.1"])
async def test_an_address_that_is_not_here_is_refused(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await listen(host, 0)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


@pytest.mark.parametrize(
    "name",
    [
        "connections_max",
        "host_connections_max",
        "keep_alive_ms",
        "request_ms",
        "head_bytes_max",
        "pipelined_max",
        "message_bytes_max",
    ],
)
def test_limits_have_ranges(name: str) -> None:
    for value in (0, -1, 2**40):
        with pytest.raises(ConfigError) as caught:
            ConnectionLimits(**{name: value})
        assert caught.value.facts["setting"] == f"http.{name}"


@pytest.mark.parametrize("size_bytes", [262_144, 262_145, 1_000_000])
async def test_the_limit_of_a_body_is_exact_and_the_refusal_arrives(size_bytes: int) -> None:
    async with running() as server:
        answer = await exchange(server, post("/v2/foreign", b"x" * size_bytes, CLOSE.strip()))
    if size_bytes == 262_144:
        assert body_of(answer) == b"262144"
    else:
        assert status(answer) == 413
        assert facts(answer) == {"value": "body", "limit_bytes": 262_144}


CHUNKED: Final = b"POST /v2/foreign HTTP/1.1\r\n" + HOST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("chunks", "wanted"), [(4, 200), (5, 413)])
async def test_the_limit_of_a_chunked_body_is_the_same(chunks: int, wanted: int) -> None:
    async with running() as server:
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        answer = await exchange(server, CHUNKED, *[chunk] * chunks, b"0\r\n\r\n")
    assert status(answer) == wanted


async def test_a_refused_body_that_never_ends_is_cut() -> None:
    async with running(message_bytes_max=500_000) as server:
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        await exchange(server, CHUNKED, *[chunk] * 400)
        await until(lambda: server.connections == 0)
    assert server.connections == 0


async def test_chunks_that_hold_nothing_are_cut() -> None:
    async with running(message_bytes_max=20_000) as server:
        extended = b"1;" + b"e" * 1_000 + b"\r\nx\r\n"
        answer = await exchange(server, CHUNKED, *[extended] * 40)
    assert status(answer) == 413
    assert facts(answer) == {"value": "request", "limit_bytes": 20_000}


async def test_a_connection_goes_on_after_a_refused_body() -> None:
    async with running() as server:
        answer = await exchange(server, post("/v2/foreign", b"x" * 300_000), post("/v2/foreign", b"12", CLOSE.strip()))
    assert status(answer) == 413
    assert answer.endswith(b"\r\n\r\n2")


async def test_a_second_request_that_does_not_end_is_answered_and_cut() -> None:
    async with running(request_ms=150) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post("/v2/foreign", b"1"))
        first = await reader.readuntil(b"\r\n\r\n1")
        writer.write(b"POST /v2")
        second = await reader.read()
        writer.close()
    assert status(first) == 200
    assert status(second) == 408


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST /v2"],
        [b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n", b"1", b"2"],
        [b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", b"1\r\n"],
    ],
)
async def test_a_request_that_does_not_end_is_answered_and_cut(parts: Sequence[bytes]) -> None:
    async with running(request_ms=150) as server:
        answer = await exchange(server, *parts)
    assert status(answer) == 408
    assert facts(answer) == {"fault": "too slow", "limit_ms": 150}


async def test_what_trickles_does_not_put_the_end_off() -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.02)

    async with running(request_ms=200) as server:
        head = b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n"
        answer = await exchange(server, head, *[b"x"] * 100, between=slowly)
        assert answer.endswith(b"reset") or status(answer) == 408
        await until(lambda: server.connections == 0)


async def test_a_connection_without_a_request_is_closed_silently() -> None:
    async with running(request_ms=150) as server:
        assert await exchange(server) == b""


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    async with running(keep_alive_ms=1_000) as server:
        answer = await exchange(server, post("/v2/foreign", b"1"))
    assert status(answer) == 200


async def test_a_head_that_grows_is_cut_and_told() -> None:
    async with running() as server:
        lines = [b"X-A: " + b"a" * 1_000 + b"\r\n"] * 30
        answer = await exchange(server, b"POST /v2/foreign HTTP/1.1\r\n" + HOST, *lines)
    assert status(answer) == 431
    assert facts(answer) == {"value": "head", "limit_bytes": 16_384}


async def test_requests_in_a_row_are_answered_in_order() -> None:
    async with running() as server:
        requests = [post("/v2/foreign", b"x" * count) for count in (1, 20, 300)]
        answer = await exchange(server, b"".join(requests) + post("/v2/foreign", b"", CLOSE.strip()))
    assert [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]] == [
        b"1",
        b"20",
        b"300",
        b"0",
    ]


async def test_too_many_requests_in_a_row_are_cut() -> None:
    gate = Gate()
    async with running(gate, pipelined_max=10) as server:
        answer = await exchange(server, post("/wait") * 500)
    assert answer in (b"", b"reset")
    assert gate.calls == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"A\x00B: 1\r\n\r\n",
        b"POST /v2/foreign HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_what_is_no_request_is_refused_and_closed(raw: bytes) -> None:
    async with running() as server:
        assert status(await exchange(server, raw)) == 400


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ([b"Host: evil.example"], 421),
        ([], 421),
        ([b"Host: 127.0.0.1", b"Origin: http://evil.example"], 403),
        ([b"Host: 127.0.0.1", b"X-Forwarded-For: 127.0.0.1", b"Authorization: Basic cGFybGV5OnNlY3JldA=="], 200),
        ([b"Host: 127.0.0.1", b"Authorization: Basic cGFybGV5OndyaW5n"], 401),
        ([b"Host: 127.0.0.1", b"Authorization: Bearer secret"], 401),
        ([b"Host: 127.0.0.1"], 401),
    ],
)
async def test_the_owner_interface_is_the_owners(headers: list[bytes], wanted: int) -> None:
    async with running() as server:
        lines = [b"POST /v2/owner HTTP/1.1", *headers, b"Content-Length: 0", b"Connection: close"]
        assert status(await exchange(server, b"\r\n".join(lines) + b"\r\n\r\n")) == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"GET /v2/foreign HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 405),
        (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 404),
        (b"GET /%ff%00 HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 404),
        (b"GET /healthz?a=b HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 200),
        (b"HEAD /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 200),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 404),
        (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
    ],
)
async def test_paths_and_methods(raw: bytes, wanted: int) -> None:
    async with running() as server:
        assert status(await exchange(server, raw)) == wanted


async def test_a_body_that_waits_to_be_asked_for_is_asked_for_only_when_it_is_wanted() -> None:
    expecting = b"Expect: 100-continue"
    async with running() as server:
        answer = await exchange(server, post("/v2/foreign", b"12", CLOSE.strip(), expecting))
        refused = await exchange(server, post("/v2/owner", b"12", CLOSE.strip(), expecting))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert status(refused) == 401


def call(params: bytes, call_id: bytes = b"1") -> bytes:
    return b'{"jsonrpc":"2.0","method":"pool_query","params":' + params + b',"id":' + call_id + b"}"


def params(**changes: Any) -> bytes:  # noqa: ANN401  # JSON
    return json.dumps(QUERY | changes).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", ErrorCode.PARSE_ERROR),
        (b"{", ErrorCode.PARSE_ERROR),
        (call(b"[" * 130_000), ErrorCode.PARSE_ERROR),
        (call(b'{"keys":["\xff"]}'), ErrorCode.PARSE_ERROR),
        (call(params(keys=["\ud800"])), ErrorCode.PARSE_ERROR),
        (call(params(remaining=float("nan"))), ErrorCode.PARSE_ERROR),
        (call(params(), b"1e999"), ErrorCode.INVALID_REQUEST),
        (call(params(), b"9" * 1_000), ErrorCode.INVALID_REQUEST),
        (b"1", ErrorCode.INVALID_REQUEST),
        (call(params(remaining="3")), ErrorCode.INVALID_PARAMS),
        (call(params(remaining=10**30)), ErrorCode.INVALID_PARAMS),
        (call(params(more=1)), ErrorCode.INVALID_PARAMS),
        (call(params(KEYS=["a"])), ErrorCode.INVALID_PARAMS),
        (call(b"[1,2]"), ErrorCode.INVALID_PARAMS),
        (call(b"{}"), ErrorCode.INVALID_PARAMS),
    ],
)
async def test_a_bad_body_is_answered_with_its_code(body: bytes, code: ErrorCode) -> None:
    async with running() as server:
        answer = await exchange(server, post("/rpc", body, CLOSE.strip()))
    assert status(answer) == 200
    assert json.loads(body_of(answer))["error"]["code"] == code


async def test_a_good_body_is_answered() -> None:
    async with running() as server:
        answer = await exchange(server, post("/rpc", call(params(), b'"x"'), CLOSE.strip()))
    assert json.loads(body_of(answer)) == {"jsonrpc": "2.0", "id": "x", "result": {"Ok": 3}}


async def test_more_connections_than_allowed_are_turned_away() -> None:
    async with running(connections_max=3) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        await until(lambda: server.connections == 3)
        answer = await exchange(server, post("/v2/foreign", b"1"))
        assert status(answer) == 503
        assert json.loads(body_of(answer))["error"]["code"] == ErrorCode.BUSY
        for _, writer in held:
            writer.close()
        await until(lambda: server.connections == 0)
        assert status(await exchange(server, post("/v2/foreign", b"1", CLOSE.strip()))) == 200


async def test_stopping_lets_what_is_under_way_finish() -> None:
    gate = Gate()
    async with running(gate) as server:
        asking = asyncio.create_task(exchange(server, post("/wait", b"1")))
        await gate.begun.wait()
        stopping = asyncio.create_task(server.stop(grace_ms=PATIENCE_S * 1_000))
        await asyncio.sleep(0)
        assert not stopping.done()
        gate.opened.set()
        assert (await asking).endswith(b'"late"')
        await stopping
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_stopping_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    with caplog.at_level(logging.CRITICAL, logger="uvicorn.error"):
        async with running(gate) as server:
            asking = asyncio.create_task(exchange(server, post("/wait", b"1")))
            await gate.begun.wait()
            await server.stop(grace_ms=20)
            assert server.connections == 0
            answer = await asking
    assert b"late" not in answer


async def test_stopping_drops_who_does_not_read() -> None:
    async with running() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1_024)
        writer.write(post("/large", b"50000000"))
        await until(lambda: server.connections == 1)
        await asyncio.wait_for(server.stop(grace_ms=20), PATIENCE_S)
        assert server.connections == 0
        writer.close()
        del reader
    gc.collect()


def test_a_limit_is_no_local_error() -> None:
    assert not issubclass(ConfigError, LocalError)
