"""Answers of remotes: a value, a refusal with its code, or MALFORMED; their words never become ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.jsonrpc.answers import CALL_ID, encode_call, parse_reply
from parley.adapters.jsonrpc.calls import Call, Request, parse_calls
from parley.errors import ErrorCode, PeerError


def reply(**members: Any) -> bytes:  # noqa: ANN401  # JSON
    return json.dumps({"jsonrpc": "2.0", "id": CALL_ID} | members).encode()


def error(**members: Any) -> bytes:  # noqa: ANN401  # JSON
    return reply(error={"code": 4004, "message": "m", "data": {}} | members)


def code_of(raw: bytes) -> ErrorCode:
    with pytest.raises(PeerError) as caught:
        parse_reply(raw)
    return caught.value.code


def test_a_call_is_what_the_other_side_reads() -> None:
    wanted = Call('m"\\', b'{"a":1}', CALL_ID, is_notification=False)
    assert parse_calls(encode_call('m"\\', b'{"a":1}')) == Request((wanted,), is_batch=False)


@pytest.mark.parametrize("value", [None, 1, "text", [], {"a": [1, {}]}])
def test_the_value_is_handed_out(value: object) -> None:
    assert json.loads(parse_reply(reply(result={"Ok": value}))) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        reply(),
        reply(result=None),
        reply(result={}),
        reply(result={"Err": 1}),
        reply(result={"Ok": 1, "more": 2}),
        reply(result={"Ok": 1}, error={"code": 4004}),
        reply(result={"Ok": 1}, id=2),
        reply(result={"Ok": 1}, id=None),
        reply(result={"Ok": 1}, id="1"),
        reply(result={"Ok": 1}, jsonrpc="1.0"),
        reply(result={"Ok": 1}, more=1),
        reply(error=None),
        reply(error={}),
        error(code=1.5),
        error(code=10**30),
        error(message=1),
        error(data={"retry_after_ms": -1}),
        error(data={"retry_after_ms": 10**9}),
        error(data={"challenges": [{}]}),
        error(data={"challenges": [{"challenge": "!"}]}),
        error(data={"challenges": [{"challenge": "\u20ac"}]}),
        error(data={"challenges": [{"challenge": "A" * 20_000}]}),
        error(data={"challenges": [{"challenge": ""}] * 17}),
        error(data=[1]),
        error(data="text"),
        reply(result={"Ok": 1})[:-1],
        reply(result={"Ok": 1}) + b"{}",
        reply(result={"Ok": "x"}).replace(b"x", b"\xff"),
        reply(result={"Ok": json.loads("[" * 20 + "]" * 20)}),
    ],
)
def test_what_is_no_answer_is_malformed(raw: bytes) -> None:
    assert code_of(raw) is ErrorCode.MALFORMED


@pytest.mark.parametrize("code", list(ErrorCode))
def test_a_refusal_keeps_its_code(code: ErrorCode) -> None:
    assert code_of(error(code=int(code))) is code


def test_a_refusal_for_a_reason_without_a_name_here_is_no_misbehaviour() -> None:
    with pytest.raises(PeerError) as caught:
        parse_reply(error(code=12_345))
    assert caught.value.code is ErrorCode.PEER_REFUSED
    assert caught.value.facts == {"remote_code": 12_345}


@pytest.mark.parametrize("members", [{"data": None}, {"data": {"more": 1}}, {"more": 1}, {"message": ""}])
def test_a_refusal_may_say_more_or_less(members: dict[str, Any]) -> None:
    assert code_of(error(**members)) is ErrorCode.NOT_FOUND
    assert code_of(reply(error={"code": 4004}, id=None)) is ErrorCode.NOT_FOUND


def test_the_words_of_a_remote_are_kept_apart() -> None:
    with pytest.raises(PeerError) as caught:
        parse_reply(error(message="<evil>" * 100, data={"facts": {"a": "<evil>"}}))
    assert "evil" not in str(caught.value)
    assert caught.value.facts == {}
    assert caught.value.untrusted_text == ("<evil>" * 100)[:200]


def test_a_refusal_says_when_to_come_again() -> None:
    with pytest.raises(PeerError) as caught:
        parse_reply(error(code=int(ErrorCode.BUSY), data={"retry_after_ms": 250}))
    assert caught.value.facts == {"retry_after_ms": 250}


def test_the_challenges_of_a_refusal_are_its_evidence() -> None:
    data = {"challenges": [{"challenge": "AAEC", "method": "pow"}, {"challenge": ""}]}
    with pytest.raises(PeerError) as caught:
        parse_reply(error(code=int(ErrorCode.WORK_REQUIRED), data=data))
    assert caught.value.evidence == (b"\x00\x01\x02", b"")


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(PeerError):
        parse_reply(raw)
