"""Greetings: ranges and hex are checked, and both ways agree."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest

from parley.adapters.jsonrpc.greetings import (
    AddressesDocument,
    HelloAnswer,
    HelloDocument,
    addresses_params,
    challenge_document,
    encode_hello_answer,
    hello_params,
    parse_addresses_answer,
    parse_hello_answer,
    parse_nonce,
)
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ErrorCode, PeerError, Rejected
from parley.primitives.ids import ChallengeId, NodeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, parse_challenge

HELLO: Final[dict[str, Any]] = {"version": 1, "nonce": "ab" * 32, "address": None, "network": "main"}
ANSWER: Final[dict[str, Any]] = {
    "id": "ab" * 32,
    "version": 1,
    "network": "main",
    "address": "http://a.example:80",
    "signature": "cd" * 64,
}


def test_a_greeting_is_read() -> None:
    raw = hello_params(version=3, nonce=b"\x07" * 32, address="http://a.example:80", network="test")
    document = parse_params(raw, HelloDocument)
    assert isinstance(document, HelloDocument)
    assert (document.version, document.address, document.network) == (3, "http://a.example:80", "test")
    assert parse_nonce(document) == b"\x07" * 32


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"version": 0}, "version"),
        ({"version": 2**31}, "version"),
        ({"nonce": "ab" * 31}, "nonce"),
        ({"address": "a" * 257}, "address"),
        ({"address": 1}, "address"),
        ({"network": ""}, "network"),
        ({"network": "n" * 33}, "network"),
    ],
)
def test_a_greeting_out_of_range_is_refused(change: dict[str, Any], parameter: str) -> None:
    refusal = parse_params(json.dumps(HELLO | change).encode(), HelloDocument)
    assert isinstance(refusal, Rejected)
    assert refusal.facts["parameter"] == parameter


def test_a_nonce_must_be_hex() -> None:
    with pytest.raises(PeerError) as caught:
        parse_nonce(HelloDocument(1, "zz" * 32, None, "main"))
    assert caught.value.code is ErrorCode.MALFORMED


def test_the_answer_to_a_greeting_comes_back_as_it_was() -> None:
    answer = HelloAnswer(NodeId(b"\x01" * 32), 1, "main", None, b"\x02" * 64)
    assert parse_hello_answer(encode_hello_answer(answer)) == answer


@pytest.mark.parametrize(
    "change",
    [
        {"id": "zz" * 32},
        {"id": "ab" * 31},
        {"signature": "zz" * 64},
        {"signature": ""},
        {"version": "1"},
        {"address": "a" * 257},
        {"more": 1},
    ],
)
def test_an_answer_to_a_greeting_that_is_none_is_malformed(change: dict[str, Any]) -> None:
    assert parse_hello_answer(json.dumps(ANSWER).encode()).address == "http://a.example:80"
    with pytest.raises(PeerError) as caught:
        parse_hello_answer(json.dumps(ANSWER | change).encode())
    assert caught.value.code is ErrorCode.MALFORMED


def test_addresses_are_read() -> None:
    assert parse_params(addresses_params(5), AddressesDocument) == AddressesDocument(5)
    assert parse_addresses_answer(b'["a","b"]') == ("a", "b")
    assert parse_addresses_answer(b"[]") == ()


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[1]", b'["' + b"a" * 257 + b'"]', json.dumps(["a"] * 1_001).encode(), b'["\xff"]']
)
def test_addresses_that_are_none_are_malformed(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_addresses_answer(raw)
    assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("limit", [0, 1_001])
def test_the_number_of_addresses_has_a_range(limit: int) -> None:
    assert isinstance(parse_params(b'{"limit":%d}' % limit, AddressesDocument), Rejected)


def test_a_challenge_is_shown_whole() -> None:
    challenge = Challenge(ChallengeId(bytes(16)), "pow", {"tries": 5}, bytes(32), Instant(9), bytes(32))
    shown = challenge_document(challenge, 5)
    assert (shown.method, shown.expected_tries, shown.params, shown.expires_ms) == ("pow", 5, {"tries": 5}, 9)
    assert parse_challenge(base64.b64decode(shown.challenge)) == challenge
