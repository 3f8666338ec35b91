from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from parley.errors import LocalError
from parley.simulation.building import build_world
from parley.simulation.config import LieKind, Rule, SimulationConfig
from parley.simulation.graphs import Graph, GraphKind, build_graph, distances
from parley.simulation.pool import gini, simulate_pool, stop_at
from parley.simulation.report import StopRule
from parley.testing.network import parse_latency

SMALL = SimulationConfig(nodes=60, degree=4, deepness=4, origins=4)


def copies_of(graph: Graph, origin: int, deepness: int) -> int:
    """Count by hand: each node that follows the query sends it to all its links but the one it came from."""
    reach = distances(graph, origin)
    following = [node for node, hops in reach.items() if hops < deepness - 1]
    return sum(len(graph[node]) - (node != origin) for node in following)


@pytest.mark.parametrize("kind", list(GraphKind))
def test_equal_latency_floods_breadth_first_exactly(kind: GraphKind) -> None:
    graph = build_graph(kind, nodes=80, degree=4, seed=9)
    world = build_world(SimulationConfig(nodes=80, degree=4, graph=kind), graph, seed="9")
    for origin in (0, 41):
        reach = distances(graph, origin)
        for deepness in range(1, 6):
            outcome = world.run_query(origin, deepness)
            within = sum(hops < deepness for hops in reach.values())
            assert outcome.found == within
            assert outcome.requests == outcome.answers == copies_of(graph, origin, deepness)
            assert outcome.duplicates == outcome.requests - (within - 1)
            # Each record comes back over as many links as its node is hops away.
            assert outcome.records_carried == sum(hops for hops in reach.values() if hops < deepness)
            assert outcome.stats.hops == max(hops for hops in reach.values() if hops < deepness)
            assert outcome.latency_ms == 100 * outcome.stats.hops or within == len(reach)
            assert outcome.coverage == pytest.approx(within / 80)


@pytest.mark.parametrize("latency", ["lognormal:50:1", "uniform:1:500"])
def test_forwarding_again_reaches_what_equal_latency_reaches(latency: str) -> None:
    graph = build_graph(GraphKind.REGULAR, nodes=80, degree=4, seed=2)
    config = SimulationConfig(nodes=80, degree=4, latency=parse_latency(latency), budget_ms=120_000)
    world = build_world(config, graph, seed="2")
    first_only = build_world(replace(config, is_forwarded_again=False), graph, seed="2")
    lost = 0
    for origin in range(12):
        within = sum(hops < 4 for hops in distances(graph, origin).values())
        assert world.run_query(origin, 4).found == within
        lost += within - first_only.run_query(origin, 4).found
    assert lost > 0


