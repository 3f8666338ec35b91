"""The recipient's secret behind its commitments, kept in a file that only the passphrase opens.

Every set of ticket parameters that is under way depends on this secret: with another one, each ticket under them
would look forged, and a winner could not be redeemed. So it is made once, and is the same after every start. The
file is in the age format with a passphrase (scrypt), so every age program can read it: `age --decrypt FILE`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyrage  # type: ignore[import-untyped]  # ships no types
from pyrage import passphrase as age

from parley.adapters.files.private import create_private
from parley.errors import ConfigError, ErrorCode
from parley.ports.entropy import Entropy
from parley.primitives.one_shot import SECRET_KEY_BYTES, SecretKey

__all__ = ["open_sealed_secret"]

_FILE_MAX_BYTES: Final = 4_096


def open_sealed_secret(path: Path, passphrase: str, entropy: Entropy) -> SecretKey:
    """Open the secret, or make and seal a fresh one where there is no file yet.

    Blocks for about a second: the passphrase is stretched on purpose. Two processes that start at once end up with
    one secret, the one whose file came first.

    Args:
        path: the file; its directory exists.
        passphrase: not empty.
        entropy: where a fresh secret comes from.

    Raises:
        ConfigError: CONFIG_INVALID: the passphrase is empty or wrong, or the file holds no secret.
            DATA_DIR_UNUSABLE: the file cannot be read or written.
    """
    if not passphrase:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", fault="empty")
    try:
        if not path.exists():
            create_private(path, age.encrypt(entropy.take(SECRET_KEY_BYTES), passphrase))
        with path.open("rb") as file:
            sealed = file.read(_FILE_MAX_BYTES)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), errno=error.errno or 0) from error
    try:
        raw = age.decrypt(sealed, passphrase)
    except pyrage.DecryptError:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", path=str(path)) from None
    if len(raw) != SECRET_KEY_BYTES:
        raise ConfigError(ErrorCode.CONFIG_INVALID, path=str(path), size_bytes=len(raw))
    return SecretKey(raw)
