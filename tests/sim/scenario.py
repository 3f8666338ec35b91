"""One random network per seed: loss, repeats, reordering, crashes, clocks that differ, liars and sybils.

`play` runs it and returns what each honest node's wallet was answered; `findings` says what is wrong with that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import starmap
from random import Random

from parley.errors import Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Query
from parley.pool.rules import Verify
from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant
from parley.simulation.adversaries import Sybil, forge, invent, relabel
from parley.simulation.graphs import Graph, GraphKind, build_graph
from parley.simulation.nodes import Habits, Message, PoolNode, Tally, number_of
from parley.simulation.records import PREFIX, SignedRecords
from parley.testing.network import Alarm, Conditions, VirtualNetwork, parse_latency

START = Instant(1_800_000_000_000)
CONFIG = PoolConfig(size_limit_max=200)
HALF_SKEW_MS = CONFIG.skew_ms // 2
LATENCIES = ("constant:50", "uniform:1:400", "lognormal:80:1", "tor")
PREFIXES = (PREFIX[:1], PREFIX, (*PREFIX, "a"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A wallet asked; `life` is which process of its node it asked."""

    node: int
    life: int
    token: int
    query: Query
    at: Instant


@dataclass(slots=True)
class Play:
    """What came of one scenario."""

    seed: int
    network: VirtualNetwork[Message]
    signed: SignedRecords
    nodes: dict[int, PoolNode | Sybil]
    honest: frozenset[int]
    asked: list[Asked] = field(default_factory=list)
    lives: dict[int, int] = field(default_factory=dict)

    def honest_nodes(self) -> Iterator[PoolNode]:
        for number in sorted(self.honest):
            node = self.nodes[number]
            assert isinstance(node, PoolNode)
            yield node

    def answers(self) -> Iterator[tuple[Asked, Answer | Rejected, Instant]]:
        """Yield what was answered to wallets; who asked a process that crashed before it could answer gets nothing."""
        for asked in self.asked:
            node = self.nodes[asked.node]
            assert isinstance(node, PoolNode)
            if asked.token in node.finished:
                yield asked, *node.finished[asked.token]

    def transcript(self) -> tuple[object, ...]:
        """Return everything that a repeat with the same seed must repeat."""
        answered = tuple((asked.node, asked.token, answer, at) for asked, answer, at in self.answers())
        blamed = tuple((node.number, tuple(node.blames)) for node in self.honest_nodes())
        traffic = self.network.traffic
        return answered, blamed, (traffic.sent, traffic.delivered, traffic.lost, traffic.duplicated), self.network.now


def play(seed: int, *, verify: Verify | None = None) -> Play:
    """Play the scenario of a seed to its end.

    Args:
        seed: of everything.
        verify: in place of the true signature check, to see the findings bite.
    """
    source = Random(f"scenario/{seed}")
    conditions = Conditions(
        latency=parse_latency(source.choice(LATENCIES)),
        loss=source.choice((0.0, 0.02, 0.2)),
        duplication=source.choice((0.0, 0.1)),
        reordering=source.choice((0.0, 0.3)),
        held_back_ms=1_000,
    )
    network: VirtualNetwork[Message] = VirtualNetwork(conditions, seed=seed, now=START)
    graph = _graph(source)
    stage = _build(seed, source, graph, network, verify)
    _fill(stage, source)
    plan = sorted(_plan(stage, source, len(graph)), key=lambda step: step[0])
    for moment, action, number in plan:
        _run(stage, until=moment)
        network.wait_until(moment)
        _act(stage, source, action, number)
    _run(stage, until=None)
    return stage


def findings(stage: Play) -> list[str]:
    """Return what broke a rule that must hold whatever the network and the liars do."""
    found: list[str] = []
    for node in stage.honest_nodes():
        wronged = [blame for blame in node.blames if number_of(blame.culprit) in stage.honest]
        found += [f"{node.number} blamed {number_of(blame.culprit)} for {blame.code.name}" for blame in wronged]
        if node.open_queries:
            found.append(f"{node.number} still follows {node.open_queries} queries")
    answered = {(asked.node, asked.token) for asked, _, _ in stage.answers()}
    alive = [asked for asked in stage.asked if stage.lives[asked.node] == asked.life]
    found += [f"{asked.node} left its wallet waiting" for asked in alive if (asked.node, asked.token) not in answered]
    for asked, answer, at in stage.answers():
        found += [f"{asked.node}: {what}" for what in _answer_findings(stage, asked, answer, at)]
    return found


def _answer_findings(stage: Play, asked: Asked, answer: Answer | Rejected, at: Instant) -> Iterator[str]:
    if isinstance(answer, Rejected):
        yield f"refused its own wallet: {answer.code.name}"
        return
    query, stats = asked.query, answer.stats
    if at > asked.at + query.budget_ms:
        yield f"answered {at - asked.at} ms after the question, budget {query.budget_ms}"
    if len(answer.items) > query.size_limit:
        yield f"{len(answer.items)} records, limit {query.size_limit}"
    if stats.asked != stats.answered + stats.timed_out + stats.refused:
        yield f"stats do not add up: {stats}"
    if not stats.duplicates <= stats.answered or not stats.hops < query.remaining:
        yield f"stats are impossible: {stats}"
    yield from _item_findings(stage, asked, answer)


