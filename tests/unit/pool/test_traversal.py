from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, Stats, encode_record
from parley.pool.traversal import LinkAnswered, LinkFailed, Traversal, TraversalOutput, TraversalPhase
from parley.primitives.ids import AuthorKey, NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Blame, Finish, Send, drain
from parley.testing.stamps import is_stamped, stamped
from tests.unit.pool.samples import NOW, items, node, query, record

CONFIG = PoolConfig()
L, M, N = node(1), node(2), node(3)


class Stage:
    """One traversal; outputs are kept by kind."""

    def __init__(
        self,
        asked: Query | None = None,
        links: tuple[NodeId, ...] = (L, M),
        *,
        own: tuple[Record, ...] = (),
        own_left_out: int = 0,
        config: PoolConfig = CONFIG,
    ) -> None:
        self.now: Instant = NOW
        self.traversal = Traversal(
            asked or query(),
            links=links,
            own_items=items(*own, name="own"),
            own_left_out=own_left_out,
            own_name="own",
            config=config,
            verify=is_stamped,
            now=NOW,
        )
        self.outputs: list[TraversalOutput] = drain(self.traversal)

    def answer(self, link: NodeId, *records: Record, answer: Answer | None = None) -> None:
        event = LinkAnswered(link, Answer(items(*records)) if answer is None else answer)
        self.traversal.receive(event, self.now)
        self.outputs += drain(self.traversal)

    def fail(self, link: NodeId) -> None:
        self.traversal.receive(LinkFailed(link, ErrorCode.UNREACHABLE), self.now)
        self.outputs += drain(self.traversal)

    def wait(self, duration_ms: int) -> None:
        self.now = Instant(self.now + duration_ms)
        self.traversal.handle_timeout(self.now)
        self.outputs += drain(self.traversal)

    @property
    def blames(self) -> list[Blame]:
        return [output for output in self.outputs if isinstance(output, Blame)]

    @property
    def result(self) -> Answer:
        finishes = [output for output in self.outputs if isinstance(output, Finish)]
        assert finishes == self.outputs[-1:]
        return finishes[0].value

    @property
    def found(self) -> list[str]:
        return [item.record.message for item in self.result.items]


def test_it_asks_each_link_once_with_less_deepness_and_less_time() -> None:
    stage = Stage(query(remaining=3, budget_ms=8_000), (L, M, L))
    child = query(remaining=2, budget_ms=7_300)
    assert stage.outputs == [Send(L, child), Send(M, child)]
    assert stage.traversal.asked == (L, M)
    assert stage.traversal.phase is TraversalPhase.COLLECTING
    assert stage.traversal.next_timeout() == NOW + 8_000


@pytest.mark.parametrize(
    "asked", [query(remaining=1), query(remaining=3, budget_ms=700), query(remaining=3, budget_ms=1)]
)
def test_the_last_node_and_one_without_time_answer_at_once(asked: Query) -> None:
    stage = Stage(asked, own=(record(message="mine"),))
    assert stage.found == ["mine"]
    assert stage.traversal.phase is TraversalPhase.DONE
    assert stage.traversal.next_timeout() is None
    assert stage.result.stats == Stats()


def test_it_ends_when_all_have_answered() -> None:
    stage = Stage(own=(record(1, message="mine"),))
    stage.answer(L, record(2, message="l"))
    assert stage.traversal.phase is TraversalPhase.COLLECTING
    stage.answer(M, record(3, message="m"))
    assert sorted(stage.found) == ["l", "m", "mine"]
    assert stage.result.stats == Stats(asked=2, answered=2, hops=1)
    assert {item.node for item in stage.result.items} == {"own", "peer"}


