"""Secrets and notes: whole or not there, of mode 0600, and the first of two makers wins."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parley.adapters.files.private import check_private, create_private, replace_private
from parley.errors import ConfigError, ErrorCode


def test_the_first_of_two_makers_wins_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    create_private(path, b"first")
    create_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_note_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "note"
    for content in (b"a longer first one", b"short"):
        replace_private(path, content)
        assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_two_threads_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    path, contents = tmp_path / "note", [bytes([number]) * 10_000 for number in range(64)]
    with ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda content: replace_private(path, content), contents):
            pass
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    create_private(path, b"content")
    check_private(path)
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        check_private(path)
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE
