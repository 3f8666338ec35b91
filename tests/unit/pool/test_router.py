"""All traversals of a node: whom it asks, what it answers twice, what it remembers, whom it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ConfigError, ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, Stats, record_body
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
    RouterEvent,
    RouterOutput,
    RouterPhase,
)
from parley.pool.table import OWNER_LINK, RecordTable
from parley.primitives import schnorr
from parley.primitives.ids import NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Blame, drain
from parley.testing.authors import Author

START = Instant(1_800_000_000_000)
FIRST, SECOND, THIRD = (NodeId(bytes([number]) * 32) for number in (1, 2, 3))
LINKS = (FIRST, SECOND, THIRD)
QUERY = Query(RequestId(b"q" * 16), ("offer",), 3, 10, None, 8_000)
ANN, BOB = Author(SeededEntropy(b"ann")), Author(SeededEntropy(b"bob"))
DUPLICATE = Answer(duplicate=True)


def offer(author: Author, name: str, lifetime_ms: int = 600_000) -> Record:
    return author.sign(("offer", name), "sell", now=START, lifetime_ms=lifetime_ms)


OWN = offer(ANN, "own")
FAR = offer(BOB, "far")


def request(number: int) -> RequestId:
    return RequestId(bytes([number]) * 16)


@dataclass
class Scene:
    """A router with one record of its own; time and answers are the test's."""

    config: PoolConfig = field(default_factory=PoolConfig)
    links: tuple[NodeId, ...] = LINKS
    records: tuple[Record, ...] = (OWN,)
    now: Instant = START
    tokens: int = 0
    outputs: list[RouterOutput] = field(default_factory=list)

    def __post_init__(self) -> None:
        table = RecordTable(self.config)
        for record in self.records:
            table.push(record, record_body(record), OWNER_LINK, START)
        self.router = Router(table=table, config=self.config, own_name="own", verify=schnorr.verify)
        self.receive(LinksChanged(self.links))

    def receive(self, event: RouterEvent) -> list[RouterOutput]:
        self.router.receive(event, self.now)
        return self.keep()

    def keep(self) -> list[RouterOutput]:
        outputs: list[RouterOutput] = drain(self.router)
        self.outputs += outputs
        return outputs

    def wait(self, passed_ms: int) -> list[RouterOutput]:
        self.now = Instant(self.now + passed_ms)
        self.router.handle_timeout(self.now)
        return self.keep()

    def owner(self, query: Query = QUERY) -> int:
        self.tokens += 1
        self.receive(OwnerQueried(self.tokens, query))
        return self.tokens

    def peer(self, link: NodeId = FIRST, query: Query = QUERY, *, is_paid: bool = False) -> int:
        self.tokens += 1
        self.receive(QueryReceived(self.tokens, link, query, is_paid))
        return self.tokens

    def asks(self) -> list[Ask[AskLink]]:
        return [output for output in self.outputs if isinstance(output, Ask)]

    def asked(self) -> list[tuple[NodeId, int]]:
        """Return whom the router asked, and how deep."""
        return [(ask.query.link, ask.query.query.remaining) for ask in self.asks()]

    def answer_all(self, *records: Record) -> None:
        """Let every link that was asked answer the same."""
        answer = Answer(tuple(Item("far", record) for record in records))
        for ask in self.asks():
            self.receive(AnswerReceived(ask.exchange, answer))

    def reply(self, token: int) -> Answer | Rejected | None:
        replies = [output.answer for output in self.outputs if isinstance(output, Reply) and output.token == token]
        assert len(replies) <= 1
        return replies[0] if replies else None

    def found(self, token: int) -> set[Record]:
        answer = self.reply(token)
        assert isinstance(answer, Answer)
        return {item.record for item in answer.items}

    def refusal(self, token: int) -> ErrorCode | None:
        answer = self.reply(token)
        return answer.code if isinstance(answer, Rejected) else None