def test_at_its_deadline_it_answers_with_what_has_arrived() -> None:
    stage = Stage()
    stage.answer(L, record(message="in time"))
    stage.wait(7_999)
    assert stage.traversal.phase is TraversalPhase.COLLECTING
    stage.wait(1)
    assert stage.found == ["in time"]
    assert stage.result.stats == Stats(asked=2, answered=1, timed_out=1, hops=1)
    before = list(stage.outputs)
    stage.answer(M, record(2, message="late"))
    stage.fail(M)
    stage.wait(10_000)
    assert stage.outputs == before


def test_failures_count_and_a_second_word_of_a_link_does_not() -> None:
    stage = Stage(links=(L, M, N))
    stage.fail(L)
    stage.answer(L, record(message="too late"))
    stage.answer(M, record(message="first"))
    stage.answer(M, record(2, message="second"))
    stage.answer(node(9), record(3, message="never asked"))
    stage.fail(N)
    assert stage.found == ["first"]
    assert stage.result.stats == Stats(asked=3, answered=1, refused=2, hops=1)
    assert stage.blames == []


GOOD = record(1, message="good")
OTHER = record(2, message="other")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (replace(OTHER, message="forged"), ErrorCode.BAD_SIGNATURE),
        (replace(OTHER, signature=bytes(64)), ErrorCode.BAD_SIGNATURE),
        (replace(OTHER, keys=("chat",)), ErrorCode.NOT_ASKED_FOR),
        (record(2, ("chat",)), ErrorCode.NOT_ASKED_FOR),
        (record(2, ("swap",)), ErrorCode.NOT_ASKED_FOR),
        (replace(OTHER, keys=()), ErrorCode.KEYS_INVALID),
        (replace(OTHER, keys=("\ud800",)), ErrorCode.KEYS_INVALID),
        (replace(OTHER, author=AuthorKey(b"short")), ErrorCode.MALFORMED),
        (replace(OTHER, sequence=-1), ErrorCode.MALFORMED),
        (replace(OTHER, message="\ud800"), ErrorCode.MALFORMED),
        (record(2, left_ms=-30_000, age_ms=60_000), ErrorCode.EXPIRED),
        (record(2, age_ms=-30_001), ErrorCode.CLOCK_SKEW),
    ],
)
def test_a_bad_record_costs_the_link_its_whole_answer(bad: Record, code: ErrorCode) -> None:
    stage = Stage()
    stage.answer(L, GOOD, bad)
    stage.answer(M, record(3, message="honest"))
    assert stage.found == ["honest"]
    (blame,) = stage.blames
    assert (blame.culprit, blame.code) == (L, code)
    assert stage.result.stats == Stats(asked=2, answered=1, refused=1, hops=1)


def test_the_evidence_is_the_record_where_it_has_bytes() -> None:
    forged = replace(OTHER, message="forged")
    stage = Stage()
    stage.answer(L, forged)
    stage.answer(M, replace(OTHER, message="\ud800"))
    assert [blame.evidence for blame in stage.blames] == [(encode_record(forged),), ()]


def test_more_than_was_asked_for_is_a_fault_and_its_signatures_are_not_looked_at() -> None:
    stage = Stage(query(size_limit=2))
    stage.answer(L, *(replace(record(number), signature=bytes(64)) for number in (1, 2, 3)))
    assert stage.blames == [Blame(L, ErrorCode.NOT_ASKED_FOR)]


@pytest.mark.parametrize("name", ["n" * 129, "a\nb", "\ud800"])
def test_a_node_that_calls_itself_nonsense_is_at_fault(name: str) -> None:
    stage = Stage()
    stage.answer(L, answer=Answer((Item(name, GOOD),)))
    assert [(blame.culprit, blame.code) for blame in stage.blames] == [(L, ErrorCode.MALFORMED)]


