"""The application alone, without a network: every check in its order, and the pages behind."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from starlette.types import Message, Receive, Scope, Send

from parley.adapters.http.application import LOOPBACK_HOSTS, Application
from parley.adapters.http.routes import Credentials, HttpAnswer, HttpRequest, Route
from parley.adapters.http.server import allowed_hosts
from parley.errors import ErrorCode, LocalError

JSON: Final = b"application/json"
RIGHT: Final = b"Basic " + base64.b64encode(b"parley:secret")


@dataclass
class Answered:
    """What came out for one request."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def code(self) -> ErrorCode:
        number = json.loads(self.body)["error"]["code"]
        return next(code for code in ErrorCode if code == number)

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.body)["error"]["data"]["facts"]
        return facts


async def ask(
    application: Application,
    method: str,
    path: str,
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: Sequence[bytes | None] = (b"",),
    kind: str = "http",
) -> Answered | None:
    """Send one request; a None in the body is the caller leaving."""
    waiting: list[Message] = [
        {"type": "http.disconnect"}
        if chunk is None
        else {"type": "http.request", "body": chunk, "more_body": number + 1 < len(body)}
        for number, chunk in enumerate(body)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": list(headers),
        "client": ("198.51.100.9", 5),
    }
    await application(scope, receive, send)
    if not sent:
        return None
    body_sent = b"".join(message.get("body", b"") for message in sent[1:])
    return Answered(sent[0]["status"], dict(sent[0]["headers"]), body_sent)


