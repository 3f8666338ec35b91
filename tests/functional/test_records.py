"""The life of a record at its node: pushed, replaced, refused as stale, removed, expired."""

from __future__ import annotations

import time

import msgspec
import pytest

from parley.adapters.jsonrpc.documents import record_document, removal_document
from parley.adapters.system import SystemEntropy
from parley.pool.messages import Record, Removal
from parley.primitives.instants import Instant
from parley.testing.authors import Author
from tests.functional.nodes import Node, Nodes, encode_call, wait_until

pytestmark = pytest.mark.functional

STALE_SEQUENCE, NOT_FOUND, REMOVED = 4001, 4004, 4009


def now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


def as_params(value: Record | Removal) -> object:
    document = record_document(value) if isinstance(value, Record) else removal_document(value)
    return msgspec.json.decode(msgspec.json.encode(document))


@pytest.fixture(scope="module")
def node(shared_nodes: Nodes) -> Node:
    return shared_nodes.add("A")


@pytest.fixture
def author() -> Author:
    return Author(SystemEntropy())


def test_a_plain_push_replaces_what_the_node_said_before(node: Node) -> None:
    for message in ("first", "second", "third"):
        node.owner("push_message", {"Keys": ["plain"], "Message": message, "Expiration": 60})
    assert node.messages("plain") == ["third"]


def test_sequences_only_rise(node: Node) -> None:
    push = {"Keys": ["sequence"], "Message": "text", "Expiration": 60}
    assert node.owner("push_message", {**push, "sequence": 5}).ok is None
    for sequence in (0, 4, 5):
        refused = node.owner("push_message", {**push, "Message": "other", "sequence": sequence})
        assert (refused.code, refused.data["facts"]) == (STALE_SEQUENCE, {"held_sequence": 5})
    assert node.messages("sequence") == ["text"]
    assert node.owner("push_message", {**push, "Message": "newer", "sequence": 6}).ok is None
    assert node.messages("sequence") == ["newer"]


def test_a_signed_record_is_taken_as_it_is(node: Node, author: Author) -> None:
    record = author.sign(("signed", "by", "author"), "mine", now=now())
    for _ in range(2):  # the very same record again does no harm
        assert node.owner("push_message", {"record": as_params(record)}).ok is None
    found = node.owner("query_message", {"keys": ["signed"], "proofs": True}).ok
    assert [entry["Record"] for entry in found] == [as_params(record)]


def test_authors_do_not_replace_each_other(node: Node) -> None:
    for name in ("one", "two"):
        record = Author(SystemEntropy()).sign(("same", "keys"), name, now=now())
        node.owner("push_message", {"record": as_params(record)})
    node.owner("push_message", {"Keys": ["same", "keys"], "Message": "three", "Expiration": 60})
    assert node.messages("same", "keys") == ["one", "three", "two"]


def test_a_signed_record_replaces_with_a_higher_sequence(node: Node, author: Author) -> None:
    moment = now()
    old, new = (
        author.sign(("market",), text, now=moment, sequence=number) for number, text in ((1, "old"), (2, "new"))
    )
    assert node.owner("push_message", {"record": as_params(new)}).ok is None
    assert node.owner("push_message", {"record": as_params(old)}).code == STALE_SEQUENCE
    assert node.messages("market") == ["new"]


def test_the_owner_removes_by_keys_and_by_id(node: Node) -> None:
    for key in ("left", "right"):
        node.owner("push_message", {"Keys": ["remove", key], "Message": key, "Expiration": 60})
    assert node.owner("remove_message", {"keys": ["remove", "left"]}).ok is None
    assert node.messages("remove") == ["right"]
    assert node.owner("remove_message", {"keys": ["remove", "left"]}).code == NOT_FOUND
    assert node.owner("remove_message", {"keys": ["remove"]}).code == NOT_FOUND
    assert node.messages("remove") == ["right"]


def test_a_plain_push_opens_a_removed_address_again(node: Node) -> None:
    """Also within the millisecond: one batch pushes, removes and pushes again, many times over."""
    push = {"Keys": ["again"], "Message": "text", "Expiration": 60}
    calls = [("push_message", push), ("remove_message", {"keys": ["again"]}), ("push_message", push)]
    batch = b"[" + b",".join(encode_call(method, params) for method, params in calls) + b"]"
    for _ in range(30):
        assert [answer.get("result") for answer in node.post_owner(batch).json] == [{"Ok": None}] * 3
    assert node.messages("again") == ["text"]


def test_a_removed_address_is_closed_to_old_records(node: Node, author: Author) -> None:
    moment = now()
    record = author.sign(("closed",), "before", now=moment, sequence=7)
    node.owner("push_message", {"record": as_params(record)})
    tombstones = node.owner("pool_status", {}).ok["tombstones"]
    assert node.owner("remove_message", {"removal": as_params(author.remove(record))}).ok is None
    assert node.messages("closed") == []
    assert node.owner("pool_status", {}).ok["tombstones"] == tombstones + 1
    assert node.owner("push_message", {"record": as_params(record)}).code == REMOVED
    later = author.sign(("closed",), "after", now=moment, sequence=8)
    assert node.owner("push_message", {"record": as_params(later)}).ok is None
    assert node.messages("closed") == ["after"]


def test_nobody_removes_what_another_wrote(node: Node, author: Author) -> None:
    record = author.sign(("guarded",), "mine", now=now())
    node.owner("push_message", {"record": as_params(record)})
    stranger = Author(SystemEntropy())
    assert node.owner("remove_message", {"removal": as_params(stranger.remove(record))}).code == NOT_FOUND
    assert node.owner("remove_message", {"keys": ["guarded"]}).code == NOT_FOUND
    assert node.messages("guarded") == ["mine"]


def test_a_record_is_gone_at_its_signed_time(node: Node) -> None:
    node.owner("push_message", {"Keys": ["short"], "Message": "soon gone", "Expiration": 2})
    node.owner("push_message", {"Keys": ["short"], "Message": "renewed", "Expiration": 3_600})
    node.owner("push_message", {"Keys": ["shorter"], "Message": "soon gone", "Expiration": 1})
    wait_until(lambda: node.messages("shorter") == [], "the record has expired")
    assert node.messages("short") == ["renewed"]
    held = node.owner("pool_tree", {"keys": []}).ok
    assert {entry["key"] for entry in held}.isdisjoint({"shorter"})


def test_an_age_leaves_older_records_out(node: Node, author: Author) -> None:
    moment = now()
    for number, age_s in enumerate((10, 1_000)):
        created = Instant(moment - age_s * 1_000)
        record = author.sign(("age", str(number)), f"{age_s} s", now=created, lifetime_ms=3_600_000)
        node.owner("push_message", {"record": as_params(record)})
    young = node.owner("query_message", {"keys": ["age"], "expiration": 600}).ok
    assert [entry["Message"] for entry in young] == ["10 s"]
    assert node.messages("age") == ["10 s", "1000 s"]
