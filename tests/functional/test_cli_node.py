"""A node's life through the command line."""

from __future__ import annotations

import signal
import stat
from pathlib import Path

import pytest

from tests.functional.program import parley, running_node

pytestmark = pytest.mark.functional


def test_a_node_needs_no_configuration_and_says_who_it_is(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        assert node.http.startswith("http://127.0.0.1:")
        assert node.parley("node", "id").stdout == f"{node.id}\n"
        assert node.parley("node", "id", "--json").document == {"id": node.id}
        status = node.parley("node", "status", "--json").document
        assert (status["id"], status["public"]) == (node.id, False)
        for secret in ("owner_secret", "node_key", "node.json"):
            assert stat.S_IMODE((node.data_dir / secret).stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_node_stops_when_told_and_is_the_same_afterwards(tmp_path: Path, number: int) -> None:
    with running_node(tmp_path / "node") as node:
        first = node.id
        assert node.stop(number) == 0
        left = node.parley("pool", "status", "--json")
        assert (left.code, left.stdout) == (1, "")
        assert (left.error["name"], left.error["next"]) == ("NODE_NOT_RUNNING", "start one with: parley node run")
    with running_node(tmp_path / "node") as node:
        assert node.id == first


def test_a_killed_node_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        assert node.stop(signal.SIGKILL) == -signal.SIGKILL
        assert node.parley("pool", "status", "--json").error["name"] == "NODE_NOT_RUNNING"
    with running_node(tmp_path / "node") as node:
        assert node.parley("pool", "status").code == 0


def test_what_is_taken_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with running_node(tmp_path / "node") as node:
        port = node.http.rpartition(":")[2]
        taken = parley("node", "run", "--http", f"127.0.0.1:{port}", "--json", data_dir=tmp_path / "other")
        assert (taken.code, taken.error["name"]) == (1, "ADDRESS_IN_USE")
        same = parley("node", "run", "--http", "127.0.0.1:0", "--json", data_dir=tmp_path / "node")
        assert (same.code, same.error["name"]) == (1, "DATA_DIR_UNUSABLE")


def test_settings_are_shown_with_their_origin(tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text("[pool]\nrecords_max = 5\n")
    shown = parley("config", "show", "--json", data_dir=tmp_path)
    settings = {one["name"]: one for one in shown.document}
    assert (shown.code, shown.stderr) == (0, "")
    assert settings["pool.records_max"]["value"] == "5"
    assert settings["pool.records_max"]["origin"].endswith("parley.toml")
    assert settings["data_dir"]["origin"] == "command line"
    assert settings["public"]["origin"] == "default"
    assert parley("config", "show", data_dir=tmp_path).stdout.startswith("setting\tvalue\torigin\n")


def test_a_wrong_setting_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text("[pool]\nrecords_max = 'many'\n")
    refused = parley("node", "run", "--json", data_dir=tmp_path)
    assert (refused.code, refused.error["name"]) == (1, "CONFIG_INVALID")
    assert refused.error["facts"]["setting"] == "pool.records_max"