@pytest.mark.parametrize(
    "unwanted",
    [
        record(2, message="m" * 4_097),
        record(2, message="ä" * 2_049),
        record(2, left_ms=0, age_ms=60_000),
        record(2, left_ms=-29_999, age_ms=60_000),
        record(2, age_ms=-30_000),
        record(2, age_ms=-15_001),
        record(2, age_ms=1_000, left_ms=43_200_000),
        replace(record(2, message="m" * 4_097), signature=bytes(64)),
    ],
)
def test_what_an_honest_relay_may_send_is_left_out_without_blame(unwanted: Record) -> None:
    stage = Stage()
    stage.answer(L, GOOD, unwanted)
    stage.fail(M)
    assert stage.found == ["good"]
    assert stage.blames == []
    assert stage.result.stats.answered == 1


def test_a_clock_ahead_by_the_allowed_skew_is_no_fault() -> None:
    stage = Stage()
    stage.answer(L, record(message="from the future", age_ms=-15_000))
    stage.fail(M)
    assert stage.found == ["from the future"]


def test_a_record_that_expired_on_the_way_is_nobodys_fault() -> None:
    """A relay checks a record when it is asked; the answer may come as late as the deadline."""
    config = PoolConfig(skew_ms=0)
    stage = Stage(query(budget_ms=120_000), config=config)
    stage.now = Instant(NOW + 100_000)
    stage.answer(L, GOOD, record(2, left_ms=1))
    stage.fail(M)
    assert stage.blames == []
    assert stage.found == []


def test_what_expires_while_waiting_is_not_passed_on() -> None:
    stage = Stage(own=(record(1, message="short", left_ms=4_000), record(2, message="long", left_ms=9_000)))
    stage.answer(L, record(3, message="short too", left_ms=4_000), record(4, message="long too", left_ms=9_000))
    stage.wait(8_000)
    assert sorted(stage.found) == ["long", "long too"]


def test_ages_are_judged_here_too() -> None:
    stage = Stage(query(max_age_ms=5_000))
    stage.answer(L, record(1, message="young", age_ms=5_000), record(2, message="old", age_ms=5_001))
    stage.fail(M)
    assert stage.found == ["young"]
    assert stage.blames == []


def test_of_one_address_the_newest_counts() -> None:
    stage = Stage(own=(record(1, message="own, older", sequence=1),))
    stage.answer(L, record(1, message="newest", sequence=3), record(2, message="same"))
    stage.answer(M, record(1, message="newer", sequence=2), record(2, message="same"))
    assert sorted(stage.found) == ["newest", "same"]


def test_an_expired_newest_does_not_bring_back_the_one_before() -> None:
    stage = Stage()
    stage.answer(L, record(1, message="newer", sequence=2, left_ms=5_000))
    stage.answer(M, record(2, message="other"))
    late = Stage()
    late.answer(L, record(1, message="newer", sequence=2, left_ms=5_000), record(1, message="older", sequence=1))
    late.wait(8_000)
    assert late.found == []
    assert sorted(stage.found) == ["newer", "other"]


def test_of_two_records_with_one_sequence_one_is_kept() -> None:
    stage = Stage()
    stage.answer(L, record(1, message="this"))
    stage.answer(M, record(1, message="that"))
    assert stage.found == ["this"]


def test_an_answer_is_cut_fairly_and_says_so() -> None:
    flood = [record(10 + number, message=f"flood {number}") for number in range(4)]
    stage = Stage(query(size_limit=4), own=(record(1, message="own"),))
    stage.answer(L, *flood)
    stage.answer(M, record(2, message="m1"), record(2, ("swap", "btc", "x"), "m2"), record(3, message="m3"))
    assert len(stage.found) == 4
    assert sum(text.startswith("flood") for text in stage.found) == 2
    assert {"own", "m1"} <= set(stage.found)
    assert stage.result.stats.truncated_by == ("own",)


def test_own_records_that_were_left_out_before_count() -> None:
    stage = Stage(own_left_out=1)
    stage.fail(L)
    stage.fail(M)
    assert stage.result.stats.truncated_by == ("own",)


