"""Simulate the pool: queries of every deepness over random graphs of the node's own machines.

    report = simulate_pool(SimulationConfig(nodes=1_000, degree=8, deepness=6))

Nothing here reads a clock: the same configuration gives the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random

from parley.simulation.baselines import Market, PushModel, break_even_queries_per_s, push_rate_bytes_per_s
from parley.simulation.building import build_world
from parley.simulation.config import SimulationConfig
from parley.simulation.estimates import estimate, percentile
from parley.simulation.graphs import Graph, build_graph, distances
from parley.simulation.report import DeepnessRow, LoadSummary, PushRow, SimulationReport, StopRow, StopRule
from parley.simulation.world import Outcome

__all__ = ["STOPS", "Progress", "gini", "simulate_pool", "stop_at"]

Progress = Callable[[str, int, int], None]
"""(what is done, steps done, steps in all)."""

STOPS = (
    (StopRule.NEW_RECORDS, 0.05),
    (StopRule.NEW_RECORDS, 0.2),
    (StopRule.DUPLICATES, 0.25),
    (StopRule.DUPLICATES, 0.5),
    (StopRule.DUPLICATES, 0.75),
)
"""The rules for asking deeper and deeper that are reported."""

_SEED_STRIDE = 1_000
_TOP_HUNDREDTHS = 100


class _Findings:
    """Outcomes by origin, each a row of deepness 1, 2, ..."""

    def __init__(self) -> None:
        self.by_origin: list[list[Outcome]] = []
        self.recalls: list[list[float]] = []
        self.surrounded = 0
        self.load: list[int] = []


def simulate_pool(config: SimulationConfig, progress: Progress | None = None) -> SimulationReport:
    """Run one simulation.

    Args:
        config: what to simulate.
        progress: is told after each origin.

    Raises:
        ConfigError: there is no such graph, or networkx is not installed.
    """
    findings = _Findings()
    total = config.graphs * config.origins
    for number in range(config.graphs):
        seed = config.seed * _SEED_STRIDE + number
        graph = build_graph(config.graph, nodes=config.nodes, degree=config.degree, seed=seed)
        for _ in _explore(config, graph, seed, findings):
            if progress is not None:
                progress("queries of every deepness", len(findings.by_origin), total)
    rows = tuple(_row(config, findings, deepness) for deepness in range(1, config.deepness + 1))
    return SimulationReport(
        config=config,
        queries=len(findings.by_origin),
        rows=rows,
        stops=tuple(_stop_row(findings.by_origin, rule, share) for rule, share in STOPS),
        load=_summarize_load(findings.load, queries=len(findings.by_origin) // config.graphs),
        surrounded=findings.surrounded,
        push=_push_rows(config, rows),
    )


def stop_at(steps: Sequence[tuple[int, int, int]], rule: StopRule, share: float) -> int:
    """Return the deepness at which asking deeper and deeper stops.

    Args:
        steps: (records found, copies sent, copies that met a node which knew) at deepness 1, 2, ..., n >= 1 of them.
        rule: what is looked at.
        share: its threshold, 0..1.

    Returns:
        1..n; n when nothing told to stop.
    """
    for deepness, ((before, _, _), (found, requests, duplicates)) in enumerate(pairwise(steps), start=2):
        match rule:
            case StopRule.NEW_RECORDS:
                is_enough = found - before < share * found
            case StopRule.DUPLICATES:
                is_enough = duplicates > share * requests
        if is_enough:
            return deepness
    return len(steps)


def gini(values: Sequence[int]) -> float:
    """Return how unequal values are: 0 when all are the same, towards 1 when one has everything.

    Args:
        values: each >= 0, shape (n,).
    """
    ordered, total = sorted(values), sum(values)
    if not total:
        return 0.0
    weighted = sum(place * value for place, value in enumerate(ordered, start=1))
    return 2 * weighted / (len(ordered) * total) - (len(ordered) + 1) / len(ordered)


def _explore(config: SimulationConfig, graph: Graph, seed: int, findings: _Findings) -> Iterator[None]:
    world = build_world(config, graph, seed=str(seed))
    honest, holders = frozenset(world.honest), world.holders
    findings.surrounded += sum(not honest.intersection(graph[node]) for node in honest if graph[node])
    load = [0] * config.nodes
    source = Random(f"origins/{seed}")
    for origin in source.sample(world.honest, min(config.origins, len(world.honest))):
        reach = distances(graph, origin)
        outcomes: list[Outcome] = []
        recalls: list[float] = []
        for deepness in range(1, config.deepness + 1):
            outcome = world.run_query(origin, deepness)
            within = sum(reach[holder] < deepness for holder in holders if holder in reach)
            recalls.append(outcome.found / within if within else 1.0)
            outcomes.append(outcome)
        for number, queries in outcomes[-1].load.items():
            load[number] += queries
        findings.by_origin.append(outcomes)
        findings.recalls.append(recalls)
        yield
    findings.load.extend(load)


def _row(config: SimulationConfig, findings: _Findings, deepness: int) -> DeepnessRow:
    outcomes = [row[deepness - 1] for row in findings.by_origin]
    sizes_bytes = [float(outcome.size_bytes(config)) for outcome in outcomes]
    query_bytes = max(1, config.query_bytes)
    latencies_ms = [float(outcome.latency_ms) for outcome in outcomes]
    reached = [len(outcome.load.keys() - {outcome.origin}) for outcome in outcomes]
    return DeepnessRow(
        deepness=deepness,
        coverage=estimate([outcome.coverage for outcome in outcomes]),
        recall=estimate([row[deepness - 1] for row in findings.recalls]),
        purity=estimate([outcome.purity for outcome in outcomes]),
        requests=estimate([float(outcome.requests) for outcome in outcomes]),
        duplicates=estimate([float(outcome.duplicates) for outcome in outcomes]),
        requests_per_node=estimate(
            [outcome.requests / nodes if nodes else 0.0 for outcome, nodes in zip(outcomes, reached, strict=True)]
        ),
        records_carried=estimate([float(outcome.records_carried) for outcome in outcomes]),
        size_bytes=estimate(sizes_bytes),
        amplification=estimate([size_bytes / query_bytes for size_bytes in sizes_bytes]),
        latency_ms=estimate(latencies_ms),
        latency_p95_ms=percentile(latencies_ms, 0.95),
        finished=estimate([float(outcome.is_finished) for outcome in outcomes]),
        timed_out=estimate([float(outcome.stats.timed_out) for outcome in outcomes]),
        hops=estimate([float(outcome.stats.hops) for outcome in outcomes]),
        blamed_liars=estimate([float(outcome.blamed_liars) for outcome in outcomes]),
        blamed_honest=sum(outcome.blamed_honest for outcome in outcomes),
        forged=sum(outcome.forged for outcome in outcomes),
    )


def _stop_row(by_origin: Sequence[Sequence[Outcome]], rule: StopRule, share: float) -> StopRow:
    stops = [
        stop_at([(outcome.found, outcome.requests, outcome.duplicates) for outcome in outcomes], rule, share)
        for outcomes in by_origin
    ]
    asked = [outcomes[:stop] for outcomes, stop in zip(by_origin, stops, strict=True)]
    return StopRow(
        rule,
        share,
        deepness=estimate([float(stop) for stop in stops]),
        coverage=estimate([outcomes[-1].coverage for outcomes in asked]),
        requests=estimate([float(sum(outcome.requests for outcome in outcomes)) for outcomes in asked]),
    )


def _summarize_load(load: Sequence[int], *, queries: int) -> LoadSummary:
    # One number per node of each graph; `queries` is how many were asked per graph.
    busiest = sorted(load, reverse=True)[: max(1, len(load) // _TOP_HUNDREDTHS)]
    total = sum(load)
    return LoadSummary(
        mean=total / len(load) / queries,
        most=max(load) / queries,
        top_share=sum(busiest) / total if total else 0.0,
        inequality=gini(load),
    )


def _push_rows(config: SimulationConfig, rows: Sequence[DeepnessRow]) -> tuple[PushRow, ...]:
    market = Market(
        nodes=config.nodes,
        degree=config.degree,
        offers=config.records or config.honest_nodes,
        refresh_s=config.refresh_s,
        record_bytes=config.record_bytes,
        query_bytes=config.query_bytes,
    )
    costs_bytes = [row.size_bytes.mean for row in rows[1:]]
    return tuple(
        PushRow(
            model,
            push_rate_bytes_per_s(model, market),
            tuple(break_even_queries_per_s(model, market, cost_bytes) for cost_bytes in costs_bytes if cost_bytes > 0),
        )
        for model in PushModel
    )
