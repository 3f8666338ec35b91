from __future__ import annotations

from dataclasses import dataclass, fields
from importlib import import_module

import pytest

from parley.errors import ConfigError
from parley.primitives.ranges import check_ranges


@dataclass(frozen=True)
class Sizes:
    width: object = 3
    height: object = 4


RANGES = {"width": (1, 3), "height": (4, 9)}


def test_what_lies_on_the_bounds_is_taken() -> None:
    check_ranges("sizes", Sizes(), RANGES)
    check_ranges("sizes", Sizes(1, 9), RANGES)


@pytest.mark.parametrize("height", [3, 10, True, 4.0, "4", None])
def test_what_is_no_integer_within_its_range_is_named(height: object) -> None:
    with pytest.raises(ConfigError) as caught:
        check_ranges("sizes", Sizes(height=height), RANGES)
    assert caught.value.facts == {"setting": "sizes.height", "minimum": 4, "maximum": 9}


@pytest.mark.parametrize("height", [0, 1, None])
def test_a_number_is_no_switch(height: object) -> None:
    check_ranges("sizes", Sizes(height=True), {"height": (False, True)})
    with pytest.raises(ConfigError):
        check_ranges("sizes", Sizes(height=height), {"height": (False, True)})


@pytest.mark.parametrize(
    ("module", "name", "ranges"),
    [
        ("parley.pool.config", "PoolConfig", "_RANGES"),
        ("parley.pool.peer_config", "PeersConfig", "_RANGES"),
        ("parley.upload.config", "UploadConfig", "_RANGES"),
        ("parley.node.relay_config", "RelayConfig", "_RANGES"),
        ("parley.node.config", "WorkConfig", "_WORK_RANGES"),
    ],
)
def test_every_integer_and_switch_of_a_configuration_has_a_range(module: str, name: str, ranges: str) -> None:
    found = import_module(module)
    integers = {item.name for item in fields(getattr(found, name)) if item.type in {"int", "bool", int}}
    assert integers
    assert set(getattr(found, ranges)) == integers
