"""The limits of the peer book are checked where they are made."""

from __future__ import annotations

from dataclasses import fields

import pytest

from parley.errors import ConfigError
from parley.pool.peer_config import PeersConfig


def test_the_defaults_are_lawful_and_as_documented() -> None:
    config = PeersConfig()
    assert (config.outbound_slots, config.inbound_slots, config.slots_per_group) == (8, 32, 2)
    assert (config.known_max, config.exchange_limit, config.anchors) == (1_000, 32, 4)
    assert (config.hello_interval_ms, config.hello_timeout_ms, config.silence_limit) == (30_000, 5_000, 2)
    assert (config.retry_base_ms, config.retry_max_ms) == (1_000, 600_000)
    assert (config.ban_score, config.score_half_life_ms) == (100, 600_000)


@pytest.mark.parametrize("name", [item.name for item in fields(PeersConfig)])
@pytest.mark.parametrize("value", [-1, 2**60, "8"])
def test_a_value_out_of_range_names_its_setting(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        PeersConfig(**{name: value})  # type: ignore[arg-type]  # the wrong type is the point
    assert caught.value.facts["setting"] == f"peers.{name}"


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"hello_timeout_ms": 30_000}, "peers.hello_timeout_ms"),
        ({"retry_base_ms": 600_000, "retry_max_ms": 599_999}, "peers.retry_base_ms"),
        ({"known_max": 188}, "peers.known_max"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: dict[str, int], setting: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PeersConfig(**values)  # type: ignore[arg-type]  # every value here is an int
    assert caught.value.facts["setting"] == setting


def test_values_at_the_border_are_lawful() -> None:
    config = PeersConfig(hello_timeout_ms=29_999, retry_base_ms=600_000, known_max=189)
    assert config.known_max == 8 + 32 + 16 + 4 + 128 + 1
