"""A node that lies is refused and blamed for it; whoever is honest never is."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from parley.adapters.jsonrpc.documents import record_document
from parley.adapters.system import SystemEntropy
from parley.primitives.instants import Instant
from parley.testing.authors import Author
from tests.functional.nodes import Node, Nodes

pytestmark = pytest.mark.functional


def push(nodes: tuple[Node, ...], author: Author, text: str) -> None:
    """Let an author publish one record at several nodes."""
    record = author.sign(("lies", text), text, now=Instant(time.time_ns() // 1_000_000))
    document = json.loads(msgspec.json.encode(record_document(record)))
    for node in nodes:
        assert node.owner("push_message", {"record": document}).ok is None


def about(node: Node, other: Node) -> dict[str, Any]:
    """Return what a node says of another."""
    [peer] = [peer for peer in node.owner("peers_list", {}).ok if peer["address"] == other.url]
    assert isinstance(peer, dict)
    return peer


@pytest.fixture(scope="module")
def honest(shared_nodes: Nodes) -> Node:
    return shared_nodes.add("H")


@pytest.fixture(scope="module")
def asking(shared_nodes: Nodes, honest: Node) -> Node:
    return shared_nodes.add_linked("A", honest)


PRICES = {
    "forged": ("bad_signature", {1}),
    "expired": ("expired", {10, 11}),
    "unasked": ("not_asked_for", {2, 3}),
    "crowded": ("not_asked_for", {2, 3}),
}


@pytest.mark.parametrize("lie", PRICES)
def test_each_lie_has_its_price(shared_nodes: Nodes, honest: Node, asking: Node, lie: str) -> None:
    """A forgery ends a link at once; what an honest node could do by mistake ends it when it is repeated.

    A score of 100 does. What costs 10 or 50 points reaches it after ten or two times, or once more, as scores decay.
    """
    reason, times = PRICES[lie]
    liar = shared_nodes.add_linked(f"L-{lie}", asking, lies=[lie])
    push((honest, liar), Author(SystemEntropy()), lie)
    told = 0
    while about(asking, liar)["phase"] == "linked" and told < max(times):
        assert asking.messages("lies", lie, deepness=2) == [lie]
        told += 1
        assert about(asking, liar)["reasons"] == {reason: told}
    assert told in times
    assert about(asking, liar)["phase"] == "banned"
    assert asking.messages("lies", lie, deepness=2) == [lie]
    assert about(asking, liar)["reasons"] == {reason: told}
    assert (about(asking, honest)["phase"], about(asking, honest)["reasons"]) == ("linked", {})
    assert about(honest, asking)["reasons"] == {}


def test_an_honest_relay_is_not_blamed_for_a_liar_behind_it(nodes: Nodes) -> None:
    far = nodes.add("F")
    relay = nodes.add_linked("R", far)
    asking = nodes.add_linked("A", relay)
    liar = nodes.add_linked("L", relay, lies=["expired", "forged"])
    push((far, liar), Author(SystemEntropy()), "genuine")
    for _ in range(3):
        assert asking.messages("lies", deepness=3) == ["genuine"]
    assert about(relay, liar)["phase"] == "banned"
    assert about(relay, liar)["reasons"] == {"expired": 1, "bad_signature": 1}
    for node, other in ((asking, relay), (relay, asking), (relay, far), (far, relay)):
        assert (about(node, other)["phase"], about(node, other)["reasons"]) == ("linked", {})


def test_the_author_in_whose_name_was_lied_is_heard(nodes: Nodes) -> None:
    asking = nodes.add("A")
    liar = nodes.add_linked("L", asking, lies=["forged"])
    author = Author(SystemEntropy())
    push((liar,), author, "first")
    assert asking.messages("lies", deepness=2) == []
    assert about(asking, liar)["phase"] == "banned"
    push((asking,), author, "second")
    assert asking.messages("lies", deepness=2) == ["second"]
