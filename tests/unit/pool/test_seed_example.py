"""The example of the description of the message pool, its sentences quoted, over the real routers of four nodes."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Query, Stats
from parley.pool.router import Router
from parley.pool.routing import AnswerReceived, AskLink, LinksChanged, OwnerQueried, QueryReceived, Reply
from parley.pool.rules import check_record
from parley.pool.table import OWNER_LINK, RecordTable, Stored
from parley.primitives import schnorr
from parley.primitives.ids import NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask
from parley.testing.authors import Author

NOW = Instant(1_800_000_000_000)
CONFIG = PoolConfig()
KEYS = ("swap", "btc")
WALLET_TOKEN = 1_000_000

# The picture: B is connected to C and A, and each of these to D.
GRAPH = {"A": "BD", "B": "CA", "C": "BD", "D": "AC"}


@dataclass(frozen=True, slots=True)
class Call:
    """One node calls another."""

    caller: str
    callee: str
    deepness: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What one node sent back to another."""

    callee: str
    caller: str
    answer: Answer


class Network:
    """Four nodes that deliver in the order of sending; nothing is lost."""

    def __init__(self, records: dict[str, int]) -> None:
        """Begin with so many records of a wallet of its own at each node, the first pushed first."""
        self.routers: dict[str, Router] = {}
        self.calls: list[Call] = []
        self.answers: list[Answered] = []
        self.to_wallet: list[Answer] = []
        self._tokens: dict[tuple[str, int], tuple[str, int]] = {}
        for node, links in GRAPH.items():
            table = RecordTable(CONFIG)
            push(table, Author(SeededEntropy(node.encode())), node, records[node])
            router = Router(table=table, config=CONFIG, own_name=node, verify=schnorr.verify)
            router.receive(LinksChanged(tuple(node_id(link) for link in links)), NOW)
            self.routers[node] = router

    def query(self, node: str, *, deepness: int, size_limit: int) -> Answer:
        """Let the wallet of a node ask, and carry everything until nobody has anything to say."""
        query = Query(RequestId(bytes(16)), KEYS[:1], deepness, size_limit, None, CONFIG.budget_ms)
        self.routers[node].receive(OwnerQueried(WALLET_TOKEN, query), NOW)
        waiting = deque([node])
        while waiting:
            speaker = waiting.popleft()
            while (output := self.routers[speaker].next_output()) is not None:
                match output:
                    case Ask(exchange, asked):
                        waiting.append(self._call(speaker, exchange, asked))
                    case Reply(token, answer):
                        assert isinstance(answer, Answer)
                        waiting.extend(self._answer(speaker, token, answer))
                    case _:
                        pytest.fail(f"nobody is to blame here: {output}")
        (answer,) = self.to_wallet
        return answer

    def _call(self, caller: str, exchange: int, asked: AskLink) -> str:
        callee = asked.link.decode().strip()
        self.calls.append(Call(caller, callee, asked.query.remaining))
        token = len(self.calls)
        self._tokens[callee, token] = caller, exchange
        self.routers[callee].receive(QueryReceived(token, node_id(caller), asked.query), NOW)
        return callee

    def _answer(self, callee: str, token: int, answer: Answer) -> list[str]:
        if token == WALLET_TOKEN:
            self.to_wallet.append(answer)
            return []
        caller, exchange = self._tokens.pop((callee, token))
        self.answers.append(Answered(callee, caller, answer))
        self.routers[caller].receive(AnswerReceived(exchange, answer), NOW)
        return [caller]


def node_id(node: str) -> NodeId:
    return NodeId(node.encode().ljust(32))


def push(table: RecordTable, author: Author, node: str, count: int) -> None:
    for number in range(1, count + 1):
        record = author.sign((*KEYS, f"{number}"), f"{node}{number}", now=Instant(NOW - 100 + number))
        body = check_record(record, NOW, CONFIG)
        assert isinstance(body, bytes)
        assert isinstance(table.push(record, body, OWNER_LINK, NOW), Stored)


