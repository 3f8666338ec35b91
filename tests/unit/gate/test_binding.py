"""What a request may be for a payment to be tied to it."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, PeerError
from parley.gate.binding import act_of


def code_of(*, method: str = "GET", realm: str = "a", target: bytes = b"/") -> ErrorCode:
    with pytest.raises(PeerError) as raised:
        act_of(method=method, realm=realm, target=target, body=b"")
    return raised.value.code


def test_case_does_not_count_where_http_says_so() -> None:
    one = act_of(method="get", realm="Example.ORG:80", target=b"/A", body=b"")
    other = act_of(method="GET", realm="example.org:80", target=b"/A", body=b"")
    assert one == other
    assert one != act_of(method="GET", realm="example.org:80", target=b"/a", body=b"")


def test_every_field_counts() -> None:
    bindings = {
        act_of(method=method, realm=realm, target=target, body=body).binding()
        for method in ("GET", "POST")
        for realm in ("a", "b")
        for target in (b"/", b"/?")
        for body in (b"", b"\x00")
    }
    assert len(bindings) == 16


@pytest.mark.parametrize("method", ["", "A B", "GET\n", "É", "A" * 33])
def test_no_such_method(method: str) -> None:
    assert code_of(method=method) is ErrorCode.MALFORMED


@pytest.mark.parametrize("realm", ["a b", "a\n", "é", "a" * 256, "\x7f"])
def test_no_such_realm(realm: str) -> None:
    assert code_of(realm=realm) is ErrorCode.MALFORMED


def test_the_target_has_a_limit() -> None:
    assert act_of(method="GET", realm="", target=b"/" * 8_192, body=b"").size_bytes == 0
    assert code_of(target=b"/" * 8_193) is ErrorCode.TOO_LARGE
