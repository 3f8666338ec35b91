"""Studies of what goes wrong: nodes that fall silent, late networks, liars, and being surrounded."""

from __future__ import annotations

from dataclasses import replace

from parley.simulation.config import LieKind, SimulationConfig
from parley.simulation.eclipse import eclipse_by_address, eclipse_by_group, eclipse_with_anchors
from parley.simulation.pool import Progress, simulate_pool
from parley.simulation.report import DeepnessRow
from parley.simulation.tables import Cell, Table
from parley.testing.network import parse_latency

__all__ = ["study_churn", "study_eclipse", "study_latency", "study_lies"]

_DEEPNESS = 5
_ENDLESS_MS = 600_000
_MARGINS = ((8_000, 700), (8_000, 1_500), (16_000, 2_500))
_LATENCIES = ("constant:50", "uniform:20:200", "lognormal:50:1", "tor")


def study_churn(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Let nodes fall silent while a query runs, with the node's deadline and with one so late that it hardly is one."""
    rows: list[tuple[Cell, ...]] = []
    for churn in (0.0, 0.01, 0.05, 0.1, 0.2):
        for name, budget_ms in (("8 s", 8_000), ("600 s", _ENDLESS_MS)):
            config = SimulationConfig(deepness=_DEEPNESS, origins=origins, seed=seed, churn=churn, budget_ms=budget_ms)
            deepest = simulate_pool(config, progress).rows[-1]
            rows.append((churn, name, deepest.recall, deepest.timed_out, deepest.latency_ms))
    return Table(
        "1000 nodes, 8 links, deepness 5, latency 50 ms: nodes fall silent while the query runs",
        ("silent nodes", "budget", "recall", "copies timed out", "latency (ms)"),
        tuple(rows),
        "The records of nodes that fall silent count as missing.",
    )


def study_latency(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Compare distributions of latency, and budgets and margins for each hop."""
    rows: list[tuple[Cell, ...]] = []
    for latency in _LATENCIES:
        for budget_ms, margin_ms in _MARGINS:
            config = SimulationConfig(
                deepness=_DEEPNESS,
                origins=origins,
                seed=seed,
                latency=parse_latency(latency),
                is_latency_of_link=latency != "tor",
                budget_ms=budget_ms,
                hop_margin_ms=margin_ms,
            )
            deepest = simulate_pool(config, progress).rows[-1]
            rows.append((latency, budget_ms, margin_ms, deepest.recall, deepest.timed_out, *_latency_cells(deepest)))
    return Table(
        "1000 nodes, 8 links, deepness 5: latency of messages against the time that hops are given",
        ("latency", "budget (ms)", "margin (ms)", "recall", "copies timed out", "latency (ms)", "95 % within (ms)"),
        tuple(rows),
    )


def study_lies(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Let a tenth of the nodes lie, one kind of lie at a time."""
    rows: list[tuple[Cell, ...]] = []
    base = SimulationConfig(deepness=_DEEPNESS, origins=origins, seed=seed)
    for name, config in (
        ("nobody lies", base),
        *((kind.value, replace(base, liars=0.1, lies=(kind,))) for kind in LieKind),
    ):
        deepest = simulate_pool(config, progress).rows[-1]
        rows.append((name, deepest.coverage, deepest.forged, deepest.blamed_liars, deepest.blamed_honest))
    return Table(
        "1000 nodes, 8 links, deepness 5: one node in ten lies",
        ("lie", "coverage", "forged records taken", "liars blamed per query", "honest nodes blamed"),
        tuple(rows),
        "Coverage is of honest nodes' records.",
    )


def study_eclipse() -> Table:
    """Compare rules for choosing links by the chance that all of them lead to one attacker."""
    slots, addresses, groups = 8, 1_000, 200
    rows: list[tuple[Cell, ...]] = []
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        bad_groups = round(share * groups / 10)
        by_address = eclipse_by_address(bad=round(share * addresses), addresses=addresses, slots=slots)
        by_group = eclipse_by_group(bad_groups=bad_groups, groups=groups, slots=slots)
        anchored = eclipse_with_anchors(bad_groups=bad_groups, groups=groups, slots=slots, anchors=2, anchor_loss=0.1)
        rows.append((share, by_address, by_group, anchored))
    return Table(
        "Chance that all 8 outbound links lead to one attacker",
        ("share of addresses", "any addresses", "one per address group", "and 2 anchors, each gone 1 time in 10"),
        tuple(rows),
        "1000 known addresses in 200 groups; the attacker's addresses share groups, ten to each honest one's one.",
    )


def _latency_cells(row: DeepnessRow) -> tuple[Cell, ...]:
    return row.latency_ms, row.latency_p95_ms