def found(answer: Answer) -> dict[str, list[str]]:
    """Return the messages of an answer by the node that has them."""
    by_node: dict[str, list[str]] = {}
    for item in answer.items:
        by_node.setdefault(item.node, []).append(item.record.message)
    return by_node


def test_the_example_of_the_seed() -> None:
    network = Network({"A": 1, "B": 1, "C": 1, "D": 1})

    # The seed: "For example, mwc-wallet B  calls Node B with deepness 3."
    answer = network.query("B", deepness=3, size_limit=1_000)

    # The seed: "Node B will call C & A with deepness 2, A & C both call node D with deepness 1."
    assert network.calls[:2] == [Call("B", "C", 2), Call("B", "A", 2)]
    assert sorted(network.calls[2:], key=lambda call: call.caller) == [Call("A", "D", 1), Call("C", "D", 1)]

    # The seed: "Node D will return data to the first call and respond with empty data to the second call."
    first, second = (answered.answer for answered in network.answers if answered.callee == "D")
    assert found(first) == {"D": ["D1"]}
    assert not first.duplicate
    assert second.items == ()
    assert second.duplicate

    # The seed: "After each caller aggregate results and send them back."
    to_node_b = {answered.callee: found(answered.answer) for answered in network.answers if answered.caller == "B"}
    assert to_node_b == {"C": {"C": ["C1"], "D": ["D1"]}, "A": {"A": ["A1"]}}

    # The seed: "Eventually Node B will get the data from Nodes  C,A,D."
    assert found(answer) == {"B": ["B1"], "C": ["C1"], "A": ["A1"], "D": ["D1"]}
    assert answer.stats == Stats(asked=4, answered=4, duplicates=1, hops=2)


def test_the_aggregated_results_are_filtered_by_size_limit() -> None:
    network = Network({"A": 6, "B": 1, "C": 1, "D": 2})
    answer = network.query("B", deepness=3, size_limit=7)

    # The seed: "The aggregated  results will be filtered by size_limit.  (first we delete records from the node that
    # has most records)": of ten records three have to go, and A has most until it has three.
    assert len(answer.items) == 7
    assert {node: sorted(messages) for node, messages in found(answer).items()} == {
        "A": ["A4", "A5", "A6"],  # the oldest went
        "B": ["B1"],
        "C": ["C1"],
        "D": ["D1", "D2"],
    }
    assert answer.stats.truncated_by == ("B",)


@pytest.mark.parametrize(
    ("size_limit", "kept"),
    [
        (10, {"A": 6, "B": 1, "CD": 3}),
        (9, {"A": 5, "B": 1, "CD": 3}),
        (7, {"A": 3, "B": 1, "CD": 3}),
        (6, {"A": 2, "B": 1, "CD": 3}),  # of A and C with three each, the one asked later gives the next
        (5, {"A": 2, "B": 1, "CD": 2}),
        (3, {"A": 1, "B": 1, "CD": 1}),
        (2, {"A": 0, "B": 1, "CD": 1}),
        (1, {"A": 0, "B": 1, "CD": 0}),
    ],
)
def test_one_record_after_the_other_is_deleted_from_the_link_that_brought_most(
    size_limit: int, kept: dict[str, int]
) -> None:
    network = Network({"A": 6, "B": 1, "C": 1, "D": 2})
    answer = network.query("B", deepness=3, size_limit=size_limit)
    # What D has comes to B through C, which asked it first; a node can tell links apart, and nothing behind them.
    counted = Counter("CD" if item.node in "CD" else item.node for item in answer.items)
    assert {name: counted[name] for name in kept} == kept
    assert sum(kept.values()) == size_limit


@pytest.mark.parametrize(
    ("deepness", "calls", "nodes"),
    [(1, 0, {"B"}), (2, 2, {"B", "C", "A"}), (3, 4, {"B", "C", "A", "D"})],
)
def test_each_deepness_goes_one_hop_farther(deepness: int, calls: int, nodes: set[str]) -> None:
    network = Network({"A": 1, "B": 1, "C": 1, "D": 1})
    answer = network.query("B", deepness=deepness, size_limit=1_000)
    assert len(network.calls) == calls
    assert set(found(answer)) == nodes
