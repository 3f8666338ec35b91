from __future__ import annotations

import pytest

from parley.pool.allowance import Allowance, quote_query
from parley.primitives.instants import Instant


def test_a_bucket_begins_full_and_empties() -> None:
    bucket = Allowance(units=10, units_per_second=2, now=Instant(0))
    assert bucket.is_full(Instant(0))
    assert bucket.debit(7, Instant(0)) == 0
    assert bucket.left(Instant(0)) == 3
    assert not bucket.is_full(Instant(0))


def test_who_has_too_little_is_told_how_long_to_wait_and_spends_nothing() -> None:
    bucket = Allowance(units=10, units_per_second=2, now=Instant(0))
    bucket.debit(9, Instant(0))
    wait_ms = bucket.debit(4, Instant(0))
    assert wait_ms == 1_500
    assert bucket.debit(4, Instant(1_499)) == 1
    assert bucket.debit(4, Instant(1_500)) == 0
    assert bucket.left(Instant(1_500)) == 0


def test_thousandths_are_not_lost() -> None:
    bucket = Allowance(units=1, units_per_second=1, now=Instant(0))
    assert bucket.debit(1, Instant(0)) == 0
    for now in range(1, 1_000):
        assert bucket.debit(1, Instant(now)) == 1_000 - now
    assert bucket.debit(1, Instant(1_000)) == 0


def test_a_bucket_holds_no_more_than_full_and_time_does_not_run_back() -> None:
    bucket = Allowance(units=5, units_per_second=1_000, now=Instant(1_000))
    assert bucket.debit(5, Instant(1_000)) == 0
    assert bucket.left(Instant(0)) == 0
    assert bucket.left(Instant(500)) == 0
    assert bucket.left(Instant(1_003)) == 3
    assert bucket.left(Instant(9_999)) == 5


def test_what_is_more_than_a_bucket_holds_is_spent_from_a_full_one() -> None:
    bucket = Allowance(units=5, units_per_second=1, now=Instant(0))
    assert bucket.debit(1_000, Instant(0)) == 0
    assert bucket.left(Instant(0)) == 0
    assert bucket.debit(1_000, Instant(0)) == 5_000


def test_a_charge_is_owed_and_regained_first() -> None:
    bucket = Allowance(units=10, units_per_second=10, now=Instant(0))
    bucket.charge(14, Instant(0))
    assert bucket.left(Instant(0)) == -4
    assert bucket.debit(1, Instant(0)) == 500
    assert bucket.debit(1, Instant(500)) == 0


def test_no_more_is_owed_than_one_bucket() -> None:
    bucket = Allowance(units=10, units_per_second=10, now=Instant(0))
    bucket.charge(10**9, Instant(0))
    assert bucket.left(Instant(0)) == -10
    assert bucket.is_full(Instant(1_999)) is False
    assert bucket.is_full(Instant(2_000)) is True


@pytest.mark.parametrize(
    ("remaining", "size_limit", "links", "units_max", "cost"),
    [
        (1, 10, 8, 1_000, 11),
        (2, 10, 8, 1_000, 19),
        (3, 10, 8, 1_000, 83),
        (4, 10, 8, 1_000, 595),
        (5, 10, 8, 1_000, 1_000),
        (3, 10, 0, 1_000, 13),
        (3, 10, 1, 1_000, 13),
        (1, 5_000, 8, 1_000, 1_000),
    ],
)
def test_a_query_costs_the_nodes_it_may_reach_and_the_records_it_may_bring(
    remaining: int, size_limit: int, links: int, units_max: int, cost: int
) -> None:
    assert quote_query(remaining=remaining, size_limit=size_limit, links=links, units_max=units_max) == cost