def test_links_take_turns_in_the_answer() -> None:
    stage = Stage()
    stage.answer(M, record(3, message="m1"), record(4, message="m2"))
    stage.answer(L, record(1, message="l1"), record(2, message="l2"))
    assert stage.found == ["l1", "m1", "l2", "m2"]


def test_bytes_are_cut_like_records_and_no_answer_is_larger() -> None:
    config = PoolConfig(answer_bytes_max=10_000)
    stage = Stage(query(size_limit=20), config=config)
    stage.answer(L, *(record(number, message="l" * 3_000) for number in range(1, 9)))
    stage.answer(M, *(record(100 + number, message=f"m{number}") for number in range(5)))
    kept = stage.found
    assert sum(text.startswith("m") for text in kept) == 5
    assert sum(text.startswith("l") for text in kept) == 2
    assert stage.result.stats.truncated_by == ("own",)


def test_what_fits_exactly_is_not_cut_though_a_rough_bound_would() -> None:
    stage = Stage(config=PoolConfig(answer_bytes_max=4_096))
    stage.answer(L, GOOD)
    stage.fail(M)
    assert stage.found == ["good"]
    assert stage.result.stats.truncated_by == ()


def test_messages_that_grow_as_json_count_as_they_will_be_sent() -> None:
    """A relay whose answer were too large to be read would be blamed for it."""
    config = PoolConfig(answer_bytes_max=10_000)
    stage = Stage(query(size_limit=20), config=config)
    stage.answer(L, *(record(number, message="\x00" * 1_500) for number in range(1, 3)))
    stage.fail(M)
    assert len(stage.found) == 1


def test_statistics_add_up() -> None:
    told = Stats(asked=3, answered=2, timed_out=1, refused=4, duplicates=5, truncated_by=("far", "own"), hops=1)
    stage = Stage(query(remaining=3), own_left_out=1)
    stage.answer(L, answer=Answer((), told))
    stage.answer(M, answer=Answer((), Stats(truncated_by=("far", "near")), duplicate=True))
    assert stage.result.stats == Stats(
        asked=5, answered=4, timed_out=1, refused=4, duplicates=6, truncated_by=("own", "far", "near"), hops=2
    )


def test_a_liars_statistics_stay_within_what_the_next_hop_reads() -> None:
    """Otherwise the honest relay in between would be blamed for numbers that no document may hold."""
    huge = 10**30
    lie = Stats(
        asked=huge,
        answered=-huge,
        timed_out=huge,
        refused=2**31 - 1,
        duplicates=-1,
        truncated_by=("a\nb", "n" * 129, *(f"name {number}" for number in range(100))),
        hops=huge,
    )
    stage = Stage(query(remaining=3), (L, M, N))
    stage.answer(L, answer=Answer((), lie))
    stage.answer(M, answer=Answer((), lie))
    stage.answer(N, answer=Answer((), Stats(hops=-5)))
    assert stage.result.stats == Stats(
        asked=2**31 - 1,
        answered=3,
        timed_out=2**31 - 1,
        refused=2**31 - 1,
        duplicates=0,
        truncated_by=tuple(f"name {number}" for number in range(30)),
        hops=2,
    )


def test_a_duplicate_says_nothing_about_distance() -> None:
    stage = Stage()
    stage.answer(L, answer=Answer(duplicate=True))
    stage.fail(M)
    assert stage.result.stats == Stats(asked=2, answered=1, refused=1, duplicates=1, hops=0)


def test_the_same_inputs_give_the_same_outputs() -> None:
    stages = [Stage(own=(GOOD,)), Stage(own=(GOOD,))]
    for stage in stages:
        stage.answer(L, OTHER)
        stage.answer(M, replace(OTHER, message="forged"))
    assert stages[0].outputs == stages[1].outputs


def test_a_resigned_record_of_another_author_passes() -> None:
    stage = Stage()
    stage.answer(L, stamped(replace(OTHER, message="changed and signed again")))
    stage.fail(M)
    assert stage.found == ["changed and signed again"]
