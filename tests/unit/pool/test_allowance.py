"""What a link may spend: exact to the thousandth of a unit, and what a query is expected to cost."""

from __future__ import annotations

import pytest

from parley.pool.allowance import Allowance, quote_query
from parley.primitives.instants import Instant

START = Instant(10_000)


def allowance(units: int = 10, units_per_second: int = 2) -> Allowance:
    return Allowance(units=units, units_per_second=units_per_second, now=START)


def after(passed_ms: int) -> Instant:
    return Instant(START + passed_ms)


def test_it_begins_full_and_is_spent() -> None:
    bucket = allowance()
    assert bucket.is_full(START)
    assert bucket.debit(4, START) == 0
    assert bucket.left(START) == 6
    assert not bucket.is_full(START)


def test_a_refusal_spends_nothing_and_says_how_long_to_wait() -> None:
    bucket = allowance()
    bucket.debit(9, START)
    assert bucket.debit(4, START) == 1_500
    assert bucket.left(START) == 1
    assert bucket.debit(4, after(1_499)) == 1
    assert bucket.debit(4, after(1_500)) == 0
    assert bucket.left(after(1_500)) == 0


def test_a_wait_is_rounded_up() -> None:
    bucket = allowance(units_per_second=3)
    bucket.debit(10, START)
    assert bucket.debit(1, START) == 334


def test_fractions_of_a_unit_are_regained_too() -> None:
    bucket = allowance()
    bucket.debit(10, START)
    for passed_ms in range(1, 500):
        assert bucket.left(after(passed_ms)) == 0
    assert bucket.left(after(500)) == 1


def test_it_regains_no_more_than_it_holds() -> None:
    bucket = allowance()
    bucket.debit(3, START)
    assert not bucket.is_full(after(1_499))
    assert bucket.is_full(after(1_500))
    assert bucket.left(after(10**9)) == 10


def test_what_costs_more_than_it_holds_is_spent_from_a_full_bucket() -> None:
    bucket = allowance()
    assert bucket.debit(1_000, START) == 0
    assert bucket.left(START) == 0
    assert bucket.debit(1_000, START) == 5_000


def test_a_charge_is_owed_up_to_one_bucket() -> None:
    bucket = allowance()
    bucket.charge(13, START)
    assert bucket.left(START) == -3
    assert bucket.debit(1, START) == 2_000
    bucket.charge(1_000, START)
    assert bucket.left(START) == -10
    assert bucket.left(after(5_000)) == 0


def test_a_clock_that_goes_back_regains_nothing_twice() -> None:
    bucket = allowance()
    bucket.debit(10, after(1_000))
    assert bucket.left(START) == 0
    assert bucket.left(after(1_000)) == 0
    assert bucket.left(after(1_500)) == 1


@pytest.mark.parametrize(
    ("remaining", "links", "expected"),
    [
        (1, 7, 1 + 20),
        (2, 7, 1 + 7 + 20),
        (4, 7, 1 + 7 + 49 + 343 + 20),
        (3, 0, 1 + 1 + 1 + 20),
        (3, 1, 1 + 1 + 1 + 20),
        (5, 7, 1_000),
        (4, 9, 1 + 9 + 81 + 729 + 20),
        (4, 10, 1_000),
        (10**6, 7, 1_000),
    ],
)
def test_a_query_costs_the_nodes_it_may_reach_and_the_records_it_may_bring(
    remaining: int, links: int, expected: int
) -> None:
    assert quote_query(remaining=remaining, size_limit=20, links=links, units_max=1_000) == expected


def test_a_query_never_costs_more_than_a_bucket() -> None:
    assert quote_query(remaining=1, size_limit=5_000, links=1, units_max=1_000) == 1_000
