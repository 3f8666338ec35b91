from __future__ import annotations

from dataclasses import fields

import pytest

from parley.errors import ConfigError
from parley.upload.config import UploadConfig

NUMBERS = [item.name for item in fields(UploadConfig) if item.name != "methods"]


def test_the_defaults_are_the_documented_ones() -> None:
    config = UploadConfig()
    assert (config.ticket_ms, config.size_max_bytes, config.wrong_answers_max) == (1_800_000, 26_214_400, 3)
    assert (config.lease_ms, config.lease_cap_ms) == (120_000, 3_600_000)
    assert config.methods == ("pow", "pow-memory", "math", "captcha", "wait")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, 2**60, True, 1.5, "1"])
def test_values_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as refused:
        UploadConfig(**{name: value})  # type: ignore[arg-type] # wrong on purpose
    assert refused.value.facts["setting"] == f"upload.{name}"


@pytest.mark.parametrize("methods", [["pow"], ("pow", "pow"), ("Pow",), ("",), (1,)])
def test_methods_are_names_without_repeats(methods: object) -> None:
    with pytest.raises(ConfigError) as refused:
        UploadConfig(methods=methods)  # type: ignore[arg-type] # wrong on purpose
    assert refused.value.facts["setting"] == "upload.methods"


def test_no_method_at_all_closes_the_door_to_strangers() -> None:
    assert UploadConfig(methods=()).methods == ()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"part_max_bytes": 2_000, "size_max_bytes": 1_999}, "size_max_bytes"),
        ({"uploads_bytes_max": 26_214_399}, "size_max_bytes"),
        ({"lease_ms": 60_001, "lease_cap_ms": 60_000}, "lease_ms"),
        ({"floor_units": 65_537}, "floor_units"),
        ({"target_per_minute": 4}, "demand_half_life_ms"),
        ({"target_per_minute": 59, "demand_half_life_ms": 10_000}, "demand_half_life_ms"),
    ],
)
def test_what_does_not_fit_together_is_refused(settings: dict[str, int], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        UploadConfig(**settings)  # type: ignore[arg-type] # all of them are integers
    assert refused.value.facts["setting"] == f"upload.{named}"


def test_what_just_fits_together_is_taken() -> None:
    assert UploadConfig(target_per_minute=60, demand_half_life_ms=10_000).target_per_minute == 60
    assert UploadConfig(floor_units=65_536).floor_units == 65_536
