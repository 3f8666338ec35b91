"""Where a chain is kept: whole steps, in memory and in a file."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parley.devchains.evm.nodes import Nodes
from parley.devchains.evm.sqlite_storage import SqliteStorage
from parley.devchains.evm.storage import MemoryStorage, Storage
from parley.errors import ConfigError, ErrorCode, UnavailableError


@pytest.fixture(params=["memory", "file"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    kept: Storage = MemoryStorage() if request.param == "memory" else SqliteStorage(tmp_path / "chain.sqlite")
    yield kept
    kept.close()
    kept.close()


def test_what_is_written_is_there(storage: Storage) -> None:
    storage.write({b"a": b"1", b"b": b""})
    assert (storage.get(b"a"), storage.get(b"b"), storage.get(b"c")) == (b"1", b"", None)


def test_one_step_drops_and_puts(storage: Storage) -> None:
    storage.write({b"a": b"1", b"b": b"2"})
    storage.write({b"a": b"3", b"c": b"4"}, [b"a", b"b", b"unknown"])
    assert (storage.get(b"a"), storage.get(b"b"), storage.get(b"c")) == (b"3", None, b"4")


def test_scan_is_in_order_and_of_one_prefix(storage: Storage) -> None:
    storage.write({b"p\xff\xff": b"3", b"p": b"1", b"q": b"0", b"o\xff": b"0", b"p\x00": b"2"})
    assert list(storage.scan(b"p")) == [(b"p", b"1"), (b"p\x00", b"2"), (b"p\xff\xff", b"3")]
    assert list(storage.scan(b"z")) == []


def failing() -> Iterator[bytes]:
    yield b"a"
    raise KeyboardInterrupt


def test_step_that_is_cut_short_leaves_nothing_in_the_file(tmp_path: Path) -> None:
    kept = SqliteStorage(tmp_path / "chain.sqlite")
    kept.write({b"a": b"1"})
    with pytest.raises(KeyboardInterrupt):
        kept.write({b"b": b"2"}, failing())
    assert (kept.get(b"a"), kept.get(b"b")) == (b"1", None)
    kept.write({b"b": b"3"})
    assert kept.get(b"b") == b"3"
    kept.close()


def test_file_is_the_owners_and_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    kept = SqliteStorage(path)
    kept.write({b"a": b"1"})
    kept.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = SqliteStorage(path)
    assert again.get(b"a") == b"1"
    again.close()


def test_closed_file_answers_no_more(tmp_path: Path) -> None:
    kept = SqliteStorage(tmp_path / "chain.sqlite")
    kept.close()
    for ask in (lambda: kept.get(b"a"), lambda: kept.write({}), lambda: list(kept.scan(b"a"))):
        with pytest.raises(UnavailableError) as caught:
            ask()
        assert caught.value.code is ErrorCode.SHUTTING_DOWN


def _other_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def _newer_release(path: Path) -> None:
    SqliteStorage(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()


def _no_database(path: Path) -> None:
    path.write_bytes(b"something else" * 100)


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (_other_program, ErrorCode.DATA_DIR_UNUSABLE),
        (_newer_release, ErrorCode.STORE_TOO_NEW),
        (_no_database, ErrorCode.DATA_DIR_UNUSABLE),
        (_folder, ErrorCode.DATA_DIR_UNUSABLE),
    ],
)
def test_other_files_are_refused(tmp_path: Path, prepare: Callable[[Path], None], code: ErrorCode) -> None:
    path = tmp_path / "chain.sqlite"
    prepare(path)
    with pytest.raises(ConfigError) as caught:
        SqliteStorage(path)
    assert caught.value.code is code


def test_one_process_at_a_time(tmp_path: Path) -> None:
    kept = SqliteStorage(tmp_path / "chain.sqlite")
    with pytest.raises(ConfigError) as caught:
        SqliteStorage(tmp_path / "chain.sqlite")
    assert caught.value.facts["reason"] == "another process runs this chain"
    kept.close()
    SqliteStorage(tmp_path / "chain.sqlite").close()


def test_damaged_file_is_no_answer(tmp_path: Path) -> None:
    kept = SqliteStorage(tmp_path / "chain.sqlite")
    kept._open().execute("DROP TABLE kept")
    for ask in (lambda: kept.get(b"a"), lambda: kept.write({b"a": b""}), lambda: list(kept.scan(b"a"))):
        with pytest.raises(UnavailableError) as caught:
            ask()
        assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
    kept.close()


def test_new_nodes_gather_until_they_are_taken() -> None:
    nodes = Nodes({b"old": b"1"}.get)
    nodes[b"new"] = b"2"
    assert (nodes[b"old"], nodes[b"new"]) == (b"1", b"2")
    assert b"old" in nodes
    assert b"new" in nodes
    assert b"other" not in nodes
    assert 5 not in nodes
    with pytest.raises(KeyError):
        nodes[b"other"]
    assert nodes.take_fresh() == {b"new": b"2"}
    assert nodes.take_fresh() == {}
    assert b"new" not in nodes


def test_stored_nodes_stay_though_the_machine_drops_them() -> None:
    nodes = Nodes({b"old": b"1"}.get)
    nodes[b"new"] = b"2"
    del nodes[b"old"]
    del nodes[b"new"]
    assert nodes[b"old"] == b"1"
    assert nodes.take_fresh() == {}
