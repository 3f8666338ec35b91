"""Files as blobs: `kill -9` loses nothing that was acknowledged and leaves nothing torn; a full disk is no answer."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.adapters.files.blobs import FileBlobs
from parley.errors import ErrorCode, UnavailableError
from tests.integration import blob_child
from tests.integration.blob_child import content_of


def run_until_killed(root: Path, *, first: int, after: int) -> list[int]:
    arguments = [sys.executable, blob_child.__file__, str(root), f"{first}"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(after)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout]
    assert writer.returncode == -signal.SIGKILL
    return acknowledged


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_nothing_acknowledged_is_lost_and_nothing_is_torn(tmp_path: Path) -> None:
    root = tmp_path / "blobs"
    acknowledged: set[int] = set()
    for after in (1, 9, 40):
        acknowledged.update(run_until_killed(root, first=max(acknowledged, default=0) + 1_000, after=after))
        blobs = await FileBlobs.open(root)
        found = set()
        for blob in await blobs.list():
            number = int(blob.name.partition("/")[2])
            reading = await blobs.read(blob.name)
            assert reading is not None
            assert b"".join([chunk async for chunk in reading]) == content_of(number)
            found.add(number)
        assert acknowledged <= found
        assert list((root / ".unfinished").iterdir()) == []


async def test_a_disk_that_refuses_is_unavailable(tmp_path: Path) -> None:
    blobs = await FileBlobs.open(tmp_path / "blobs")
    (tmp_path / "blobs" / ".unfinished").rmdir()
    with pytest.raises(UnavailableError) as caught:
        await blobs.put("a/b", one(b"x"), limit_bytes=1)
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError):
        await FileBlobs.open(tmp_path / "file")


async def test_others_cannot_read_what_is_kept(tmp_path: Path) -> None:
    blobs = await FileBlobs.open(tmp_path / "blobs")
    await blobs.put("a/b", one(b"secret"), limit_bytes=6)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "blobs").rglob("*")}
    assert modes == {".unfinished": 0o700, "a": 0o700, "b": 0o600}


async def test_a_folder_goes_with_its_last_blob(tmp_path: Path) -> None:
    root = tmp_path / "blobs"
    blobs = await FileBlobs.open(root)
    for leaf in ("a", "b"):
        await blobs.put(f"folder/{leaf}", one(b"x"), limit_bytes=1)
    assert await blobs.delete("folder/a") == 1
    assert (root / "folder").is_dir()
    assert await blobs.delete("folder/b") == 1
    assert [path.name for path in root.iterdir()] == [".unfinished"]
    await blobs.put("folder/c", one(b"x"), limit_bytes=1)
    assert [blob.name for blob in await blobs.list("folder")] == ["folder/c"]
