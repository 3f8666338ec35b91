"""Calls from bytes: what is right is read, what is wrong has a code, nothing is raised."""

from __future__ import annotations

import json
from typing import Final

import pytest

from parley.adapters.jsonrpc.calls import (
    BATCH_MAX,
    Call,
    Request,
    encode_batch,
    encode_error,
    encode_ok,
    encode_result,
    parse_calls,
)
from parley.errors import ErrorCode, PeerError, Rejected, UnavailableError

CALL: Final = b'{"jsonrpc":"2.0","method":"m","params":{"a":1},"id":1}'


def code_of(body: bytes) -> ErrorCode | None:
    """Return why a body is refused as a whole or in its one call; None when it is a call."""
    parsed = parse_calls(body)
    if isinstance(parsed, Request):
        assert len(parsed.calls) == 1
        first = parsed.calls[0]
        return first.code if isinstance(first, Rejected) else None
    return parsed.code


@pytest.mark.parametrize(
    ("body", "call"),
    [
        (CALL, Call("m", b'{"a":1}', 1, is_notification=False)),
        (
            b' \r\n\t{ "id" : null , "method" : "m" , "jsonrpc" : "2.0" } \n',
            Call("m", b"", None, is_notification=False),
        ),
        (b'{"jsonrpc":"2.0","method":"m"}', Call("m", b"", None, is_notification=True)),
        (b'{"jsonrpc":"2.0","method":"m","params":[],"id":"x"}', Call("m", b"[]", "x", is_notification=False)),
        (b'{"jsonrpc":"2.0","method":"\\u006d","id":-7}', Call("m", b"", -7, is_notification=False)),
        (b'{"jsonrpc":"2.0","method":"m","id":9007199254740991}', Call("m", b"", 2**53 - 1, is_notification=False)),
        (
            '{"jsonrpc":"2.0","method":"m\u00e9","id":"\u20ac"}'.encode(),
            Call("m\u00e9", b"", "\u20ac", is_notification=False),
        ),
        # a member's name as a value, or inside the parameters, is no repetition
        (
            b'{"jsonrpc":"2.0","method":"method","params":{"id":"id","method":1},"id":"params"}',
            Call("method", b'{"id":"id","method":1}', "params", is_notification=False),
        ),
        # the text of the parameters may stand elsewhere, too
        (
            b'{"jsonrpc":"2.0","method":"{}[1]","params":[1],"id":"\\u007b}[1]"}',
            Call("{}[1]", b"[1]", "{}[1]", is_notification=False),
        ),
        # a repetition inside the parameters is for the reader of the parameters to refuse
        (
            b'{"jsonrpc":"2.0","method":"m","params":{"id":1,"id":2},"id":1}',
            Call("m", b'{"id":1,"id":2}', 1, is_notification=False),
        ),
    ],
)
def test_a_call_is_read(body: bytes, call: Call) -> None:
    assert parse_calls(body) == Request((call,), is_batch=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"\x00",
        CALL + b"x",
        CALL + CALL,
        b"\xef\xbb\xbf" + CALL,
        CALL.decode().encode("utf-16"),
        CALL.replace(b'"m"', b'"\xff"'),
        CALL.replace(b"1}", b'"\xff"}'),
        CALL.replace(b'"a"', b'"\xed\xa0\x80"'),
        CALL.replace(b'"m"', b'"\xc0\x80"'),
        CALL.replace(b'"m"', b'"\\ud800"'),
        CALL.replace(b'"a":1', b'"a":"\\udc00\\ud800"'),
        CALL.replace(b":1}", b":NaN}"),
        CALL.replace(b":1}", b":Infinity}"),
        CALL.replace(b":1}", b":01}"),
        CALL.replace(b":1}", b":1,}"),
        CALL.replace(b'"m"', b'"a\nb"'),
        CALL.replace(b'"m"', b"'m'"),
        # wrong already before the point where it stops being JSON
        b'{"jsonrpc":1,"method":',
        b"[" + CALL,
        b"[" + CALL + b",]",
    ],
)
def test_what_is_no_json_is_a_parse_error(body: bytes) -> None:
    assert code_of(body) is ErrorCode.PARSE_ERROR


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"1",
        b'"text"',
        b"{}",
        b"[]",
        CALL.replace(b'"2.0"', b'"1.0"'),
        CALL.replace(b'"2.0"', b"2.0"),
        CALL.replace(b'"jsonrpc":"2.0",', b""),
        CALL.replace(b'"method":"m",', b""),
        CALL.replace(b'"m"', b'""'),
        CALL.replace(b'"m"', b'"' + b"m" * 65 + b'"'),
        CALL.replace(b'"m"', b"1"),
        CALL.replace(b'"m"', b"null"),
        CALL.replace(b'{"a":1}', b"null"),
        CALL.replace(b'{"a":1}', b"1"),
        CALL.replace(b'{"a":1}', b'"text"'),
        CALL.replace(b'"id":1', b'"id":1.0'),
        CALL.replace(b'"id":1', b'"id":1e400'),
        CALL.replace(b'"id":1', b'"id":true'),
        CALL.replace(b'"id":1', b'"id":[1]'),
        CALL.replace(b'"id":1', b'"id":9007199254740992'),
        CALL.replace(b'"id":1', b'"id":-9007199254740992'),
        CALL.replace(b'"id":1', b'"id":' + b"9" * 5_000),
        CALL.replace(b'"id":1', b'"id":"' + b"x" * 129 + b'"'),
        CALL.replace(b'"id":1', b'"id":1,"more":2'),
        CALL.replace(b'"id":1', b'"ID":1'),
        CALL.replace(b'"id":1', b'"id":1,"id":1'),
        CALL.replace(b'"id":1', b'"id":1,"\\u0069d":1'),
        CALL.replace(b'"m"', b'"m","method":"n"'),
        CALL.replace(b'{"a":1}', b'{},"params":{"a":1}'),
    ],
)
def test_json_that_is_no_call_is_an_invalid_request(body: bytes) -> None:
    assert code_of(body) is ErrorCode.INVALID_REQUEST


