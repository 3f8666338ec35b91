"""What connections may cost, without a network: the real parser on a transport that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from parley.adapters.http.connections import ConnectionLimits, OpenConnections
from parley.adapters.http.guard import GuardedConnection

REQUEST: Final = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that remembers what was done to it, and loses the connection when told to close."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host
        self.written = b""
        self.ended = ""
        self.guard: GuardedConnection | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  # as declared by asyncio
        return (self._host, 1) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.ended = "eof"

    def is_closing(self) -> bool:
        return self.ended in {"closed", "aborted"}

    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("aborted")

    def pause_reading(self) -> None:
        """Go on; nothing is read here."""

    def resume_reading(self) -> None:
        """Go on; nothing is read here."""

    def _end(self, how: str) -> None:
        if not self.is_closing():
            self.ended = how
            if self.guard is not None:
                asyncio.get_running_loop().call_soon(self.guard.connection_lost, None)


class Bench:
    """Makes guarded connections that share their limits."""

    def __init__(self, **limits: int) -> None:
        self.limits = ConnectionLimits(**limits)
        self.open = OpenConnections(self.limits)
        self.release = asyncio.Event()
        self._config = uvicorn.Config(
            self._answer, log_config=None, access_log=False, lifespan="off", ws="none", interface="asgi3"
        )
        self._config.load()
        self._state = ServerState()

    def connect(self, host: str = "198.51.100.1") -> tuple[GuardedConnection, Wire]:
        wire = Wire(host)
        inner = HttpToolsProtocol(self._config, self._state, {}, _loop=asyncio.get_running_loop())
        guard = wire.guard = GuardedConnection(inner, self.limits, self.open)
        guard.connection_made(wire)
        return guard, wire

    async def _answer(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def settle(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0)


async def close(bench: Bench) -> None:
    bench.open.abort()
    await bench.open.wait_until_none()


async def test_a_whole_request_is_answered_and_starts_no_timer() -> None:
    bench = Bench()
    bench.release.set()
    guard, wire = bench.connect()
    guard.data_received(REQUEST + b"1")
    assert guard._timer is None
    await settle(lambda: wire.written.endswith(b"ok"))
    assert wire.ended == ""
    await close(bench)


async def test_one_host_has_a_limit_of_its_own() -> None:
    bench = Bench(host_connections_max=2)
    first, second, third, other = (bench.connect(host)[1] for host in ("198.51.100.1",) * 3 + ("198.51.100.2",))
    assert (first.ended, second.ended, other.ended) == ("", "", "")
    assert third.written.startswith(b"HTTP/1.1 503 ")
    assert third.ended == "eof"
    assert b'"code":3004' in third.written
    first.close()
    second.close()
    third.abort()
    await settle(lambda: len(bench.open) == 1)
    assert bench.connect()[1].ended == ""
    await close(bench)


@pytest.mark.parametrize(
    ("hosts", "refused"),
    [
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"], 1),
        (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"], 0),
        (["::ffff:198.51.100.1", "::ffff:198.51.100.2", "::ffff:198.51.100.3"], 0),
        (["::ffff:198.51.100.1", "198.51.100.1", "::ffff:198.51.100.1"], 1),
        (["::ffff:127.0.0.1", "::ffff:127.0.0.1", "::ffff:127.0.0.1"], 0),
        (["127.0.0.1", "127.0.0.1", "127.0.0.1"], 0),
        (["::1", "::1", "::1"], 0),
        (["", "", ""], 0),
        (["fe80::1%eth0", "fe80::2%eth0", "fe80::3%eth0"], 1),
    ],
)
async def test_what_counts_as_one_host(hosts: list[str], refused: int) -> None:
    bench = Bench(host_connections_max=2)
    wires = [bench.connect(host)[1] for host in hosts]
    assert sum(wire.ended == "eof" for wire in wires) == refused
    await close(bench)


async def test_a_flood_is_no_longer_answered() -> None:
    bench = Bench(connections_max=2)
    wires = [bench.connect()[1] for _ in range(5)]
    assert [wire.ended for wire in wires] == ["", "", "eof", "eof", "aborted"]
    assert wires[4].written == b""
    await close(bench)


async def test_the_timer_of_an_unfinished_request_spares_the_one_before_it() -> None:
    bench = Bench()
    guard, wire = bench.connect()
    guard.data_received(REQUEST + b"1")
    guard.data_received(b"POST / HT")
    assert guard._timer is not None
    guard._expire()
    assert wire.ended == ""
    bench.release.set()
    await settle(lambda: wire.written.endswith(b"ok"))
    guard._expire()
    assert b"HTTP/1.1 408 " in wire.written
    assert wire.ended == "eof"
    await close(bench)


async def test_after_an_early_answer_nothing_is_sent_into_the_silence() -> None:
    bench = Bench()
    guard, wire = bench.connect()
    guard.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1")
    bench.release.set()
    await settle(lambda: wire.written.endswith(b"ok"))
    guard._expire()
    assert wire.written.endswith(b"ok")
    assert wire.ended == "closed"
    await close(bench)


async def test_what_comes_after_a_refusal_is_dropped() -> None:
    bench = Bench(head_bytes_max=1_024)
    guard, wire = bench.connect()
    guard.data_received(b"POST /" + b"x" * 2_000)
    written = wire.written
    assert written.startswith(b"HTTP/1.1 431 ")
    guard.data_received(REQUEST + b"1")
    bench.release.set()
    await asyncio.sleep(0)
    assert wire.written == written
    guard.finish()
    assert wire.ended == "eof"
    await close(bench)


async def test_what_is_too_long_where_the_other_side_has_gone_is_dropped() -> None:
    bench = Bench(head_bytes_max=1_024)
    guard, wire = bench.connect()
    wire.ended = "closed"
    guard.data_received(b"POST /" + b"x" * 2_000)
    assert wire.written == b""
    wire.ended = ""
    await close(bench)


async def test_finishing_closes_who_has_no_request_and_waits_for_who_has() -> None:
    bench = Bench()
    _, idle = bench.connect()
    busy_guard, busy = bench.connect()
    busy_guard.data_received(REQUEST + b"1")
    bench.open.finish()
    assert (idle.ended, busy.ended) == ("closed", "")
    bench.release.set()
    await settle(lambda: busy.ended == "closed")
    assert busy.written.endswith(b"ok")
    await bench.open.wait_until_none()
    assert len(bench.open) == 0


async def test_flow_control_and_the_end_of_the_stream_are_handed_on() -> None:
    bench = Bench()
    guard, wire = bench.connect()
    flow = cast("Any", guard._inner.flow)
    guard.pause_writing()
    assert flow.write_paused
    guard.resume_writing()
    assert not flow.write_paused
    assert guard.eof_received() is None  # type: ignore[func-returns-value]  # None lets asyncio close the connection
    assert wire.ended == ""
    await close(bench)


async def test_a_large_body_that_goes_on_arriving_may_take_longer_than_a_small_one() -> None:
    bench = Bench(request_ms=100, progress_bytes=1_000, message_bytes_max=2**20)
    guard, wire = bench.connect()
    guard.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(3):
        guard.data_received(bytes(1_000))
        guard._expire()
        assert (wire.ended, guard._timer is None) == ("", False)
    guard.data_received(bytes(999))
    guard._expire()
    assert wire.written.startswith(b"HTTP/1.1 408 ")
    await close(bench)
