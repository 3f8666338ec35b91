"""The client of tickets and uploads against real servers: what it sends, what it takes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from parley.adapters.http.outgoing import Socks5
from parley.adapters.upload.ticket_client import Offer, RemoteAnswer, TicketClient, parse_offer
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.pool.addresses import Address

SENDER, RECIPIENT = b"\x01" * 32, b"\x02" * 32
ONION = Address("http://pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Address]:
    application = web.Application(client_max_size=2**26)
    application.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    try:
        yield Address(f"http://127.0.0.1:{server.port}")
    finally:
        await server.close()


async def test_tickets_are_asked_for_and_results_handed_in() -> None:
    seen: list[tuple[str, object, str | None]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, await request.json(), request.headers.get("Authorization")))
        return web.json_response(
            {"ticket_id": "abc", "valid": False, "expires": 9, "worktype": "pow", "pow": {"bits": 1, "data": "x"}}
        )

    asked = {"sender": "01" * 32, "recipient": "02" * 32, "subscription_id": ""}
    async with serving(handle) as url, TicketClient() as client:
        offer = await client.request_ticket(url, sender=SENDER, recipient=RECIPIENT, preference=("pow",))
        assert offer == Offer("abc", False, 9_000, "pow", {"bits": 1, "data": "x"})  # noqa: FBT003  # the field
        await client.submit(url, "abc", "pow", 4_481)
        await client.request_own_ticket(url, sender=SENDER, recipient=RECIPIENT, authorization="Basic x")
    assert seen == [
        ("/ticket", {**asked, "preference": ["pow"]}, None),
        ("/ticket/abc", {"pow": {"result": 4_481}}, None),
        (f"/address/{'01' * 32}/ticket", asked, "Basic x"),
    ]


async def test_redirects_are_not_followed_and_answers_have_a_limit() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/large":
            return web.Response(body=bytes(8 * 2**20 + 1))
        return web.Response(status=302, headers={"Location": "/large"})

    async with serving(handle) as url, TicketClient() as client:
        answer = await client.call("POST", url, "/", b"x")
        assert (answer.status, answer.is_ok) == (302, False)
        with pytest.raises(PeerError) as caught:
            await client.call("GET", url, "/large")
        assert caught.value.code is ErrorCode.TOO_LARGE


async def test_no_answer_is_no_answer() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async with serving(handle) as url, TicketClient() as client:
        for wanted in (url, Address(f"http://127.0.0.1:{unused_port()}"), ONION):
            with pytest.raises(UnavailableError) as caught:
                await client.call("GET", wanted, "/")
            assert caught.value.code is ErrorCode.UNREACHABLE


async def test_an_onion_is_reached_through_the_proxy_or_not_at_all() -> None:
    async with TicketClient(Socks5("127.0.0.1", unused_port())) as client:
        with pytest.raises(UnavailableError):
            await client.call("GET", ONION, "/")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "http://127.0.0.1:1/path", "ftp://127.0.0.1:1", "http://LOCALHOST:1"]
)
async def test_only_addresses_in_their_normal_form_are_called(url: str) -> None:
    async with TicketClient() as client:
        with pytest.raises(LocalError):
            await client.call("GET", Address(url), "/")


def answer(status: int, document: object, retry_after_s: int | None = None) -> RemoteAnswer:
    return RemoteAnswer(status, json.dumps(document).encode(), retry_after_s)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"ticket_id": 1, "valid": True, "expires": 1},
        {"ticket_id": "a", "valid": 1, "expires": 1},
        {"ticket_id": "a/../b", "valid": True, "expires": 1},
        {"ticket_id": "", "valid": True, "expires": 1},
        {"ticket_id": "a", "valid": True, "expires": -1},
        {"ticket_id": "a", "valid": True, "expires": 1.5},
        {"ticket_id": "a" * 4_097, "valid": True, "expires": 1},
        {"ticket_id": "a", "valid": False, "expires": 1, "worktype": 1},
        {"ticket_id": "a", "valid": False, "expires": 1, "worktype": "pow", "pow": []},
        {"ticket_id": "a", "valid": False, "expires": 1, "worktype": "pow", "pow": {"bits": True}},
        {"ticket_id": "a", "valid": False, "expires": 1, "worktype": "pow", "pow": {"bits": -1}},
        {"ticket_id": "a", "valid": False, "expires": 1, "worktype": "pow", "pow": {"bits": 1.5}},
        {"ticket_id": "a", "valid": False, "expires": 1, "worktype": "pow", "pow": {str(n): 1 for n in range(33)}},
    ],
)
def test_what_is_no_ticket_is_refused(document: object) -> None:
    with pytest.raises(PeerError) as caught:
        parse_offer(answer(200, document))
    assert caught.value.code is ErrorCode.MALFORMED


def test_a_ticket_comes_with_any_status() -> None:
    ticket = {"ticket_id": "a-b", "valid": True, "expires": 2**50}
    assert parse_offer(answer(422, ticket)) == Offer("a-b", True, 2**53 - 1)  # noqa: FBT003  # the field


@pytest.mark.parametrize(("status", "kind"), [(403, PeerError), (404, PeerError), (429, UnavailableError)])
def test_refusals_are_told_apart(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        parse_offer(answer(status, {}, retry_after_s=7))
    if isinstance(caught.value, UnavailableError):
        assert caught.value.retry_after_ms == 7_000