def test_a_name_that_others_refuse_is_refused_at_the_start() -> None:
    config = PoolConfig()
    with pytest.raises(ConfigError) as caught:
        Router(table=RecordTable(config), config=config, own_name="a\nb", verify=schnorr.verify)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_the_owner_asks_all_links() -> None:
    scene = Scene()
    token = scene.owner()
    assert scene.asked() == [(FIRST, 2), (SECOND, 2), (THIRD, 2)]
    assert [ask.query.query.budget_ms for ask in scene.asks()] == [7_300] * 3
    assert scene.router.open_queries == 1
    scene.answer_all(FAR)
    assert scene.found(token) == {OWN, FAR}
    assert scene.router.open_queries == 0


def test_a_peer_asks_all_links_but_itself() -> None:
    scene = Scene()
    token = scene.peer(SECOND)
    assert scene.asked() == [(FIRST, 2), (THIRD, 2)]
    assert scene.reply(token) is None
    scene.answer_all(FAR)
    assert scene.found(token) == {OWN, FAR}


def test_links_are_those_told_last_each_once() -> None:
    scene = Scene()
    scene.receive(LinksChanged((THIRD, FIRST, THIRD)))
    scene.owner()
    assert scene.asked() == [(THIRD, 2), (FIRST, 2)]


def test_deepness_one_is_a_local_read() -> None:
    scene = Scene()
    token = scene.owner(replace(QUERY, remaining=1))
    assert scene.reply(token) == Answer((Item("own", OWN),), Stats())
    assert scene.asks() == []


def test_own_records_are_cut_fairly_by_author() -> None:
    records = tuple(offer(ANN, name) for name in "abc")
    scene = Scene(records=(*records, FAR))
    entries, left_out = scene.router.local(("offer",), 2, None, START)
    assert ({entry.author for entry in entries}, left_out) == ({ANN.key, BOB.key}, 2)
    token = scene.owner(replace(QUERY, remaining=1, size_limit=2))
    answer = scene.reply(token)
    assert isinstance(answer, Answer)
    assert answer.stats.truncated_by == ("own",)


def test_at_the_deadline_the_answer_is_what_there_is() -> None:
    scene = Scene()
    token = scene.owner()
    scene.receive(AnswerReceived(scene.asks()[0].exchange, Answer((Item("far", FAR),))))
    scene.receive(AskFailed(scene.asks()[1].exchange, ErrorCode.UNREACHABLE))
    assert scene.router.next_timeout() == START + 8_000
    assert scene.wait(7_999) == []
    scene.wait(1)
    assert scene.found(token) == {OWN, FAR}
    answer = scene.reply(token)
    assert isinstance(answer, Answer)
    assert answer.stats == Stats(asked=3, answered=1, timed_out=1, refused=1, hops=1)
    assert scene.router.next_timeout() is None


def test_a_late_unknown_or_second_answer_changes_nothing() -> None:
    scene = Scene()
    scene.owner()
    late = scene.asks()[0].exchange
    answer = AnswerReceived(late, Answer((Item("far", replace(FAR, message="forged")),)))
    scene.wait(8_000)
    assert scene.receive(answer) == []
    assert scene.receive(AskFailed(late, ErrorCode.BUSY)) == []
    assert scene.receive(AnswerReceived(999, Answer())) == []


def test_deadlines_of_what_is_answered_wake_nobody() -> None:
    scene = Scene()
    scene.owner(replace(QUERY, budget_ms=1_000))
    scene.answer_all()
    token = scene.owner(replace(QUERY, budget_ms=2_000, request_id=request(2)))
    assert scene.wait(1_000) == []
    assert scene.router.next_timeout() == START + 2_000
    scene.wait(1_000)
    assert scene.found(token) == {OWN}


