from __future__ import annotations

from dataclasses import replace

import pytest

from parley.primitives.instants import Instant
from parley.upload.config import UploadConfig
from parley.upload.price import PriceController, ladder

CONFIG = UploadConfig(floor_units=64, ceiling_units=1_024, target_per_minute=60, demand_half_life_ms=60_000)
START = Instant(1_800_000_000_000)


def names(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def spend(price: PriceController, count: int, now: Instant, issued_ms: Instant | None = None) -> None:
    for name in names(count):
        price.note_spent(name + b"@%d" % now, now if issued_ms is None else issued_ms, now)


def test_the_ladder_climbs_by_the_root_of_two() -> None:
    assert ladder(100, 800) == (100, 141, 200, 282, 400, 565, 800)
    assert ladder(1, 16) == (1, 2, 4, 5, 8, 11, 16)
    assert ladder(7, 7) == (7,)
    assert ladder(5, 6) == (5, 6)


def test_a_quiet_node_asks_for_the_floor() -> None:
    price = PriceController(CONFIG)
    assert price.units(b"a", START) == 64
    assert price.view(START).level == 0


def test_free_requests_move_no_price() -> None:
    price = PriceController(CONFIG)
    for _ in range(10_000):
        price.note_request(b"a", START)
    assert price.units(b"a", START) == 64
    assert price.view(START).requests_per_minute > 6_000


def test_work_above_the_target_raises_the_price_and_quiet_lowers_it() -> None:
    price = PriceController(CONFIG)
    # With a half life of a minute, 109 tickets at once are 109 * ln 2 = 75.6 a minute; 108 are 74.9. The bound is 75.
    spend(price, 108, START)
    assert price.view(START).units == 64
    spend(price, 1, START)
    assert price.view(START).units == 90
    assert price.view(Instant(START + 60_000)).units == 64


def test_a_huge_flood_meets_the_ceiling_and_no_more() -> None:
    price = PriceController(CONFIG)
    for _ in range(40):
        spend(price, 109, START)
    view = price.view(START)
    assert (view.units, view.level) == (1_024, view.levels - 1)
    assert price.view(Instant(START + 86_400_000)).units == 64


def test_work_counts_at_the_price_it_was_asked_at() -> None:
    # Tickets that were fetched cheaply before a rise say nothing about who would come at the new price.
    cheap, dear = PriceController(CONFIG), PriceController(CONFIG)
    later = Instant(START + 1_000)
    for price, issued_ms in ((cheap, Instant(START - 1)), (dear, later)):
        spend(price, 217, START)
        spend(price, 200, later, issued_ms)
    assert cheap.view(later).demand_per_minute * cheap.view(later).units < (
        dear.view(later).demand_per_minute * dear.view(later).units
    )


def test_old_tickets_are_honoured_while_the_price_is_of_their_kind() -> None:
    price = PriceController(CONFIG)
    issued_ms, holds_ms = Instant(START - 1), CONFIG.price_holds_ms
    for turn in range(40):
        spend(price, 109, Instant(START + turn))
    assert price.view(Instant(START + 40)).units == 1_024
    assert price.is_honoured(issued_ms, Instant(issued_ms + holds_ms))
    for turn in range(40):
        spend(price, 109, Instant(START + holds_ms + turn))
    too_late = Instant(START + holds_ms + 40)
    assert not price.is_honoured(issued_ms, too_late)
    assert price.is_honoured(issued_ms, Instant(too_late + 3_600_000))


def test_of_prices_long_gone_the_oldest_that_is_remembered_counts() -> None:
    # The price goes up and down 150 times; 256 changes are remembered, the floor of the start is not among them.
    price, now = PriceController(CONFIG), START
    for turn in range(150):
        now = Instant(START + turn * 600_000)
        spend(price, 109, now)
        assert price.view(now).level == 1
        assert price.view(Instant(now + 300_000)).level == 0
    assert len(price._changes) == 256
    assert price._units_at(START) == price._changes[0][1]


def test_each_recent_ticket_of_a_sender_adds_a_half_and_fades() -> None:
    price = PriceController(CONFIG)
    for count, units in ((1, 96), (2, 128), (3, 160)):
        price.note_spent(b"a", START, START)
        assert price.units(b"a", START) == units, count
    assert price.units(b"b", START) == 64
    after_half_life = Instant(START + CONFIG.surcharge_half_life_ms)
    assert price.units(b"a", after_half_life) == 112


def test_the_surcharge_has_a_limit_and_can_be_none() -> None:
    price = PriceController(replace(CONFIG, surcharge_factor_max=4))
    free = PriceController(replace(CONFIG, surcharge_percent=0))
    for number in range(50):
        now = Instant(START + number * 1_000)
        price.note_spent(b"a", now, now)
        free.note_spent(b"a", now, now)
        assert 64 <= price.units(b"a", now) <= 256
        assert free.units(b"a", now) == 64
    assert price.units(b"a", Instant(START + 49_000)) == 256
    # What is remembered is limited too, so that the price of who has stopped falls again as soon as it can.
    assert price.units(b"a", Instant(START + 49_000 + CONFIG.surcharge_half_life_ms)) == 160


def test_few_senders_are_remembered_and_the_oldest_forgotten_first() -> None:
    price = PriceController(replace(CONFIG, busy_senders_max=3))
    for number, name in enumerate(names(10)):
        now = Instant(START + number)
        price.note_spent(name, now, now)
    assert price.view(Instant(START + 10)).busy_senders == 3
    assert [price.units(name, Instant(START + 10)) > 64 for name in names(10)] == [False] * 7 + [True] * 3


def test_who_has_faded_is_forgotten() -> None:
    price = PriceController(CONFIG)
    price.note_spent(b"a", START, START)
    assert price.view(Instant(START + 4 * CONFIG.surcharge_half_life_ms)).busy_senders == 1
    assert price.view(Instant(START + 5 * CONFIG.surcharge_half_life_ms)).busy_senders == 0


def test_a_clock_that_goes_back_changes_nothing() -> None:
    price = PriceController(CONFIG)
    spend(price, 109, START)
    before = price.view(START)
    assert price.view(Instant(START - 3_600_000)) == before


def test_what_was_noted_by_a_clock_that_ran_ahead_fades_once_it_is_right() -> None:
    price = PriceController(CONFIG)
    spend(price, 109, Instant(START + 86_400_000))
    assert price.view(START).units > CONFIG.floor_units
    assert price.view(Instant(START + 20 * CONFIG.demand_half_life_ms)).units == CONFIG.floor_units


@pytest.mark.parametrize("config", [CONFIG, UploadConfig(floor_units=1, ceiling_units=1)])
def test_a_restart_begins_at_the_floor(config: UploadConfig) -> None:
    price = PriceController(config)
    spend(price, 500, START)
    assert PriceController(config).units(b"a", START) == config.floor_units
