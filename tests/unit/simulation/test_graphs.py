from __future__ import annotations

from statistics import fmean

import pytest

from parley.errors import ConfigError
from parley.simulation.extras import load_extra
from parley.simulation.graphs import GraphKind, build_graph, distances

RING = tuple((min((n - 1) % 6, (n + 1) % 6), max((n - 1) % 6, (n + 1) % 6)) for n in range(6))


@pytest.mark.parametrize("kind", list(GraphKind))
def test_links_stand_at_both_ends_in_order_and_lead_elsewhere(kind: GraphKind) -> None:
    graph = build_graph(kind, nodes=60, degree=6, seed=3)
    assert len(graph) == 60
    for node, others in enumerate(graph):
        assert list(others) == sorted(set(others) - {node})
        assert all(node in graph[other] for other in others)


@pytest.mark.parametrize("kind", list(GraphKind))
def test_the_same_seed_gives_the_same_graph(kind: GraphKind) -> None:
    first, again, other = (build_graph(kind, nodes=40, degree=4, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_degrees() -> None:
    graphs = {kind: build_graph(kind, nodes=2_000, degree=8, seed=1) for kind in GraphKind}
    means = {kind: fmean(len(others) for others in graph) for kind, graph in graphs.items()}
    assert {len(others) for others in graphs[GraphKind.REGULAR]} == {8}
    assert means[GraphKind.ERDOS_RENYI] == pytest.approx(8, abs=0.3)
    assert means[GraphKind.BARABASI_ALBERT] == pytest.approx(8, abs=0.1)
    assert means[GraphKind.SMALL_WORLD] == 8
    assert max(len(others) for others in graphs[GraphKind.BARABASI_ALBERT]) > 60


def test_distances_on_a_ring() -> None:
    assert distances(RING, 0) == {0: 0, 1: 1, 5: 1, 2: 2, 4: 2, 3: 3}
    assert distances(RING, 0, without=[1]) == {0: 0, 5: 1, 4: 2, 3: 3, 2: 4}
    assert distances(RING, 0, without=[1, 5]) == {0: 0}


def test_distances_agree_with_networkx() -> None:
    networkx = load_extra("networkx")
    graph = build_graph(GraphKind.ERDOS_RENYI, nodes=200, degree=4, seed=5)
    other = networkx.Graph()
    other.add_nodes_from(range(200))
    other.add_edges_from((node, to) for node, others in enumerate(graph) for to in others)
    assert distances(graph, 7) == dict(networkx.single_source_shortest_path_length(other, 7))


@pytest.mark.parametrize(
    ("kind", "nodes", "degree"),
    [
        (GraphKind.REGULAR, 5, 3),  # 15 ends of links cannot be paired
        (GraphKind.REGULAR, 5, 5),
        (GraphKind.REGULAR, 5, 0),
        (GraphKind.BARABASI_ALBERT, 10, 3),
        (GraphKind.SMALL_WORLD, 10, 5),
    ],
)
def test_graphs_that_cannot_be_are_refused(kind: GraphKind, nodes: int, degree: int) -> None:
    with pytest.raises(ConfigError):
        build_graph(kind, nodes=nodes, degree=degree, seed=1)


def test_a_missing_library_is_named_with_what_to_type() -> None:
    with pytest.raises(ConfigError) as caught:
        load_extra("no_such_library.part")
    assert caught.value.facts["missing"] == "no_such_library"
    assert caught.value.facts["install"] == "pip install 'parley[simulation]'"
