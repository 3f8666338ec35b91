from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ConfigError, ErrorCode
from parley.node.data_directory import DataDirectory, RunningNode
from parley.primitives import schnorr


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    made = DataDirectory(tmp_path / "deep" / "node")
    made.prepare()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directory_and_secrets_are_for_the_owner_only(directory: DataDirectory) -> None:
    entropy = SeededEntropy(b"a")
    secret = directory.owner_secret(entropy)
    key = directory.node_key(entropy)
    assert mode(directory.path) == 0o700
    assert mode(directory.owner_secret_path) == 0o600
    assert mode(directory.node_key_path) == 0o600
    assert len(bytes.fromhex(secret)) == 32
    assert schnorr.is_secret_key(key.reveal())
    assert secret != key.reveal().hex()


def test_secrets_are_made_once(directory: DataDirectory) -> None:
    first = directory.owner_secret(SeededEntropy(b"a"))
    assert directory.owner_secret(SeededEntropy(b"b")) == first
    assert directory.read_owner_secret() == first
    assert sorted(path.name for path in directory.path.iterdir()) == ["owner_secret"]


def test_a_secret_that_others_can_read_is_refused(directory: DataDirectory) -> None:
    directory.owner_secret(SeededEntropy(b"a"))
    directory.owner_secret_path.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        directory.owner_secret(SeededEntropy(b"a"))
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE
    assert "chmod 600" in str(caught.value)


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31, "\N{GREEK SMALL LETTER ALPHA}"])
def test_a_damaged_secret_is_refused_and_kept(directory: DataDirectory, content: str) -> None:
    directory.node_key_path.write_text(content)
    directory.node_key_path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        directory.node_key(SeededEntropy(b"a"))
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE
    assert directory.node_key_path.read_text() == content


def test_a_number_that_is_no_key_is_refused(directory: DataDirectory) -> None:
    directory.node_key_path.write_text("00" * 32)
    directory.node_key_path.chmod(0o600)
    with pytest.raises(ConfigError):
        directory.node_key(SeededEntropy(b"a"))


def test_one_node_at_a_time(directory: DataDirectory) -> None:
    held = directory.lock()
    with pytest.raises(ConfigError) as caught:
        directory.lock()
    assert caught.value.facts["reason"] == "another node runs here"
    os.close(held)
    os.close(directory.lock())


def test_the_note_of_a_running_node(directory: DataDirectory) -> None:
    running = RunningNode("http://127.0.0.1:1", os.getpid(), "ab" * 32)
    directory.note_running(running)
    held = directory.lock()
    assert directory.read_running() == running
    os.close(held)
    with pytest.raises(ConfigError) as caught:
        directory.read_running()
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING, "a note without its node is not believed"
    assert mode(directory.running_path) == 0o600
    directory.forget_running()
    directory.forget_running()
    with pytest.raises(ConfigError) as caught:
        directory.read_running()
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING


@pytest.mark.parametrize("content", [b"{}", b"", b'{"http":"x","pid":99999999,"id":""}'])
def test_a_stale_note_means_that_no_node_runs(directory: DataDirectory, content: bytes) -> None:
    directory.running_path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        directory.read_running()
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING


def test_without_a_secret_no_node_was_ever_here(directory: DataDirectory) -> None:
    with pytest.raises(ConfigError) as caught:
        directory.read_owner_secret()
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError) as caught:
        DataDirectory(tmp_path / "file" / "node").prepare()
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE


def test_a_secret_that_the_owner_wrote_is_asked_for_as_it_stands(directory: DataDirectory) -> None:
    directory.owner_secret_path.write_text("AB" * 32 + "\n")
    directory.owner_secret_path.chmod(0o600)
    assert directory.owner_secret(SeededEntropy(b"a")) == "AB" * 32