def test_who_brings_a_forged_record_is_blamed() -> None:
    scene = Scene()
    token = scene.owner()
    forged = replace(FAR, message="forged")
    outputs = scene.receive(AnswerReceived(scene.asks()[1].exchange, Answer((Item("far", forged),))))
    assert [(output.culprit, output.code) for output in outputs if isinstance(output, Blame)] == [
        (SECOND, ErrorCode.BAD_SIGNATURE)
    ]
    scene.answer_all()
    assert scene.found(token) == {OWN}


def test_a_second_copy_with_no_more_to_go_is_a_duplicate() -> None:
    scene = Scene()
    scene.peer(FIRST)
    before = scene.asked()
    tokens = [scene.peer(SECOND), scene.peer(FIRST), scene.peer(THIRD, replace(QUERY, remaining=2))]
    assert [scene.reply(token) for token in tokens] == [DUPLICATE] * 3
    assert scene.asked() == before


def test_a_copy_that_returns_to_the_owners_node_is_a_duplicate() -> None:
    scene = Scene()
    scene.owner()
    assert scene.reply(scene.peer(FIRST, replace(QUERY, remaining=2))) == DUPLICATE


def test_a_copy_with_more_to_go_is_forwarded_again_without_the_own_records() -> None:
    scene = Scene()
    shallow = scene.peer(FIRST, replace(QUERY, remaining=1))
    assert scene.found(shallow) == {OWN}
    deep = scene.peer(SECOND, replace(QUERY, remaining=3))
    assert scene.asked() == [(FIRST, 2), (THIRD, 2)]
    scene.answer_all(FAR)
    assert scene.found(deep) == {FAR}
    assert scene.reply(scene.peer(THIRD, replace(QUERY, remaining=3))) == DUPLICATE


def test_a_copy_without_time_to_go_deep_is_not_remembered_as_a_deep_one() -> None:
    scene = Scene()
    hurried = scene.peer(FIRST, replace(QUERY, budget_ms=700))
    assert scene.found(hurried) == {OWN}
    assert scene.asks() == []
    scene.peer(SECOND)
    assert scene.asked() == [(FIRST, 2), (THIRD, 2)]


def test_a_request_is_forgotten_after_its_time() -> None:
    scene = Scene(PoolConfig(seen_ms=10_000))
    scene.peer(FIRST)
    scene.wait(10_000)
    again = scene.peer(SECOND, replace(QUERY, remaining=1))
    assert scene.found(again) == {OWN}


def test_when_no_more_requests_can_be_remembered_the_flooder_is_forgotten_and_nobody_refused() -> None:
    scene = Scene(PoolConfig(seen_max=3))
    quiet = replace(QUERY, request_id=request(50), remaining=1)
    scene.peer(SECOND, quiet)
    flood = [scene.peer(FIRST, replace(QUERY, request_id=request(number), remaining=1)) for number in range(9)]
    assert all(scene.found(token) == {OWN} for token in flood)
    assert scene.reply(scene.peer(THIRD, quiet)) == DUPLICATE
    forgotten = scene.peer(FIRST, replace(QUERY, request_id=request(0), remaining=1))
    assert scene.found(forgotten) == {OWN}


def test_what_a_peer_asks_for_is_cut_to_the_own_limits() -> None:
    scene = Scene(PoolConfig(deepness_max=2, size_limit_max=5, budget_ms=3_000))
    scene.peer(FIRST, replace(QUERY, remaining=9, size_limit=99, budget_ms=2**40))
    child = scene.asks()[0].query.query
    assert (child.remaining, child.size_limit, child.budget_ms) == (1, 5, 2_300)


BAD_QUERIES = (
    (replace(QUERY, keys=()), ErrorCode.KEYS_INVALID),
    (replace(QUERY, keys=("\ud800",)), ErrorCode.KEYS_INVALID),
    (replace(QUERY, remaining=0), ErrorCode.INVALID_PARAMS),
    (replace(QUERY, size_limit=0), ErrorCode.INVALID_PARAMS),
    (replace(QUERY, budget_ms=0), ErrorCode.INVALID_PARAMS),
    (replace(QUERY, max_age_ms=-1), ErrorCode.INVALID_PARAMS),
)


