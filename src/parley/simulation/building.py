"""Make the nodes of one world: who is honest, who lies, who holds a record."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from parley.pool.config import PoolConfig
from parley.pool.messages import Answer
from parley.primitives.instants import Instant
from parley.simulation.adversaries import Sybil, forge, invent, relabel
from parley.simulation.config import LieKind, Rule, SimulationConfig
from parley.simulation.cuts import cut_of
from parley.simulation.graphs import Graph
from parley.simulation.nodes import Habits, Message, PoolNode, Tally
from parley.simulation.records import SignedRecords
from parley.simulation.world import SIZE_LIMIT_MAX, World
from parley.testing.network import Conditions, VirtualNetwork

__all__ = ["build_world"]

_START = Instant(1_800_000_000_000)
_DEEPNESS_MAX = 16
_SEEN_MS = 600_000
_SEEN_MAX = 1_000_000
_ANSWER_BYTES_MAX = 2**30
_UNLIMITED_UNITS = 2**40
_OPEN_MAX = 1_000_000


def build_world(config: SimulationConfig, graph: Graph, *, seed: str) -> World:
    """Build the nodes of one graph.

    Args:
        config: of the simulation.
        graph: of `config.nodes` nodes.
        seed: of all chance in this world.
    """
    return _Builder(config, graph, seed).build()


class _Builder:
    """Draws everything from one source of chance, in one order."""

    def __init__(self, config: SimulationConfig, graph: Graph, seed: str) -> None:
        self._config = config
        self._graph = graph
        self._source = Random(f"world/{seed}")
        self._signed = SignedRecords()
        self._tally = Tally()
        conditions = Conditions(latency=config.latency, is_latency_of_link=config.is_latency_of_link, loss=config.loss)
        self._network: VirtualNetwork[Message] = VirtualNetwork(conditions, seed=seed, now=_START)
        # What is not studied is out of the way: allowances and counts of open queries never refuse here.
        self._pool_config = PoolConfig(
            deepness_max=_DEEPNESS_MAX,
            size_limit_max=SIZE_LIMIT_MAX,
            answer_bytes_max=_ANSWER_BYTES_MAX,
            budget_ms=config.budget_ms,
            hop_margin_ms=config.hop_margin_ms,
            seen_ms=_SEEN_MS,
            seen_max=_SEEN_MAX,
            cache_age_ms=config.cache_age_ms,
            open_queries_max=_OPEN_MAX,
            link_open_queries_max=_OPEN_MAX,
            bucket_units=_UNLIMITED_UNITS,
            bucket_units_per_second=_UNLIMITED_UNITS,
        )

    def build(self) -> World:
        config = self._config
        shuffled = self._source.sample(range(config.nodes), config.nodes)
        bad = config.sybil_nodes + config.liar_nodes
        honest = tuple(shuffled[bad:])
        nodes: dict[int, PoolNode | Sybil] = {}
        for number in shuffled[: config.sybil_nodes]:
            nodes[number] = self._sybil(number)
        for place, number in enumerate(shuffled[config.sybil_nodes : bad]):
            nodes[number] = self._liar(number, config.lies[place % len(config.lies)])
        habits = self._habits()
        for number in honest:
            nodes[number] = self._node(number, habits, self._graph[number])
        world = World(
            config,
            network=self._network,
            nodes=dict(sorted(nodes.items())),
            honest=honest,
            signed=self._signed,
            tally=self._tally,
            source=self._source,
        )
        for number in honest[: config.records] if config.records else honest:
            world.publish(number)
        return world

    def _habits(self, edit: Callable[[Answer], Answer] | None = None) -> Habits:
        config = self._config
        return Habits(
            is_forwarded_again=config.is_forwarded_again,
            cut=cut_of(config.rule, self._source),
            size_limit=config.size_limit,
            edit=edit,
        )

    def _liar(self, number: int, kind: LieKind) -> PoolNode:
        links = self._graph[number]
        match kind:
            case LieKind.DROP:
                return self._node(number, self._habits(), ())
            case LieKind.FORGE:
                return self._node(number, self._habits(forge), links)
            case LieKind.RELABEL:
                return self._node(number, self._habits(relabel(number)), links)

    def _node(self, number: int, habits: Habits, links: tuple[int, ...]) -> PoolNode:
        return PoolNode(
            number,
            links=links,
            network=self._network,
            config=self._pool_config,
            verify=self._signed.verify,
            habits=habits,
            tally=self._tally,
        )

    def _sybil(self, number: int) -> Sybil:
        config = self._config
        # Where the machine cuts, an answer above the limit is refused whole: no sybil would send one.
        is_limited = config.rule is Rule.LINK_AUTHOR
        count = min(config.fakes_per_sybil, config.size_limit) if is_limited else config.fakes_per_sybil
        items = invent(self._signed, number, count=count, authors=config.authors_per_sybil, now=_START)
        return Sybil(
            number,
            links=self._graph[number],
            network=self._network,
            items=items,
            is_greedy=config.are_sybils_greedy,
            tally=self._tally,
        )
