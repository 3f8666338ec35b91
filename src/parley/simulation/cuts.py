"""Other rules for cutting an answer to its size limit, to set beside the node's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from random import Random

from parley.pool.fairness import max_min_shares, take_turns
from parley.pool.messages import Item
from parley.primitives.ids import NodeId
from parley.simulation.config import Rule
from parley.simulation.nodes import Cut

__all__ = ["cut_of"]


def cut_of(rule: Rule, source: Random) -> Cut | None:
    """Return the cut of a rule, or None for the one that the machine applies itself."""

    def cut_at_random(groups: Mapping[NodeId, Sequence[Item]], limit: int) -> tuple[Item, ...]:
        return tuple(source.sample(list(chain.from_iterable(groups.values())), limit))

    def cut_by_node(groups: Mapping[NodeId, Sequence[Item]], limit: int) -> tuple[Item, ...]:
        items = list(chain.from_iterable(groups.values()))
        source.shuffle(items)
        by_node: dict[str, list[Item]] = {}
        for item in items:
            by_node.setdefault(item.node, []).append(item)
        return _share(list(by_node.values()), limit)

    def cut_by_link(groups: Mapping[NodeId, Sequence[Item]], limit: int) -> tuple[Item, ...]:
        return _share(list(groups.values()), limit)

    match rule:
        case Rule.RANDOM:
            return cut_at_random
        case Rule.NODE:
            return cut_by_node
        case Rule.LINK:
            return cut_by_link
        case Rule.LINK_AUTHOR:
            return None


def _share(groups: Sequence[Sequence[Item]], limit: int) -> tuple[Item, ...]:
    shares = max_min_shares([len(items) for items in groups], limit)
    return tuple(take_turns(items[:share] for items, share in zip(groups, shares, strict=True)))