@pytest.mark.parametrize(("query", "code"), BAD_QUERIES)
def test_a_bad_query_is_refused_whoever_asks(query: Query, code: ErrorCode) -> None:
    scene = Scene()
    assert [scene.refusal(scene.owner(query)), scene.refusal(scene.peer(FIRST, query))] == [code] * 2
    check = scene.router.check(query)
    assert check is not None
    assert check.code is code
    # A refused request is not remembered: its good twin is followed.
    token = scene.peer(FIRST)
    assert scene.reply(token) is None


@pytest.mark.parametrize(
    "query",
    [replace(QUERY, remaining=7), replace(QUERY, size_limit=1_001), replace(QUERY, budget_ms=120_001)],
)
def test_beyond_the_limits_the_owner_is_refused(query: Query) -> None:
    scene = Scene()
    assert scene.refusal(scene.owner(query)) is ErrorCode.INVALID_PARAMS
    assert scene.router.check(QUERY) is None


def test_equal_queries_of_the_owner_are_one() -> None:
    scene = Scene()
    first, second = scene.owner(), scene.owner(replace(QUERY, request_id=request(2)))
    assert len(scene.asks()) == 3
    assert scene.router.open_queries == 1
    scene.answer_all(FAR)
    assert scene.reply(first) == scene.reply(second)
    assert scene.found(first) == {OWN, FAR}


@pytest.mark.parametrize(
    "other",
    [
        replace(QUERY, request_id=request(2), keys=("offer", "own")),
        replace(QUERY, request_id=request(2), remaining=2),
        replace(QUERY, request_id=request(2), size_limit=9),
        replace(QUERY, request_id=request(2), max_age_ms=9),
        replace(QUERY, request_id=request(2), budget_ms=7_999),
    ],
)
def test_queries_of_the_owner_that_differ_are_not_one(other: Query) -> None:
    scene = Scene()
    scene.owner()
    scene.owner(other)
    assert scene.router.open_queries == 2


def test_a_query_of_a_peer_is_not_merged() -> None:
    scene = Scene()
    scene.owner()
    scene.peer(FIRST, replace(QUERY, request_id=request(2)))
    assert scene.router.open_queries == 2


CACHING = PoolConfig(cache_age_ms=2_000)


def cached(config: PoolConfig = CACHING, query: Query = QUERY, *records: Record) -> Scene:
    """Return a scene whose owner has asked and been answered."""
    scene = Scene(config)
    scene.owner(query)
    scene.answer_all(*(records or (FAR,)))
    return scene


def test_the_owner_is_served_again_at_the_same_deepness_while_the_answer_is_fresh() -> None:
    scene = cached()
    scene.wait(1_999)
    again = scene.owner(replace(QUERY, request_id=request(2)))
    assert scene.found(again) == {OWN, FAR}
    assert len(scene.asks()) == 3
    scene.wait(1)
    assert scene.reply(scene.owner(replace(QUERY, request_id=request(3)))) is None


@pytest.mark.parametrize("remaining", [2, 4])
def test_the_owner_is_not_served_again_at_another_deepness(remaining: int) -> None:
    scene = cached()
    assert scene.reply(scene.owner(replace(QUERY, request_id=request(2), remaining=remaining))) is None


def test_a_peer_is_served_what_was_found_at_least_as_deep() -> None:
    scene = cached()
    asked = len(scene.asks())
    served = [scene.peer(FIRST, replace(QUERY, request_id=request(number), remaining=number)) for number in (2, 3)]
    assert [scene.found(token) for token in served] == [{OWN, FAR}] * 2
    assert len(scene.asks()) == asked
    local = scene.peer(FIRST, replace(QUERY, request_id=request(5), remaining=1))
    assert scene.found(local) == {OWN}
    deeper = scene.peer(FIRST, replace(QUERY, request_id=request(4), remaining=4))
    assert scene.reply(deeper) is None
    assert len(scene.asks()) == asked + 2


