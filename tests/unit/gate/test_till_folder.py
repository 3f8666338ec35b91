"""A till's folder serves one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from parley.errors import ConfigError, ErrorCode
from parley.gate.till import LotteryTill
from parley.gate.till_folder import lock_folder


async def test_a_folder_is_taken_once_until_it_is_given_back(tmp_path: Path) -> None:
    handle = await lock_folder(tmp_path)
    with pytest.raises(ConfigError) as raised:
        await lock_folder(tmp_path)
    assert raised.value.code is ErrorCode.DATA_DIR_UNUSABLE
    os.close(handle)
    os.close(await lock_folder(tmp_path))


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        await lock_folder(tmp_path / "missing")
    assert raised.value.code is ErrorCode.DATA_DIR_UNUSABLE


async def test_a_till_does_not_open_beside_a_node_and_makes_nothing(tmp_path: Path) -> None:
    till = LotteryTill(
        tmp_path, chain_url="http://127.0.0.1:1", chain_id=1, broker="0x" + "11" * 20, passphrase="for a test"
    )
    # A node holds its directory by this file.
    with (tmp_path / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigError) as raised:
            await till.recipient()
    await till.close()
    assert raised.value.code is ErrorCode.DATA_DIR_UNUSABLE
    assert os.listdir(tmp_path) == ["lock"]  # noqa: PTH208  # pathlib is asked for nothing in a coroutine


async def test_a_till_that_could_not_open_gives_its_folder_back(tmp_path: Path) -> None:
    till = LotteryTill(tmp_path, chain_url="no address", chain_id=1, broker="0x" + "11" * 20, passphrase="for a test")
    with pytest.raises(ConfigError):
        await till.recipient()
    os.close(await lock_folder(tmp_path))
    await till.close()
