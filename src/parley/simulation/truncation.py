"""Study of sybils: what is left of an answer that is cut to a limit, by the rule of cutting and the price of names."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from parley.simulation.building import build_world
from parley.simulation.config import Rule, SimulationConfig
from parley.simulation.estimates import Estimate, estimate
from parley.simulation.graphs import build_graph
from parley.simulation.pool import Progress
from parley.simulation.tables import Cell, Table

__all__ = ["PUBLISHED_TRUNCATION", "Case", "PublishedTruncation", "measure_truncation", "study_sybils"]

_RECORDS = 400
_DEEPNESS = 6
_FAKES = 1_000
_PAID_NAMES = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One column: a rule, and what names cost.

    Attributes:
        name: of the column.
        rule: for cutting.
        fakes_per_sybil: records that a sybil invents, each of an author of its own.
    """

    name: str
    rule: Rule
    fakes_per_sybil: int


CASES = (
    Case("random", Rule.RANDOM, _FAKES),
    Case("claimed node", Rule.NODE, _FAKES),
    Case("link", Rule.LINK_AUTHOR, _FAKES),
    Case("link, 3 paid names", Rule.LINK_AUTHOR, _PAID_NAMES),
)
"""A sybil that names itself anew on each record turns shares per author into shares per link, so the machine's own
rule stands for both; the last column lets it pay for three names, one record each."""


@dataclass(frozen=True, slots=True)
class PublishedTruncation:
    """Purity and recall that an independent sketch of the same attack found.

    Attributes:
        size_limit: most records of an answer.
        sybils: share of nodes.
        figures: (purity, recall) by case.
    """

    size_limit: int
    sybils: float
    figures: tuple[tuple[float, float], ...]


PUBLISHED_TRUNCATION = (
    PublishedTruncation(100, 0.05, ((0.05, 0.01), (0.05, 0.01), (0.87, 0.23), (0.74, 0.19))),
    PublishedTruncation(1_000, 0.01, ((0.05, 0.13), (0.06, 0.14), (0.35, 0.87), (0.93, 0.98))),
    PublishedTruncation(1_000, 0.10, ((0.00, 0.01), (0.01, 0.01), (0.07, 0.21), (0.54, 0.80))),
)
"""Sybils answered only the copies that they followed; 1000 nodes, 8 links, 400 records, 5 hops."""


def measure_truncation(config: SimulationConfig) -> tuple[Estimate, Estimate]:
    """Return purity and coverage of queries of the deepest kind, over graphs each with sybils of its own.

    Sybils near the asker matter most, and one placing of them gives one answer over and over: so a graph per origin.

    Args:
        config: `graphs` graphs, one origin each; `origins` is not used.
    """
    purities: list[float] = []
    coverages: list[float] = []
    for number in range(config.graphs):
        seed = config.seed * 1_000 + number
        graph = build_graph(config.graph, nodes=config.nodes, degree=config.degree, seed=seed)
        world = build_world(config, graph, seed=str(seed))
        outcome = world.run_query(Random(f"origins/{seed}").choice(world.honest), config.deepness)
        purities.append(outcome.purity)
        coverages.append(outcome.coverage)
    return estimate(purities), estimate(coverages)


def study_sybils(*, origins: int, seed: int, is_greedy: bool, progress: Progress | None = None) -> Table:
    """Set the published figures beside those of the machines.

    Args:
        origins: askers per cell, each in a network of its own.
        seed: of all chance.
        is_greedy: sybils answer every copy of a query, and not only those that they follow.
        progress: is told after each cell.
    """
    rows: list[tuple[Cell, ...]] = []
    total = len(PUBLISHED_TRUNCATION) * len(CASES)
    for published in PUBLISHED_TRUNCATION:
        for case, figures in zip(CASES, published.figures, strict=True):
            config = SimulationConfig(
                deepness=_DEEPNESS,
                graphs=origins,
                records=_RECORDS,
                size_limit=published.size_limit,
                sybils=published.sybils,
                fakes_per_sybil=case.fakes_per_sybil,
                are_sybils_greedy=is_greedy,
                rule=case.rule,
                seed=seed,
            )
            purity, recall = measure_truncation(config)
            limit = min(1.0, published.size_limit / _RECORDS)
            rows.append(
                (published.size_limit, published.sybils, case.name, purity, figures[0], recall, figures[1], limit)
            )
            if progress is not None:
                progress("sybils", len(rows), total)
    kind = "every copy" if is_greedy else "the copies that they follow"
    return Table(
        f"1000 nodes, 8 links, 400 true records, deepness 6; sybils answer {kind} with 1000 fakes",
        ("size limit", "sybils", "shares per", "purity", "published", "recall", "published", "recall at most"),
        tuple(rows),
        "The published sketch had sybils answer only the copies that they follow.",
    )
