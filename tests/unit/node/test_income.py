"""Income is added up exactly, beside what it was expected to be."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import LocalError
from parley.node.income import HISTORY_POINTS_MAX, Income, IncomeLog, IncomePoint

ONE = 2**256 - 1
words = st.integers(0, ONE)
kinds = st.lists(st.tuples(st.integers(0, 1_000), words, words), max_size=8)


@given(kinds)
def test_expectation_and_variance_are_those_of_exact_fractions(tickets: list[tuple[int, int, int]]) -> None:
    income, expected, variance = Income(), Fraction(0), Fraction(0)
    for count, face_value_wei, win_prob in tickets:
        income = income.with_tickets(count, face_value_wei=face_value_wei, win_prob=win_prob)
        share = Fraction(win_prob, ONE)
        expected += count * face_value_wei * share
        variance += count * face_value_wei**2 * share * (1 - share)
    assert Fraction(income.expected_shares, ONE) == expected
    assert Fraction(income.variance_shares, ONE**2) == variance
    assert income.expected_wei == math.floor(expected)
    assert income.deviation_wei == math.isqrt(math.floor(variance))
    assert income.tickets == sum(count for count, _, _ in tickets)


@given(kinds)
def test_tickets_one_by_one_are_worth_what_they_are_worth_together(tickets: list[tuple[int, int, int]]) -> None:
    together = one_by_one = Income()
    for count, face_value_wei, win_prob in tickets:
        few = count % 7
        together = together.with_tickets(few, face_value_wei=face_value_wei, win_prob=win_prob, winners=few // 2)
        for number in range(few):
            one_by_one = one_by_one.with_tickets(
                1, face_value_wei=face_value_wei, win_prob=win_prob, winners=int(number < few // 2)
            )
    assert one_by_one == together


@pytest.mark.parametrize(("winners", "luck"), [(50, 0.0), (55, 1.0), (35, -3.0)])
def test_luck_is_counted_in_standard_deviations(winners: int, luck: float) -> None:
    # A hundred tosses of a coin: 50 on average, give or take 5.
    income = Income().with_tickets(100, face_value_wei=10**18, win_prob=2**255, winners=winners)
    assert income.luck == pytest.approx(luck, abs=1e-9)
    assert income.deviation_wei == pytest.approx(5 * 10**18, abs=1)
    assert income.won_wei == winners * 10**18


def test_where_nothing_is_left_to_chance_there_is_no_luck() -> None:
    assert Income().luck is None
    assert Income().with_tickets(3, face_value_wei=7, win_prob=ONE, winners=3).luck is None
    assert Income().with_tickets(3, face_value_wei=7, win_prob=0).luck is None


@pytest.mark.parametrize(
    ("tickets", "face_value_wei", "win_prob", "winners"),
    [(1, 1, 1, 2), (-1, 1, 1, 0), (1, 1, 1, -1), (1, -1, 1, 0), (1, 2**256, 1, 0), (1, 1, 2**256, 0)],
)
def test_what_cannot_be_is_refused(tickets: int, face_value_wei: int, win_prob: int, winners: int) -> None:
    with pytest.raises(LocalError):
        Income().with_tickets(tickets, face_value_wei=face_value_wei, win_prob=win_prob, winners=winners)


def test_a_log_ends_with_now() -> None:
    log = IncomeLog()
    assert log.history() == (IncomePoint(0, 0, 0, 0),)
    log.note_tickets(4, face_value_wei=100, win_prob=2**255, winners=1)
    # Four tosses for 100: 200 on average, give or take 100, less what 2**255 lacks of one half.
    assert log.history() == (IncomePoint(0, 0, 0, 0), IncomePoint(4, 200, 99, 100))
    assert log.income.tickets == 4


def test_a_payment_of_which_nothing_was_taken_makes_no_point() -> None:
    log = IncomeLog()
    log.note_tickets(0, face_value_wei=100, win_prob=2**255)
    assert log.history() == (IncomePoint(0, 0, 0, 0),)


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize("payments", [3, HISTORY_POINTS_MAX, 700, 20_000])
def test_a_history_stays_small_spread_out_and_ends_with_now(payments: int, size: int) -> None:
    log = IncomeLog()
    for number in range(payments):
        log.note_tickets(1 + number % size, face_value_wei=10, win_prob=2**254, winners=number % 2)
    total = sum(1 + number % size for number in range(payments))
    history = log.history()
    assert min(payments, HISTORY_POINTS_MAX // 4) <= len(history) <= HISTORY_POINTS_MAX
    counts = [point.tickets for point in history]
    assert counts == sorted(set(counts))
    assert (counts[0], counts[-1]) == (0, total)
    assert history[-1].won_wei == log.income.won_wei == payments // 2 * 10
    # No gap is much wider than the others, and a payment is not split.
    assert max(after - before for before, after in pairwise(counts)) <= total / 32 + 2 * size


def test_a_log_goes_on_from_an_earlier_process() -> None:
    before = Income().with_tickets(1_000, face_value_wei=10, win_prob=2**255, winners=600)
    log = IncomeLog(before)
    log.note_tickets(1, face_value_wei=10, win_prob=2**255)
    assert [point.tickets for point in log.history()] == [1_000, 1_001]
    assert (log.income.winners, log.income.expected_wei) == (600, 5_005)
