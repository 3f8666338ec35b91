"""Every kind of bad input over real HTTP is refused with a documented code, and changes nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parley.adapters.jsonrpc.documents import record_document, removal_document
from parley.adapters.system import SystemEntropy
from parley.primitives.instants import Instant
from parley.testing.authors import Author
from tests.functional.nodes import Node, Nodes, Reply, encode_call, fresh_key

pytestmark = pytest.mark.functional

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
MALFORMED, TOO_LARGE, BAD_SIGNATURE, EXPIRED, CLOCK_SKEW, LIFETIME_TOO_LONG = range(2001, 2007)
KEYS_INVALID, UNAUTHORIZED, WRONG_RECIPIENT = 2007, 2009, 2011
NOT_FOUND, NOT_PUBLIC, PEER_REFUSED = 4004, 4010, 4011

HOUR_MS = 3_600_000
PUSH = {"Keys": ["bad"], "Message": "text", "Expiration": 60}
HELLO = {"version": 1, "nonce": "00" * 32, "address": None, "network": "main"}
COPY = {
    "request_id": "00" * 16,
    "keys": ["bad"],
    "remaining": 1,
    "size_limit": 10,
    "max_age_ms": None,
    "budget_ms": 1_000,
}


@pytest.fixture(scope="module")
def node(shared_nodes: Nodes) -> Node:
    node = shared_nodes.add("A")
    node.owner("push_message", {"Keys": ["good"], "Message": "stays", "Expiration": 3_600})
    return node


@pytest.fixture(scope="module")
def documented() -> set[int]:
    page = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
    return {int(code) for code in re.findall(r"^\| (-?\d+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)}


def state(node: Node) -> list[Any]:
    """Return all that the node shows of its pool and its peers."""
    whole = node.owner("query_message", {"keys": ["good"], "proofs": True}).ok
    tree = [node.owner("pool_tree", {"keys": keys}).ok for keys in ([], ["bad"], ["good"])]
    return [node.owner("pool_status", {}).ok, node.owner("peers_list", {}).ok, whole, tree]


def check_refused(node: Node, reply: Reply, code: int, documented: set[int], before: list[Any]) -> None:
    answer = reply.json
    assert set(answer) == {"jsonrpc", "id", "error"}
    assert set(answer["error"]) == {"code", "message", "data"}
    assert answer["error"]["code"] == code, answer
    assert code in documented
    assert answer["error"]["data"]["next"]
    assert state(node) == before


BODIES: Mapping[str, tuple[bytes, int]] = {
    "nothing": (b"", PARSE_ERROR),
    "half an object": (b'{"jsonrpc":"2.0"', PARSE_ERROR),
    "not UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"pool_status\xff"}', PARSE_ERROR),
    "two objects": (b'{"jsonrpc":"2.0","id":1,"method":"pool_status"}{}', PARSE_ERROR),
    "nested too deep": (encode_call("push_message", {"Keys": json.loads("[" * 17 + "]" * 17)}), PARSE_ERROR),
    "nested very deep": (b"[" * 100_000, PARSE_ERROR),
    "a lone surrogate": (encode_call("push_message", {**PUSH, "Message": "\ud800"}), PARSE_ERROR),
    "a number": (b"1", INVALID_REQUEST),
    "an empty batch": (b"[]", INVALID_REQUEST),
    "a batch of 33": (b"[" + b",".join([encode_call("pool_status", {})] * 33) + b"]", INVALID_REQUEST),
    "another version": (b'{"jsonrpc":"1.0","id":1,"method":"pool_status"}', INVALID_REQUEST),
    "no version": (b'{"id":1,"method":"pool_status"}', INVALID_REQUEST),
    "no method": (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
    "an unknown member": (b'{"jsonrpc":"2.0","id":1,"method":"pool_status","extra":1}', INVALID_REQUEST),
    "a member twice": (b'{"jsonrpc":"2.0","id":1,"method":"pool_status","method":"node_id"}', INVALID_REQUEST),
    "an object as id": (b'{"jsonrpc":"2.0","id":{},"method":"pool_status"}', INVALID_REQUEST),
    "a text as params": (b'{"jsonrpc":"2.0","id":1,"method":"pool_status","params":"x"}', INVALID_REQUEST),
    "an unknown method": (encode_call("drop_everything", {}), METHOD_NOT_FOUND),
    "a method of peers": (encode_call("peer_addresses", {"limit": 1}), METHOD_NOT_FOUND),
    "a name twice": (
        encode_call("push_message", PUSH).replace(b'"Keys"', b'"Message": "y", "Keys"'),
        INVALID_PARAMS,
    ),
    "a huge number": (
        encode_call("push_message", PUSH).replace(b": 60", b": " + b"9" * 400),
        INVALID_PARAMS,
    ),
}

CALLS: Mapping[str, tuple[str, object, int]] = {
    "params by place": ("push_message", [["bad"], "x", 60], INVALID_PARAMS),
    "params for none": ("pool_status", {"verbose": True}, INVALID_PARAMS),
    "no keys": ("push_message", {"Message": "x", "Expiration": 60}, INVALID_PARAMS),
    "no message": ("push_message", {"Keys": ["bad"], "Expiration": 60}, INVALID_PARAMS),
    "an unknown name": ("push_message", {**PUSH, "Colour": "red"}, INVALID_PARAMS),
    "a name in both cases": ("push_message", {**PUSH, "keys": ["bad"]}, INVALID_PARAMS),
    "keys as text": ("push_message", {**PUSH, "Keys": "bad"}, INVALID_PARAMS),
    "keys of numbers": ("push_message", {**PUSH, "Keys": [1]}, INVALID_PARAMS),
    "nine keys": ("push_message", {**PUSH, "Keys": ["bad"] * 9}, INVALID_PARAMS),
    "an empty list of keys": ("push_message", {**PUSH, "Keys": []}, INVALID_PARAMS),
    "an empty key": ("push_message", {**PUSH, "Keys": ["bad", ""]}, KEYS_INVALID),
    "a long key": ("push_message", {**PUSH, "Keys": ["bad", "x" * 65]}, KEYS_INVALID),
    "a key long in bytes": ("push_message", {**PUSH, "Keys": ["bad", "\u20ac" * 22]}, KEYS_INVALID),
    "a control character": ("push_message", {**PUSH, "Keys": ["bad", "x\n"]}, KEYS_INVALID),
    "a message of a number": ("push_message", {**PUSH, "Message": 1}, INVALID_PARAMS),
    "a message of an object": ("push_message", {**PUSH, "Message": {}}, INVALID_PARAMS),
    "a long message": ("push_message", {**PUSH, "Message": "x" * 4_097}, TOO_LARGE),
    "a message long in bytes": ("push_message", {**PUSH, "Message": "\u20ac" * 1_366}, TOO_LARGE),
    "no time to live": ("push_message", {**PUSH, "Expiration": 0}, INVALID_PARAMS),
    "a negative time": ("push_message", {**PUSH, "Expiration": -1}, INVALID_PARAMS),
    "half a second": ("push_message", {**PUSH, "Expiration": 0.5}, INVALID_PARAMS),
    "a time of text": ("push_message", {**PUSH, "Expiration": "600"}, INVALID_PARAMS),
    "a time of yes": ("push_message", {**PUSH, "Expiration": True}, INVALID_PARAMS),
    "a time beyond numbers": ("push_message", {**PUSH, "Expiration": 2**200}, INVALID_PARAMS),
    "a time of a month and more": ("push_message", {**PUSH, "Expiration": 2_592_001}, INVALID_PARAMS),
    "a time above the limit": ("push_message", {**PUSH, "Expiration": 43_201}, LIFETIME_TOO_LONG),
    "a sequence beyond numbers": ("push_message", {**PUSH, "sequence": 2**53}, INVALID_PARAMS),
    "a query without keys": ("query_message", {"deepness": 1}, INVALID_PARAMS),
    "a query for no keys": ("query_message", {"keys": []}, KEYS_INVALID),
    "no deepness": ("query_message", {"keys": ["bad"], "deepness": 0}, INVALID_PARAMS),
    "too deep": ("query_message", {"keys": ["bad"], "deepness": 7}, INVALID_PARAMS),
    "far too deep": ("query_message", {"keys": ["bad"], "deepness": 17}, INVALID_PARAMS),
    "no size": ("query_message", {"keys": ["bad"], "size_limit": 0}, INVALID_PARAMS),
    "too much": ("query_message", {"keys": ["bad"], "size_limit": 1_001}, INVALID_PARAMS),
    "no age": ("query_message", {"keys": ["bad"], "expiration": 0}, INVALID_PARAMS),
    "no budget": ("query_message", {"keys": ["bad"], "budget_ms": 0}, INVALID_PARAMS),
    "stats of text": ("query_message", {"keys": ["bad"], "stats": "yes"}, INVALID_PARAMS),
    "nothing to remove": ("remove_message", {}, INVALID_PARAMS),
    "two things to remove": ("remove_message", {"keys": ["good"], "id": "00" * 32}, INVALID_PARAMS),
    "an id that is none": ("remove_message", {"id": "xyz"}, INVALID_PARAMS),
    "an unknown id": ("remove_message", {"id": "00" * 32}, NOT_FOUND),
    "unknown keys": ("remove_message", {"keys": ["nowhere"]}, NOT_FOUND),
    "a prefix of control characters": ("pool_tree", {"keys": ["\u0007"]}, KEYS_INVALID),
    "a peer that is no address": ("peers_add", {"url": "ftp://127.0.0.1"}, INVALID_PARAMS),
    "a peer with a path": ("peers_add", {"url": "http://127.0.0.1:7420/v2"}, INVALID_PARAMS),
    "a long address": ("peers_add", {"url": "http://" + "a" * 300}, INVALID_PARAMS),
    "no peer to forget": ("peers_remove", {"url": "7420"}, INVALID_PARAMS),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body(node: Node, documented: set[int], name: str) -> None:
    body, code = BODIES[name]
    before = state(node)
    reply = node.post_owner(body)
    assert reply.status == 200
    check_refused(node, reply, code, documented, before)


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_call(node: Node, documented: set[int], name: str) -> None:
    method, params, code = CALLS[name]
    before = state(node)
    reply = node.owner(method, params)
    assert (reply.status, reply.json["id"]) == (200, 1)
    check_refused(node, reply, code, documented, before)


def bad_records() -> Mapping[str, tuple[dict[str, Any], int]]:
    author, moment = Author(SystemEntropy()), Instant(time.time_ns() // 1_000_000)

    def signed(*, age_ms: int = 0, lifetime_ms: int = HOUR_MS) -> dict[str, Any]:
        record = author.sign(("bad", "record"), "text", now=Instant(moment - age_ms), lifetime_ms=lifetime_ms)
        document: dict[str, Any] = msgspec.to_builtins(record_document(record))
        return document

    good = signed()
    return {
        "another message": ({**good, "message": "other"}, BAD_SIGNATURE),
        "another author": ({**good, "author": Author(SystemEntropy()).key.hex()}, BAD_SIGNATURE),
        "an author that is no point": ({**good, "author": "ff" * 32}, BAD_SIGNATURE),
        "a later end": ({**good, "expires_ms": good["expires_ms"] + 1}, BAD_SIGNATURE),
        "other keys": ({**good, "keys": ["bad", "other"]}, BAD_SIGNATURE),
        "no signature": ({**good, "signature": "00" * 64}, BAD_SIGNATURE),
        "hex that is none": ({**good, "signature": "zz" * 64}, MALFORMED),
        "a short signature": ({**good, "signature": "00" * 63}, INVALID_PARAMS),
        "no author": ({name: value for name, value in good.items() if name != "author"}, INVALID_PARAMS),
        "a member too many": ({**good, "colour": "red"}, INVALID_PARAMS),
        "an end before the beginning": ({**good, "expires_ms": good["created_ms"] - 1}, MALFORMED),
        "a sequence beyond numbers": ({**good, "sequence": 2**53}, INVALID_PARAMS),
        "an empty key": ({**good, "keys": ["bad", ""]}, INVALID_PARAMS),
        "a long message": ({**good, "message": "x" * 4_097}, TOO_LARGE),
        "an end that is past": (signed(age_ms=2 * HOUR_MS), EXPIRED),
        "a beginning in the future": (signed(age_ms=-60_000), CLOCK_SKEW),
        "a life too long": (signed(lifetime_ms=13 * HOUR_MS), LIFETIME_TOO_LONG),
    }


@pytest.mark.parametrize("name", bad_records())
def test_a_bad_record(node: Node, documented: set[int], name: str) -> None:
    document, code = bad_records()[name]
    before = state(node)
    check_refused(node, node.owner("push_message", {"record": document}), code, documented, before)


def test_a_record_beside_a_plain_push(node: Node, documented: set[int]) -> None:
    """Which of the two is meant is not for the node to guess."""
    record = Author(SystemEntropy()).sign(("bad",), "signed", now=Instant(time.time_ns() // 1_000_000))
    both = {**PUSH, "record": msgspec.to_builtins(record_document(record))}
    before = state(node)
    check_refused(node, node.owner("push_message", both), INVALID_PARAMS, documented, before)


def test_a_removal_that_another_signed(node: Node, documented: set[int]) -> None:
    """The removal names the node as the author of its record, but the node's key did not sign it."""
    held = node.owner("query_message", {"keys": ["good"], "proofs": True}).ok[0]["Record"]
    stranger = Author(SystemEntropy())
    record = stranger.sign(("good",), "stays", now=Instant(held["sequence"]))
    removal = msgspec.to_builtins(removal_document(stranger.remove(record)))
    before = state(node)
    forged = {"removal": {**removal, "author": held["author"]}}
    check_refused(node, node.owner("remove_message", forged), BAD_SIGNATURE, documented, before)