def test_the_same_seed_gives_the_same_json_and_another_seed_another() -> None:
    config = replace(SMALL, latency=parse_latency("lognormal:50:1"), churn=0.1, loss=0.02, liars=0.1, sybils=0.05)
    first, again, other = (
        json.dumps(simulate_pool(replace(config, seed=seed)).document(), sort_keys=True) for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


def test_progress_counts_to_its_end() -> None:
    told: list[tuple[str, int, int]] = []
    simulate_pool(replace(SMALL, graphs=2, deepness=2), lambda *step: told.append(step))
    assert [(done, total) for _, done, total in told] == [(done, 8) for done in range(1, 9)]


def test_a_report_of_a_quiet_network() -> None:
    report = simulate_pool(SMALL)
    assert [row.deepness for row in report.rows] == [1, 2, 3, 4]
    assert report.queries == 4
    first = report.rows[0]
    assert first.requests.mean == 0
    assert first.coverage.mean == pytest.approx(1 / 60)
    assert report.rows[1].requests.mean == 4
    assert report.rows[1].size_bytes.mean == 4 * (200 + 60 + 700)
    assert report.rows[1].amplification.mean == pytest.approx(4 * 960 / 200)
    for row in report.rows:
        assert (row.recall.mean, row.purity.mean, row.finished.mean) == (1, 1, 1)
        assert (row.timed_out.mean, row.blamed_honest, row.forged) == (0, 0, 0)
    assert all(before.coverage.mean < after.coverage.mean for before, after in pairwise(report.rows))


def test_silent_nodes_cost_records_and_time_but_the_query_ends_within_its_budget() -> None:
    report = simulate_pool(replace(SMALL, churn=0.3, origins=8))
    deepest = report.rows[-1]
    assert deepest.finished.mean == 1
    assert 0.3 < deepest.recall.mean < 1
    assert deepest.timed_out.mean > 0
    assert 1_000 < deepest.latency_p95_ms <= SMALL.budget_ms


@pytest.mark.parametrize("lie", list(LieKind))
def test_lies_bring_no_forged_record_and_blame_no_honest_node(lie: LieKind) -> None:
    report = simulate_pool(replace(SMALL, liars=0.2, lies=(lie,), origins=8))
    assert all((row.forged, row.blamed_honest) == (0, 0) for row in report.rows)
    deepest = report.rows[-1]
    assert (deepest.blamed_liars.mean > 0) == (lie is LieKind.FORGE)
    assert deepest.purity.mean == 1


def test_sybils_fill_an_answer_that_is_cut_by_chance_and_not_one_that_is_shared_per_link() -> None:
    config = replace(SMALL, sybils=0.1, fakes_per_sybil=200, size_limit=30, deepness=5, origins=10)
    by_chance = simulate_pool(replace(config, rule=Rule.RANDOM)).rows[-1]
    by_link = simulate_pool(replace(config, rule=Rule.LINK_AUTHOR)).rows[-1]
    assert by_chance.purity.mean < 0.15
    assert by_link.purity.mean > 0.4


def test_without_names_of_their_own_sybils_fill_no_more_than_their_shares() -> None:
    config = replace(SMALL, sybils=0.1, size_limit=60, deepness=5, origins=10, fakes_per_sybil=200)
    free = simulate_pool(config).rows[-1]
    paid = simulate_pool(replace(config, fakes_per_sybil=1)).rows[-1]
    assert paid.purity.mean > free.purity.mean
    assert paid.coverage.mean >= free.coverage.mean


def test_nodes_with_none_but_sybils_around_are_counted() -> None:
    config = SimulationConfig(nodes=12, degree=2, sybils=0.6, fakes_per_sybil=1, deepness=2, origins=2)
    report = simulate_pool(config)
    graph = build_graph(config.graph, nodes=12, degree=2, seed=1_000)
    honest = frozenset(build_world(config, graph, seed="1000").honest)
    assert report.surrounded == sum(honest.isdisjoint(graph[node]) for node in honest)


def test_only_honest_nodes_ask() -> None:
    graph = build_graph(GraphKind.REGULAR, nodes=10, degree=4, seed=1)
    world = build_world(SimulationConfig(nodes=10, degree=4, sybils=0.5, fakes_per_sybil=1), graph, seed="1")
    sybil = next(number for number in range(10) if number not in world.honest)
    with pytest.raises(LocalError):
        world.run_query(sybil, 2)
    with pytest.raises(LocalError):
        world.publish(sybil)


def test_a_cache_saves_copies_and_its_book_is_older() -> None:
    graph = build_graph(GraphKind.REGULAR, nodes=40, degree=4, seed=1)
    config = SimulationConfig(nodes=40, degree=4, cache_age_ms=60_000, budget_ms=2_000, hop_margin_ms=300)
    world = build_world(config, graph, seed="1")
    origin, neighbour = 0, graph[0][0]
    world.run_query(neighbour, 3)
    for holder in world.holders:
        world.publish(holder)
    fresh = build_world(replace(config, cache_age_ms=0), graph, seed="1").run_query(origin, 3)
    cached = world.run_query(origin, 3)
    assert cached.requests < fresh.requests
    assert cached.found >= fresh.found
    assert (fresh.lag_ms, cached.lag_ms) == (0, 0)  # both were asked in the millisecond of the change
    assert world.run_query(neighbour, 3).lag_ms > 1_000


@pytest.mark.parametrize(
    ("rule", "share", "stop"),
    [
        (StopRule.NEW_RECORDS, 0.05, 4),  # the fourth step brings 4 of 100
        (StopRule.NEW_RECORDS, 0.5, 3),  # the third brings 46 of 96
        (StopRule.NEW_RECORDS, 0.01, 5),  # the fifth brings none
        (StopRule.DUPLICATES, 0.5, 4),  # 700 of 1000 knew
        (StopRule.DUPLICATES, 0.1, 3),  # 80 of 400 knew
        (StopRule.DUPLICATES, 0.9, 5),
    ],
)
def test_when_to_stop_asking_deeper(rule: StopRule, share: float, stop: int) -> None:
    steps = [(1, 0, 0), (50, 100, 5), (96, 400, 80), (100, 1_000, 700), (100, 1_000, 800)]
    assert stop_at(steps, rule, share) == stop


def test_inequality() -> None:
    assert gini([5, 5, 5, 5]) == 0
    assert gini([0, 0, 0, 8]) == pytest.approx(0.75)  # (n - 1) / n
    assert gini([1, 3]) == pytest.approx(0.25)
    assert gini([0, 0]) == 0
