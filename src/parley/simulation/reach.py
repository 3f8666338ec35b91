"""Studies of how far a query reaches: over graphs, with and without forwarding again, by latency, and who works."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from parley.errors import ErrorCode, LocalError
from parley.simulation.config import SimulationConfig
from parley.simulation.estimates import Estimate, student_quantile
from parley.simulation.graphs import GraphKind
from parley.simulation.pool import Progress, simulate_pool
from parley.simulation.report import DeepnessRow, SimulationReport
from parley.simulation.tables import Cell, Table
from parley.testing.network import parse_latency

__all__ = ["PUBLISHED_REACH", "PublishedReach", "agrees", "study_load", "study_order", "study_reach"]

_PATIENT_MS = 120_000
_PUBLISHED_ORIGINS = 5


@dataclass(frozen=True, slots=True)
class PublishedReach:
    """What an independent simulation of breadth-first flooding found, 5 to 30 origins each.

    Attributes:
        graph: kind of graph.
        nodes: of the network.
        degree: links of a node.
        first_deepness: of the first figure.
        coverage: share of nodes reached, by deepness, rounded to three digits.
        requests: copies of the query, by deepness.
    """

    graph: GraphKind
    nodes: int
    degree: int
    first_deepness: int
    coverage: tuple[float, ...]
    requests: tuple[int, ...]


PUBLISHED_REACH = (
    PublishedReach(GraphKind.REGULAR, 1_000, 8, 3, (0.064, 0.369, 0.964, 1.0), (64, 445, 2_595, 6_730)),
    PublishedReach(GraphKind.REGULAR, 10_000, 8, 4, (0.045, 0.275, 0.893, 1.0), (455, 3_143, 19_202, 62_547)),
    PublishedReach(GraphKind.ERDOS_RENYI, 1_000, 8, 4, (0.441, 0.947, 1.0), (582, 3_232, 6_740)),
    PublishedReach(GraphKind.BARABASI_ALBERT, 1_000, 8, 3, (0.088, 0.701, 0.999), (92, 1_545, 5_769)),
    PublishedReach(GraphKind.REGULAR, 1_000, 12, 3, (0.137, 0.805, 1.0), (144, 1_511, 8_821)),
)
"""The figures to reproduce; deepness d reaches d - 1 hops."""


def agrees(measured: Estimate, published: float, *, rounding: float) -> bool:
    """Say whether a published mean lies where a mean of as few as 5 further origins lies 19 times of 20.

    Args:
        measured: mean over n >= 2 origins.
        published: mean over 5 origins or more.
        rounding: half a unit of the published figure's last digit.

    Raises:
        LocalError: fewer than two samples tell nothing of the spread.

    Source: prediction interval of a mean, t(n-1) * s * sqrt(1/n + 1/5).
    """
    if measured.samples < 2:  # noqa: PLR2004  # two samples have a spread
        raise LocalError(ErrorCode.INVALID_ARGUMENT, samples=measured.samples)
    quantile = student_quantile(measured.samples - 1)
    deviation = (measured.high - measured.mean) / quantile * math.sqrt(measured.samples)
    reach = quantile * deviation * math.sqrt(1 / measured.samples + 1 / _PUBLISHED_ORIGINS)
    return abs(measured.mean - published) <= reach + rounding


def study_reach(
    *,
    origins: int,
    seed: int,
    published: Sequence[PublishedReach] = PUBLISHED_REACH,
    nodes_max: int = 100_000,
    progress: Progress | None = None,
) -> Table:
    """Set the published figures beside those of the machines.

    Args:
        origins: that ask, over three graphs of each kind together; 6 or more.
        seed: of all chance.
        published: what to set beside.
        nodes_max: leaves out larger networks.
        progress: is told after each origin.
    """
    rows: list[tuple[Cell, ...]] = []
    for figures in published:
        if figures.nodes > nodes_max:
            continue
        config = SimulationConfig(
            graph=figures.graph,
            nodes=figures.nodes,
            degree=figures.degree,
            deepness=figures.first_deepness + len(figures.coverage) - 1,
            graphs=3,
            origins=math.ceil(origins / 3),
            seed=seed,
        )
        report = simulate_pool(config, progress)
        rows += _reach_rows(figures, report)
    return Table(
        "Reach and cost of one query, constant latency",
        ("graph", "nodes", "links", "deepness", "coverage", "published", "requests", "published", "agree"),
        tuple(rows),
        "Published figures are means of 5 to 30 origins. They agree where a mean of 5 more origins would be found "
        "19 times of 20.",
    )


def study_order(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Compare following only the first copy with forwarding better copies again, where links differ in latency."""
    rows: list[tuple[Cell, ...]] = []
    base = SimulationConfig(deepness=6, origins=origins, seed=seed, budget_ms=_PATIENT_MS)
    uneven = replace(base, latency=parse_latency("lognormal:50:1"))
    for name, config in (
        ("equal latency", base),
        ("lognormal, first copy only", replace(uneven, is_forwarded_again=False)),
        ("lognormal, forwarded again", uneven),
    ):
        report = simulate_pool(config, progress)
        rows += [(name, row.deepness, row.coverage, row.requests, row.latency_ms) for row in report.rows[4:]]
    return Table(
        "1000 nodes, 8 links each: what the order of arrival costs",
        ("copies", "deepness", "coverage", "requests", "latency (ms)"),
        tuple(rows),
    )


def study_load(*, origins: int, seed: int, progress: Progress | None = None) -> Table:
    """Compare graphs by who does the work of queries that cover most of the network."""
    rows: list[tuple[Cell, ...]] = []
    for graph in GraphKind:
        report = simulate_pool(SimulationConfig(graph=graph, deepness=5, origins=origins, seed=seed), progress)
        deepest: DeepnessRow = report.rows[-1]
        rows.append((graph.value, deepest.coverage, deepest.requests, *_load_cells(report)))
    return Table(
        "1000 nodes, 8 links on average, deepness 5: who does the work",
        ("graph", "coverage", "requests", "queries of a node", "of the busiest", "share of the top 1 %", "Gini"),
        tuple(rows),
        "Queries that a node takes per query asked.",
    )


def _load_cells(report: SimulationReport) -> tuple[Cell, ...]:
    load = report.load
    return load.mean, load.most, load.top_share, load.inequality


def _reach_rows(published: PublishedReach, report: SimulationReport) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for place, (coverage, requests) in enumerate(zip(published.coverage, published.requests, strict=True)):
        row = report.rows[published.first_deepness - 1 + place]
        is_same = agrees(row.coverage, coverage, rounding=0.0005) and agrees(row.requests, requests, rounding=0.5)
        rows.append(
            (
                published.graph.value, published.nodes, published.degree, row.deepness,
                row.coverage, coverage, row.requests, requests, "yes" if is_same else "no",
            )
        )  # fmt: skip
    return rows
