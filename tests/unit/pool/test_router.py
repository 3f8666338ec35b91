from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest

from parley.errors import ConfigError, ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Query, Record, Stats, record_body
from parley.pool.router import Router
from parley.pool.routing import (
    AnswerReceived,
    AskFailed,
    AskLink,
    Closed,
    LinksChanged,
    OwnerQueried,
    QueryReceived,
    Reply,
    RouterOutput,
    RouterPhase,
)
from parley.pool.table import OWNER_LINK, RecordTable, Stored
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Blame, drain
from parley.testing.stamps import is_stamped
from tests.unit.pool.samples import NOW, items, node, query, record, removal

L, M, N, STRANGER = node(1), node(2), node(3), node(9)
OutputT = TypeVar("OutputT")


class Stage:
    """A router with a table, and the world around it."""

    def __init__(
        self, config: PoolConfig | None = None, links: tuple[NodeId, ...] = (L, M), own_name: str = "own"
    ) -> None:
        self.config = config or PoolConfig()
        self.table = RecordTable(self.config)
        self.router = Router(table=self.table, config=self.config, own_name=own_name, verify=is_stamped)
        self.now: Instant = NOW
        self.token = 0
        self.router.receive(LinksChanged(links), NOW)

    def hold(self, *records: Record) -> None:
        for made in records:
            assert isinstance(self.table.push(made, record_body(made), OWNER_LINK, self.now), Stored)

    def own(self, asked: Query) -> list[RouterOutput]:
        self.token += 1
        self.router.receive(OwnerQueried(self.token, asked), self.now)
        return drain(self.router)

    def peer(self, asked: Query, link: NodeId = L, *, is_paid: bool = False) -> list[RouterOutput]:
        self.token += 1
        self.router.receive(QueryReceived(self.token, link, asked, is_paid), self.now)
        return drain(self.router)

    def answer(self, ask: Ask[AskLink], *records: Record, answer: Answer | None = None) -> list[RouterOutput]:
        told = Answer(items(*records)) if answer is None else answer
        self.router.receive(AnswerReceived(ask.exchange, told), self.now)
        return drain(self.router)

    def fail(self, ask: Ask[AskLink]) -> list[RouterOutput]:
        self.router.receive(AskFailed(ask.exchange, ErrorCode.UNREACHABLE), self.now)
        return drain(self.router)

    def wait(self, duration_ms: int) -> list[RouterOutput]:
        self.now = Instant(self.now + duration_ms)
        self.router.handle_timeout(self.now)
        return drain(self.router)


def asks(outputs: list[RouterOutput]) -> list[Ask[AskLink]]:
    return [output for output in outputs if isinstance(output, Ask)]


def reply(outputs: list[RouterOutput]) -> Answer:
    """Return the answer of the one reply."""
    (found,) = [output.answer for output in outputs if isinstance(output, Reply)]
    assert isinstance(found, Answer)
    return found


def refusal(outputs: list[RouterOutput]) -> Rejected:
    """Return the refusal that is all that comes out."""
    (output,) = outputs
    assert isinstance(output, Reply)
    assert isinstance(output.answer, Rejected)
    return output.answer


def messages(answer: Answer) -> list[str]:
    return [item.record.message for item in answer.items]


def test_deepness_one_is_a_local_read() -> None:
    stage = Stage()
    stage.hold(record(1, message="mine"), record(2, ("chat",), "not under the prefix"))
    outputs = stage.own(query(remaining=1))
    assert messages(reply(outputs)) == ["mine"]
    assert [item.node for item in reply(outputs).items] == ["own"]
    assert stage.router.open_queries == 0
    assert stage.router.next_timeout() is None