def nested(depth: int) -> bytes:
    """Return a call whose deepest object or array is at this depth, the call itself being 1."""
    inside = depth - 1
    return CALL.replace(
        b'{"a":1}',
        b'{"a":' * (inside // 2) + b"[" * (inside - inside // 2) + b"]" * (inside - inside // 2) + b"}" * (inside // 2),
    )


def test_nesting_is_allowed_to_the_limit_and_not_beyond() -> None:
    assert code_of(nested(16)) is None
    assert code_of(nested(17)) is ErrorCode.PARSE_ERROR


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 262_144,
        b'{"a":' * 50_000,
        b"[{" * 100_000,
        CALL.replace(b"1}", b"[" * 100_000),
        CALL.replace(b"1}", b"[" * 100_000 + b"]" * 100_000 + b"}"),
        b'"' + b"[" * 20 + b'\\"' + b"[" * 100_000 + b'"' + b"[" * 20,
    ],
)
def test_deep_nesting_never_reaches_the_decoder(body: bytes) -> None:
    assert code_of(body) is ErrorCode.PARSE_ERROR


@pytest.mark.parametrize(
    "value",
    [
        b'"' + b"[{" * 50 + b'"',
        b'"\\"' + b"[{" * 50 + b'"',
        b'"\\\\\\"' + b"[{" * 50 + b'"',
        b'"\\\\","b":"' + b"[{" * 50 + b'"',
        b"[" + b",".join([b"[]"] * 100) + b"]",
        b"[" + b",".join([b'{"x":{}}'] * 100) + b"]",
    ],
)
def test_brackets_in_strings_and_beside_each_other_are_no_depth(value: bytes) -> None:
    assert code_of(CALL.replace(b'"a":1', b'"a":' + value)) is None


