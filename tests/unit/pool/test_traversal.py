"""One copy of a query: whom it asks, what it blames and what it lets pass, how answers become one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ErrorCode
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, Record, Stats, encode_record, item_bytes
from parley.pool.traversal import LinkAnswered, LinkFailed, Traversal, TraversalPhase
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey, NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.machine import Blame, Finish, Send, drain
from parley.testing.authors import Author

NOW = Instant(1_800_000_000_000)
CONFIG = PoolConfig(hop_margin_ms=700, message_bytes_max=100, lifetime_ms_max=3_600_000)
FIRST, SECOND, THIRD, STRANGER = (NodeId(bytes([number]) * 32) for number in (1, 2, 3, 9))
QUERY = Query(RequestId(b"q" * 16), ("offer",), 3, 10, None, 4_000)
ANN, BOB = Author(SeededEntropy(b"ann")), Author(SeededEntropy(b"bob"))
TOLERANCE_MS = 30_000
BAD = "bad\nname"


def offer(author: Author, name: str, **settings: int) -> Record:
    return author.sign(("offer", name), "sell", now=Instant(settings.pop("now", NOW)), **settings)


def item(record: Record, node: str = "far") -> Item:
    return Item(node, record)


@dataclass
class Scene:
    """One traversal and the outputs it gave."""

    query: Query = QUERY
    links: tuple[NodeId, ...] = (FIRST, SECOND)
    own: tuple[Record, ...] = ()
    own_left_out: int = 0
    config: PoolConfig = CONFIG
    outputs: list[object] = field(default_factory=list)
    checked: int = 0

    def __post_init__(self) -> None:
        self.machine = Traversal(
            self.query,
            links=self.links,
            own_items=tuple(item(record, "own") for record in self.own),
            own_left_out=self.own_left_out,
            own_name="own",
            config=self.config,
            verify=self.verify,
            now=NOW,
        )
        self.outputs += drain(self.machine)

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        self.checked += 1
        return schnorr.verify(public, message, signature)

    def answer(self, link: NodeId, *records: Record, passed_ms: int = 0, stats: Stats | None = None) -> None:
        answer = Answer(tuple(map(item, records)), stats or Stats())
        self.take(LinkAnswered(link, answer), passed_ms)

    def take(self, event: LinkAnswered | LinkFailed, passed_ms: int = 0) -> None:
        self.machine.receive(event, Instant(NOW + passed_ms))
        self.outputs += drain(self.machine)

    def wait(self, passed_ms: int) -> None:
        self.machine.handle_timeout(Instant(NOW + passed_ms))
        self.outputs += drain(self.machine)

    @property
    def sent(self) -> list[object]:
        return [output for output in self.outputs if isinstance(output, Send)]

    @property
    def blamed(self) -> list[Blame]:
        return [output for output in self.outputs if isinstance(output, Blame)]

    @property
    def result(self) -> Answer:
        answers = [output.value for output in self.outputs if isinstance(output, Finish)]
        assert len(answers) == 1
        answer = answers[0]
        assert isinstance(answer, Answer)
        return answer

    @property
    def found(self) -> list[Record]:
        return [found.record for found in self.result.items]


def test_every_link_is_asked_once_with_less_to_go_and_less_time() -> None:
    scene = Scene(links=(FIRST, SECOND, FIRST))
    child = replace(QUERY, remaining=2, budget_ms=3_300)
    assert scene.outputs == [Send(FIRST, child), Send(SECOND, child)]
    assert scene.machine.asked == (FIRST, SECOND)
    assert scene.machine.next_timeout() == NOW + 4_000


@pytest.mark.parametrize(
    ("query", "links"),
    [
        (replace(QUERY, remaining=1), (FIRST,)),
        (replace(QUERY, budget_ms=700), (FIRST,)),
        (QUERY, ()),
    ],
)
def test_with_nobody_to_ask_the_own_records_are_answered_at_once(query: Query, links: tuple[NodeId, ...]) -> None:
    record = offer(ANN, "a")
    scene = Scene(query, links, own=(record,))
    assert scene.sent == []
    assert scene.result == Answer((Item("own", record),), Stats())
    assert scene.machine.next_timeout() is None
    assert scene.machine.phase is TraversalPhase.DONE


def test_a_millisecond_above_the_margin_is_enough_to_ask() -> None:
    scene = Scene(replace(QUERY, budget_ms=701), (FIRST,))
    assert scene.outputs == [Send(FIRST, replace(QUERY, remaining=2, budget_ms=1))]


def test_own_and_brought_records_become_one_answer() -> None:
    own, near, far = offer(ANN, "own"), offer(ANN, "near"), offer(BOB, "far")
    scene = Scene(own=(own,))
    scene.answer(SECOND, far, stats=Stats(asked=4, answered=3, timed_out=1, refused=2, duplicates=1, hops=1))
    scene.take(LinkAnswered(FIRST, Answer((item(near, "near"),))))
    assert scene.result.items == (Item("own", own), Item("near", near), Item("far", far))
    assert scene.result.stats == Stats(asked=6, answered=5, timed_out=1, refused=2, duplicates=1, hops=2)


def test_at_the_deadline_the_answer_is_what_has_arrived() -> None:
    record = offer(ANN, "a")
    scene = Scene(links=(FIRST, SECOND, THIRD))
    scene.answer(FIRST, record)
    scene.take(LinkFailed(SECOND, ErrorCode.UNREACHABLE))
    scene.wait(3_999)
    assert scene.machine.phase is TraversalPhase.COLLECTING
    scene.wait(4_000)
    assert scene.found == [record]
    assert scene.result.stats == Stats(asked=3, answered=1, timed_out=1, refused=1, hops=1)
    scene.answer(THIRD, offer(BOB, "late"))
    scene.wait(9_000)
    assert scene.found == [record]


def test_a_second_answer_of_a_link_and_one_of_a_stranger_change_nothing() -> None:
    scene, record = Scene(), offer(ANN, "a")
    scene.answer(FIRST, record)
    scene.answer(FIRST, replace(record, message="forged"))
    scene.take(LinkFailed(FIRST, ErrorCode.BUSY))
    scene.answer(STRANGER, offer(BOB, "b"))
    scene.answer(SECOND)
    assert scene.blamed == []
    assert scene.found == [record]
    assert scene.result.stats == Stats(asked=2, answered=2, hops=1)


def test_duplicates_are_counted_and_bring_nobody_nearer() -> None:
    scene = Scene()
    scene.take(LinkAnswered(FIRST, Answer(duplicate=True)))
    scene.take(LinkAnswered(SECOND, Answer(duplicate=True, stats=Stats(hops=5))))
    assert scene.result == Answer((), Stats(asked=2, answered=2, duplicates=2))


GOOD = offer(ANN, "a")
HOUR_AGO = NOW - 3_600_000


@pytest.mark.parametrize(
    ("record", "code", "has_evidence"),
    [
        (replace(GOOD, message="buy"), ErrorCode.BAD_SIGNATURE, True),
        (replace(GOOD, author=BOB.key), ErrorCode.BAD_SIGNATURE, True),
        (ANN.sign(("want",), "", now=NOW), ErrorCode.NOT_ASKED_FOR, True),
        (ANN.sign(("offers", "a"), "", now=NOW), ErrorCode.NOT_ASKED_FOR, True),
        (offer(ANN, "a", now=HOUR_AGO, lifetime_ms=3_600_000 - TOLERANCE_MS), ErrorCode.EXPIRED, True),
        (offer(ANN, "a", now=NOW + TOLERANCE_MS + 1), ErrorCode.CLOCK_SKEW, True),
        (replace(GOOD, author=AuthorKey(b"short")), ErrorCode.MALFORMED, True),
        (replace(GOOD, keys=()), ErrorCode.KEYS_INVALID, True),
        (replace(GOOD, keys=("offer", "\ud800")), ErrorCode.KEYS_INVALID, False),
        (replace(GOOD, message="\ud800"), ErrorCode.MALFORMED, False),
        (replace(GOOD, sequence=2**64), ErrorCode.MALFORMED, False),
    ],
)
def test_what_no_careful_relay_would_send_costs_the_link_its_whole_answer(
    record: Record, code: ErrorCode, *, has_evidence: bool
) -> None:
    honest, brought_along = offer(BOB, "honest"), offer(BOB, "along")
    scene = Scene()
    scene.answer(SECOND, honest)
    scene.answer(FIRST, brought_along, record)
    evidence = (encode_record(record),) if has_evidence else ()
    assert scene.blamed == [Blame(FIRST, code, evidence)]
    assert scene.found == [honest]
    assert scene.result.stats == Stats(asked=2, answered=1, refused=1, hops=1)


def test_a_name_that_no_node_may_have_is_blamed() -> None:
    scene = Scene(links=(FIRST,))
    scene.take(LinkAnswered(FIRST, Answer((item(GOOD, BAD),))))
    assert scene.blamed == [Blame(FIRST, ErrorCode.MALFORMED, (encode_record(GOOD),))]
    assert scene.found == []


def test_more_than_was_asked_for_is_blamed_before_anything_is_checked() -> None:
    scene = Scene(replace(QUERY, size_limit=2), (FIRST,))
    scene.answer(FIRST, *(offer(ANN, name) for name in "abc"))
    assert scene.blamed == [Blame(FIRST, ErrorCode.NOT_ASKED_FOR)]
    assert scene.checked == 0


@pytest.mark.parametrize(
    "record",
    [
        offer(ANN, "a", now=HOUR_AGO, lifetime_ms=3_600_000 - TOLERANCE_MS + 1),
        offer(ANN, "a", now=NOW - 1, lifetime_ms=1),
        offer(ANN, "a", now=NOW + TOLERANCE_MS),
        offer(ANN, "a", now=NOW + 15_001),
        offer(ANN, "a", lifetime_ms=3_600_001),
        ANN.sign(("offer", "a"), "x" * 101, now=NOW),
    ],
)
def test_what_a_careful_relay_could_not_see_is_left_out_without_blame(record: Record) -> None:
    scene, along = Scene(links=(FIRST,)), offer(BOB, "along")
    scene.answer(FIRST, record, along)
    assert scene.blamed == []
    assert scene.found == [along]
    assert scene.checked == 1


def test_a_clock_ahead_by_the_allowed_skew_is_no_fault() -> None:
    record = offer(ANN, "a", now=NOW + 15_000)
    scene = Scene(links=(FIRST,))
    scene.answer(FIRST, record)
    assert scene.found == [record]


def test_what_expires_on_the_way_is_measured_from_the_moment_of_asking() -> None:
    # At the answer its expiry is twice the skew ago, at the question it was a millisecond less.
    record = offer(ANN, "a", now=HOUR_AGO, lifetime_ms=3_600_000 - TOLERANCE_MS + 1)
    scene = Scene(links=(FIRST,))
    scene.answer(FIRST, record, passed_ms=3_500)
    assert (scene.blamed, scene.found) == ([], [])


def test_what_expires_before_the_end_is_not_answered() -> None:
    record = offer(ANN, "a", lifetime_ms=3_000)
    scene = Scene()
    scene.answer(FIRST, record)
    scene.wait(4_000)
    assert scene.found == []


def test_only_records_young_enough_are_answered() -> None:
    old, young = offer(ANN, "old", now=NOW - 1_001), offer(ANN, "young", now=NOW - 1_000)
    scene = Scene(replace(QUERY, max_age_ms=1_000), (FIRST,))
    scene.answer(FIRST, old, young)
    assert (scene.blamed, scene.found) == ([], [young])


def test_the_newest_sequence_of_an_address_wins_whoever_brings_it() -> None:
    first, second, third = (offer(ANN, "a", sequence=number) for number in (1, 2, 3))
    scene = Scene(own=(second,), links=(FIRST, SECOND, THIRD))
    scene.answer(FIRST, first)
    scene.answer(SECOND, third)
    scene.answer(THIRD, third)
    assert scene.found == [third]
    assert scene.result.stats.truncated_by == ()


def test_of_two_records_with_one_sequence_one_is_answered() -> None:
    said, denied = (ANN.sign(("offer", "a"), message, now=NOW, sequence=1) for message in ("sell", "buy"))
    scene = Scene()
    scene.answer(SECOND, denied)
    scene.answer(FIRST, said)
    assert scene.blamed == []
    assert scene.found == [said]


def test_too_many_records_are_shared_out_among_the_links() -> None:
    own = tuple(offer(ANN, f"own{number}") for number in range(4))
    flood = [offer(Author(SeededEntropy(bytes([number]))), f"f{number}") for number in range(4)]
    scene = Scene(replace(QUERY, size_limit=4), (FIRST, SECOND), own=own)
    scene.answer(FIRST, *flood)
    scene.answer(SECOND, offer(BOB, "only"))
    assert scene.found == [own[0], flood[0], offer_like(scene, "only"), own[1]]
    assert scene.result.stats.truncated_by == ("own",)


def offer_like(scene: Scene, name: str) -> Record:
    """Return the record of an answer with this last key."""
    return next(record for record in scene.found if record.keys[-1] == name)


def test_what_was_left_out_before_is_told() -> None:
    scene = Scene(links=(), own=(GOOD,), own_left_out=1)
    assert scene.result.stats.truncated_by == ("own",)


def test_too_many_bytes_are_shared_out_among_the_links() -> None:
    config = replace(CONFIG, answer_bytes_max=4_096, message_bytes_max=4_000)
    long = ANN.sign(("offer", "long"), "x" * 3_500, now=NOW)
    short = [offer(BOB, name) for name in "ab"]
    scene = Scene(links=(FIRST, SECOND), config=config)
    scene.answer(FIRST, long)
    scene.answer(SECOND, *short)
    assert scene.found == short
    assert scene.result.stats.truncated_by == ("own",)
    assert sum(map(item_bytes, scene.result.items)) <= 4_096


def test_a_bound_above_the_limit_cuts_nothing_that_fits() -> None:
    # The cheap bound of one item, which assumes the longest keys, is above this limit; its exact size is not.
    config = replace(CONFIG, answer_bytes_max=4_096)
    scene = Scene(links=(FIRST,), config=config)
    scene.answer(FIRST, GOOD)
    assert scene.found == [GOOD]
    assert scene.result.stats.truncated_by == ()


def test_numbers_of_others_are_cut_to_what_the_next_hop_reads() -> None:
    scene = Scene(links=(FIRST, SECOND))
    huge = Stats(asked=2**60, answered=-5, timed_out=2**31 - 1, refused=2**31, duplicates=-1, hops=2**40)
    scene.answer(FIRST, stats=huge)
    scene.answer(SECOND, stats=replace(huge, hops=-7))
    expected = Stats(asked=2**31 - 1, answered=2, timed_out=2**31 - 1, refused=2**31 - 1, hops=2)
    assert scene.result.stats == expected


def test_names_of_others_are_bounded_and_well_formed() -> None:
    names = tuple(f"node{number}" for number in range(40))
    scene = Scene(links=(FIRST, SECOND), own_left_out=1)
    scene.answer(FIRST, stats=Stats(truncated_by=("again", BAD, "again")))
    scene.answer(SECOND, stats=Stats(truncated_by=names))
    assert scene.result.stats.truncated_by == ("own", "again", *names[:30])