def test_a_wallets_query_goes_to_every_link_and_comes_back_with_its_token() -> None:
    stage = Stage()
    stage.hold(record(1, message="mine"))
    first, second = asks(stage.own(query(remaining=3)))
    assert first.query == AskLink(L, query(remaining=2, budget_ms=7_300))
    assert second.query == AskLink(M, query(remaining=2, budget_ms=7_300))
    assert stage.router.open_queries == 1
    assert stage.answer(first, record(2, message="l")) == []
    outputs = stage.fail(second)
    assert [output.token for output in outputs if isinstance(output, Reply)] == [1]
    assert messages(reply(outputs)) == ["mine", "l"]
    assert reply(outputs).stats == Stats(asked=2, answered=1, refused=1, hops=1)


def test_a_peers_query_goes_to_everybody_but_the_peer() -> None:
    stage = Stage(links=(L, M, N))
    asked = asks(stage.peer(query(remaining=2), L))
    assert [ask.query.link for ask in asked] == [M, N]
    assert {ask.query.query.remaining for ask in asked} == {1}


def test_a_known_request_is_a_duplicate() -> None:
    stage = Stage()
    stage.hold(record(1))
    assert messages(reply(stage.peer(query(remaining=1)))) == ["offer"]
    assert reply(stage.peer(query(remaining=1), M)) == Answer(duplicate=True)
    assert reply(stage.peer(query(remaining=1), L)) == Answer(duplicate=True)
    assert messages(reply(stage.peer(query(remaining=1, request=2)))) == ["offer"]


def test_a_request_is_forgotten_after_its_time() -> None:
    stage = Stage(PoolConfig(seen_ms=10_000))
    stage.hold(record(1))
    stage.peer(query(remaining=1), L)
    stage.wait(9_999)
    assert reply(stage.peer(query(remaining=1), M)) == Answer(duplicate=True)
    stage.wait(1)
    assert messages(reply(stage.peer(query(remaining=1), M))) == ["offer"]


def test_a_deeper_copy_is_followed_again_without_the_own_records() -> None:
    stage = Stage(links=(L, M, N))
    stage.hold(record(1, message="mine"))
    for ask in asks(stage.peer(query(remaining=2), L)):
        answered = stage.answer(ask)
    assert messages(reply(answered)) == ["mine"]
    again = asks(stage.peer(query(remaining=3), M))
    assert [(ask.query.link, ask.query.query.remaining) for ask in again] == [(L, 2), (N, 2)]
    stage.answer(again[0])
    assert messages(reply(stage.answer(again[1], record(2, message="farther")))) == ["farther"]
    assert reply(stage.peer(query(remaining=3), N)) == Answer(duplicate=True)


def test_the_own_request_is_known_when_it_comes_back() -> None:
    stage = Stage()
    stage.own(query(remaining=3))
    assert reply(stage.peer(query(remaining=2), L)) == Answer(duplicate=True)


def test_a_copy_that_has_no_time_to_travel_does_not_pass_for_a_deep_one() -> None:
    """Otherwise a link could close a subtree to somebody else's request with a budget of one millisecond."""
    stage = Stage(links=(L, M, N))
    assert asks(stage.peer(query(remaining=6, budget_ms=1), L)) == []
    assert [ask.query.link for ask in asks(stage.peer(query(remaining=2, budget_ms=8_000), M))] == [L, N]
    assert reply(stage.peer(query(remaining=2, budget_ms=8_000), N)) == Answer(duplicate=True)
    assert asks(stage.own(query(remaining=6, budget_ms=1, request=2))) == []
    assert len(asks(stage.peer(query(remaining=2, request=2), L))) == 2


