"""Signed messages of wallets: what is signed can be no transaction (EIP-191, version 0x45).

    digest = keccak256(0x19 || "Ethereum Signed Message:" || 0x0a || length in decimal digits || message)

The byte 0x19 begins no transaction, so a signature over a message is never one over a transfer.
"""

from __future__ import annotations

from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives.hashing import keccak256

__all__ = ["hash_digest", "message_digest"]

_PREFIX: Final = b"\x19Ethereum Signed Message:\n"
_HASH_BYTES: Final = 32
_HASH_PREFIX: Final = _PREFIX + b"32"


def message_digest(message: bytes) -> bytes:
    """Return what a wallet signs for a message of any size, 32 bytes.

    Source: EIP-191 (vectors/evm/messages.json).
    """
    return keccak256(_PREFIX, str(len(message)).encode(), message)


def hash_digest(hash32: bytes) -> bytes:
    """Return what a wallet signs for a hash, taken as 32 raw bytes and not as hexadecimal text.

    Raises:
        LocalError: not 32 bytes.

    Source: EIP-191 (vectors/evm/messages.json).
    """
    if len(hash32) != _HASH_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(hash32), wanted_bytes=_HASH_BYTES)
    return keccak256(_HASH_PREFIX, hash32)
