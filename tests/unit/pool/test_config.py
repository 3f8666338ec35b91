from __future__ import annotations

from dataclasses import fields

import pytest

from parley.errors import ConfigError, ErrorCode
from parley.pool.config import SKEW_MS_MAX, PoolConfig

DEFAULTS = {
    "message_bytes_max": 4_096,
    "lifetime_ms_max": 43_200_000,
    "skew_ms": 15_000,
    "records_max": 10_000,
    "pool_bytes_max": 16_777_216,
    "deepness_max": 6,
    "size_limit_max": 1_000,
    "budget_ms": 8_000,
    "hop_margin_ms": 700,
    "seen_ms": 120_000,
    "cache_age_ms": 0,
}


def test_the_defaults_are_those_of_the_specification() -> None:
    config = PoolConfig()
    assert {name: getattr(config, name) for name in DEFAULTS} == DEFAULTS


def test_no_node_allows_more_skew_than_all_agree_on() -> None:
    assert SKEW_MS_MAX == 15_000
    assert PoolConfig(skew_ms=15_000).skew_ms == 15_000
    with pytest.raises(ConfigError):
        PoolConfig(skew_ms=15_001)


@pytest.mark.parametrize("name", [field.name for field in fields(PoolConfig)])
@pytest.mark.parametrize("value", [-1, 2**41, True, 1.5, "8"])
def test_every_setting_has_a_range_and_is_a_whole_number(name: str, value: object) -> None:
    settings: dict[str, object] = {name: value}
    with pytest.raises(ConfigError) as caught:
        PoolConfig(**settings)  # type: ignore[arg-type]  # that is the point
    assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert caught.value.facts["setting"] == f"pool.{name}"
    assert int(caught.value.facts["minimum"]) < int(caught.value.facts["maximum"])


@pytest.mark.parametrize(
    ("hop_margin_ms", "budget_ms", "seen_ms", "is_right"),
    [
        (700, 701, 1_000, True),
        (700, 1_000, 1_000, True),
        (700, 700, 1_000, False),
        (701, 700, 1_000, False),
        (700, 1_001, 1_000, False),
    ],
)
def test_a_request_is_known_for_as_long_as_it_can_travel(
    hop_margin_ms: int, budget_ms: int, seen_ms: int, *, is_right: bool
) -> None:
    if is_right:
        config = PoolConfig(hop_margin_ms=hop_margin_ms, budget_ms=budget_ms, seen_ms=seen_ms)
        assert config.budget_ms == budget_ms
        return
    with pytest.raises(ConfigError) as caught:
        PoolConfig(hop_margin_ms=hop_margin_ms, budget_ms=budget_ms, seen_ms=seen_ms)
    assert caught.value.facts["setting"] == "pool.budget_ms"