def test_a_copy_that_is_forwarded_again_is_not_served_from_what_is_kept() -> None:
    scene = cached()
    scene.peer(FIRST, replace(QUERY, request_id=request(2), remaining=1))
    assert scene.reply(scene.peer(SECOND, replace(QUERY, request_id=request(2), remaining=2))) is None


def test_what_has_expired_or_grown_too_old_is_not_served_again() -> None:
    query = replace(QUERY, max_age_ms=1_000)
    brief = offer(BOB, "brief", lifetime_ms=500)
    scene = cached(CACHING, query, FAR, brief)
    fresh = scene.owner(replace(query, request_id=request(2)))
    assert scene.found(fresh) == {OWN, FAR, brief}
    scene.wait(500)
    later = scene.owner(replace(query, request_id=request(3)))
    assert scene.found(later) == {OWN, FAR}
    scene.wait(501)
    stale = scene.owner(replace(query, request_id=request(4)))
    assert scene.found(stale) == set()


def test_an_answer_that_had_less_time_than_usual_is_not_kept() -> None:
    scene = cached(CACHING, replace(QUERY, budget_ms=7_999))
    assert scene.reply(scene.owner(replace(QUERY, request_id=request(2)))) is None


def test_a_peers_answer_is_not_kept() -> None:
    scene = Scene(CACHING)
    scene.peer(FIRST)
    scene.answer_all(FAR)
    assert scene.reply(scene.owner(replace(QUERY, request_id=request(2)))) is None


@pytest.mark.parametrize("config", [PoolConfig(), replace(CACHING, cache_entries_max=0)])
def test_without_a_cache_every_query_asks_the_network(config: PoolConfig) -> None:
    scene = cached(config)
    assert scene.reply(scene.owner(replace(QUERY, request_id=request(2)))) is None


def test_the_oldest_answer_leaves_a_full_cache() -> None:
    config = replace(CACHING, cache_entries_max=2)
    scene = Scene(config)
    queries = [replace(QUERY, request_id=request(number), size_limit=number) for number in (1, 2, 3)]
    for query in queries:
        scene.owner(query)
        scene.answer_all()
    again = [scene.owner(replace(query, request_id=request(50 + query.size_limit))) for query in queries]
    assert [scene.reply(token) is None for token in again] == [True, False, False]


# A query of deepness 3 and size limit 10 over two links costs 1 + 2 + 4 + 10; it may be asked twice.
THRIFTY = PoolConfig(bucket_units=40, bucket_units_per_second=1)


def test_who_has_spent_its_allowance_is_told_how_long_to_wait() -> None:
    scene = Scene(THRIFTY)
    tokens = [scene.peer(FIRST, replace(QUERY, request_id=request(number))) for number in range(3)]
    assert [scene.refusal(token) for token in tokens] == [None, None, ErrorCode.RATE_LIMITED]
    assert scene.reply(tokens[2]) == Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": 11_000})
    assert scene.refusal(scene.peer(SECOND, replace(QUERY, request_id=request(4)))) is None
    scene.wait(11_000)
    assert scene.refusal(scene.peer(FIRST, replace(QUERY, request_id=request(2)))) is None


def test_a_duplicate_costs_one() -> None:
    scene = Scene(THRIFTY)
    scene.peer(FIRST)
    tokens = [scene.peer(FIRST) for _ in range(24)]
    assert [scene.reply(token) for token in tokens[:23]] == [DUPLICATE] * 23
    assert scene.refusal(tokens[23]) is ErrorCode.RATE_LIMITED