async def echo(request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(b"%d %b" % (len(request.body), request.source.encode()), content_type=b"text/plain")


async def nothing(_request: HttpRequest) -> HttpAnswer:
    return HttpAnswer(b"")


ROUTES: Final = (
    Route(
        method="POST", path="/v2/owner", handler=echo, body_limit_bytes=10, credentials=Credentials("parley", "secret")
    ),
    Route(method="POST", path="/v2/foreign", handler=echo, body_limit_bytes=10),
    Route(method="POST", path="/nothing", handler=nothing),
    Route(method="GET", path="/healthz", handler=echo),
)


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Be the pages: tell the body, and set one header that would be added otherwise."""
    chunks = []
    if scope["method"] == "POST":
        message = await receive()
        chunks.append(message["body"])
        assert (await receive())["type"] == "http.disconnect"
    headers = [(b"x-frame-options", b"SAMEORIGIN"), (b"content-type", b"text/html")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"page " + b"".join(chunks)})


OPEN: Final = Application(ROUTES)
WITH_PAGES: Final = Application(ROUTES, pages=pages)
ON_LOOPBACK: Final = Application(ROUTES, pages=pages, host_names=LOOPBACK_HOSTS | {b"abc.onion"})


async def answered(application: Application, method: str, path: str, **arguments: Any) -> Answered:  # noqa: ANN401
    got = await ask(application, method, path, **arguments)
    assert got is not None
    return got


async def test_a_route_answers_with_the_headers_that_guard_it() -> None:
    got = await answered(OPEN, "POST", "/v2/foreign", body=[b"12345"])
    assert got.status == 200
    assert got.body == b"5 198.51.100.9"
    assert got.headers == {
        b"x-content-type-options": b"nosniff",
        b"cache-control": b"no-store",
        b"content-type": b"text/plain",
        b"content-length": b"14",
    }


async def test_an_empty_answer_has_no_content() -> None:
    got = await answered(OPEN, "POST", "/nothing")
    assert got.status == 204
    assert b"content-type" not in got.headers


async def test_head_is_answered_where_get_is() -> None:
    assert (await answered(OPEN, "HEAD", "/healthz")).status == 200
    assert (await answered(OPEN, "HEAD", "/v2/foreign")).status == 405


async def test_the_body_is_put_together() -> None:
    got = await answered(OPEN, "POST", "/v2/foreign", body=[b"12", b"", b"345", b"67890"])
    assert got.body.startswith(b"10 ")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"content-length", b"11")], [b"x" * 11]),
        ([(b"content-length", b"9" * 30)], [b""]),
        ([(b"content-length", b"-1")], [b""]),
        ([(b"content-length", b"x")], [b""]),
        ([], [b"x" * 11]),
        ([], [b"x" * 10, b"x"]),
        ([(b"content-length", b"1")], [b"x" * 6, b"x" * 6, b"x" * 6]),
    ],
)
async def test_a_body_above_the_limit_is_refused(headers: list[tuple[bytes, bytes]], body: list[bytes]) -> None:
    got = await answered(OPEN, "POST", "/v2/foreign", headers=headers, body=body)
    assert got.status == 413
    assert got.code is ErrorCode.TOO_LARGE
    assert got.facts == {"value": "body", "limit_bytes": 10}


@pytest.mark.parametrize("body", [[None], [b"12", None]])
async def test_a_caller_who_leaves_is_not_answered(body: list[bytes | None]) -> None:
    assert await ask(OPEN, "POST", "/v2/foreign", body=body) is None
    assert await ask(WITH_PAGES, "POST", "/page", body=body) is None


async def test_credentials_are_asked_for() -> None:
    refused = await answered(OPEN, "POST", "/v2/owner")
    assert refused.status == 401
    assert refused.code is ErrorCode.UNAUTHORIZED
    assert refused.headers[b"www-authenticate"].startswith(b"Basic ")
    wrong = await answered(OPEN, "POST", "/v2/owner", headers=[(b"authorization", RIGHT[:-1] + b"x")])
    assert wrong.status == 401
    right = await answered(OPEN, "POST", "/v2/owner", headers=[(b"authorization", RIGHT)])
    assert right.status == 200


async def test_a_stranger_learns_nothing_of_the_limits_behind_credentials() -> None:
    got = await answered(OPEN, "POST", "/v2/owner", headers=[(b"content-length", b"99")])
    assert got.status == 401


async def test_another_method_is_told_which_ones_there_are() -> None:
    got = await answered(WITH_PAGES, "GET", "/v2/foreign")
    assert got.status == 405
    assert got.headers[b"allow"] == b"POST"
    assert (await answered(OPEN, "POST", "/healthz")).headers[b"allow"] == b"GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/v2/foreign/", "/V2/foreign", "//v2/foreign", "/v2/foreign\x00", ""])
async def test_only_exact_paths_are_routes(path: str) -> None:
    got = await answered(OPEN, "POST", path)
    assert got.status == 404
    assert got.code is ErrorCode.NOT_FOUND


async def test_other_paths_are_pages_with_headers_that_guard_them() -> None:
    got = await answered(WITH_PAGES, "GET", "/page")
    assert got.body == b"page "
    assert got.headers == {
        b"x-frame-options": b"SAMEORIGIN",
        b"content-type": b"text/html",
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
    }


async def test_pages_are_given_a_limited_body() -> None:
    got = await answered(WITH_PAGES, "POST", "/page", body=[b"ab", b"c"])
    assert got.body == b"page abc"
    refused = await answered(WITH_PAGES, "POST", "/page", body=[b"x" * 262_145])
    assert refused.status == 413


@pytest.mark.parametrize("path", ["/v2/foreign", "/page", "/healthz"])
@pytest.mark.parametrize("host", [b"evil.example", b"evil.example:7420", b"198.51.100.1", None])
async def test_a_foreign_host_is_refused_on_the_loopback_interface(path: str, host: bytes | None) -> None:
    headers = [] if host is None else [(b"host", host)]
    got = await answered(ON_LOOPBACK, "GET", path, headers=headers)
    assert got.status == 421
    assert got.facts == {"header": "Host", "allowed": "127.0.0.1, [::1], abc.onion, localhost"}


@pytest.mark.parametrize("host", [b"localhost:7420", b"127.0.0.1", b"[::1]:1", b"abc.onion"])
async def test_own_hosts_are_served_on_the_loopback_interface(host: bytes) -> None:
    assert (await answered(ON_LOOPBACK, "GET", "/healthz", headers=[(b"host", host)])).status == 200


def test_a_node_off_the_loopback_interface_has_no_name_of_its_own() -> None:
    assert allowed_hosts("0.0.0.0") is None  # noqa: S104  # nothing listens here
    assert allowed_hosts("198.51.100.1", "x") is None
    assert allowed_hosts("127.0.0.1", "Abc.onion") == LOOPBACK_HOSTS | {b"abc.onion"}
    assert allowed_hosts("127.0.0.5") == LOOPBACK_HOSTS | {b"127.0.0.5"}
    assert allowed_hosts("::1") == frozenset({b"localhost", b"127.0.0.1", b"[::1]"})


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", b"http://evil.example")],
        [(b"origin", b"null")],
        [(b"origin", b"")],
        [(b"origin", b"http://localhost:1")],
        [(b"origin", b"http://localhost:7420.evil.example")],
        [(b"origin", b"file://")],
        [(b"sec-fetch-site", b"cross-site")],
        [(b"sec-fetch-site", b"same-site")],
        [(b"origin", b"http://localhost:7420"), (b"sec-fetch-site", b"cross-site")],
    ],
)
@pytest.mark.parametrize("path", ["/v2/foreign", "/page"])
async def test_what_a_foreign_page_sends_is_refused(headers: list[tuple[bytes, bytes]], path: str) -> None:
    given = [(b"host", b"localhost:7420"), (b"content-type", JSON), *headers]
    got = await answered(ON_LOOPBACK, "POST", path, headers=given)
    assert got.status == 403
    assert got.code is ErrorCode.UNAUTHORIZED


async def test_without_a_host_no_origin_is_own() -> None:
    assert (await answered(OPEN, "POST", "/v2/foreign", headers=[(b"origin", b"http://")])).status == 403


@pytest.mark.parametrize("content_type", [JSON, b"Application/JSON; charset=utf-8"])
async def test_an_own_page_may_send_json(content_type: bytes) -> None:
    headers = [
        (b"host", b"localhost:7420"),
        (b"origin", b"http://localhost:7420"),
        (b"sec-fetch-site", b"same-origin"),
        (b"content-type", content_type),
    ]
    assert (await answered(ON_LOOPBACK, "POST", "/v2/foreign", headers=headers)).status == 200


@pytest.mark.parametrize("content_type", [b"text/plain", b"application/x-www-form-urlencoded", b"", None])
async def test_a_page_must_say_that_it_sends_json(content_type: bytes | None) -> None:
    headers = [(b"host", b"a"), (b"origin", b"https://a")]
    headers += [] if content_type is None else [(b"content-type", content_type)]
    got = await answered(OPEN, "POST", "/v2/foreign", headers=headers)
    assert got.status == 415
    assert (await answered(WITH_PAGES, "POST", "/page", headers=headers)).status == 200


async def test_a_program_need_not_say_what_it_sends() -> None:
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    assert (await answered(OPEN, "POST", "/v2/foreign", headers=headers)).status == 200


async def test_a_foreign_page_may_be_followed_to_a_page() -> None:
    headers = [(b"host", b"localhost"), (b"sec-fetch-site", b"cross-site")]
    assert (await answered(ON_LOOPBACK, "GET", "/page", headers=headers)).status == 200


async def test_an_upgrade_with_a_body_is_refused_before_the_body_is_lost() -> None:
    got = await answered(OPEN, "POST", "/v2/foreign", headers=[(b"upgrade", b"h2c")])
    assert got.status == 400
    assert got.headers[b"connection"] == b"close"
    assert (await answered(OPEN, "GET", "/healthz", headers=[(b"upgrade", b"h2c")])).status == 200


async def test_a_stopping_node_says_so() -> None:
    application = Application(ROUTES, pages=pages)
    application.is_stopping = True
    for path in ("/v2/foreign", "/page", "/none"):
        got = await answered(application, "POST", path)
        assert got.status == 503
        assert got.code is ErrorCode.SHUTTING_DOWN
        assert got.headers[b"connection"] == b"close"


async def test_other_protocols_are_left_alone() -> None:
    assert await ask(OPEN, "GET", "/healthz", kind="websocket") is None
    assert await ask(OPEN, "GET", "/healthz", kind="lifespan") is None


def test_two_routes_of_one_path_and_method_are_refused() -> None:
    with pytest.raises(LocalError) as caught:
        Application([ROUTES[0], Route(method="POST", path="/v2/owner", handler=echo)])
    assert caught.value.facts == {"path": "/v2/owner", "method": "POST"}


async def test_a_body_that_waits_to_be_asked_for_is_refused_at_once() -> None:
    headers = [(b"expect", b"100-continue"), (b"content-length", b"11")]
    got = await answered(OPEN, "POST", "/v2/foreign", headers=headers, body=[None])
    assert got.status == 413


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v2/owner", [], 401),
        ("/v2/foreign", [(b"content-length", b"11")], 413),
        ("/healthz", [], 405),
        ("/v2/foreign", [(b"origin", b"http://elsewhere.example")], 403),
    ],
)
async def test_who_waits_to_be_asked_for_a_body_and_is_not_finds_the_connection_closed(
    path: str, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    got = await answered(OPEN, "POST", path, headers=[(b"expect", b"100-continue"), *headers], body=[b""])
    assert (got.status, got.headers.get(b"connection")) == (status, b"close")


async def test_who_is_asked_for_the_body_keeps_the_connection() -> None:
    got = await answered(OPEN, "POST", "/v2/foreign", headers=[(b"expect", b"100-continue")], body=[b"a"])
    assert (got.status, got.headers.get(b"connection")) == (200, None)


def test_the_routes_can_be_listed() -> None:
    assert OPEN.routes() == ROUTES


async def echo_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path and the size of a body, however large, read chunk by chunk."""
    size_bytes, more = 0, True
    while more:
        message = await receive()
        size_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['path']} {size_bytes}".encode()})


