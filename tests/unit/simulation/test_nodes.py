from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import LocalError, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Query
from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant
from parley.simulation.adversaries import Sybil, forge, invent, relabel
from parley.simulation.nodes import AnswerMessage, Habits, Message, PoolNode, QueryMessage, Tally, name_node, number_of
from parley.simulation.records import PREFIX, SignedRecords
from parley.testing.network import Alarm, Conditions, VirtualNetwork

START = Instant(1_800_000_000_000)
QUERY = Query(RequestId(bytes(16)), PREFIX, 3, 100, None, 4_000)


class Stage:
    """Nodes in a row, each linked to the next."""

    def __init__(self, count: int) -> None:
        self.network: VirtualNetwork[Message] = VirtualNetwork(Conditions(), seed=1, now=START)
        self.signed = SignedRecords()
        self.tally = Tally()
        self.nodes: dict[int, PoolNode | Sybil] = {}
        for number in range(count):
            links = [other for other in (number - 1, number + 1) if 0 <= other < count]
            self.nodes[number] = PoolNode(
                number,
                links=links,
                network=self.network,
                config=PoolConfig(),
                verify=self.signed.verify,
                habits=Habits(),
                tally=self.tally,
            )

    def node(self, number: int) -> PoolNode:
        node = self.nodes[number]
        assert isinstance(node, PoolNode)
        return node

    def run(self) -> None:
        while (event := self.network.step()) is not None:
            if isinstance(event, Alarm):
                self.nodes[event.node].wake()
            else:
                self.nodes[event.target].deliver(event.source, event.message)

    def answer(self, number: int, token: int) -> Answer:
        answer, _ = self.node(number).finished[token]
        assert isinstance(answer, Answer)
        return answer


def test_names_and_numbers() -> None:
    assert number_of(name_node(70_000)) == 70_000
    assert len(name_node(3)) == 32


def test_a_record_two_hops_away_is_found_at_deepness_three() -> None:
    stage = Stage(3)
    stage.node(2).store(stage.signed.make("author", START, message="hello"))
    token = stage.node(0).ask(QUERY)
    stage.run()
    items = stage.answer(0, token).items
    assert [(item.node, item.record.message) for item in items] == [("2", "hello")]
    assert stage.node(0).finished[token][1] == START + 200
    assert (stage.tally.requests, stage.tally.answers, stage.tally.records) == (2, 2, 2)
    assert [stage.node(number).open_queries for number in range(3)] == [0, 0, 0]


def test_a_repeated_request_is_served_once_and_a_repeated_answer_taken_once() -> None:
    stage = Stage(2)
    stage.node(1).store(stage.signed.make("author", START))
    token = stage.node(0).ask(QUERY)
    event = stage.network.step()
    assert event is not None
    assert not isinstance(event, Alarm)
    stage.node(1).deliver(0, event.message)
    stage.node(1).deliver(0, event.message)
    assert stage.node(1).queries == 1
    answered = stage.network.step()
    assert answered is not None
    assert not isinstance(answered, Alarm)
    stage.node(0).deliver(1, answered.message)
    stage.node(0).deliver(1, answered.message)
    assert len(stage.answer(0, token).items) == 1
    assert stage.tally.answers == 1


def test_a_neighbour_that_is_silent_costs_the_budget_and_no_more() -> None:
    stage = Stage(2)
    stage.network.crash(1)
    token = stage.node(0).ask(QUERY)
    stage.run()
    assert stage.node(0).finished[token][1] == START + QUERY.budget_ms
    assert stage.answer(0, token).stats.timed_out == 1


def test_answers_to_a_process_that_restarted_are_lost() -> None:
    stage = Stage(2)
    stage.node(1).store(stage.signed.make("author", START))
    before = stage.node(0).ask(QUERY)
    stage.node(0).restart()
    after = stage.node(0).ask(replace(QUERY, request_id=RequestId(b"\1" * 16)))
    stage.run()
    assert before not in stage.node(0).finished
    assert len(stage.answer(0, after).items) == 1


