"""What every transport must do, as one function that any adapter can be run against; no test framework needed.

    await check_transport(make)     make(peer) mounts the peer, and opens a transport that reaches it

The peer is given by the check, so that an adapter only has to carry it: an HTTP adapter puts a server in front of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError, ParleyError, PeerError, UnavailableError
from parley.ports.transport import Transport

__all__ = ["PATHS", "Mounted", "Peer", "check_transport"]

PATHS: Final = ("/echo", "/header", "/size", "/never")
"""Every path that the peer answers at."""

Peer = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes]]
"""Answers (path, body, headers with names in any case)."""

_AT_ONCE: Final = 40
_PATIENCE_MS: Final = 30_000
_SHORT_MS: Final = 50
_LIMIT_BYTES: Final = 200_000
_HEADER: Final = "Parley-Sent"


@dataclass(frozen=True, slots=True)
class Mounted:
    """A transport under test, and where it finds what.

    Attributes:
        transport: under test.
        address: where the peer answers.
        nobody: an address where nobody answers.
    """

    transport: Transport
    address: str
    nobody: str


async def check_transport(make: Callable[[Peer], AbstractAsyncContextManager[Mounted]]) -> None:
    """Check a transport.

    Args:
        make: mounts a peer, and opens a transport that reaches it.

    Raises:
        LocalError: the adapter breaks a rule.
    """
    for check in (
        _bytes_arrive_as_they_were_sent,
        _headers_arrive,
        _many_at_once_are_kept_apart,
        _answers_have_a_limit,
        _waiting_has_an_end,
        _nobody_answers_where_nobody_is,
        _cancelling_leaves_the_transport_usable,
        _arguments_are_checked,
    ):
        async with make(_answer) as mounted:
            await check(mounted)


async def _answer(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Be the peer: echo, tell a header, answer a number of bytes, or never answer."""
    match path:
        case "/echo":
            return body
        case "/header":
            return {name.lower(): value for name, value in headers.items()}[_HEADER.lower()].encode()
        case "/size":
            return b"x" * int(body)
        case _:
            never: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            return await never


async def _ask(mounted: Mounted, path: str, body: bytes = b"", *, limit_bytes: int = _LIMIT_BYTES) -> bytes:
    return await mounted.transport.request(
        mounted.address + path, body, {}, timeout_ms=_PATIENCE_MS, answer_limit_bytes=limit_bytes
    )


async def _bytes_arrive_as_they_were_sent(mounted: Mounted) -> None:
    for body in (b"{}", bytes(range(256)), b"", b"\r\n\r\n", b"x" * 150_000):
        _expect("bytes arrive as they were sent", wanted=body, got=await _ask(mounted, "/echo", body))


async def _headers_arrive(mounted: Mounted) -> None:
    got = await mounted.transport.request(
        mounted.address + "/header", b"", {_HEADER: "12 ~!"}, timeout_ms=_PATIENCE_MS, answer_limit_bytes=10
    )
    _expect("headers arrive", wanted=b"12 ~!", got=got)


async def _many_at_once_are_kept_apart(mounted: Mounted) -> None:
    bodies = [b"%d" % number for number in range(_AT_ONCE)]
    got = await asyncio.gather(*(_ask(mounted, "/echo", body) for body in bodies))
    _expect("each asker has its own answer", wanted=bodies, got=got)


async def _answers_have_a_limit(mounted: Mounted) -> None:
    for size_bytes in (0, 1, 1_000, 100_000):
        got = await _ask(mounted, "/size", b"%d" % size_bytes, limit_bytes=size_bytes)
        _expect("an answer as long as the limit is taken", wanted=size_bytes, got=len(got))
        refused = _ask(mounted, "/size", b"%d" % (size_bytes + 1), limit_bytes=size_bytes)
        await _expect_error("a longer answer is refused", PeerError(ErrorCode.TOO_LARGE), refused)


async def _waiting_has_an_end(mounted: Mounted) -> None:
    waiting = mounted.transport.request(
        mounted.address + "/never", b"", {}, timeout_ms=_SHORT_MS, answer_limit_bytes=10
    )
    await _expect_error("waiting has an end", UnavailableError(ErrorCode.UNREACHABLE), waiting)
    _expect("after waiting in vain others answer", wanted=b"1", got=await _ask(mounted, "/echo", b"1"))


async def _nobody_answers_where_nobody_is(mounted: Mounted) -> None:
    asked = mounted.transport.request(mounted.nobody + "/echo", b"", {}, timeout_ms=_PATIENCE_MS, answer_limit_bytes=10)
    await _expect_error("nobody answers where nobody is", UnavailableError(ErrorCode.UNREACHABLE), asked)


async def _cancelling_leaves_the_transport_usable(mounted: Mounted) -> None:
    waiting = [asyncio.ensure_future(_ask(mounted, "/never")) for _ in range(_AT_ONCE)]
    await asyncio.sleep(0)  # all of them begin
    _expect("others answer meanwhile", wanted=b"1", got=await _ask(mounted, "/echo", b"1"))
    for task in waiting:
        task.cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    wanted = [True] * _AT_ONCE
    _expect("who is cancelled stops", wanted=wanted, got=[isinstance(end, asyncio.CancelledError) for end in ended])
    _expect("after cancelling others answer", wanted=b"1", got=await _ask(mounted, "/echo", b"1"))


async def _arguments_are_checked(mounted: Mounted) -> None:
    transport, url = mounted.transport, mounted.address + "/echo"
    wrong = LocalError(ErrorCode.INVALID_ARGUMENT)
    for bad in (
        "",
        mounted.address,
        url + "?a=1",
        url + "#a",
        "ftp://a:1/",
        "http://A.example:80/",
        "http://a:1@b:80/",
    ):
        asked = transport.request(bad, b"", {}, timeout_ms=1_000, answer_limit_bytes=10)
        await _expect_error("only normal addresses are asked", wrong, asked)
    for headers in ({"A": "a\r\nB: b"}, {"A\r\nB": "b"}, {"": "b"}, {"A": "\u00e9"}):
        asked = transport.request(url, b"", headers, timeout_ms=1_000, answer_limit_bytes=10)
        await _expect_error("headers cannot smuggle others in", wrong, asked)
    for timeout_ms, limit_bytes in ((0, 10), (-1, 10), (1_000, -1)):
        asked = transport.request(url, b"", {}, timeout_ms=timeout_ms, answer_limit_bytes=limit_bytes)
        await _expect_error("numbers have ranges", wrong, asked)


def _expect(rule: str, *, wanted: object, got: object) -> None:
    if got != wanted:
        raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=repr(wanted)[:255], got=repr(got)[:255])


async def _expect_error(rule: str, wanted: ParleyError, asked: Awaitable[bytes]) -> None:
    try:
        got = await asked
    except ParleyError as error:
        _expect(rule, wanted=(type(wanted), wanted.code), got=(type(error), error.code))
        return
    raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=wanted.code.name, got=repr(got)[:255])
