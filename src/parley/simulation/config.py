"""What one simulation is asked to do; every range is checked at construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum

from parley.errors import ConfigError, ErrorCode
from parley.simulation.graphs import GraphKind
from parley.testing.network import Latency

__all__ = ["LieKind", "Rule", "SimulationConfig"]

_COUNTS: Mapping[str, tuple[int, int]] = {
    "nodes": (2, 100_000),
    "degree": (1, 1_000),
    "deepness": (1, 16),
    "origins": (1, 10_000),
    "graphs": (1, 1_000),
    "records": (0, 100_000),
    "size_limit": (1, 100_000),
    "fakes_per_sybil": (1, 100_000),
    "authors_per_sybil": (0, 100_000),
    "budget_ms": (1, 600_000),
    "hop_margin_ms": (1, 60_000),
    "cache_age_ms": (0, 3_600_000),
    "refresh_s": (1, 86_400),
    "query_bytes": (0, 1_000_000),
    "answer_bytes": (0, 1_000_000),
    "record_bytes": (0, 1_000_000),
}
_SHARES = ("churn", "liars", "sybils", "loss")


class Rule(Enum):
    """Which records stay when an answer is cut to the size limit."""

    RANDOM = "random"
    """Any, by chance."""
    NODE = "node"
    """Fair shares per node that the records name: the seed's rule, by a label that anybody can write."""
    LINK = "link"
    """Fair shares per link that brought them."""
    LINK_AUTHOR = "link-author"
    """Fair shares per link, within a link per author: what the node does."""


class LieKind(Enum):
    """What a liar does."""

    DROP = "drop"
    """Answers its own records and asks nobody."""
    FORGE = "forge"
    """Alters the text of every record that it passes on."""
    RELABEL = "relabel"
    """Writes a new node name on every record that it passes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationConfig:
    """One simulation: queries of deepness 1..`deepness` from `origins` nodes of each of `graphs` graphs."""

    nodes: int = 1_000
    """Nodes of the network."""
    degree: int = 8
    """Links of a node, on average for some graphs."""
    graph: GraphKind = GraphKind.REGULAR
    """How links are chosen."""
    deepness: int = 5
    """Deepest query; 1 is the own node alone."""
    origins: int = 20
    """Nodes that ask, per graph."""
    graphs: int = 1
    """Graphs, each of its own seed."""
    latency: Latency = field(default_factory=Latency)
    """Of a message, one way."""
    is_latency_of_link: bool = True
    """Each link keeps the latency that it drew first."""
    loss: float = 0.0
    """Chance that a message is lost, 0..1."""
    churn: float = 0.0
    """Share of nodes that fall silent while a query runs, 0..1."""
    liars: float = 0.0
    """Share of nodes that lie, 0..1; the kinds of `lies` take turns."""
    lies: tuple[LieKind, ...] = tuple(LieKind)
    """What liars do."""
    sybils: float = 0.0
    """Share of nodes that pass nothing on and answer with fakes of their own making, 0..1."""
    fakes_per_sybil: int = 1_000
    """Records that a sybil invents, each validly signed."""
    authors_per_sybil: int = 0
    """Authors that sign a sybil's fakes in turns; 0 gives every fake an author of its own."""
    are_sybils_greedy: bool = True
    """A sybil answers every copy of a query with its fakes; without it only the copies that it follows."""
    rule: Rule = Rule.LINK_AUTHOR
    """Which records stay when an answer is cut."""
    size_limit: int = 100_000
    """Most records of an answer."""
    records: int = 0
    """Honest records, at most one per honest node; 0 gives one to every honest node."""
    is_forwarded_again: bool = True
    """A copy with more deepness left than any before is followed; without it only the first copy is."""
    budget_ms: int = 8_000
    """Time that a query may take."""
    hop_margin_ms: int = 700
    """How much earlier each hop must answer."""
    cache_age_ms: int = 0
    """How long a node serves the answer to its own wallet's query again."""
    refresh_s: int = 120
    """How often an offer is published again, for the comparison with push."""
    query_bytes: int = 200
    """Size of a query, for the count of bytes."""
    answer_bytes: int = 60
    """Size of an answer without its records, for the count of bytes."""
    record_bytes: int = 700
    """Size of a record, for the count of bytes."""
    seed: int = 1
    """Of all chance."""

    def __post_init__(self) -> None:
        """Check every range.

        Raises:
            ConfigError: a value is outside its range, the margin is not below the budget, nobody honest is left to
                ask, or liars are asked for without a kind of lie.
        """
        for name, (low, high) in _COUNTS.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=f"simulation.{name}", minimum=low, maximum=high)
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=f"simulation.{name}", minimum=0, maximum=1)
        if self.hop_margin_ms >= self.budget_ms:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="simulation.hop_margin_ms", rule="hop_margin < budget")
        if self.liars and not self.lies:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="simulation.lies", rule="name at least one")
        if self.honest_nodes < 1:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="simulation.sybils", rule="liars + sybils < nodes")

    @property
    def sybil_nodes(self) -> int:
        """How many nodes are sybils."""
        return round(self.sybils * self.nodes)

    @property
    def liar_nodes(self) -> int:
        """How many nodes are liars."""
        return round(self.liars * self.nodes)

    @property
    def honest_nodes(self) -> int:
        """How many nodes follow the rules."""
        return self.nodes - self.sybil_nodes - self.liar_nodes

    def document(self) -> dict[str, object]:
        """Return the settings as JSON takes them."""
        found: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Enum):
                value = value.value
            elif isinstance(value, Latency):
                value = str(value)
            elif isinstance(value, tuple):
                value = [kind.value for kind in value]
            found[item.name] = value
        return found