def test_what_a_peer_asks_is_cut_to_this_nodes_limits() -> None:
    stage = Stage(PoolConfig(deepness_max=3, size_limit_max=5, budget_ms=2_000))
    (ask,) = asks(stage.peer(query(remaining=16, size_limit=100_000, budget_ms=600_000), L))
    assert ask.query.query == query(remaining=2, size_limit=5, budget_ms=1_300)
    assert stage.router.next_timeout() == NOW + 2_000


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (query(()), ErrorCode.KEYS_INVALID),
        (query(("k" * 65,)), ErrorCode.KEYS_INVALID),
        (query(remaining=0), ErrorCode.INVALID_PARAMS),
        (query(remaining=-5), ErrorCode.INVALID_PARAMS),
        (query(size_limit=0), ErrorCode.INVALID_PARAMS),
        (query(budget_ms=0), ErrorCode.INVALID_PARAMS),
        (query(max_age_ms=-1), ErrorCode.INVALID_PARAMS),
    ],
)
def test_what_makes_no_sense_is_refused_to_peers_and_owner_alike(asked: Query, code: ErrorCode) -> None:
    stage = Stage()
    assert refusal(stage.peer(asked)).code is code
    assert refusal(stage.own(asked)).code is code
    local = stage.router.local(asked.keys, asked.size_limit, asked.max_age_ms, NOW)
    assert local == (refusal(stage.own(asked)) if asked.remaining > 0 and asked.budget_ms > 0 else [])
    assert stage.router.open_queries == 0


@pytest.mark.parametrize(
    ("asked", "facts"),
    [
        (query(remaining=7), {"parameter": "deepness", "maximum": 6}),
        (query(size_limit=1_001), {"parameter": "size_limit", "maximum": 1_000}),
        (query(budget_ms=120_001), {"parameter": "budget", "maximum_ms": 120_000}),
    ],
)
def test_the_owner_is_told_the_limits(asked: Query, facts: dict[str, object]) -> None:
    stage = Stage()
    assert refusal(stage.own(asked)) == Rejected(ErrorCode.INVALID_PARAMS, facts)  # type: ignore[arg-type]  # Fact
    assert stage.router.local(("swap",), 1_000, None, NOW) == []


def test_equal_queries_of_the_owner_are_merged() -> None:
    stage = Stage(links=(L,))
    (ask,) = asks(stage.own(query(request=1)))
    assert stage.own(query(request=2)) == []
    assert stage.router.open_queries == 1
    outputs = stage.answer(ask, record(message="found"))
    assert [(output.token, messages(output.answer)) for output in outputs if isinstance(output, Reply)
            if isinstance(output.answer, Answer)] == [(1, ["found"]), (2, ["found"])]  # fmt: skip
    assert len(asks(stage.own(query(request=3)))) == 1


@pytest.mark.parametrize(
    "other",
    [
        query(("swap",), request=2),
        query(size_limit=11, request=2),
        query(max_age_ms=5, request=2),
        query(remaining=2, request=2),
        query(budget_ms=7_999, request=2),
    ],
)
def test_other_queries_are_not(other: Query) -> None:
    stage = Stage(links=(L,))
    stage.own(query(request=1))
    assert len(asks(stage.own(other))) == 1


def test_nor_are_those_of_peers() -> None:
    stage = Stage(links=(L, M))
    stage.own(query(request=1))
    stage.peer(query(request=2), L)
    stage.peer(query(request=3), M)
    assert stage.router.open_queries == 3


CACHING = PoolConfig(cache_age_ms=1_000, cache_entries_max=2)


def keep(stage: Stage, asked: Query, *records: Record) -> None:
    """Let the owner ask and the one link answer."""
    (ask,) = asks(stage.own(asked))
    stage.answer(ask, *records)


def test_an_answer_is_served_again_for_a_while() -> None:
    stage = Stage(CACHING, links=(L,))
    keep(stage, query(request=1), record(message="found"))
    assert messages(reply(stage.own(query(request=2)))) == ["found"]
    stage.wait(999)
    assert messages(reply(stage.own(query(request=3)))) == ["found"]
    stage.wait(1)
    assert len(asks(stage.own(query(request=4)))) == 1


def test_a_peer_is_served_from_it_when_it_was_as_deep_and_nothing_else() -> None:
    stage = Stage(CACHING, links=(L, M))
    for ask in asks(stage.own(query(request=1, remaining=3))):
        stage.answer(ask, record(message="found"))
    assert messages(reply(stage.peer(query(request=2, remaining=2), M))) == ["found"]
    assert reply(stage.peer(query(request=2, remaining=2), L)) == Answer(duplicate=True)
    assert len(asks(stage.peer(query(request=3, remaining=4), M))) == 1
    assert messages(reply(stage.peer(query(request=4, remaining=1), M))) == []
    assert len(asks(stage.own(query(request=5, remaining=2)))) == 2


