"""One network of simulated nodes, and what one query over it costs and brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from statistics import fmean

from parley.errors import ErrorCode, LocalError
from parley.pool.messages import Answer, Query, Stats
from parley.primitives.ids import AuthorKey, RequestId
from parley.primitives.instants import Instant
from parley.simulation.adversaries import FAKE, Sybil
from parley.simulation.config import Rule, SimulationConfig
from parley.simulation.nodes import Message, PoolNode, Tally, number_of
from parley.simulation.records import PREFIX, SignedRecords
from parley.testing.network import Alarm, VirtualNetwork

__all__ = ["SIZE_LIMIT_MAX", "Outcome", "World"]

SIZE_LIMIT_MAX = 100_000
"""Most records of an answer where a rule of the simulation cuts in place of the machine."""

_REQUEST_ID_BYTES = 16
_LATENCY_DRAWS = 100


@dataclass(slots=True)
class Outcome:
    """What one query cost and brought.

    Attributes:
        origin: node that asked.
        deepness: of the query.
        is_finished: whether the asker got an answer.
        latency_ms: from question to answer.
        requests: copies of the query sent.
        answers: answers sent.
        duplicates: answers that add nothing, as the node knew the request already.
        records_carried: records in all answers, each hop counted.
        found: true records in the answer.
        fakes: records of sybils in the answer.
        forged: records in the answer that nobody signed; must be 0.
        honest_records: true records that exist.
        lag_ms: how long a found record had a newer version when it was asked for, 0 where it is the newest; the mean.
        blamed_liars: liars and sybils that were blamed.
        blamed_honest: honest nodes that were blamed; must be 0.
        load: queries that each node took, by node; nodes that took none are left out.
        stats: what the answer says of itself.
    """

    origin: int
    deepness: int
    is_finished: bool = False
    latency_ms: int = 0
    requests: int = 0
    answers: int = 0
    duplicates: int = 0
    records_carried: int = 0
    found: int = 0
    fakes: int = 0
    forged: int = 0
    honest_records: int = 0
    lag_ms: float = 0.0
    blamed_liars: int = 0
    blamed_honest: int = 0
    load: dict[int, int] = field(default_factory=dict)
    stats: Stats = field(default_factory=Stats)

    def size_bytes(self, config: SimulationConfig) -> int:
        """Return the bytes that went over all links."""
        return (
            self.requests * config.query_bytes
            + self.answers * config.answer_bytes
            + self.records_carried * config.record_bytes
        )

    @property
    def coverage(self) -> float:
        """The share of the true records that the answer holds; where each node has one, of the nodes reached."""
        return self.found / self.honest_records if self.honest_records else 1.0

    @property
    def purity(self) -> float:
        """The share of the answer that is true records; 1 for an empty one."""
        total = self.found + self.fakes + self.forged
        return self.found / total if total else 1.0


class World:
    """Nodes on a network. One query runs at a time."""

    def __init__(
        self,
        config: SimulationConfig,
        *,
        network: VirtualNetwork[Message],
        nodes: Mapping[int, PoolNode | Sybil],
        honest: tuple[int, ...],
        signed: SignedRecords,
        tally: Tally,
        source: Random,
    ) -> None:
        """Take over what `build_world` made."""
        self.honest = honest
        self.network = network
        self.nodes = nodes
        self._config = config
        self._honest_set = frozenset(honest)
        self._signed = signed
        self._tally = tally
        self._source = source
        self._newest: dict[AuthorKey, Instant] = {}
        self._sequences: dict[int, int] = {}

    @property
    def holders(self) -> frozenset[int]:
        """The honest nodes whose wallet has a record out."""
        return frozenset(self._sequences)

    def publish(self, number: int) -> None:
        """Let an honest node's wallet push its record, or the next version of it.

        Raises:
            LocalError: the node is not honest.
        """
        node = self._honest_node(number)
        sequence = self._sequences.get(number, -1) + 1
        record = self._signed.make(f"author {number}", self.network.now, sequence=sequence)
        node.store(record)
        self._sequences[number] = sequence
        self._newest[record.author] = record.created_ms

    def run_query(self, origin: int, deepness: int) -> Outcome:
        """Let an honest node's wallet ask, and follow everything until the network is quiet.

        Args:
            origin: the node.
            deepness: 1 or more.

        Raises:
            LocalError: the origin is not honest.
        """
        node = self._honest_node(origin)
        outcome = Outcome(origin, deepness, honest_records=len(self._sequences))
        for other in self.nodes.values():
            other.forget_answers()
        self._tally.clear()
        started = self.network.now
        deaths = self._draw_deaths(origin, deepness)
        token = node.ask(self._query(deepness))
        self._run_until_quiet(deaths)
        if token in node.finished:
            answer, finished_at = node.finished[token]
            outcome.is_finished = True
            outcome.latency_ms = finished_at - started
            if isinstance(answer, Answer):
                self._judge(answer, outcome, started)
        self._count(outcome)
        return outcome

    def _honest_node(self, number: int) -> PoolNode:
        node = self.nodes[number]
        if not isinstance(node, PoolNode) or number not in self._honest_set:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, not_honest=number)
        return node

    def _query(self, deepness: int) -> Query:
        config = self._config
        size_limit = config.size_limit if config.rule is Rule.LINK_AUTHOR else SIZE_LIMIT_MAX
        request_id = RequestId(self._source.randbytes(_REQUEST_ID_BYTES))
        return Query(request_id, PREFIX, deepness, size_limit, None, config.budget_ms)

    def _draw_deaths(self, origin: int, deepness: int) -> list[tuple[Instant, int]]:
        """Draw who falls silent and when, evenly over the time that the query would take without deaths."""
        config = self._config
        doomed = round(config.churn * config.nodes)
        if not doomed:
            return []
        others = [number for number in range(config.nodes) if number != origin]
        latency_ms = round(fmean(config.latency.draw_ms(self._source) for _ in range(_LATENCY_DRAWS)))
        window_ms = 2 * (deepness - 1) * latency_ms
        victims = self._source.sample(others, min(doomed, len(others)))
        now = self.network.now
        return sorted((Instant(now + self._source.randint(0, window_ms)), victim) for victim in victims)

    def _run_until_quiet(self, deaths: list[tuple[Instant, int]]) -> None:
        network = self.network
        dead = 0
        while (following := network.next_event_at()) is not None:
            while dead < len(deaths) and deaths[dead][0] <= following:
                network.crash(deaths[dead][1])
                dead += 1
            event = network.step()
            if isinstance(event, Alarm):
                self.nodes[event.node].wake()
            elif event is not None:
                self.nodes[event.target].deliver(event.source, event.message)
        for _, victim in deaths:
            network.restart(victim)
            self.nodes[victim].restart()

    def _judge(self, answer: Answer, outcome: Outcome, asked_at: Instant) -> None:
        outcome.stats = answer.stats
        lags_ms: list[int] = []
        for item in answer.items:
            author = self._signed.author_of(item.record)
            if author is None:
                outcome.forged += 1
            elif author.startswith(FAKE.encode()):
                outcome.fakes += 1
            else:
                outcome.found += 1
                newest = self._newest[author]
                lags_ms.append(asked_at - newest if newest > item.record.created_ms else 0)
        outcome.lag_ms = fmean(lags_ms) if lags_ms else 0.0

    def _count(self, outcome: Outcome) -> None:
        tally = self._tally
        outcome.requests, outcome.answers = tally.requests, tally.answers
        outcome.duplicates, outcome.records_carried = tally.duplicates, tally.records
        blamed: set[int] = set()
        for number, node in self.nodes.items():
            if node.queries:
                outcome.load[number] = node.queries
            if isinstance(node, PoolNode) and number in self._honest_set:
                blamed.update(number_of(blame.culprit) for blame in node.blames)
        outcome.blamed_honest = len(blamed & self._honest_set)
        outcome.blamed_liars = len(blamed) - outcome.blamed_honest
