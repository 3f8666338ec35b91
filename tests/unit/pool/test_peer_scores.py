"""Scores: what a fault costs, how it is forgiven, who is barred, and that all of it is bounded."""

from __future__ import annotations

from fractions import Fraction

import pytest

from parley.errors import ErrorCode
from parley.pool.peer_scores import MISBEHAVIOUR_POINTS, SCORE_BANS_MAX, Scores, points_for
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant

HALF_LIFE_MS = 1_000
NODE = NodeId(b"n" * 32)
START = Instant(50_000)


def scores(*, bans_max: int = 8, scores_max: int = 8) -> Scores:
    return Scores(half_life_ms=HALF_LIFE_MS, ban_score=100, bans_max=bans_max, scores_max=scores_max)


def node(number: int) -> NodeId:
    return NodeId(bytes([number]) * 32)


def after(passed_ms: int) -> Instant:
    return Instant(START + passed_ms)


def test_nobody_is_blamed_at_first() -> None:
    book = scores()
    assert (len(book), book.points(NODE, START), book.reasons(NODE)) == (0, 0, ())
    assert not book.is_barred(NODE, START)
    assert book.free_at(NODE, START) == START


def test_every_charge_has_points_and_a_reason() -> None:
    assert all(0 < points <= 100 and reason for points, reason in MISBEHAVIOUR_POINTS.values())


@pytest.mark.parametrize(
    "code",
    [ErrorCode.UNAUTHORIZED, ErrorCode.WRONG_RECIPIENT, ErrorCode.UNREACHABLE, ErrorCode.BUSY, ErrorCode.NOT_PUBLIC],
)
def test_what_anybody_could_do_in_a_nodes_name_and_what_is_no_fault_costs_nothing(code: ErrorCode) -> None:
    book = scores()
    assert points_for(code) == 0
    assert not book.charge(NODE, code, START)
    assert len(book) == 0


def test_a_bad_signature_bars_at_once_and_two_malformed_messages_do() -> None:
    book = scores()
    assert book.charge(node(1), ErrorCode.BAD_SIGNATURE, START)
    assert not book.charge(node(2), ErrorCode.MALFORMED, START)
    assert book.charge(node(2), ErrorCode.MALFORMED, START)
    assert book.reasons(node(2)) == ((ErrorCode.MALFORMED, 2),)
    assert book.points(node(2), START) == 100


@pytest.mark.parametrize(
    ("passed_ms", "points"),
    # 100 points: a straight line to 50 at 1,000 ms, to 25 at 2,000 ms, to 12.5 at 3,000 ms; rounded up.
    [(0, 100), (100, 95), (500, 75), (999, 51), (1_000, 50), (1_500, 38), (2_000, 25), (3_000, 13), (10**9, 0)],
)
def test_points_halve_each_half_life_in_a_straight_line(passed_ms: int, points: int) -> None:
    book = scores()
    book.charge(NODE, ErrorCode.BAD_SIGNATURE, START)
    assert book.points(NODE, after(passed_ms)) == points


def test_decay_stays_between_the_exponential_and_its_chord() -> None:
    book = scores()
    book.charge(NODE, ErrorCode.BAD_SIGNATURE, START)
    for passed_ms in range(0, 3_000, 37):
        exact = Fraction(100) * Fraction(2) ** -(passed_ms // HALF_LIFE_MS)
        chord = exact - exact * (passed_ms % HALF_LIFE_MS) / (2 * HALF_LIFE_MS)
        assert chord <= book.points(NODE, after(passed_ms)) <= chord + 1


def test_time_that_runs_backwards_forgives_nothing() -> None:
    book = scores()
    book.charge(NODE, ErrorCode.MALFORMED, START)
    assert book.points(NODE, Instant(0)) == 50
    book.charge(NODE, ErrorCode.EXPIRED, Instant(0))
    assert book.points(NODE, START) == 60


def test_who_is_barred_is_free_below_half_and_not_before() -> None:
    book = scores()
    book.charge(NODE, ErrorCode.BAD_SIGNATURE, START)
    free_at = book.free_at(NODE, START)
    # 100 points are exactly 50 after one half-life; below that by the first millisecond that takes a thousandth.
    assert free_at == after(1_001)
    assert book.is_barred(NODE, Instant(free_at - 1))
    assert not book.is_barred(NODE, free_at)
    assert book.free_at(NODE, free_at) == free_at


def test_between_half_and_whole_only_who_was_barred_is_barred() -> None:
    book = scores()
    book.charge(node(1), ErrorCode.BAD_SIGNATURE, START)
    book.charge(node(2), ErrorCode.MALFORMED, after(500))
    book.charge(node(2), ErrorCode.CLOCK_SKEW, after(500))
    assert book.points(node(1), after(500)) == 75
    assert book.points(node(2), after(500)) == 60
    assert book.is_barred(node(1), after(500))
    assert not book.is_barred(node(2), after(500))


def test_who_was_freed_is_barred_again_only_at_the_whole_score() -> None:
    book = scores()
    book.charge(NODE, ErrorCode.BAD_SIGNATURE, START)
    # 25 points are left after two half-lives: 25 + 50 is less than a ban, 25 + 50 + 50 is more.
    assert not book.charge(NODE, ErrorCode.MALFORMED, after(2_000))
    assert book.charge(NODE, ErrorCode.MALFORMED, after(2_000))


def test_a_score_stops_growing_so_that_every_ban_ends() -> None:
    book = scores()
    for _ in range(100):
        book.charge(NODE, ErrorCode.BAD_SIGNATURE, START)
    assert book.points(NODE, START) == 100 * SCORE_BANS_MAX
    assert after(5_000) < book.free_at(NODE, START) < after(6_000)
    assert book.reasons(NODE) == ((ErrorCode.BAD_SIGNATURE, 100),)


def test_a_charge_that_costs_nothing_tells_whether_the_node_is_barred() -> None:
    book = scores()
    book.charge(NODE, ErrorCode.BAD_SIGNATURE, START)
    assert book.charge(NODE, ErrorCode.UNREACHABLE, START)


def test_the_lightest_score_makes_room_and_the_barred_stay() -> None:
    book = scores(scores_max=3)
    book.charge(node(1), ErrorCode.BAD_SIGNATURE, START)
    book.charge(node(2), ErrorCode.MALFORMED, START)
    book.charge(node(3), ErrorCode.EXPIRED, START)
    book.charge(node(4), ErrorCode.TOO_LARGE, START)
    assert len(book) == 3
    assert [book.points(node(number), START) for number in (1, 2, 3, 4)] == [100, 50, 0, 50]


def test_the_lightest_ban_is_lifted_when_there_are_too_many() -> None:
    book = scores(bans_max=2)
    for number in (1, 2, 2, 3):
        book.charge(node(number), ErrorCode.BAD_SIGNATURE, START)
    assert [book.is_barred(node(number), START) for number in (1, 2, 3)] == [False, True, True]