def test_a_batch_keeps_order_and_each_fault_to_itself() -> None:
    parsed = parse_calls(
        b" [" + CALL + b', 1, {"jsonrpc":"2.0","method":"n"}, {"jsonrpc":"2.0","method":"m","id":1,"id":2}]'
    )
    assert isinstance(parsed, Request)
    assert parsed.is_batch
    first, second, third, fourth = parsed.calls
    assert first == Call("m", b'{"a":1}', 1, is_notification=False)
    assert isinstance(second, Rejected)
    assert second.code is ErrorCode.INVALID_REQUEST
    assert third == Call("n", b"", None, is_notification=True)
    assert isinstance(fourth, Rejected)
    assert fourth.code is ErrorCode.INVALID_REQUEST


def test_a_batch_of_one_is_a_batch() -> None:
    parsed = parse_calls(b"[" + CALL + b"]")
    assert isinstance(parsed, Request)
    assert parsed.is_batch


def test_a_batch_has_at_most_32_calls() -> None:
    full = parse_calls(b"[" + b",".join([CALL] * BATCH_MAX) + b"]")
    assert isinstance(full, Request)
    assert len(full.calls) == 32
    refused = parse_calls(b"[" + b",".join([CALL] * (BATCH_MAX + 1)) + b"]")
    assert isinstance(refused, Rejected)
    assert refused.facts == {"calls": 33, "minimum": 1, "maximum": 32}


def test_a_refusal_never_repeats_what_came_from_outside() -> None:
    body = CALL.replace(b'"id":1', b'"id":1,"<evil>":"<evil>"').replace(b'"m"', b'"<evil>"')
    refusal = parse_calls(body)
    assert isinstance(refusal, Rejected)
    assert "evil" not in str(refusal)
    assert b"evil" not in encode_error(None, refusal)


@pytest.mark.parametrize(
    ("call_id", "text"),
    [
        (1, b"1"),
        (-5, b"-5"),
        (None, b"null"),
        ("a", b'"a"'),
        ('"\\', b'"\\"\\\\"'),
        ("\u20ac", '"\u20ac"'.encode()),
        (0, b"0"),
    ],
)
def test_the_id_is_echoed(call_id: int | str | None, text: bytes) -> None:
    assert encode_result(call_id, b'{"Ok":null}') == b'{"jsonrpc":"2.0","id":' + text + b',"result":{"Ok":null}}'


def test_an_ok_wraps_its_value() -> None:
    assert encode_ok(b"[1]") == b'{"Ok":[1]}'


def test_an_error_tells_code_message_facts_and_what_to_do() -> None:
    refusal = Rejected(ErrorCode.TOO_LARGE, {"field": "message", "limit_bytes": 7})
    assert json.loads(encode_error(3, refusal)) == {
        "jsonrpc": "2.0",
        "id": 3,
        "error": {
            "code": 2002,
            "message": "larger than the limit (field=message, limit_bytes=7)",
            "data": {
                "facts": {"field": "message", "limit_bytes": 7},
                "next": "send less; the limit is in the facts",
            },
        },
    }


def test_an_error_tells_when_to_come_again() -> None:
    late = json.loads(encode_error(None, UnavailableError(ErrorCode.BUSY, retry_after_ms=250)))
    assert late["error"]["data"]["retry_after_ms"] == 250
    limited = json.loads(encode_error(None, Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": 9})))
    assert limited["error"]["data"]["retry_after_ms"] == 9


def test_an_error_carries_further_data() -> None:
    answer = json.loads(encode_error(1, Rejected(ErrorCode.WORK_REQUIRED), data={"challenges": [{"method": "pow"}]}))
    assert answer["error"]["data"]["challenges"] == [{"method": "pow"}]
    assert answer["error"]["data"]["facts"] == {}


def test_an_error_keeps_untrusted_text_and_evidence_back() -> None:
    error = PeerError(ErrorCode.MALFORMED, untrusted_text="<evil>", evidence=(b"evidence",), culprits=(b"c" * 32,))
    encoded = encode_error(1, error)
    assert b"evil" not in encoded
    assert b"evidence" not in encoded


def test_a_batch_of_answers() -> None:
    assert encode_batch([b"1", b"2"]) == b"[1,2]"
    assert encode_batch([]) == b""
