"""The key that speaks for one's own account at one's own node: Ed25519, in a file that never leaves the machine."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from parley.adapters.files.private import check_private, create_private
from parley.errors import ConfigError, ErrorCode

__all__ = ["account_public_key"]


def account_public_key(path: Path) -> str:
    """Return the public half in PEM; the key is made at the first call, its file has mode 0600.

    Raises:
        ConfigError: DATA_DIR_UNUSABLE: the file cannot be made or read, others can read it, or it holds no key.
    """
    try:
        if not path.exists():
            create_private(path, _new_key())
        check_private(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise _unusable(path, error.strerror or "not readable") from error
    except (ValueError, TypeError):
        raise _unusable(path, "not a private key in PEM") from None
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _unusable(path: Path, reason: str) -> ConfigError:
    return ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(path), reason=reason)
