"""The pool's settings: every range at both ends, and the chain of times."""

from __future__ import annotations

from dataclasses import fields

import pytest

from parley.errors import ConfigError, ErrorCode
from parley.pool.config import SKEW_MS_MAX, PoolConfig

DAY_MS = 86_400_000
# What the documents promise: name, smallest, largest.
RANGES = (
    ("message_bytes_max", 1, 65_536),
    ("lifetime_ms_max", 1_000, 30 * DAY_MS),
    ("skew_ms", 0, 15_000),
    ("records_max", 1, 10**7),
    ("pool_bytes_max", 1_024, 2**40),
    ("author_records_max", 1, 10**7),
    ("author_bytes_max", 256, 2**40),
    ("link_records_max", 1, 10**7),
    ("link_bytes_max", 256, 2**40),
    ("deepness_max", 1, 16),
    ("size_limit_max", 1, 100_000),
    ("answer_bytes_max", 4_096, 2**30),
    ("budget_ms", 1, 600_000),
    ("hop_margin_ms", 1, 60_000),
    ("seen_ms", 1_000, 3_600_000),
    ("seen_max", 1, 10**7),
    ("cache_age_ms", 0, 3_600_000),
    ("cache_entries_max", 0, 100_000),
    ("open_queries_max", 1, 10**6),
    ("link_open_queries_max", 1, 10**6),
    ("bucket_units", 1, 2**40),
    ("bucket_units_per_second", 1, 2**40),
)
CHAINED = frozenset({"budget_ms", "hop_margin_ms", "seen_ms"})


def configured(**settings: object) -> PoolConfig:
    return PoolConfig(**settings)  # type: ignore[arg-type]  # wrong types are what some tests are about


def test_every_setting_has_a_range() -> None:
    assert [name for name, _, _ in RANGES] == [item.name for item in fields(PoolConfig)]


@pytest.mark.parametrize(("name", "low", "high"), RANGES)
def test_beyond_its_range_a_setting_is_refused(name: str, low: int, high: int) -> None:
    for value in (low - 1, high + 1, float(low), str(low), None, True):
        with pytest.raises(ConfigError) as caught:
            configured(**{name: value})
        assert caught.value.code is ErrorCode.CONFIG_INVALID
        assert caught.value.facts == {"setting": f"pool.{name}", "minimum": low, "maximum": high}


@pytest.mark.parametrize(("name", "low", "high"), [row for row in RANGES if row[0] not in CHAINED])
def test_the_ends_of_a_range_are_allowed(name: str, low: int, high: int) -> None:
    assert [getattr(configured(**{name: value}), name) for value in (low, high)] == [low, high]


@pytest.mark.parametrize(
    ("hop_margin_ms", "budget_ms", "seen_ms", "is_allowed"),
    [
        (1, 2, 1_000, True),
        (1, 1_000, 1_000, True),
        (60_000, 600_000, 3_600_000, True),
        (2, 2, 1_000, False),
        (3, 2, 1_000, False),
        (1, 1_001, 1_000, False),
    ],
)
def test_a_request_is_known_for_longer_than_it_can_travel(
    hop_margin_ms: int, budget_ms: int, seen_ms: int, *, is_allowed: bool
) -> None:
    settings = {"hop_margin_ms": hop_margin_ms, "budget_ms": budget_ms, "seen_ms": seen_ms}
    if is_allowed:
        assert configured(**settings).budget_ms == budget_ms
        return
    with pytest.raises(ConfigError) as caught:
        configured(**settings)
    assert caught.value.facts["setting"] == "pool.budget_ms"


def test_no_node_allows_more_skew_than_all_agree_on() -> None:
    assert PoolConfig().skew_ms == SKEW_MS_MAX == 15_000


def test_the_defaults_are_those_of_the_specification() -> None:
    defaults = {
        "message_bytes_max": 4_096,
        "lifetime_ms_max": 43_200_000,
        "records_max": 10_000,
        "pool_bytes_max": 16_777_216,
        "deepness_max": 6,
        "size_limit_max": 1_000,
        "answer_bytes_max": 4_194_304,
        "budget_ms": 8_000,
        "hop_margin_ms": 700,
        "seen_ms": 120_000,
        "cache_age_ms": 0,
    }
    assert {name: getattr(PoolConfig(), name) for name in defaults} == defaults
