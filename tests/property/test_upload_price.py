"""What the price promises: it stays in its bounds, more work never makes it lower, and it does not swing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.primitives.instants import Instant
from parley.upload.config import UploadConfig
from parley.upload.price import PriceController, ladder

START = Instant(1_800_000_000_000)
MINUTE_MS = 60_000
EVENTS_MAX = 8_000


@st.composite
def configs(draw: st.DrawFn) -> UploadConfig:
    floor = draw(st.integers(1, 1_000))
    half_life_ms = draw(st.integers(10_000, 600_000))
    least = -(-10 * MINUTE_MS // half_life_ms)
    return UploadConfig(
        floor_units=floor,
        ceiling_units=floor * draw(st.integers(1, 1_000)),
        demand_half_life_ms=half_life_ms,
        target_per_minute=draw(st.integers(least, least + 120)),
    )


@given(floor=st.integers(1, 2**30), ceiling=st.integers(1, 2**30))
def test_a_ladder_climbs_from_the_floor_to_the_ceiling_by_no_more_than_twice(floor: int, ceiling: int) -> None:
    low, high = min(floor, ceiling), max(floor, ceiling)
    rungs = ladder(low, high)
    assert (rungs[0], rungs[-1]) == (low, high)
    assert all(before < after <= 2 * before for before, after in pairwise(rungs))
    assert len(rungs) <= 62


steps = st.lists(
    st.tuples(st.integers(-5_000, 120_000), st.integers(0, 3), st.integers(0, 200), st.integers(0, 600_000)),
    max_size=60,
)


@given(config=configs(), script=steps)
def test_the_price_stays_between_floor_and_ceiling_and_the_surcharge_below_its_factor(
    config: UploadConfig, script: list[tuple[int, int, int, int]]
) -> None:
    price, now = PriceController(config), START
    for pause_ms, sender, count, age_ms in script:
        now = Instant(now + pause_ms)
        for _ in range(count):
            price.note_spent(b"%d" % sender, Instant(now - age_ms), now)
        base = price.view(now).units
        assert config.floor_units <= base <= config.ceiling_units
        assert base <= price.units(b"%d" % sender, now) <= base * config.surcharge_factor_max
        assert price.units(b"nobody", now) == base


@given(config=configs(), counts=st.lists(st.integers(0, 200), max_size=30), more=st.integers(0, 29))
def test_one_ticket_more_never_makes_the_next_cheaper(config: UploadConfig, counts: list[int], more: int) -> None:
    # Over one ladder and one half life: the work that is remembered is larger, so no bound is met later.
    once, twice = PriceController(config), PriceController(config)
    for turn, count in enumerate(counts):
        now = Instant(START + 1_000 * turn)
        for _ in range(count):
            once.note_spent(b"a", START, now)
        for _ in range(count + (turn == more)):
            twice.note_spent(b"a", START, now)
        assert once.units(b"b", now) <= twice.units(b"b", now)


def turns(config: UploadConfig, pause_ms: Callable[[int], float], minutes: int) -> tuple[int, list[int], bool]:
    """Return how often the price turned, its levels, and whether it had all its time.

    Each ticket takes as long as its price says; who earns it has a new name each time.
    """
    price, now, events = PriceController(config), float(START), 0
    levels = [0]
    while now < START + minutes * MINUTE_MS and events < EVENTS_MAX:
        moment = Instant(int(now))
        units = price.units(b"who is new", moment)
        if price.level != levels[-1]:
            levels.append(price.level)
        now += pause_ms(units)
        events += 1
        price.note_spent(b"%d" % events, moment, Instant(int(now)))
        if price.level != levels[-1]:
            levels.append(price.level)
    moves = [after > before for before, after in pairwise(levels)]
    return sum(before != after for before, after in pairwise(moves)), levels, events < EVENTS_MAX


@pytest.mark.parametrize("share", [3, 10, 20, 30, 50, 100])
def test_a_steady_flood_is_met_by_a_climb_and_nothing_else(share: int) -> None:
    # A price that followed the number of tickets instead of the work would climb too far here, and come back.
    config = UploadConfig(ceiling_units=2**24)
    units_per_minute = share * config.target_per_minute * config.floor_units
    turned, levels, has_settled = turns(config, lambda units: units * MINUTE_MS / units_per_minute, minutes=60)
    assert has_settled
    assert turned == 0, levels
    rungs = ladder(config.floor_units, config.ceiling_units)
    assert config.target_per_minute / 2 <= units_per_minute / rungs[levels[-1]] <= 1.3 * config.target_per_minute


@settings(max_examples=60, deadline=None)
@given(config=configs(), share=st.floats(0.01, 30))
def test_no_constant_number_of_tickets_makes_the_price_swing(config: UploadConfig, share: float) -> None:
    pause_ms = MINUTE_MS / (share * config.target_per_minute)
    turned, levels, _ = turns(config, lambda _units: pause_ms, minutes=40)
    assert turned == 0, levels


@settings(max_examples=60, deadline=None)
@given(config=configs(), share=st.floats(0.01, 3_000))
def test_no_constant_speed_of_computing_makes_the_price_swing(config: UploadConfig, share: float) -> None:
    units_per_minute = share * config.target_per_minute * config.floor_units
    turned, levels, has_settled = turns(config, lambda units: units * MINUTE_MS / units_per_minute, minutes=60)
    assert turned == 0, levels
    # And at its end the flood earns no more than the bound, unless the ceiling lets it.
    rungs = ladder(config.floor_units, config.ceiling_units)
    if has_settled and levels[-1] < len(rungs) - 1:
        assert units_per_minute / rungs[levels[-1]] <= 1.3 * config.target_per_minute