def test_what_was_paid_for_is_not_debited() -> None:
    scene = Scene(THRIFTY)
    tokens = [scene.peer(FIRST, replace(QUERY, request_id=request(number)), is_paid=True) for number in range(9)]
    assert [scene.refusal(token) for token in tokens] == [None] * 9
    assert scene.refusal(scene.peer(FIRST, replace(QUERY, request_id=request(9)))) is None


def test_what_the_table_walked_over_is_charged() -> None:
    records = tuple(offer(ANN, f"{number}") for number in range(33))
    scene = Scene(PoolConfig(bucket_units=3, bucket_units_per_second=1), records=records)
    local = replace(QUERY, remaining=1, size_limit=1)
    assert scene.refusal(scene.peer(FIRST, local)) is None
    # 2 for the query, 33 // 16 for the walk: one is owed.
    assert scene.reply(scene.peer(FIRST, replace(local, request_id=request(2)))) == Rejected(
        ErrorCode.RATE_LIMITED, {"retry_after_ms": 3_000}
    )


def test_who_leaves_and_returns_finds_what_it_has_left() -> None:
    scene = Scene(THRIFTY)
    for number in range(2):
        scene.peer(FIRST, replace(QUERY, request_id=request(number)))
    scene.receive(LinksChanged((SECOND,)))
    scene.receive(LinksChanged(LINKS))
    assert scene.refusal(scene.peer(FIRST, replace(QUERY, request_id=request(3)))) is ErrorCode.RATE_LIMITED


def test_allowances_of_strangers_are_forgotten_once_they_are_full() -> None:
    scene = Scene(PoolConfig(bucket_units=40, bucket_units_per_second=1_000), links=())
    local = replace(QUERY, remaining=1)
    for number in range(200):
        scene.peer(NodeId(number.to_bytes(32, "big")), replace(local, request_id=request(number)))
        scene.wait(100)
    assert len(scene.router._allowances) <= 64


def test_a_link_may_have_so_many_queries_under_way() -> None:
    scene = Scene(PoolConfig(link_open_queries_max=2))
    tokens = [scene.peer(FIRST, replace(QUERY, request_id=request(number))) for number in range(3)]
    assert [scene.refusal(token) for token in tokens] == [None, None, ErrorCode.BUSY]
    assert scene.reply(tokens[2]) == Rejected(ErrorCode.BUSY, {"open_queries": 2, "retry_after_ms": 700})
    assert scene.refusal(scene.peer(SECOND, replace(QUERY, request_id=request(4)))) is None
    scene.answer_all()
    assert scene.refusal(scene.peer(FIRST, replace(QUERY, request_id=request(5)))) is None


def test_the_owner_too_may_have_so_many_queries_under_way() -> None:
    scene = Scene(PoolConfig(link_open_queries_max=1))
    scene.owner()
    assert scene.refusal(scene.owner(replace(QUERY, size_limit=9))) is ErrorCode.BUSY


def test_all_links_together_may_have_so_many_and_the_owner_one_more() -> None:
    scene = Scene(PoolConfig(open_queries_max=2))
    tokens = [scene.peer(link, replace(QUERY, request_id=request(link[0]))) for link in LINKS]
    assert [scene.refusal(token) for token in tokens] == [None, None, ErrorCode.BUSY]
    assert scene.refusal(scene.owner()) is None


def test_closing_answers_everybody_and_takes_nothing_new() -> None:
    scene = Scene()
    tokens = [scene.owner(), scene.owner(), scene.peer(FIRST, replace(QUERY, request_id=request(2)))]
    scene.receive(Closed())
    late = [scene.owner(), scene.peer(FIRST)]
    assert [scene.refusal(token) for token in (*tokens, *late)] == [ErrorCode.SHUTTING_DOWN] * 5
    assert scene.router.phase is RouterPhase.CLOSED
    assert scene.router.open_queries == 0
    assert scene.router.next_timeout() is None
    assert scene.wait(10_000) == []
    assert scene.receive(LinksChanged(())) == []
