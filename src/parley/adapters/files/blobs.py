"""Blobs as files: `root/folder/leaf`, written beside and renamed into place, on disk before `put` returns."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, Self, TypeVar

from parley.adapters.files.private import settle_names
from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.ports.blobs import CHUNK_BYTES, Blob, Stored, check_blob_name, check_blob_prefix

__all__ = ["FileBlobs"]

_UNFINISHED: Final = ".unfinished"
"""Holds what is being written and what is being deleted; no word of a name begins with a dot."""

_NAME_BYTES: Final = 12
_ATTEMPTS: Final = 8

ValueT = TypeVar("ValueT")
ArgumentsT = ParamSpec("ArgumentsT")


class FileBlobs:
    """A `parley.ports.blobs.Blobs` in one directory; made by `open`."""

    def __init__(self, root: Path) -> None:
        """Use a directory that `open` prepared."""
        self._root = root
        self._unfinished = root / _UNFINISHED

    @classmethod
    async def open(cls, root: Path) -> Self:
        """Prepare a directory that no other process uses, and drop what a killed process left unfinished.

        Raises:
            UnavailableError: STORE_UNAVAILABLE: it cannot be made.
        """
        await _in_thread(_prepare, root)
        return cls(root)

    async def put(self, name: str, chunks: AsyncIterable[bytes], *, limit_bytes: int) -> Stored | Rejected:
        """Keep what comes; see the port. A caller that is cancelled may find it put or not."""
        folder, leaf = check_blob_name(name)
        if limit_bytes < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, limit_bytes=limit_bytes)
        beside = self._unfinished / secrets.token_hex(_NAME_BYTES)
        file = await _in_thread(_create, beside)
        try:
            stored = await _write_all(file, chunks, limit_bytes)
            if isinstance(stored, Stored):
                await _in_thread(_publish, file, beside, self._root / folder, leaf)
        finally:
            await _in_thread(_discard, file, beside)
        return stored

    async def read(self, name: str) -> AsyncIterator[bytes] | None:
        """Return the blob in chunks, or None."""
        folder, leaf = check_blob_name(name)
        file = await _in_thread(_open, self._root / folder / leaf)
        return None if file is None else _chunks(file)

    async def list(self, prefix: str = "") -> tuple[Blob, ...]:
        """Return the blobs of that name or folder."""
        if prefix:
            check_blob_prefix(prefix)
        return await _in_thread(_list, self._root, prefix)

    async def delete(self, prefix: str) -> int:
        """Drop blobs; return how many went."""
        check_blob_prefix(prefix)
        aside = self._unfinished / secrets.token_hex(_NAME_BYTES)
        return await _in_thread(_delete, self._root / prefix, aside)


async def _write_all(file: BinaryIO, chunks: AsyncIterable[bytes], limit_bytes: int) -> Stored | Rejected:
    digest, size_bytes = hashlib.sha256(), 0
    held = bytearray()
    async for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            return Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": limit_bytes})
        digest.update(chunk)
        held += chunk
        if len(held) >= CHUNK_BYTES:
            await _in_thread(file.write, bytes(held))
            held.clear()
    await _in_thread(file.write, bytes(held))
    return Stored(size_bytes, digest.digest())


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await _in_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()


async def _in_thread(work: Callable[ArgumentsT, ValueT], *args: ArgumentsT.args, **kwargs: ArgumentsT.kwargs) -> ValueT:
    """Do what blocks in a thread; a caller that is cancelled waits for it, as the file must not be closed under it."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
    except OSError as error:
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, reason=error.strerror or "not usable") from error


def _prepare(root: Path) -> None:
    shutil.rmtree(root / _UNFINISHED, ignore_errors=True)
    (root / _UNFINISHED).mkdir(mode=0o700, parents=True, exist_ok=True)
    settle_names(root)


def _create(beside: Path) -> BinaryIO:
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(handle, "wb")


def _publish(file: BinaryIO, beside: Path, folder: Path, leaf: str) -> None:
    file.flush()
    os.fsync(file.fileno())
    for _ in range(_ATTEMPTS):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            settle_names(folder.parent)
        with contextlib.suppress(FileNotFoundError):  # the folder was deleted meanwhile
            beside.replace(folder / leaf)
            settle_names(folder)
            return
    raise OSError(None, "the folder is deleted again and again")


def _discard(file: BinaryIO, beside: Path) -> None:
    file.close()
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _list(root: Path, prefix: str) -> tuple[Blob, ...]:
    if "/" in prefix:
        paths = [root / prefix]
    else:
        folders = [root / prefix] if prefix else [path for path in root.iterdir() if not path.name.startswith(".")]
        paths = []
        for folder in folders:
            with contextlib.suppress(FileNotFoundError):
                paths += list(folder.iterdir())
    found: list[Blob] = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found.append(Blob(f"{path.parent.name}/{path.name}", path.stat().st_size))
    return tuple(sorted(found, key=lambda blob: blob.name))


def _delete(path: Path, aside: Path) -> int:
    """Take a file or a folder aside in one step; what is aside is nobody's any more."""
    try:
        path.rename(aside)
    except FileNotFoundError:
        return 0
    settle_names(path.parent)
    if not aside.is_dir():
        aside.unlink()
        with contextlib.suppress(OSError):  # others are in it, or somebody was quicker
            path.parent.rmdir()
        return 1
    count = sum(1 for _ in aside.iterdir())
    shutil.rmtree(aside)
    return count