def test_own_records_survive_a_restart() -> None:
    stage = Stage(1)
    stage.node(0).store(stage.signed.make("author", START))
    stage.node(0).restart()
    token = stage.node(0).ask(QUERY)
    assert len(stage.answer(0, token).items) == 1


def test_a_record_that_the_table_refuses_is_our_mistake() -> None:
    stage = Stage(1)
    stage.node(0).store(stage.signed.make("author", START, sequence=2))
    with pytest.raises(LocalError):
        stage.node(0).store(stage.signed.make("author", START, sequence=1))


def test_a_refusal_reaches_the_asker_as_a_refused_copy() -> None:
    stage = Stage(2)
    token = stage.node(0).ask(QUERY)
    event = stage.network.step()
    assert event is not None
    assert not isinstance(event, Alarm)
    asked = event.message
    assert isinstance(asked, QueryMessage)
    stage.node(1).deliver(0, replace(asked, query=replace(asked.query, keys=())))
    answer = stage.network.step()
    assert answer is not None
    assert not isinstance(answer, Alarm)
    assert isinstance(answer.message, AnswerMessage)
    assert isinstance(answer.message.answer, Rejected)
    stage.node(0).deliver(1, answer.message)
    assert stage.answer(0, token).stats.refused == 1


def test_liars_change_what_they_pass_on() -> None:
    signed = SignedRecords()
    stage = Stage(1)
    stage.node(0).store(signed.make("author", START, message="true"))
    token = stage.node(0).ask(QUERY)
    answer = stage.answer(0, token)
    forged, relabelled = forge(answer), relabel(9)(answer)
    assert [item.record.message for item in forged.items] == ["forged"]
    assert forged.items[0].record.signature == answer.items[0].record.signature
    assert [item.record for item in relabelled.items] == [item.record for item in answer.items]
    assert [item.node for item in relabelled.items] == ["liar 9 0"]


@pytest.mark.parametrize(("authors", "names", "addresses"), [(0, 10, 10), (3, 3, 10)])
def test_fakes_verify_and_are_as_many_addresses_as_asked_for(authors: int, names: int, addresses: int) -> None:
    signed = SignedRecords()
    items = invent(signed, 4, count=10, authors=authors, now=START)
    assert all(signed.author_of(item.record) for item in items)
    assert len({item.record.author for item in items}) == names
    assert len({(item.record.author, item.record.keys) for item in items}) == addresses


@pytest.mark.parametrize(("is_greedy", "fakes"), [(False, [7, 0, 7]), (True, [7, 7, 7])])
def test_a_sybil_claims_what_is_behind_it_and_answers_with_fakes(is_greedy: bool, fakes: list[int]) -> None:  # noqa: FBT001  # a case
    network: VirtualNetwork[Message] = VirtualNetwork(Conditions(), seed=1, now=START)
    signed = SignedRecords()
    sybil = Sybil(
        5,
        links=(1, 2, 3),
        network=network,
        items=invent(signed, 5, count=20, authors=0, now=START),
        is_greedy=is_greedy,
        tally=Tally(),
    )
    query = replace(QUERY, size_limit=7)
    got: list[int] = []
    claimed: list[tuple[int, int]] = []
    # The second copy is known already; the third has more deepness left than any before.
    for exchange, remaining in enumerate((2, 1, 3)):
        sybil.deliver(1, QueryMessage(0, exchange, replace(query, remaining=remaining)))
        while (event := network.step()) is not None:
            assert not isinstance(event, Alarm)
            match event.message:
                case AnswerMessage(_, _, Answer(items=items)):
                    got.append(len(items))
                case QueryMessage(_, _, passed_on):
                    claimed.append((event.target, passed_on.remaining))
    assert got == fakes
    assert claimed == [(2, 1), (3, 1), (2, 2), (3, 2)]
