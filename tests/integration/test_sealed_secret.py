"""The recipient's secret survives a restart, and does not lie readable on the disk."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pyrage import passphrase as age  # type: ignore[import-untyped]  # ships no types

from parley.adapters.files.private import create_private
from parley.adapters.lottery.sealed_secret import open_sealed_secret
from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ConfigError, ErrorCode

REOPEN = """
import sys
from pathlib import Path
from parley.adapters.lottery.sealed_secret import open_sealed_secret
from parley.adapters.system import SystemEntropy
print(open_sealed_secret(Path(sys.argv[1]), "correct horse", SystemEntropy()).reveal().hex())
"""


def test_another_process_opens_the_same_secret_and_the_disk_does_not_show_it(tmp_path: Path) -> None:
    path = tmp_path / "lottery-secret.age"
    secret = open_sealed_secret(path, "correct horse", SeededEntropy(b"seven"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret.reveal() not in path.read_bytes()
    assert secret.reveal().hex().encode() not in path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    done = subprocess.run([sys.executable, "-c", REOPEN, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == secret.reveal().hex()


def test_a_wrong_passphrase_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lottery-secret.age"
    with pytest.raises(ConfigError):
        open_sealed_secret(path, "", SeededEntropy(b"seven"))
    assert not path.exists()
    path.write_bytes(b"no age file")
    with pytest.raises(ConfigError) as damaged:
        open_sealed_secret(path, "correct horse", SeededEntropy(b"seven"))
    path.write_bytes(age.encrypt(bytes(32), "correct horse"))
    with pytest.raises(ConfigError) as wrong:
        open_sealed_secret(path, "incorrect horse", SeededEntropy(b"seven"))
    path.write_bytes(age.encrypt(bytes(31), "correct horse"))
    with pytest.raises(ConfigError) as short:
        open_sealed_secret(path, "correct horse", SeededEntropy(b"seven"))
    assert {caught.value.code for caught in (damaged, wrong, short)} == {ErrorCode.CONFIG_INVALID}


def test_where_no_file_can_be_the_owner_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_sealed_secret(tmp_path / "missing" / "secret.age", "correct horse", SeededEntropy(b"seven"))
    assert caught.value.code is ErrorCode.DATA_DIR_UNUSABLE


def test_of_two_that_start_at_once_the_first_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "lottery-secret.age"
    for byte in (b"\x01", b"\x02"):
        create_private(path, age.encrypt(byte * 32, "correct horse"))
    assert open_sealed_secret(path, "correct horse", SeededEntropy(b"seven")).reveal() == b"\x01" * 32
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
