"""What a simulation found, as values that JSON takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum

from parley.simulation.baselines import PushModel
from parley.simulation.config import SimulationConfig
from parley.simulation.estimates import Estimate

__all__ = ["DeepnessRow", "LoadSummary", "PushRow", "SimulationReport", "StopRow", "StopRule", "as_document"]

_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepnessRow:
    """Queries of one deepness. Estimates are means per query.

    Attributes:
        deepness: 1 is the own node alone.
        coverage: share of all true records that the answer held; where each node has one, of the nodes reached.
        recall: share of the true records within that many hops that the answer held.
        purity: share of the answer that was true records.
        requests: copies of the query sent, all links together.
        duplicates: copies that reached a node which knew the request already.
        requests_per_node: copies per node that was reached, the asker left out; 0 where none was.
        records_carried: records in all answers, each hop counted.
        size_bytes: sent over all links.
        amplification: bytes over all links per byte of one query.
        latency_ms: from question to answer.
        latency_p95_ms: what 95 of 100 queries did not exceed.
        finished: share of queries that were answered.
        timed_out: copies that were not answered in time, as the answer itself says.
        hops: to the farthest node that answered, as the answer itself says.
        blamed_liars: liars and sybils that were blamed.
        blamed_honest: honest nodes that were blamed, in all queries; must be 0.
        forged: records that nobody signed in all answers to wallets; must be 0.
    """

    deepness: int
    coverage: Estimate
    recall: Estimate
    purity: Estimate
    requests: Estimate
    duplicates: Estimate
    requests_per_node: Estimate
    records_carried: Estimate
    size_bytes: Estimate
    amplification: Estimate
    latency_ms: Estimate
    latency_p95_ms: float
    finished: Estimate
    timed_out: Estimate
    hops: Estimate
    blamed_liars: Estimate
    blamed_honest: int
    forged: int


class StopRule(Enum):
    """What somebody who asks deeper and deeper looks at to know when to stop."""

    NEW_RECORDS = "new records"
    """Stop when the last step's new records are less than a share of all found: one step too late, and safe."""
    DUPLICATES = "duplicates"
    """Stop when more than a share of the copies met a node that knew: one step earlier, on other nodes' word."""


@dataclass(frozen=True, slots=True)
class StopRow:
    """Asking deeper and deeper by one rule.

    Attributes:
        rule: what is looked at.
        share: the rule's threshold.
        deepness: where it stopped.
        coverage: share of all true records found.
        requests: copies of all queries on the way.
    """

    rule: StopRule
    share: float
    deepness: Estimate
    coverage: Estimate
    requests: Estimate


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """How the work of the deepest queries is spread over nodes.

    Attributes:
        mean: queries that a node took, per query asked.
        most: of the busiest node, per query asked.
        top_share: share of all work that the busiest hundredth of the nodes did.
        inequality: Gini coefficient: 0 all equal, 1 one does all.
    """

    mean: float
    most: float
    top_share: float
    inequality: float


@dataclass(frozen=True, slots=True)
class PushRow:
    """One way of pushing every offer to every node, beside the queries that were simulated.

    Attributes:
        model: of push.
        bytes_per_s: over all links, whether anybody looks or not.
        break_even_per_s: queries a second, all wallets together, above which this push costs less than pull; by
            deepness, from 2.
    """

    model: PushModel
    bytes_per_s: float
    break_even_per_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """What one simulation found.

    Attributes:
        config: what was asked.
        queries: per deepness.
        rows: by deepness, from 1.
        stops: by threshold.
        load: of the deepest queries.
        surrounded: honest nodes whose links all lead to sybils, in all graphs.
        push: by model.
    """

    config: SimulationConfig
    queries: int
    rows: tuple[DeepnessRow, ...]
    stops: tuple[StopRow, ...]
    load: LoadSummary
    surrounded: int
    push: tuple[PushRow, ...]

    def document(self) -> dict[str, object]:
        """Return the report as JSON takes it; the same config gives the same document."""
        found = {item.name: as_document(getattr(self, item.name)) for item in fields(self) if item.name != "config"}
        return {"config": self.config.document(), **found}


def as_document(value: object) -> object:
    """Return a value of a report as JSON takes it: dataclasses as objects, numbers to six significant digits."""
    match value:
        case SimulationConfig() | Estimate():
            return value.document()
        case Enum():
            return value.value
        case float():
            return float(f"{value:.{_DIGITS}g}")
        case tuple() | list():
            return [as_document(item) for item in value]
        case Mapping():
            return {str(key): as_document(item) for key, item in value.items()}
        case _ if is_dataclass(value):
            return {item.name: as_document(getattr(value, item.name)) for item in fields(value)}
        case _:
            return value