MOUNTED = Application((), mounts={"incoming": echo_stream}, host_names=LOOPBACK_HOSTS)


@pytest.mark.parametrize("path", ["/incoming", "/incoming/", "/incoming/block/a"])
async def test_a_mounted_application_reads_bodies_of_any_size(path: str) -> None:
    chunk = bytes(200_000)
    got = await answered(MOUNTED, "POST", path, headers=[(b"host", b"localhost")], body=[chunk, chunk, chunk])
    assert (got.status, got.body) == (200, f"{path} 600000".encode())
    assert got.headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize("path", ["/", "/incomings", "*", "", "/x/incoming"])
async def test_other_words_lead_to_no_mounted_application(path: str) -> None:
    got = await answered(MOUNTED, "POST", path, headers=[(b"host", b"localhost")])
    assert got.status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"elsewhere.example")], 421),
        ([(b"host", b"localhost"), (b"origin", b"http://elsewhere.example")], 403),
        ([(b"host", b"localhost"), (b"sec-fetch-site", b"cross-site")], 403),
        ([(b"host", b"localhost")], 200),
    ],
)
async def test_the_common_checks_stand_before_a_mounted_application(
    headers: list[tuple[bytes, bytes]], status: int
) -> None:
    assert (await answered(MOUNTED, "POST", "/incoming", headers=headers)).status == status
