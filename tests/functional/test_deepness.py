"""How far a query goes and how much it brings, over a chain of four nodes: A - B - C - D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.functional.nodes import Node, Nodes

pytestmark = pytest.mark.functional

HELD = {"A": 1, "B": 8, "C": 2, "D": 1}


@dataclass(frozen=True)
class Chain:
    nodes: tuple[Node, Node, Node, Node]

    @property
    def first(self) -> Node:
        return self.nodes[0]

    def ask(self, node: Node, **params: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        result = node.owner("query_message", {"keys": ["chain"], "stats": True, **params}).json["result"]
        return result["Ok"], result["stats"]


@pytest.fixture(scope="module")
def chain(shared_nodes: Nodes) -> Chain:
    d = shared_nodes.add("D")
    c = shared_nodes.add_linked("C", d)
    b = shared_nodes.add_linked("B", c)
    a = shared_nodes.add_linked("A", b)
    for node in (a, b, c, d):
        for number in range(HELD[node.name]):
            keys = ["chain", node.name, str(number)]
            node.owner("push_message", {"Keys": keys, "Message": f"{node.name}{number}", "Expiration": 3_600})
    return Chain((a, b, c, d))


@pytest.mark.parametrize(("deepness", "names"), [(1, "A"), (2, "AB"), (3, "ABC"), (4, "ABCD"), (6, "ABCD")])
def test_deepness_counts_the_own_node(chain: Chain, deepness: int, names: str) -> None:
    found, stats = chain.ask(chain.first, deepness=deepness)
    assert {entry["Node"] for entry in found} == set(names)
    assert len(found) == sum(HELD[name] for name in names)
    farthest = len(names) - 1
    assert stats == {
        "asked": farthest,
        "answered": farthest,
        "timed_out": 0,
        "refused": 0,
        "duplicates": 0,
        "truncated_by": [],
        "hops": farthest,
    }


def test_from_the_middle_it_goes_both_ways(chain: Chain) -> None:
    found, stats = chain.ask(chain.nodes[1], deepness=2)
    assert {entry["Node"] for entry in found} == {"A", "B", "C"}
    assert (stats["asked"], stats["hops"]) == (2, 1)


def test_the_size_limit_takes_from_who_has_most(chain: Chain) -> None:
    """Two places: one for A itself and one for all that came over its only link."""
    found, stats = chain.ask(chain.first, deepness=4, size_limit=2)
    assert len(found) == 2
    assert "A" in {entry["Node"] for entry in found}
    assert "A" in stats["truncated_by"]


def test_with_room_enough_nobody_small_loses_anything(chain: Chain) -> None:
    """Seven places of twelve: C's link brings three and keeps them, B, who has eight, gives all that is missing."""
    found, stats = chain.ask(chain.nodes[1], deepness=3, size_limit=7)
    by_node = {name: sum(entry["Node"] == name for entry in found) for name in "ABCD"}
    assert by_node == {"A": 1, "B": 3, "C": 2, "D": 1}
    assert stats["truncated_by"] == ["B"]


def test_an_age_leaves_older_records_out(chain: Chain) -> None:
    old, _ = chain.ask(chain.first, deepness=4, expiration=3_600)
    assert len(old) == sum(HELD.values())


def test_proofs_are_the_signed_records(chain: Chain) -> None:
    found, _ = chain.ask(chain.first, deepness=2, proofs=True)
    authors = {entry["Record"]["author"] for entry in found}
    assert authors == {chain.nodes[0].id.hex(), chain.nodes[1].id.hex()}
    assert all(
        entry["Record"]["keys"] == entry["Keys"] and entry["Record"]["message"] == entry["Message"] for entry in found
    )


def test_a_budget_too_short_for_a_hop_asks_nobody(chain: Chain) -> None:
    found, stats = chain.ask(chain.first, deepness=4, budget_ms=600)
    assert ({entry["Node"] for entry in found}, stats["asked"]) == ({"A"}, 0)


def test_a_status_and_a_tree_tell_what_is_held(chain: Chain) -> None:
    status = chain.nodes[1].owner("pool_status", {}).ok
    assert (status["records"], status["tombstones"]) == (8, 0)
    assert status["links"]["owner"]["records"] == 8
    assert chain.nodes[1].owner("pool_tree", {"keys": []}).ok == [{"key": "chain", "records": 8}]
    tree = chain.nodes[1].owner("pool_tree", {"keys": ["chain", "B"]}).ok
    assert tree == [{"key": str(number), "records": 1} for number in range(8)]
