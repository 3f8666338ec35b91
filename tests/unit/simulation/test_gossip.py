from __future__ import annotations

import pytest

from parley.errors import LocalError
from parley.simulation.baselines import PushModel
from parley.simulation.gossip import mesh_of, push_once
from parley.simulation.graphs import GraphKind, build_graph
from parley.testing.network import Latency, parse_latency

TRIANGLE = ((1, 2), (0, 2), (0, 1))
PATH = ((1,), (0, 2), (1, 3), (2,))


def test_a_triangle_is_flooded_by_four_messages() -> None:
    # 0 tells 1 and 2; each of them tells the other.
    outcome = push_once(TRIANGLE, PushModel.FLOOD, publisher=0, latency=Latency(), seed=1)
    assert (outcome.messages, outcome.reached, outcome.latency_ms) == (4, 3, 50)


def test_a_path_is_flooded_by_a_message_per_link() -> None:
    outcome = push_once(PATH, PushModel.FLOOD, publisher=0, latency=Latency(), seed=1)
    assert (outcome.messages, outcome.reached, outcome.latency_ms) == (3, 4, 150)


def test_a_flood_costs_what_the_formula_says_whatever_the_latency() -> None:
    graph = build_graph(GraphKind.REGULAR, nodes=100, degree=8, seed=1)
    for latency in ("constant:50", "lognormal:50:1"):
        outcome = push_once(graph, PushModel.FLOOD, publisher=3, latency=parse_latency(latency), seed=1)
        assert (outcome.messages, outcome.reached) == (701, 100)  # 2E - N + 1 = 800 - 100 + 1


def test_a_mesh_keeps_links_of_the_graph_and_no_more_than_asked_for() -> None:
    graph = build_graph(GraphKind.REGULAR, nodes=100, degree=8, seed=1)
    mesh = mesh_of(graph, links=6, seed=1)
    assert max(len(others) for others in mesh) == 6
    for node, others in enumerate(mesh):
        assert set(others) <= set(graph[node])
        assert all(node in mesh[other] for other in others)


def test_gossip_reaches_all_for_less() -> None:
    graph = build_graph(GraphKind.REGULAR, nodes=100, degree=8, seed=1)
    outcome = push_once(graph, PushModel.GOSSIPSUB, publisher=3, latency=Latency(), seed=1)
    mesh_ends = sum(len(others) for others in mesh_of(graph, links=6, seed=1))
    assert outcome.reached == 100
    assert outcome.messages == mesh_ends - 99
    assert outcome.messages <= 501  # N * (D - 1) + 1


@pytest.mark.parametrize("model", [PushModel.TREE, PushModel.INVENTORY])
def test_what_is_a_formula_only_is_refused(model: PushModel) -> None:
    with pytest.raises(LocalError):
        push_once(PATH, model, publisher=0, latency=Latency(), seed=1)
