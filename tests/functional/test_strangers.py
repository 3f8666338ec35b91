"""What a node does for somebody who is no peer of it: nothing, or at a public node what was worked for."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import msgspec
import pytest

from parley.adapters.jsonrpc.documents import record_document, removal_document
from parley.adapters.system import SystemEntropy
from parley.pool.messages import Record
from parley.primitives.instants import Instant
from parley.protocol.challenges import parse_challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Solution
from parley.testing.authors import Author
from tests.functional.nodes import STILL_GRAPH, Key, Node, Nodes, Reply, fresh_key

pytestmark = pytest.mark.functional

WORK_REQUIRED, WORK_REJECTED, NOT_PUBLIC, UNAUTHORIZED = 4005, 4006, 4010, 2009
NOT_FOUND, BAD_SIGNATURE = 4004, 2003

CHEAP = STILL_GRAPH + "[work]\nquery_units = 1\npush_units = 1\n"
TRIES_PER_UNIT = 4_096


@pytest.fixture(scope="module")
def public(shared_nodes: Nodes) -> Node:
    node = shared_nodes.describe("A", "--public", settings=CHEAP)
    shared_nodes.start(node)
    node.owner("push_message", {"Keys": ["open"], "Message": "for everybody", "Expiration": 3_600})
    return node


def copy(number: int, **changed: object) -> dict[str, object]:
    """Return the parameters of one query."""
    return {
        "request_id": f"{number:032x}",
        "keys": ["open"],
        "remaining": 1,
        "size_limit": 10,
        "max_age_ms": None,
        "budget_ms": 1_000,
        **changed,
    }


def solve(refused: Reply) -> dict[str, str]:
    """Do the work that a refusal asks for, and return it as a request carries it."""
    [offered] = refused.data["challenges"]
    challenge = parse_challenge(base64.b64decode(offered["challenge"]))
    solver = ProofOfWork().start(challenge)
    solved = solver.step(1_000_000)
    assert isinstance(solved, Solution)
    return {"challenge": offered["challenge"], "proof": base64.b64encode(solved.proof).decode()}


def record_of(author: Author, text: str) -> Record:
    return author.sign(("strangers", text), text, now=Instant(time.time_ns() // 1_000_000))


def as_params(record: Record) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(msgspec.json.encode(record_document(record)))
    return document


@pytest.mark.parametrize("caller", [None, fresh_key()], ids=["anonymous", "with a name"])
def test_a_query_is_earned(public: Node, caller: Key | None) -> None:
    asked = copy(1 if caller is None else 2)
    refused = public.foreign("pool_query", asked, caller)
    assert refused.code == WORK_REQUIRED
    [offered] = refused.data["challenges"]
    assert (offered["method"], offered["params"]) == ("pow", {"tries": TRIES_PER_UNIT})
    assert offered["expected_tries"] == TRIES_PER_UNIT
    work = solve(refused)
    answer = public.foreign("pool_query", {**asked, "work": work}, caller).ok
    assert [item["record"]["message"] for item in answer["items"]] == ["for everybody"]
    assert answer["duplicate"] is False


def test_work_buys_one_query_only(public: Node) -> None:
    caller, asked = fresh_key(), copy(3)
    work = solve(public.foreign("pool_query", asked, caller))
    assert public.foreign("pool_query", {**asked, "work": work}, caller).ok["items"]
    others: list[tuple[dict[str, object], Key | None]] = [
        (copy(4), caller),
        (copy(3, keys=["other"]), caller),
        (copy(3, remaining=2), caller),
        (copy(3, size_limit=11), caller),
        (copy(3), fresh_key()),
        (copy(3), None),
    ]
    replies = [public.foreign("pool_query", {**query, "work": work}, who) for query, who in others]
    assert [reply.code for reply in replies] == [WORK_REJECTED] * len(others)
    assert all(reply.data["challenges"] for reply in replies)
    again = public.foreign("pool_query", {**asked, "work": work}, caller).ok
    assert (again["items"], again["duplicate"]) == ([], True)


def test_work_is_judged(public: Node) -> None:
    asked, caller = copy(5), fresh_key()
    good = solve(public.foreign("pool_query", asked, caller))
    raw = bytearray(base64.b64decode(good["challenge"]))
    raw[-1] ^= 1
    forged = {**good, "challenge": base64.b64encode(raw).decode()}
    proof = base64.b64encode(b"\0" * 7).decode()
    for work in (forged, {**good, "proof": proof}):
        assert public.foreign("pool_query", {**asked, "work": work}, caller).code == WORK_REJECTED
    assert public.foreign("pool_query", {**asked, "work": good}, caller).ok["items"]


def test_a_query_that_brings_more_costs_more(public: Node) -> None:
    """A price is paid per thousand nodes asked or records answered; this node has no links to ask."""
    asked = [copy(6, remaining=6, size_limit=1_000), copy(7, size_limit=1)]
    dear, cheap = (public.foreign("pool_query", one).data["challenges"][0]["expected_tries"] for one in asked)
    assert (dear, cheap) == (2 * TRIES_PER_UNIT, TRIES_PER_UNIT)


def test_a_push_is_earned(public: Node) -> None:
    author, caller = Author(SystemEntropy()), fresh_key()
    record, other = record_of(author, "earned"), record_of(author, "not earned")
    refused = public.foreign("pool_push", {"record": as_params(record)}, caller)
    assert refused.code == WORK_REQUIRED
    work = solve(refused)
    assert public.foreign("pool_push", {"record": as_params(other), "work": work}, caller).code == WORK_REJECTED
    stored = public.foreign("pool_push", {"record": as_params(record), "work": work}, caller).ok
    assert (stored["stored"], stored["evicted"]) == (True, 0)
    assert public.messages("strangers") == ["earned"]
    assert public.owner("pool_status", {}).ok["links"]["host:127.0.0.1"]["records"] == 1
    forged = {**as_params(record_of(author, "forged")), "message": "other"}
    work = solve(public.foreign("pool_push", {"record": forged}, caller))
    assert public.foreign("pool_push", {"record": forged, "work": work}, caller).code == BAD_SIGNATURE
    assert public.messages("strangers") == ["earned"]
    removal = json.loads(msgspec.json.encode(removal_document(author.remove(record))))
    assert public.foreign("pool_remove", {"removal": removal}, caller).ok is None
    assert public.foreign("pool_remove", {"removal": removal}, caller).code == NOT_FOUND
    assert public.messages("strangers") == []


def test_a_stranger_is_greeted_but_is_no_link(public: Node) -> None:
    greeting = {"version": 1, "nonce": "11" * 32, "address": None, "network": "main"}
    caller = fresh_key()
    answer = public.foreign("peer_hello", greeting, caller).ok
    assert (answer["id"], answer["network"], answer["address"]) == (public.id.hex(), "main", public.url)
    assert public.foreign("peer_hello", greeting).code == UNAUTHORIZED
    assert public.foreign("peer_addresses", {"limit": 8}, caller).code == NOT_PUBLIC
    assert public.owner("peers_list", {}).ok == []


def test_a_private_node_serves_no_stranger(nodes: Nodes) -> None:
    private = nodes.add("B")
    record = as_params(record_of(Author(SystemEntropy()), "refused"))
    for caller in (None, fresh_key()):
        for method, params in (
            ("pool_query", copy(1)),
            ("pool_push", {"record": record}),
            ("peer_addresses", {"limit": 1}),
        ):
            refused = private.foreign(method, params, caller)
            assert refused.code == NOT_PUBLIC
            assert "challenges" not in refused.data
    assert private.owner("pool_status", {}).ok["records"] == 0