def test_a_body_above_the_limit(node: Node, documented: set[int]) -> None:
    before = state(node)
    body = encode_call("push_message", {**PUSH, "Message": "x" * 262_144})
    reply = node.post_owner(body)
    assert reply.status == 413
    check_refused(node, reply, TOO_LARGE, documented, before)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic cGFybGV5Og=="},
        {"Authorization": "Basic cGFybGV5Ond2cm9uZw=="},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic ~"},
    ],
)
def test_a_caller_without_the_secret(node: Node, documented: set[int], headers: dict[str, str]) -> None:
    before = state(node)
    reply = node.request("POST", "/v2/owner", encode_call("push_message", PUSH), headers)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Basic ")
    check_refused(node, reply, UNAUTHORIZED, documented, before)


@pytest.mark.parametrize("path", ["/v2/owner", "/v2/foreign"])
def test_another_method_of_http(node: Node, path: str) -> None:
    assert node.request("GET", path, headers=node.authorization).status == 405


PEER_CALLS: Mapping[str, tuple[str, object, int]] = {
    "an unknown method": ("push_message", PUSH, METHOD_NOT_FOUND),
    "a short nonce": ("peer_hello", {**HELLO, "nonce": "00"}, INVALID_PARAMS),
    "another network": ("peer_hello", {**HELLO, "network": "other"}, PEER_REFUSED),
    "an address elsewhere": ("peer_hello", {**HELLO, "address": "http://198.51.100.7:7420"}, PEER_REFUSED),
    "an address that is none": ("peer_hello", {**HELLO, "address": "nowhere"}, MALFORMED),
    "nobody at the address": ("peer_hello", {**HELLO, "address": "http://127.0.0.1:1"}, PEER_REFUSED),
    "no limit": ("peer_addresses", {"limit": 0}, INVALID_PARAMS),
    "not a link": ("peer_addresses", {"limit": 1}, NOT_PUBLIC),
    "a stranger's query": ("pool_query", COPY, NOT_PUBLIC),
    "a short request id": ("pool_query", {**COPY, "request_id": "00"}, INVALID_PARAMS),
    "an id that is no hex": ("pool_query", {**COPY, "request_id": "zz" * 16}, MALFORMED),
    "no deepness": ("pool_query", {**COPY, "remaining": 0}, INVALID_PARAMS),
    "too many keys": ("pool_query", {**COPY, "keys": ["bad"] * 9}, INVALID_PARAMS),
    "nothing remains": ("pool_query", {**COPY, "budget_ms": 0}, INVALID_PARAMS),
    "work that is none": ("pool_query", {**COPY, "work": {"challenge": "?", "proof": ""}}, NOT_PUBLIC),
}


