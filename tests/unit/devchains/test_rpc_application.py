"""The server as HTTP: whom it lets call, how much it reads, what pages are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.rpc import RpcServer
from parley.devchains.evm.rpc_application import BODY_MAX_BYTES, RpcApplication
from parley.devchains.evm.storage import MemoryStorage

HOSTS = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
ASK = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
NOTIFY = b'{"jsonrpc":"2.0","method":"eth_chainId"}'
JSON = {"content-type": "application/json; charset=utf-8"}


class Answer:
    """What was answered."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def send(self, message: Any) -> None:  # noqa: ANN401  # an ASGI message
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message["body"]


def application(host_names: frozenset[bytes] | None = HOSTS) -> RpcApplication:
    return RpcApplication(RpcServer(LocalChain(MemoryStorage())), host_names=host_names)


async def call(
    app: RpcApplication,
    method: str = "POST",
    *chunks: bytes,
    headers: dict[str, str] | None = None,
    is_cut: bool = False,
) -> Answer:
    given = {"host": "127.0.0.1:8545", **(headers or {})}
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": one, "more_body": True} for one in chunks]
    if is_cut:
        messages.append({"type": "http.disconnect"})
    else:
        messages.append({"type": "http.request"})
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    answer = Answer()
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]
    await app({"type": "http", "method": method, "headers": pairs}, receive, answer.send)
    return answer


async def test_body_is_answered_however_it_comes() -> None:
    for chunks in ((ASK,), (ASK[:10], ASK[10:]), (b"", ASK)):
        answer = await call(application(), "POST", *chunks)
        assert (answer.status, json.loads(answer.body)["result"]) == (200, "0x7a69")
        assert answer.headers[b"content-type"] == b"application/json"
        assert answer.headers[b"content-length"] == str(len(answer.body)).encode()


async def test_notification_has_no_content() -> None:
    answer = await call(application(), "POST", NOTIFY)
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    ("method", "status", "has_body"),
    [("GET", 200, True), ("HEAD", 200, False), ("OPTIONS", 204, False), ("PUT", 405, False), ("DELETE", 405, False)],
)
async def test_other_methods(method: str, status: int, *, has_body: bool) -> None:
    answer = await call(application(), method)
    assert (answer.status, bool(answer.body)) == (status, has_body)


@pytest.mark.parametrize("host", ["example.org", "example.org:8545", "127.0.0.1.example.org", "", "localhost:"])
async def test_foreign_hosts_are_misdirected(host: str) -> None:
    assert (await call(application(), "POST", ASK, headers={"host": host})).status == 421
    assert (await call(application(None), "POST", ASK, headers={"host": host})).status == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8545", "[::1]"])
async def test_own_hosts_are_served(host: str) -> None:
    assert (await call(application(), "POST", ASK, headers={"host": host})).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:5173",
        "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn",
        "moz-extension://6f8c0f4e-1d5e-4c5b-9a0f-2f6d8f0f4e1d",
    ],
)
async def test_pages_of_this_machine_and_wallets_may_call(origin: str) -> None:
    for method in ("OPTIONS", "POST"):
        answer = await call(application(), method, ASK, headers={"origin": origin, **JSON})
        assert answer.headers[b"access-control-allow-origin"] == origin.encode()
        assert answer.headers[b"vary"] == b"Origin"
        assert answer.status in {200, 204}


@pytest.mark.parametrize(
    "origin",
    ["https://example.org", "http://localhost.example.org", "http://localhost:3000.example.org", "null", "file://", ""],
)
async def test_other_pages_may_not(origin: str) -> None:
    for method in ("OPTIONS", "POST", "GET"):
        answer = await call(application(), method, ASK, headers={"origin": origin, **JSON})
        assert (answer.status, answer.body) == (403, b"")
        assert b"access-control-allow-origin" not in answer.headers


async def test_page_must_say_that_it_sends_json() -> None:
    for content_type in ({}, {"content-type": "text/plain"}):
        answer = await call(application(), "POST", ASK, headers={"origin": "http://localhost:3000", **content_type})
        assert (answer.status, answer.body) == (415, b"")


async def test_too_large_is_not_read() -> None:
    announced = await call(application(), "POST", headers={"content-length": str(BODY_MAX_BYTES + 1)})
    nonsense = await call(application(), "POST", headers={"content-length": "-1"})
    sent = await call(application(), "POST", bytes(BODY_MAX_BYTES), b"x")
    for answer in (announced, nonsense, sent):
        assert (answer.status, answer.headers[b"connection"]) == (413, b"close")


async def test_caller_who_goes_is_not_served() -> None:
    assert (await call(application(), "POST", ASK, is_cut=True)).status == 400


async def test_nothing_is_taken_while_stopping() -> None:
    app = application()
    app.is_stopping = True
    assert (await call(app, "POST", ASK)).status == 503


async def test_other_protocols_are_not_spoken() -> None:
    answer = Answer()

    async def receive() -> dict[str, Any]:
        raise NotImplementedError

    await application()({"type": "websocket"}, receive, answer.send)
    assert answer.status == 0