def test_a_deeper_copy_of_a_request_that_was_served_from_it_is_followed() -> None:
    stage = Stage(CACHING, links=(L, M))
    for ask in asks(stage.own(query(request=1, remaining=3))):
        stage.answer(ask, record(message="found"))
    stage.peer(query(request=2, remaining=2), M)
    assert [ask.query.link for ask in asks(stage.peer(query(request=2, remaining=3), M))] == [L]


def test_what_expired_or_aged_meanwhile_is_not_served_again() -> None:
    stage = Stage(CACHING, links=(L,))
    asked = query(request=1, max_age_ms=2_000)
    keep(
        stage,
        asked,
        record(1, message="good", age_ms=1_000),
        record(2, message="expires", age_ms=1_000, left_ms=500),
        record(3, message="grows old", age_ms=1_600),
    )
    stage.wait(500)
    assert messages(reply(stage.own(replace(asked, request_id=query(request=2).request_id)))) == ["good"]


def test_kept_answers_are_few_and_an_equal_question_replaces_its_answer() -> None:
    stage = Stage(CACHING, links=(L,))
    for number, key in enumerate(("a", "b", "c")):
        keep(stage, query((key,), request=number))
    assert len(asks(stage.own(query(("a",), request=10)))) == 1
    assert reply(stage.own(query(("c",), request=11))).items == ()
    keep(stage, query(("c",), request=12, remaining=2))
    assert len(asks(stage.own(query(("b",), request=13, remaining=2)))) == 1
    assert len(stage.router._kept) == 2
    stage.wait(1_000)
    keep(stage, query(("d",), request=14))
    assert len(stage.router._kept) == 1


def test_an_answer_that_had_less_time_than_usual_is_not_kept() -> None:
    stage = Stage(CACHING, links=(L,))
    keep(stage, query(request=1, budget_ms=7_999), record())
    assert len(asks(stage.own(query(request=2, budget_ms=7_999)))) == 1


def test_an_answer_to_a_peer_is_not_kept() -> None:
    """It lacks what other branches of the same request had answered already."""
    stage = Stage(CACHING, links=(L, M))
    (ask,) = asks(stage.peer(query(request=1), L))
    stage.answer(ask, record())
    assert len(asks(stage.own(query(request=2)))) == 2


@pytest.mark.parametrize("config", [PoolConfig(), PoolConfig(cache_age_ms=1_000, cache_entries_max=0)])
def test_without_a_cache_the_network_is_asked_each_time(config: PoolConfig) -> None:
    stage = Stage(config, links=(L,))
    keep(stage, query(request=1), record())
    assert len(asks(stage.own(query(request=2)))) == 1


def test_at_the_deadline_the_answer_is_partial() -> None:
    stage = Stage()
    first, second = asks(stage.own(query()))
    stage.answer(first, record(message="in time"))
    assert stage.router.next_timeout() == NOW + 8_000
    assert stage.wait(7_999) == []
    outputs = stage.wait(1)
    assert messages(reply(outputs)) == ["in time"]
    assert reply(outputs).stats.timed_out == 1
    assert stage.router.next_timeout() is None
    assert stage.wait(0) == []
    assert stage.answer(second, record(message="late")) == []
    assert stage.router._exchanges == {}


def test_deadlines_of_what_ended_before_are_forgotten() -> None:
    stage = Stage(links=(L,))
    (ask,) = asks(stage.own(query(request=1)))
    stage.answer(ask)
    stage.own(query(request=2, budget_ms=9_000))
    assert stage.router.next_timeout() == NOW + 9_000
    (ask,) = asks(stage.own(query(request=3, budget_ms=1_000)))
    stage.answer(ask)
    assert stage.wait(8_500) == []
    assert reply(stage.wait(500)).stats.timed_out == 1


