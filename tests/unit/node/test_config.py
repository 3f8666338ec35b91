from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parley.errors import ConfigError, ErrorCode
from parley.node.config import (
    NodeConfig,
    WorkConfig,
    load_config,
    setting_default,
    setting_help,
    setting_types,
)


def origins(**environment: str) -> dict[str, tuple[str, str]]:
    _, settings = load_config(flags={}, environment=environment)
    return {one.name: (one.value, one.origin) for one in settings}


def test_everything_has_a_default(tmp_path: Path) -> None:
    config, settings = load_config(flags={"data_dir": str(tmp_path)}, environment={})
    assert config.http == "127.0.0.1:7420"
    assert config.pool.records_max == 10_000
    assert {one.origin for one in settings} == {"default", "command line"}
    assert [one.name for one in settings] == list(setting_types())


def test_later_layers_win_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text('http = "127.0.0.1:1"\nname = "file"\n[pool]\nrecords_max = 5\n')
    environment = {"PARLEY_DATA_DIR": str(tmp_path), "PARLEY_HTTP": "127.0.0.1:2", "PARLEY_POOL_SEEN_MAX": "7"}
    config, settings = load_config(flags={"http": "127.0.0.1:3", "name": None}, environment=environment)
    found = {one.name: (one.value, one.origin) for one in settings}
    assert (config.http, config.name, config.pool.records_max, config.pool.seen_max) == ("127.0.0.1:3", "file", 5, 7)
    assert found["http"] == ("127.0.0.1:3", "command line")
    assert found["name"] == ("file", str(tmp_path / "parley.toml"))
    assert found["pool.seen_max"] == ("7", "environment")
    assert found["data_dir"] == (str(tmp_path), "environment")


def test_a_public_node_keeps_answers_for_a_while_unless_told_otherwise(tmp_path: Path) -> None:
    base = {"PARLEY_DATA_DIR": str(tmp_path), "PARLEY_PUBLIC": "yes"}
    assert origins(**base)["pool.cache_age_ms"] == ("2000", "default of a public node")
    assert origins(**base, PARLEY_POOL_CACHE_AGE_MS="0")["pool.cache_age_ms"] == ("0", "environment")
    assert origins(PARLEY_DATA_DIR=str(tmp_path))["pool.cache_age_ms"] == ("0", "default")


def test_peers_come_as_text_or_as_a_list(tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text('peers = ["http://127.0.0.1:1", "HTTP://LOCALHOST:2/"]\n')
    config, _ = load_config(flags={"data_dir": str(tmp_path)}, environment={})
    assert config.peers == ("http://127.0.0.1:1", "http://localhost:2")
    config, _ = load_config(
        flags={"data_dir": str(tmp_path)}, environment={"PARLEY_PEERS": "http://127.0.0.1:3, http://127.0.0.1:4"}
    )
    assert config.peers == ("http://127.0.0.1:3", "http://127.0.0.1:4")


@pytest.mark.parametrize(
    ("flags", "setting"),
    [
        ({"http": "nowhere"}, "http"),
        ({"http": "host:99999"}, "http"),
        ({"http": ":80"}, "http"),
        ({"peers": ("ftp://x",)}, "peers"),
        ({"peers": 3}, "peers"),
        ({"peers": (3,)}, "peers"),
        ({"public": "maybe"}, "public"),
        ({"public": 1}, "public"),
        ({"log_level": "loud"}, "log_level"),
        ({"network": ""}, "network"),
        ({"network": "n" * 33}, "network"),
        ({"name": "a\nb"}, "name"),
        ({"advertise": "here"}, "advertise"),
        ({"socks5": "9050"}, "socks5"),
        ({"body_bytes_max": 3}, "body_bytes_max"),
        ({"body_bytes_max": True}, "body_bytes_max"),
        ({"pool.records_max": 0}, "pool.records_max"),
        ({"pool.records_max": "9" * 30}, "pool.records_max"),
        ({"pool.records_max": "-1"}, "pool.records_max"),
        ({"pool.budget_ms": 500}, "pool.budget_ms"),
        ({"peering.ban_score": 1}, "peers.ban_score"),
        ({"work.push_units": 0}, "work.push_units"),
        ({"nonsense": 1}, "nonsense"),
        ({"pool": 1}, "pool"),
    ],
)
def test_a_wrong_value_names_its_setting(flags: dict[str, Any], setting: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(flags={"data_dir": str(tmp_path), **flags}, environment={})
    assert caught.value.code is ErrorCode.CONFIG_INVALID
    assert caught.value.facts["setting"] == setting


@pytest.mark.parametrize(
    "content", [b"http = ", b"\xff\xfe", b"data_dir = 'x'\n", b"unknown = 1\n", b"[pool]\nx = 1\n"]
)
def test_a_broken_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(flags={"data_dir": str(tmp_path)}, environment={})
    assert caught.value.code is ErrorCode.CONFIG_INVALID


def test_a_variable_of_another_program_is_left_alone(tmp_path: Path) -> None:
    found = origins(PARLEY_DATA_DIR=str(tmp_path), PARLEY_HYPOTHESIS="push", HTTP="x")
    assert found["http"] == ("127.0.0.1:7420", "default")


def test_hosts_of_ipv6_lose_their_brackets(tmp_path: Path) -> None:
    assert NodeConfig(data_dir=tmp_path, http="[::1]:80").host_and_port() == ("::1", 80)


def test_onion_services_are_dialled_only_through_a_proxy(tmp_path: Path) -> None:
    assert NodeConfig(data_dir=tmp_path).onion_slots() == 0
    assert NodeConfig(data_dir=tmp_path, socks5="127.0.0.1:9050").onion_slots() > 0


def test_every_setting_has_a_help_and_a_default() -> None:
    for name in setting_types():
        assert setting_help(name), name
        assert setting_default(name) is not None, name


def test_prices_have_ranges() -> None:
    with pytest.raises(ConfigError):
        WorkConfig(challenge_ms=10)


@pytest.mark.parametrize("given", ["pow, math", ["pow", "math"]])
def test_names_come_as_text_or_as_a_list(given: object, tmp_path: Path) -> None:
    config, settings = load_config(flags={"data_dir": str(tmp_path), "upload.methods": given}, environment={})
    assert config.upload.methods == ("pow", "math")
    assert {one.name: one.value for one in settings}["upload.methods"] == "pow, math"


@pytest.mark.parametrize("given", [7, ["pow", 7], "Not A Name", ["pow", "pow"]])
def test_names_of_another_form_are_refused(given: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(flags={"data_dir": str(tmp_path), "upload.methods": given}, environment={})
    assert caught.value.facts["setting"] == "upload.methods"
