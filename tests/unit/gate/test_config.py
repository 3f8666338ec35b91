"""Prices by path, and the limits of a gate."""

from __future__ import annotations

import pytest

from parley.errors import ConfigError
from parley.gate.config import GateConfig, Prices


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("/", 0),
        ("/search", 5),
        ("/search/", 5),
        ("//search", 5),
        ("search", 5),
        ("/search/deep", 0),
        ("/api", 0),
        ("/api/", 7),
        ("//api//x", 7),
        ("/api/free/", 7),
        ("/api/x", 7),
        ("/api/x/y", 7),
        ("/api/deep/x", 70),
        ("/api/deep/free", 0),
        ("/API/x", 0),
        ("", 0),
        ("//", 0),
    ],
)
def test_the_exact_path_counts_first_and_then_the_longest_beginning(path: str, units: int) -> None:
    prices = Prices({"/search": 5, "/api/*": 7, "/api/deep/*": 70, "/api/deep/free": 0})
    assert prices.units(path) == units


def test_the_dearest_reading_of_a_mounted_path_counts() -> None:
    prices = Prices({"/search": 5, "/v1/search": 7, "/v2/free": 0, "/free": 2})
    assert prices.units("/v1/search", "/v1") == 7
    assert prices.units("/v2/search", "/v2") == 5
    assert prices.units("/v2/search/", "/v2") == 5
    assert prices.units("/search", "/v2") == 5
    assert prices.units("/v2/free", "/v2") == 2
    assert prices.units("/v2/other", "/v2") == 0


def test_one_price_is_for_every_path() -> None:
    prices = Prices(9)
    assert (prices.units("/"), prices.units("/a/b")) == (9, 9)
    assert prices.all_units() == {9}


def test_free_is_no_price() -> None:
    assert Prices({"/a": 0, "/b": 3, "/c/*": 3}).all_units() == {3}


@pytest.mark.parametrize("prices", [-1, {"a": 1}, {"": 1}, {"*": 1}, {"/a*b": 1}, {"/*/b": 1}, {"/a": -1}])
def test_patterns_that_mean_nothing_are_refused(prices: int | dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Prices(prices)


@pytest.mark.parametrize(
    "settings",
    [
        {"ticket_ms": 999},
        {"ticket_ms": 86_400_001},
        {"body_max_bytes": -1},
        {"body_max_bytes": 2**30 + 1},
        {"answer_max_bytes": -1},
        {"answers_max_bytes": -1},
        {"realm": "https://example.org"},
        {"realm": "Example.org"},
        {"realm": "a b"},
        {"realm": "é"},
        {"realm": "a" * 256},
        {"exempt_methods": frozenset({"options"})},
    ],
)
def test_limits_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        GateConfig(**settings)  # type: ignore[arg-type]  # each case has the type of its setting


def test_limits_at_their_ends_are_taken() -> None:
    assert GateConfig(ticket_ms=1_000, body_max_bytes=0, answer_max_bytes=0, answers_max_bytes=0, realm="a" * 255)
    assert GateConfig(ticket_ms=86_400_000, body_max_bytes=2**30, realm="example.org:8443/v1")
