"""Requests, answers, credentials and host names as values."""

from __future__ import annotations

import base64

import pytest

from parley.adapters.http.routes import Credentials, HttpAnswer, HttpRequest, Route, error_answer, is_one_of
from parley.errors import ErrorCode, LocalError, Rejected


def basic(pair: bytes) -> bytes:
    return b"Basic " + base64.b64encode(pair)


@pytest.mark.parametrize(
    ("header", "is_right"),
    [
        (basic(b"parley:secret"), True),
        (basic(b"parley:secret").replace(b"Basic", b"basic"), True),
        (basic(b"parley:secret").replace(b"Basic ", b"BASIC  ") + b" ", True),
        (None, False),
        (b"", False),
        (b"Basic", False),
        (b"Basic !", False),
        (b"Basic \xff\xff", False),
        (b"Bearer " + base64.b64encode(b"parley:secret"), False),
        (basic(b"parley:"), False),
        (basic(b"parley:secret2"), False),
        (basic(b"parley:Secret"), False),
        (basic(b"other:secret"), False),
        (basic(b"secret"), False),
        (basic(b"\xff:\xff"), False),
    ],
)
def test_credentials_are_compared_whole(header: bytes | None, is_right: bool) -> None:  # noqa: FBT001  # a column
    assert Credentials("parley", "secret").is_given(header) is is_right


def test_a_password_may_hold_colons_and_any_text() -> None:
    assert Credentials("parley", "a:\u20ac").is_given(basic("parley:a:\u20ac".encode()))


@pytest.mark.parametrize(("user", "password"), [("a:b", "c"), ("a", "")])
def test_credentials_that_http_cannot_carry_are_refused(user: str, password: str) -> None:
    with pytest.raises(LocalError) as caught:
        Credentials(user, password)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


async def test_credentials_do_not_show_themselves() -> None:
    async def handler(_request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(b"")

    credentials = Credentials("parley", "secret")
    route = Route(method="POST", path="/", handler=handler, credentials=credentials)
    assert "secret" not in repr(credentials) + repr(route)
    assert (await handler(HttpRequest([], b"", ""))).body == b""


def test_a_header_is_found_by_its_name() -> None:
    request = HttpRequest([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], b"", "")
    assert request.header(b"a") == b"1"
    assert request.header(b"c") is None


def test_an_error_belongs_to_no_call() -> None:
    answer = error_answer(413, Rejected(ErrorCode.TOO_LARGE), ((b"a", b"b"),))
    assert answer.status == 413
    assert answer.body.startswith(b'{"jsonrpc":"2.0","id":null,"error":{"code":2002,')
    assert answer.headers == ((b"a", b"b"),)


@pytest.mark.parametrize(
    ("host", "is_named"),
    [
        (b"localhost", True),
        (b"LocalHost:80", True),
        (b"localhost.:80", True),
        (b"127.0.0.1", True),
        (b"127.0.0.1:65535", True),
        (b"[::1]", True),
        (b"[::1]:80", True),
        (b" localhost ", True),
        (b"", False),
        (b"::1", False),
        (b"127.0.0.1.evil.example", False),
        (b"localhost.evil.example:80", False),
        (b"evil.example:localhost", False),
        (b"evil.example", False),
        (b"127.0.0.2", False),
        (b"localhost:80:80", False),
        (b"localhost:", False),
        (b"[::1]:80:80", False),
        (b"localhost,evil.example", False),
        (b"\xff", False),
    ],
)
def test_a_host_is_named_at_any_port(host: bytes, is_named: bool) -> None:  # noqa: FBT001  # a column
    assert is_one_of(host, frozenset({b"localhost", b"127.0.0.1", b"[::1]"})) is is_named
