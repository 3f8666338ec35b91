"""The machines give the figures that the design was decided by; the seeds are fixed, the samples large enough.

The published figures come from an independent simulation of breadth-first flooding, without machines, signatures or
deadlines. Agreement is a prediction interval at 95 %: see `parley.simulation.reach.agrees`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.simulation.config import SimulationConfig
from parley.simulation.estimates import Estimate
from parley.simulation.pool import simulate_pool
from parley.simulation.reach import PUBLISHED_REACH, agrees, study_reach
from parley.simulation.spreading import study_push
from parley.simulation.tables import render_table
from parley.simulation.truncation import CASES, PUBLISHED_TRUNCATION, measure_truncation
from parley.testing.network import parse_latency

pytestmark = pytest.mark.slow

REGULAR = PUBLISHED_REACH[0]


def test_coverage_and_copies_of_8_links_and_1000_nodes() -> None:
    report = simulate_pool(SimulationConfig(nodes=1_000, degree=8, deepness=6, graphs=3, origins=3, seed=3))
    assert (REGULAR.nodes, REGULAR.degree, REGULAR.first_deepness) == (1_000, 8, 3)
    for row, coverage, requests in zip(report.rows[2:], REGULAR.coverage, REGULAR.requests, strict=True):
        assert agrees(row.coverage, coverage, rounding=0.0005), row
        assert agrees(row.requests, requests, rounding=0.5), row


@pytest.mark.parametrize("place", [2, 3, 4], ids=["erdos-renyi", "barabasi-albert", "12 links"])
def test_coverage_and_copies_of_other_graphs(place: int) -> None:
    table = study_reach(origins=6, seed=3, published=PUBLISHED_REACH[place : place + 1])
    assert [row[-1] for row in table.rows] == ["yes"] * 3, render_table(table)


@pytest.mark.nightly
def test_coverage_and_copies_of_10000_nodes() -> None:
    table = study_reach(origins=6, seed=3, published=PUBLISHED_REACH[1:2])
    assert [row[-1] for row in table.rows] == ["yes"] * 4, render_table(table)


def test_first_arrival_alone_loses_a_seventh_and_forwarding_again_restores_it() -> None:
    base = SimulationConfig(
        deepness=6, graphs=3, origins=2, seed=3, budget_ms=120_000, latency=parse_latency("lognormal:50:1")
    )
    first_only = simulate_pool(replace(base, is_forwarded_again=False)).rows
    again = simulate_pool(base).rows
    assert agrees(first_only[4].coverage, 0.826, rounding=0.0005)
    assert agrees(first_only[5].coverage, 0.982, rounding=0.0005)
    assert agrees(again[4].coverage, 0.964, rounding=0.0005)
    assert again[5].coverage.mean == 1
    # For 2 % and 16 % more copies than breadth-first flooding needs (2595 and 6730).
    assert again[4].requests.mean / 2_595 == pytest.approx(1.02, abs=0.05)
    assert again[5].requests.mean / 6_730 == pytest.approx(1.16, abs=0.03)


def among_sybils(place: int, *, graphs: int) -> tuple[Estimate, Estimate]:
    published, case = PUBLISHED_TRUNCATION[0], CASES[place]
    config = SimulationConfig(
        deepness=6,
        graphs=graphs,
        records=400,
        size_limit=published.size_limit,
        sybils=published.sybils,
        fakes_per_sybil=case.fakes_per_sybil,
        are_sybils_greedy=False,
        rule=case.rule,
        seed=3,
    )
    return measure_truncation(config)


def test_an_answer_that_is_cut_by_chance_is_full_of_fakes() -> None:
    purity, recall = among_sybils(0, graphs=6)
    wanted_purity, wanted_recall = PUBLISHED_TRUNCATION[0].figures[0]
    assert agrees(purity, wanted_purity, rounding=0.005)
    assert agrees(recall, wanted_recall, rounding=0.005)


@pytest.mark.parametrize("place", [2, 3], ids=["link", "link, 3 paid names"])
def test_fair_shares_keep_an_answer_as_true_as_published_or_truer(place: int) -> None:
    purity, recall = among_sybils(place, graphs=8)
    wanted_purity, wanted_recall = PUBLISHED_TRUNCATION[0].figures[place]
    assert agrees(purity, wanted_purity, rounding=0.005) or purity.low > wanted_purity
    assert agrees(recall, wanted_recall, rounding=0.005) or recall.low > wanted_recall


def test_fair_shares_hold_even_when_sybils_answer_every_copy() -> None:
    config = SimulationConfig(deepness=6, graphs=6, records=400, size_limit=100, sybils=0.05, seed=3)
    purity, _ = measure_truncation(config)
    assert purity.low > 0.5


def test_one_whole_book_query_costs_what_3_publish_seconds_of_gossip_do() -> None:
    table = study_push(origins=3, seed=3)
    by_deepness = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    megabytes = {deepness: row["MB per query"] for deepness, row in by_deepness.items()}
    assert megabytes == pytest.approx({3: 0.03, 4: 0.23, 5: 1.0, 6: 1.85}, abs=0.05)
    assert by_deepness[6]["break-even, gossipsub"] == pytest.approx(3.15, abs=0.1)
