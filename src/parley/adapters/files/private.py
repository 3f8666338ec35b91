"""Files that only their owner reads: secrets and notes, each written whole or not at all, on disk when this returns."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from parley.errors import ConfigError, ErrorCode

__all__ = ["check_private", "create_private", "replace_private", "settle_names"]


def create_private(path: Path, content: bytes) -> None:
    """Create a file; where another process was first, its file stands.

    Args:
        path: of the file; its folder exists.
        content: of it.

    Raises:
        OSError: it cannot be written.
    """
    beside = _write_beside(path, content)
    with contextlib.suppress(FileExistsError):
        # A link fails where the name is taken, unlike a rename: the first of two wins.
        os.link(beside, path)
    beside.unlink()
    settle_names(path.parent)


def replace_private(path: Path, content: bytes) -> None:
    """Write a file in place of what was there.

    Args:
        path: of the file; its folder exists.
        content: of it.

    Raises:
        OSError: it cannot be written.
    """
    _write_beside(path, content).replace(path)


def check_private(path: Path) -> None:
    """Refuse a secret that others can read.

    Raises:
        ConfigError: DATA_DIR_UNUSABLE: they can.
        OSError: there is no such file.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason="others can read it; run: chmod 600")


def settle_names(folder: Path) -> None:
    """Bring the names in a folder to disk: what was shown must still be there after a power cut.

    Raises:
        OSError: there is no such folder.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot, and do as well as they can by themselves
            os.fsync(handle)
    finally:
        os.close(handle)


def _write_beside(path: Path, content: bytes) -> Path:
    # A name of its own for every call: threads of one process write at once too.
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return beside