@pytest.mark.parametrize("name", PEER_CALLS)
def test_a_bad_call_of_a_peer(node: Node, documented: set[int], name: str) -> None:
    method, params, code = PEER_CALLS[name]
    before = state(node)
    reply = node.foreign(method, params, fresh_key())
    assert reply.status == 200
    check_refused(node, reply, code, documented, before)


def test_an_anonymous_greeting(node: Node, documented: set[int]) -> None:
    before = state(node)
    check_refused(node, node.foreign("peer_hello", HELLO), UNAUTHORIZED, documented, before)


def test_a_request_signed_badly(node: Node, documented: set[int]) -> None:
    before = state(node)
    key, body = fresh_key(), encode_call("pool_query", COPY)
    good = key.headers(node.id, body)
    now_ms = int(good["Parley-Sent"])
    cases = {
        "for another": (key.headers(bytes(31) + b"\1", body), WRONG_RECIPIENT),
        "for anybody": (key.headers(bytes(32), body), WRONG_RECIPIENT),
        "for another body": (key.headers(node.id, body + b" "), UNAUTHORIZED),
        "of another": ({**good, "Parley-Caller": fresh_key().id.hex()}, UNAUTHORIZED),
        "of last minute": (key.headers(node.id, body, sent_ms=now_ms - 60_000), CLOCK_SKEW),
        "of next minute": (key.headers(node.id, body, sent_ms=now_ms + 60_000), CLOCK_SKEW),
        "at another moment": ({**good, "Parley-Sent": str(now_ms + 1)}, UNAUTHORIZED),
        "at no moment": ({**good, "Parley-Sent": "now"}, UNAUTHORIZED),
        "not at all": ({name: value for name, value in good.items() if name != "Parley-Signature"}, UNAUTHORIZED),
        "with no hex": ({**good, "Parley-Signature": "zz" * 64}, UNAUTHORIZED),
    }
    found = {name: node.request("POST", "/v2/foreign", body, headers) for name, (headers, _) in cases.items()}
    assert {name: reply.code for name, reply in found.items()} == {name: code for name, (_, code) in cases.items()}
    assert {code for _, code in cases.values()} <= documented
    assert state(node) == before