def _item_findings(stage: Play, asked: Asked, answer: Answer) -> Iterator[str]:
    addresses = [(item.record.author, item.record.keys) for item in answer.items]
    if len(addresses) != len(set(addresses)):
        yield "two records of one address"
    for item in answer.items:
        if stage.signed.author_of(item.record) is None:
            yield f"a record that nobody signed, from {item.node}"
        if item.record.keys[: len(asked.query.keys)] != asked.query.keys:
            yield "a record that was not asked for"
        if item.record.expires_ms <= asked.at - HALF_SKEW_MS:
            yield "a record that had expired by every honest clock when it was asked for"


def _graph(source: Random) -> Graph:
    kind = source.choice(list(GraphKind))
    return build_graph(kind, nodes=2 * source.randint(5, 16), degree=4, seed=source.randrange(2**32))


def _build(seed: int, source: Random, graph: Graph, network: VirtualNetwork[Message], verify: Verify | None) -> Play:
    signed, tally = SignedRecords(), Tally()
    shuffled = source.sample(range(len(graph)), len(graph))
    sybils = shuffled[: source.choice((0, 0, 1, 2))]
    liars = shuffled[len(sybils) : len(sybils) + source.choice((0, 1, 3))]
    nodes: dict[int, PoolNode | Sybil] = {}
    for number in shuffled:
        if number in sybils:
            items = invent(signed, number, count=50, authors=source.choice((0, 3)), now=START)
            nodes[number] = Sybil(
                number, links=graph[number], network=network, items=items, is_greedy=bool(number % 2), tally=tally
            )
            continue
        habits = Habits(edit=source.choice((forge, relabel(number)))) if number in liars else Habits()
        node = PoolNode(
            number,
            links=graph[number],
            network=network,
            config=CONFIG,
            verify=signed.verify if verify is None else verify,
            habits=habits,
            tally=tally,
        )
        node.clock_offset_ms = source.randint(-HALF_SKEW_MS, HALF_SKEW_MS)
        nodes[number] = node
    honest = frozenset(range(len(graph))) - set(sybils) - set(liars)
    return Play(seed, network, signed, nodes, honest, lives=dict.fromkeys(nodes, 0))


def _fill(stage: Play, source: Random) -> None:
    """Give each node a few records; some expire while queries are under way."""
    for number, node in sorted(stage.nodes.items()):
        if isinstance(node, PoolNode):
            made = Instant(stage.network.now + node.clock_offset_ms)
            for place in range(source.randint(0, 3)):
                keys = (*PREFIX, source.choice("ab"), str(place))
                lifetime_ms = source.choice((1_000, 5_000, 60_000))
                node.store(stage.signed.make(f"author {number}", made, keys=keys, lifetime_ms=lifetime_ms))


def _plan(stage: Play, source: Random, nodes: int) -> Iterator[tuple[Instant, str, int]]:
    honest = sorted(stage.honest)
    for _ in range(source.randint(3, 6)):
        moment = Instant(START + source.randint(0, 12_000))
        origin = source.choice(honest)
        yield from [(moment, "ask", origin)] * source.choice((1, 1, 2))
    for _ in range(source.choice((0, 1, 4))):
        number = source.randrange(nodes)
        down = source.randint(0, 12_000)
        yield Instant(START + down), "crash", number
        yield Instant(START + down + source.randint(1, 6_000)), "restart", number
    if source.random() < 0.25:
        cut, healed = sorted(source.sample(range(15_000), 2))
        yield from starmap(_moment, ((cut, "partition"), (healed, "heal")))


def _moment(after_ms: int, action: str) -> tuple[Instant, str, int]:
    return Instant(START + after_ms), action, 0


def _act(stage: Play, source: Random, action: str, number: int) -> None:
    network, node = stage.network, stage.nodes[number]
    match action:
        case "ask":
            if not network.is_crashed(number):
                _ask(stage, source, number)
        case "crash":
            stage.lives[number] += 1
            network.crash(number)
        case "restart":
            if network.is_crashed(number):
                network.restart(number)
                node.restart()
        case "partition":
            half = source.sample(sorted(stage.nodes), len(stage.nodes) // 2)
            network.partition([half, sorted(set(stage.nodes) - set(half))])
        case "heal":
            network.heal()


def _ask(stage: Play, source: Random, number: int) -> None:
    node = stage.nodes[number]
    assert isinstance(node, PoolNode)
    query = Query(
        RequestId(source.randbytes(16)),
        source.choice(PREFIXES),
        source.randint(1, CONFIG.deepness_max),
        source.choice((1, 7, 200)),
        source.choice((None, 30_000)),
        source.choice((500, 3_000, CONFIG.budget_ms)),
    )
    token = node.ask(query)
    stage.asked.append(Asked(number, stage.lives[number], token, query, stage.network.now))


def _run(stage: Play, *, until: Instant | None) -> None:
    network = stage.network
    while (following := network.next_event_at()) is not None and (until is None or following <= until):
        event = network.step()
        if isinstance(event, Alarm):
            stage.nodes[event.node].wake()
        elif event is not None:
            stage.nodes[event.target].deliver(event.source, event.message)
        if until is not None and network.now > until:
            return
