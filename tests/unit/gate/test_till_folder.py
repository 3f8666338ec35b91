"""A till's folder serves one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from parley.errors import ConfigError, ErrorCode, UnavailableError
from parley.gate.till import LotteryTill
from parley.gate.till_folder import lock_folder


async def test_a_folder_is_taken_once_until_it_is_given_back(tmp_path: Path) -> None:
    handle = await lock_folder(tmp_path)
    with pytest.raises(UnavailableError) as raised:
        await lock_folder(tmp_path)
    assert (raised.value.code, raised.value.facts["path"]) == (ErrorCode.BUSY, str(tmp_path))
    os.close(handle)
    os.close(await lock_folder(tmp_path))


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        await lock_folder(tmp_path / "missing")
    assert raised.value.code is ErrorCode.DATA_DIR_UNUSABLE


async def test_a_till_waits_beside_a_node_and_makes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    till = LotteryTill(
        tmp_path, chain_url="http://127.0.0.1:1", chain_id=1, broker="0x" + "11" * 20, passphrase="for a test"
    )
    # A node holds its directory by this file.
    with (tmp_path / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for _ in range(2):
            with pytest.raises(UnavailableError) as raised:
                await till.recipient()
            assert raised.value.code is ErrorCode.BUSY
            await till.close()  # what it remembers of the failure
    assert caplog.text.count("another till or a node runs here") == 1
    assert os.listdir(tmp_path) == ["lock"]  # noqa: PTH208  # pathlib is asked for nothing in a coroutine


async def test_a_till_that_could_not_open_gives_its_folder_back(tmp_path: Path) -> None:
    till = LotteryTill(tmp_path, chain_url="no address", chain_id=1, broker="0x" + "11" * 20, passphrase="for a test")
    with pytest.raises(ConfigError):
        await till.recipient()
    os.close(await lock_folder(tmp_path))
    await till.close()
