"""The data directory: secrets made at first start, the lock, and the note of a running node.

Secrets are files of mode 0600, created in one step (written beside and linked into place), so a crash never
leaves half a secret and two starts never make two.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from parley.adapters.files.private import check_private, create_private, replace_private
from parley.errors import ConfigError, ErrorCode
from parley.ports.entropy import Entropy
from parley.primitives import schnorr
from parley.primitives.one_shot import SecretKey

__all__ = ["DataDirectory", "RunningNode"]

_SECRET_BYTES = 32
_LOCK_TRIES = 5
_LOCK_WAIT_S = 0.02


class RunningNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `node.json` says while a node runs.

    Attributes:
        http: URL of the node's server.
        pid: its process.
        id: its public key, 64 hex digits.
    """

    http: str
    pid: int
    id: str


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One node's directory."""

    path: Path

    @property
    def owner_secret_path(self) -> Path:
        """The secret that owner calls present, 64 hex digits."""
        return self.path / "owner_secret"

    @property
    def node_key_path(self) -> Path:
        """The node's signing key, 64 hex digits."""
        return self.path / "node_key"

    @property
    def store_path(self) -> Path:
        """The durable store."""
        return self.path / "parley.sqlite"

    @property
    def keys_path(self) -> Path:
        """The folder of the wallet's key; there once it was needed."""
        return self.path / "keys"

    @property
    def config_path(self) -> Path:
        """The user's settings; need not exist."""
        return self.path / "parley.toml"

    @property
    def running_path(self) -> Path:
        """Where a running node says how to reach it."""
        return self.path / "node.json"

    def prepare(self) -> None:
        """Make the directory, readable by its owner only.

        Raises:
            ConfigError: it cannot be made or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(self.path), reason="not writable")

    def lock(self) -> int:
        """Take the directory for this process until it ends.

        Returns:
            The open file that holds the lock; keep it.

        Raises:
            ConfigError: another node runs here.
        """
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(_LOCK_WAIT_S)  # a command may just be looking whether a node runs
            else:
                return handle
        os.close(handle)
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(self.path), reason="another node runs here")

    def owner_secret(self, entropy: Entropy) -> str:
        """Return the owner's secret as its file spells it, which is what callers present; made at the first call."""
        self._secret(self.owner_secret_path, entropy)
        return self.read_owner_secret()

    def node_key(self, entropy: Entropy) -> SecretKey:
        """Return the node's signing key, made at the first call."""
        secret = self._secret(self.node_key_path, entropy)
        if not schnorr.is_secret_key(secret):
            raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(self.node_key_path), reason="not a signing key")
        return SecretKey(secret)

    def read_owner_secret(self) -> str:
        """Return the owner's secret that a node made.

        Raises:
            ConfigError: no node was ever started here.
        """
        try:
            return self.owner_secret_path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(ErrorCode.NODE_NOT_RUNNING, data_dir=str(self.path)) from error

    def read_running(self) -> RunningNode:
        """Return how to reach the running node.

        Raises:
            ConfigError: none runs, or its note cannot be read.
        """
        try:
            running = msgspec.json.decode(self.running_path.read_bytes(), type=RunningNode)
            if not self._is_locked():
                # The note outlived its node; whoever listens at that port now must not be sent the secret.
                raise ConfigError(ErrorCode.NODE_NOT_RUNNING, data_dir=str(self.path))
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(ErrorCode.NODE_NOT_RUNNING, data_dir=str(self.path)) from error
        return running

    def note_running(self, running: RunningNode) -> None:
        """Say how this node is reached."""
        replace_private(self.running_path, msgspec.json.encode(running) + b"\n")

    def forget_running(self) -> None:
        """Take the note away."""
        with contextlib.suppress(FileNotFoundError):
            self.running_path.unlink()

    def _is_locked(self) -> bool:
        with (self.path / "lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def _secret(self, path: Path, entropy: Entropy) -> bytes:
        try:
            if not path.exists():
                create_private(path, entropy.take(_SECRET_BYTES).hex().encode() + b"\n")
            check_private(path)
            secret = bytes.fromhex(path.read_text("ascii").strip())
        except (OSError, ValueError) as error:
            if isinstance(error, ConfigError):
                raise
            raise self._unusable(error) from error
        if len(secret) != _SECRET_BYTES:
            raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason="not 64 hex digits")
        return secret

    def _unusable(self, error: Exception) -> ConfigError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not readable"
        return ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(self.path), reason=reason)
