"""Who is linked to whom: graphs with known properties, as plain tuples."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from parley.errors import ConfigError, ErrorCode
from parley.simulation.extras import load_extra

__all__ = ["Graph", "GraphKind", "build_graph", "distances"]

Graph = tuple[tuple[int, ...], ...]
"""Neighbours by node number, each in ascending order; every link stands at both its ends."""

_REWIRED = 0.1


class GraphKind(Enum):
    """How links are chosen."""

    REGULAR = "regular"
    """Every node has exactly `degree` links to random others."""
    ERDOS_RENYI = "erdos-renyi"
    """Every pair is linked with equal chance; `degree` links on average."""
    BARABASI_ALBERT = "barabasi-albert"
    """Newcomers link to degree/2 others, the more linked the likelier: a few hubs."""
    SMALL_WORLD = "small-world"
    """A ring where everybody knows the nearest `degree`, and one link in ten leads anywhere."""


def build_graph(kind: GraphKind, *, nodes: int, degree: int, seed: int) -> Graph:
    """Build a random graph.

    Args:
        kind: of graph.
        nodes: 2 or more.
        degree: 1..nodes-1; links of a node, on average for some kinds. Even for barabasi-albert and small-world.
        seed: the same seed gives the same graph.

    Raises:
        ConfigError: there is no such graph, or networkx is not installed.
    """
    is_odd_total = kind is GraphKind.REGULAR and nodes * degree % 2
    is_odd_degree = kind in {GraphKind.BARABASI_ALBERT, GraphKind.SMALL_WORLD} and degree % 2
    if not 1 <= degree < nodes or is_odd_total or is_odd_degree:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="degree", nodes=nodes, degree=degree, graph=kind.value)
    networkx = load_extra("networkx")
    match kind:
        case GraphKind.REGULAR:
            built = networkx.random_regular_graph(degree, nodes, seed=seed)
        case GraphKind.ERDOS_RENYI:
            built = networkx.fast_gnp_random_graph(nodes, degree / (nodes - 1), seed=seed)
        case GraphKind.BARABASI_ALBERT:
            built = networkx.barabasi_albert_graph(nodes, degree // 2, seed=seed)
        case GraphKind.SMALL_WORLD:
            built = networkx.watts_strogatz_graph(nodes, degree, _REWIRED, seed=seed)
    return _plain(built, nodes)


def distances(graph: Graph, start: int, *, without: Iterable[int] = ()) -> dict[int, int]:
    """Return the hops from a node to every node that can be reached, itself at 0.

    Args:
        graph: to walk.
        start: where to begin.
        without: nodes that pass nothing on and are not counted.
    """
    blocked = set(without)
    found = {start: 0}
    ring = [start]
    while ring:
        following: list[int] = []
        for node in ring:
            for other in graph[node]:
                if other not in found and other not in blocked:
                    found[other] = found[node] + 1
                    following.append(other)
        ring = following
    return found


def _plain(built: Any, nodes: int) -> Graph:  # noqa: ANN401  # networkx is loaded at run time
    return tuple(tuple(sorted(built.adj[node])) for node in range(nodes))