def test_an_answer_to_nothing_changes_nothing() -> None:
    stage = Stage()
    assert stage.answer(Ask(77, AskLink(L, query())), record()) == []
    (first, _) = asks(stage.own(query()))
    stage.answer(first)
    assert stage.answer(first, record()) == []


def test_a_link_that_brings_a_bad_record_is_blamed() -> None:
    stage = Stage(links=(L,))
    (ask,) = asks(stage.own(query()))
    outputs = stage.answer(ask, replace(record(), message="forged"))
    assert [output.culprit for output in outputs if isinstance(output, Blame)] == [L]
    assert reply(outputs).items == ()


def test_links_are_asked_once_each() -> None:
    stage = Stage(links=(L, M, L))
    assert [ask.query.link for ask in asks(stage.own(query()))] == [L, M]


SPENDING = PoolConfig(bucket_units=100, bucket_units_per_second=10)


def test_a_link_pays_for_what_it_asks() -> None:
    stage = Stage(SPENDING, links=(L, M, N))
    assert len(asks(stage.peer(query(request=1, remaining=2, size_limit=50), L))) == 2
    outputs = stage.peer(query(request=2, remaining=2, size_limit=50), L)
    assert refusal(outputs) == Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": 600})
    assert len(asks(stage.peer(query(request=2, remaining=2, size_limit=50), M))) == 2
    stage.wait(600)
    assert len(asks(stage.peer(query(request=3, remaining=2, size_limit=50), L))) == 2


def test_a_duplicate_costs_a_unit_so_that_it_cannot_be_had_without_end() -> None:
    stage = Stage(SPENDING)
    stage.peer(query(remaining=1, size_limit=9), L)
    for _ in range(90):
        assert reply(stage.peer(query(remaining=1, size_limit=9), L)) == Answer(duplicate=True)
    assert refusal(stage.peer(query(remaining=1, size_limit=9), L)).code is ErrorCode.RATE_LIMITED


def test_a_stranger_who_has_paid_is_not_debited() -> None:
    stage = Stage(SPENDING)
    for number in range(20):
        assert isinstance(reply(stage.peer(query(request=number, remaining=1), STRANGER, is_paid=True)), Answer)
    assert stage.router._allowances == {}


def test_records_that_were_looked_at_are_charged() -> None:
    stage = Stage(SPENDING)
    stage.hold(*(record(1, ("swap", "btc", str(number))) for number in range(160)))
    stage.peer(query(request=1, remaining=1, size_limit=1), L)
    assert stage.router._allowances[L].left(NOW) == 100 - 2 - 10
    stage.peer(query(request=2, remaining=1, size_limit=1, max_age_ms=0), L)
    assert stage.router._allowances[L].left(NOW) == 100 - 2 * (2 + 10)


def test_who_leaves_and_returns_finds_what_it_has_left() -> None:
    stage = Stage(SPENDING)
    stage.peer(query(request=1, remaining=1, size_limit=59), L)
    stage.router.receive(LinksChanged((M,)), stage.now)
    stage.router.receive(LinksChanged((L, M)), stage.now)
    assert stage.router._allowances[L].left(NOW) == 40
    stage.router.receive(LinksChanged((M,)), stage.now)
    stage.wait(6_000)
    stage.router.receive(LinksChanged((M,)), stage.now)
    assert L not in stage.router._allowances


def test_allowances_of_those_who_are_no_links_do_not_pile_up() -> None:
    stage = Stage(SPENDING)
    for number in range(2_000):
        stage.peer(query(request=number, remaining=1, size_limit=1), node(number % 256))
        stage.peer(query(request=10_000 + number, remaining=1), NodeId(number.to_bytes(32, "big")))
        stage.wait(100)
        assert len(stage.router._allowances) <= 2 * 2 + 64 + 40


