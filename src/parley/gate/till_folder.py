"""The folder of a till: its lock, which is a node's too, the account's key and the secret behind commitments."""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from parley.adapters.evm.keystore import list_keys, make_key, open_key
from parley.adapters.lottery.sealed_secret import open_sealed_secret
from parley.errors import ConfigError, ErrorCode, UnavailableError
from parley.ports.entropy import Entropy
from parley.primitives.one_shot import SecretKey

__all__ = ["lock_folder", "open_secrets"]

_LOCK_NAME: Final = "lock"
"""A node locks the same file of its data directory, so that till and node keep each other out."""
_TRIES: Final = 5
_WAIT_S: Final = 0.02


async def lock_folder(folder: Path) -> int:
    """Take a folder for this process.

    Returns:
        The open file that holds the lock; closing it gives the folder back.

    Raises:
        ConfigError: DATA_DIR_UNUSABLE: there is no such folder, or it cannot be locked.
        UnavailableError: BUSY: another till or a node has it, for as long as its process lives.
    """
    try:
        handle = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(folder), errno=error.errno or 0) from error
    with ExitStack() as stack:
        stack.callback(os.close, handle)
        for _ in range(_TRIES):
            if _is_locked_now(folder, handle):
                stack.pop_all()
                return handle
            await asyncio.sleep(_WAIT_S)  # a command may just be looking whether a node runs
    reason = "another till or a node runs here"
    raise UnavailableError(ErrorCode.BUSY, path=str(folder), reason=reason)


def _is_locked_now(folder: Path, handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(folder), errno=error.errno or 0) from error
    return True


def open_secrets(folder: Path, passphrase: str, entropy: Entropy) -> tuple[SecretKey, SecretKey]:
    """Return the account's key and the secret behind commitments; both are made where they are not yet.

    Blocks for about two seconds: the passphrase is stretched on purpose.

    Raises:
        ConfigError: CONFIG_INVALID: the passphrase is wrong. DATA_DIR_UNUSABLE: the folder cannot be used.
    """
    keys_folder = folder / "keys"
    try:
        keys_folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(folder), errno=error.errno or 0) from error
    keys = list_keys(keys_folder)
    if len(keys) > 1:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(keys_folder), reason="holds more than one key")
    file = keys[0] if keys else make_key(keys_folder, passphrase, entropy)
    return open_key(file.path, passphrase), open_sealed_secret(folder / "recipient_secret.age", passphrase, entropy)
