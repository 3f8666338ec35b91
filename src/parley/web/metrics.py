"""The page of the metrics: what `/metrics` gives to programs, as tables for people."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client.metrics_core import Metric

from parley.node.wiring import Node
from parley.web.page import Asked, Page, Screen
from parley.web.texts import counted, sized

__all__ = ["METRICS_PAGE", "Distribution", "distributions"]

_PREFIX: Final = "parley_"
_TOPICS: Final = (
    ("pool", "Pool"),
    ("peer", "Peers"),
    ("work", "Work of strangers"),
    ("upload", "Tickets"),
    ("lottery", "Payments"),
    ("rpc", "Calls"),
    ("", "Everything else"),
)
_COVERED: Final = 0.95
_MS_PER_SECOND: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Row:
    """One number: what it belongs to, and what it is."""

    labels: str
    value: str


@dataclass(frozen=True, slots=True)
class _Table:
    """One counter, with a row for each of its labels."""

    name: str
    text: str
    rows: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class _Topic:
    title: str
    tables: tuple[_Table, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How long something took, of one set of labels.

    Attributes:
        labels: such as `deepness 2`.
        count: how often it was measured.
        mean_ms: on average.
        covered_ms: an upper bound for 95 % of the cases; None when it lies above the last bucket.
    """

    labels: str
    count: int
    mean_ms: float
    covered_ms: float | None


async def _render(node: Node, asked: Asked) -> Screen:
    del asked
    families = tuple(node.metrics.registry.collect())
    histograms = [family for family in families if family.type == "histogram"]
    tables = {family.name: _table(family) for family in families if family.type != "histogram"}
    topics = []
    for prefix, title in _TOPICS:
        names = [name for name in tables if name.removeprefix(_PREFIX).startswith(prefix)]
        topics.append(_Topic(title, tuple(tables.pop(name) for name in names)))
    return Screen(
        "metrics.html",
        {
            "topics": [topic for topic in topics if topic.tables],
            "histograms": [(family.documentation.removesuffix("."), distributions(family)) for family in histograms],
            "settings": node.settings,
        },
    )


def _table(family: Metric) -> _Table:
    samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    is_bytes = family.name.endswith("_bytes")
    rows = (_Row(" · ".join(sample.labels.values()), _number(sample.value, is_bytes=is_bytes)) for sample in samples)
    return _Table(family.name, family.documentation.removesuffix("."), tuple(sorted(rows, key=lambda row: row.labels)))


def _number(value: float, *, is_bytes: bool) -> str:
    if not math.isfinite(value):
        return str(value)
    return sized(int(value)) if is_bytes else counted(int(value)) if value == int(value) else f"{value:,.3f}"


def _labelled(labels: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in labels)


def distributions(family: Metric) -> tuple[Distribution, ...]:
    """Return a histogram as one line for each set of labels that was measured.

    Args:
        family: a histogram of seconds.
    """
    counts: dict[str, float] = {}
    sums: dict[str, float] = {}
    buckets: dict[str, list[tuple[float, float]]] = {}
    for sample in family.samples:
        labels = _labelled((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_count"):
            counts[labels] = sample.value
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
        elif sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
    found = []
    for labels, count in counts.items():
        if count:
            bound_s = min(bound for bound, below in buckets[labels] if below >= _COVERED * count)
            covered_ms = bound_s * _MS_PER_SECOND if math.isfinite(bound_s) else None
            found.append(Distribution(labels, int(count), sums[labels] / count * _MS_PER_SECOND, covered_ms))
    return tuple(found)


METRICS_PAGE: Final = Page(path="/metrics-page", title="Metrics", render=_render, is_live=True)
"""What this node counts."""
