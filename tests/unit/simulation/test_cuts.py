from __future__ import annotations

from random import Random

import pytest

from parley.pool.messages import Item
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.simulation.config import Rule
from parley.simulation.cuts import cut_of
from parley.simulation.records import SignedRecords

LEFT, RIGHT = NodeId(b"left"), NodeId(b"right")


def items_of(node: str, count: int, *, is_relabelled: bool = False) -> list[Item]:
    signed = SignedRecords()
    names = (f"{node} {place}" if is_relabelled else node for place in range(count))
    return [Item(name, signed.make(f"{node} {place}", Instant(0))) for place, name in enumerate(names)]


GROUPS = {LEFT: items_of("honest", 10), RIGHT: items_of("liar", 90, is_relabelled=True)}


@pytest.mark.parametrize("rule", [Rule.RANDOM, Rule.NODE, Rule.LINK])
def test_a_cut_keeps_as_many_different_items_as_may_stay(rule: Rule) -> None:
    cut = cut_of(rule, Random(1))
    assert cut is not None
    kept = cut(GROUPS, 20)
    assert len(kept) == len({id(item) for item in kept}) == 20
    everything = [item for items in GROUPS.values() for item in items]
    assert all(any(item is other for other in everything) for item in kept)


def test_shares_per_link_keep_the_small_link_whole() -> None:
    cut = cut_of(Rule.LINK, Random(1))
    assert cut is not None
    kept = cut(GROUPS, 20)
    assert sum(item.node == "honest" for item in kept) == 10
    # In turns: the next hop, which sees one link only, cuts fairly where it keeps the beginning.
    assert [item.node.partition(" ")[0] for item in kept[:4]] == ["honest", "liar", "honest", "liar"]


def test_shares_per_claimed_node_go_to_who_claims_most_names() -> None:
    cut = cut_of(Rule.NODE, Random(1))
    assert cut is not None
    # 91 names for 20 places: each has one at most, and the honest node has one name.
    assert sum(item.node == "honest" for item in cut(GROUPS, 20)) <= 1


def test_the_machine_cuts_by_itself() -> None:
    assert cut_of(Rule.LINK_AUTHOR, Random(1)) is None
