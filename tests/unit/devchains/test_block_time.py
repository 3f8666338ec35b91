"""The time of blocks: by a clock or by twelve seconds, set forward, never back."""

from __future__ import annotations

import pytest

from parley.devchains.evm.block_time import BlockTime
from parley.errors import LocalError


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000

    def __call__(self) -> int:
        return self.now_s


def test_without_a_clock_blocks_are_twelve_seconds_apart() -> None:
    time = BlockTime(None)
    assert time.first_s() == 1_700_000_000
    assert time.due_s(5_000) == 5_012


def test_clock_tells_the_time() -> None:
    time = BlockTime(clock := Clock())
    assert time.first_s() == 1_000
    clock.now_s = 1_007
    assert time.due_s(1_000) == 1_007


def test_time_runs_forward_though_blocks_come_faster_than_seconds() -> None:
    time = BlockTime(Clock())
    assert time.due_s(1_000) == 1_001
    assert time.due_s(1_500) == 1_501


def test_time_that_is_set_holds_for_one_block_and_the_clock_goes_on_from_there() -> None:
    time = BlockTime(clock := Clock())
    time.set_next(9_000, 1_000)
    assert time.due_s(1_000) == 9_000
    time.passed()
    clock.now_s = 1_030
    assert time.due_s(9_000) == 9_030


def test_time_that_is_set_without_a_clock_is_followed_by_twelve_seconds() -> None:
    time = BlockTime(None)
    time.set_next(9_000, 1_000)
    assert time.due_s(1_000) == 9_000
    time.passed()
    assert time.due_s(9_000) == 9_012


def test_time_that_is_set_is_after_the_parent_whatever_the_parent_became() -> None:
    time = BlockTime(None)
    time.set_next(9_000, 1_000)
    assert time.due_s(9_500) == 9_501


def test_time_is_never_set_back() -> None:
    with pytest.raises(LocalError):
        BlockTime(None).set_next(1_000, 1_000)