def test_too_many_open_queries_of_one_link_are_refused() -> None:
    stage = Stage(PoolConfig(link_open_queries_max=2), links=(L, M))
    for number in (1, 2):
        assert len(asks(stage.peer(query(request=number), L))) == 1
    busy = refusal(stage.peer(query(request=3), L))
    assert busy == Rejected(ErrorCode.BUSY, {"open_queries": 2, "retry_after_ms": 700})
    assert len(asks(stage.peer(query(request=3), M))) == 1
    for number in (4, 5):
        assert len(asks(stage.own(query(request=number, size_limit=number)))) == 2
    assert refusal(stage.own(query(request=6))).code is ErrorCode.BUSY


def test_links_cannot_take_all_places_from_the_owner() -> None:
    stage = Stage(PoolConfig(open_queries_max=2))
    stage.peer(query(request=1), L)
    stage.peer(query(request=2), M)
    assert refusal(stage.peer(query(request=3), L)).code is ErrorCode.BUSY
    assert len(asks(stage.own(query(request=4)))) == 2


def test_places_are_free_again_when_a_query_ends() -> None:
    stage = Stage(PoolConfig(link_open_queries_max=1), links=(L, M))
    (ask,) = asks(stage.peer(query(request=1), L))
    assert refusal(stage.peer(query(request=2), L)).code is ErrorCode.BUSY
    stage.answer(ask)
    assert stage.router.open_queries == 0
    assert len(asks(stage.peer(query(request=3), L))) == 1


def test_a_flood_of_request_ids_makes_only_the_flooder_forgotten() -> None:
    stage = Stage(PoolConfig(seen_max=10, bucket_units=10**6))
    stage.hold(record(1, message="mine"))
    stage.peer(query(request=1, remaining=1), M)
    for number in range(100, 200):
        assert messages(reply(stage.peer(query(request=number, remaining=1), L))) == ["mine"]
    assert reply(stage.peer(query(request=1, remaining=1), M)) == Answer(duplicate=True)
    assert messages(reply(stage.peer(query(request=100, remaining=1), L))) == ["mine"]


def test_local_records_are_cut_per_author() -> None:
    stage = Stage()
    stage.hold(
        *(record(1, ("swap", "btc", str(number)), f"flood {number}", age_ms=number) for number in range(1, 5)),
        record(2, message="lone", age_ms=50),
    )
    chosen = stage.router.local(("swap",), 3, None, NOW)
    assert not isinstance(chosen, Rejected)
    assert [entry.record().message for entry in chosen] == ["flood 1", "flood 2", "lone"]
    outputs = stage.own(query(remaining=1, size_limit=3))
    assert reply(outputs).stats.truncated_by == ("own",)


def test_removed_records_are_not_answered() -> None:
    stage = Stage()
    stage.hold(record(1))
    stage.table.remove(removal(1), NOW)
    assert messages(reply(stage.own(query(remaining=1)))) == []


def test_when_it_closes_everybody_is_answered_and_nothing_new_is_taken() -> None:
    stage = Stage()
    pending = asks(stage.own(query(request=1)))
    stage.own(query(request=2))
    stage.peer(query(request=3), L)
    stage.router.receive(Closed(), stage.now)
    outputs = drain(stage.router)
    assert outputs == [Reply(token, Rejected(ErrorCode.SHUTTING_DOWN)) for token in (1, 2, 3)]
    assert stage.router.phase is RouterPhase.CLOSED
    assert stage.router.next_timeout() is None
    assert stage.answer(pending[0], record()) == []
    assert stage.wait(100_000) == []
    assert refusal(stage.own(query(request=4))).code is ErrorCode.SHUTTING_DOWN
    assert refusal(stage.peer(query(request=5))).code is ErrorCode.SHUTTING_DOWN
    stage.router.receive(Closed(), stage.now)
    stage.router.receive(LinksChanged((N,)), stage.now)
    assert drain(stage.router) == []


@pytest.mark.parametrize("name", ["n" * 129, "two\nlines"])
def test_a_name_that_others_would_refuse_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stage(own_name=name)
    assert caught.value.facts == {"setting": "name", "characters_max": 128}
