"""Every transport obeys the port, and the check finds the faults that it is there to find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from parley.adapters.http.client import HttpTransport
from parley.adapters.http.server import Application, HttpAnswer, HttpRequest, Route, listen, serve
from parley.adapters.memory import MemoryTransport
from parley.errors import LocalError, PeerError, UnavailableError
from parley.pool.addresses import Address
from parley.ports.transport import Transport
from parley.testing.transport_conformance import PATHS, Mounted, Peer, check_transport

ADDRESS = Address("http://198.51.100.7:80")
NOBODY = Address("http://198.51.100.8:80")


@asynccontextmanager
async def memory(peer: Peer) -> AsyncIterator[Mounted]:
    transport = MemoryTransport()
    transport.place(ADDRESS, peer)
    yield Mounted(transport, ADDRESS, NOBODY)
    await transport.close()


@asynccontextmanager
async def http(peer: Peer) -> AsyncIterator[Mounted]:
    def route(path: str) -> Route:
        async def handler(request: HttpRequest) -> HttpAnswer:
            headers = {name.decode(): value.decode() for name, value in request.headers}
            return HttpAnswer(await peer(path, request.body, headers))

        return Route(method="POST", path=path, handler=handler)

    server = await serve(Application([route(path) for path in PATHS]), await listen("127.0.0.1", 0))
    taken = await listen("127.0.0.1", 0)
    nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    taken.close()
    async with HttpTransport() as transport:
        yield Mounted(transport, server.url, nobody)
    await server.stop(grace_ms=0)


async def test_memory_transport_conforms() -> None:
    assert await check_transport(memory) is None  # type: ignore[func-returns-value]  # it raises where a rule is broken


async def test_http_transport_conforms() -> None:
    assert await check_transport(http) is None  # type: ignore[func-returns-value]  # as above


class Altering:
    """A transport that does one thing wrong."""

    def __init__(self, inner: Transport, fault: str) -> None:
        self._inner = inner
        self._fault = fault
        self._last = b""

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        if self._fault == "headers":
            headers = {}
        if self._fault == "arguments" and not url.endswith("/echo"):
            url = f"{ADDRESS}/echo"
        if self._fault == "limit":
            answer_limit_bytes += 1
        if self._fault == "patience":
            timeout_ms = 1
        if self._fault == "mixed":
            await asyncio.sleep(0)
            body, self._last = self._last or body, body
        try:
            answer = await self._inner.request(
                url, body, headers, timeout_ms=timeout_ms, answer_limit_bytes=answer_limit_bytes
            )
        except UnavailableError:
            if self._fault == "unreachable":
                return b""
            raise
        return answer.strip() if self._fault == "bytes" else answer


@pytest.mark.parametrize("fault", ["bytes", "headers", "mixed", "limit", "unreachable", "arguments"])
async def test_the_check_finds_a_faulty_transport(fault: str) -> None:
    @asynccontextmanager
    async def make(peer: Peer) -> AsyncIterator[Mounted]:
        async with memory(peer) as mounted:
            yield Mounted(Altering(mounted.transport, fault), mounted.address, mounted.nobody)

    with pytest.raises((LocalError, KeyError)) as caught:
        await check_transport(make)
    assert not isinstance(caught.value, LocalError) or "rule" in caught.value.facts


async def test_memory_transport_reaches_nobody_once_removed_or_closed() -> None:
    async def echo(_path: str, body: bytes, _headers: Mapping[str, str]) -> bytes:
        return body

    transport = MemoryTransport()
    transport.place(ADDRESS, echo)
    url = f"{ADDRESS}/x"
    assert await transport.request(url, b"1", {}, timeout_ms=1_000, answer_limit_bytes=1) == b"1"
    with pytest.raises(PeerError):
        await transport.request(url, b"12", {}, timeout_ms=1_000, answer_limit_bytes=1)
    transport.remove(ADDRESS)
    with pytest.raises(UnavailableError):
        await transport.request(url, b"1", {}, timeout_ms=1_000, answer_limit_bytes=1)
    transport.place(ADDRESS, echo)
    await transport.close()
    await transport.close()
    with pytest.raises(UnavailableError):
        await transport.request(url, b"1", {}, timeout_ms=1_000, answer_limit_bytes=1)
