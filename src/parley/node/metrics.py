"""What the node counts, in Prometheus' form. Labels are methods, outcomes and reasons; never ids or addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from parley.node.lottery_metrics import LotteryMetrics
from parley.node.upload_metrics import UploadMetrics

__all__ = ["GAUGES", "Described", "Metrics"]

_QUERY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16)


GAUGES: Mapping[str, str] = {
    "pool_records": "Live records held.",
    "pool_bytes": "Bytes of encoded records held.",
    "pool_open_queries": "Queries under way.",
    "peer_links": "Links to peers.",
}
"""Values that are read when asked for."""


@dataclass(frozen=True, slots=True)
class Described:
    """One metric as the reference lists it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class Metrics:
    """One node's counters, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry(auto_describe=True)
        self._described: list[Described] = []
        self.calls = self._counter("rpc_calls", "Calls answered.", "audience", "method", "outcome")
        self.pushes = self._counter("pool_pushes", "Pushes, by outcome.", "outcome")
        self.evictions = self._counter("pool_evictions", "Records that had to leave for another.")
        self.queries = self._counter("pool_queries", "Queries answered, by who asked and outcome.", "asker", "outcome")
        self.items = self._counter("pool_items_received", "Records that links delivered, after all checks.")
        self.blames = self._counter("peer_blames", "Misbehaviour of links, by reason.", "reason")
        self.reports = self._counter("peer_bans", "Peers paused or banned, by the last reason.", "reason")
        self.asks = self._counter("peer_requests", "Requests to peers, by method and outcome.", "method", "outcome")
        self.works = self._counter("work_presented", "Work that strangers presented, by outcome.", "outcome")
        self.upload = UploadMetrics(counter=self._counter, gauge=self._gauge, histogram=self._histogram)
        self.lottery = LotteryMetrics(counter=self._counter, gauge=self._gauge, histogram=self._histogram)
        text = "Time from question to answer of the owner's queries."
        self.query_seconds = self._histogram("pool_query_seconds", text, _QUERY_SECONDS, "deepness")

    def read_gauges(self, readers: Mapping[str, Callable[[], float]]) -> None:
        """Say how each value of `GAUGES` is read when it is asked for."""
        for name, text in GAUGES.items():
            Gauge(f"parley_{name}", text, registry=self.registry).set_function(readers[name])

    def described(self) -> tuple[Described, ...]:
        """List all metrics."""
        gauges = (Described(f"parley_{name}", "gauge", (), text) for name, text in GAUGES.items())
        return (*self._described, *gauges)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        self._described.append(Described(f"parley_{name}", "gauge", (), text))
        return Gauge(f"parley_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: Sequence[float], *labels: str) -> Histogram:
        self._described.append(Described(f"parley_{name}", "histogram", labels, text))
        return Histogram(f"parley_{name}", text, labels, buckets=bounds, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self._described.append(Described(f"parley_{name}_total", "counter", labels, text))
        return Counter(f"parley_{name}", text, labels, registry=self.registry)
