"""Schnorr signatures over secp256k1 as in BIP340: x-only public keys of 32 bytes, signatures of 64.

    P = x(d*G)                       the public key of secret d
    R = k*G, s = k + e*d mod n       the signature is x(R) || s
    e = tagged_hash("BIP0340/challenge", x(R) || P || m)

The mathematics is libsecp256k1's; this module checks what goes in. Messages have any size, empty too; what
Parley signs is always a hash of 32 bytes.

Source: BIP340 (vectors/schnorr/bip340.csv).
"""

from __future__ import annotations

from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives._secp256k1 import CURVE

__all__ = [
    "ENTROPY_BYTES",
    "SIGNATURE_BYTES",
    "is_public_key",
    "is_secret_key",
    "public_key",
    "sign",
    "verify",
]

ENTROPY_BYTES: Final = 32
"""Size of the fresh entropy that goes into a signature."""

SIGNATURE_BYTES: Final = 64
"""Size of a signature."""

_KEY_BYTES: Final = 32
_GROUP_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def is_public_key(raw: bytes) -> bool:
    """Say whether bytes of any size are a public key: 32 bytes, the x coordinate of a point."""
    return len(raw) == _KEY_BYTES and CURVE.is_public_key(raw)


def is_secret_key(raw: bytes) -> bool:
    """Say whether bytes of any size are a secret key: 32 bytes, 1 <= key < n, big endian."""
    return len(raw) == _KEY_BYTES and 0 < int.from_bytes(raw, "big") < _GROUP_ORDER


def public_key(secret: bytes) -> bytes:
    """Return the public key that belongs to a secret key.

    Args:
        secret: 32 bytes, 1 <= key < n, big endian.

    Returns:
        32 bytes.

    Raises:
        LocalError: not a secret key.
    """
    _check_secret(secret)
    return CURVE.public_key(secret)


def sign(secret: bytes, message: bytes, entropy: bytes) -> bytes:
    """Sign a message.

    The nonce is a hash of secret, public key, message and entropy: safe with bad entropy, and with good
    entropy also against who measures or disturbs the machine.

    Args:
        secret: 32 bytes, 1 <= key < n, big endian.
        message: of any size.
        entropy: 32 fresh bytes, BIP340's auxiliary random data.

    Returns:
        64 bytes.

    Raises:
        LocalError: not a secret key, or entropy of another size.
    """
    _check_secret(secret)
    if len(entropy) != ENTROPY_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, entropy_bytes=len(entropy), wanted_bytes=ENTROPY_BYTES)
    return CURVE.sign(secret, message, entropy)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature over a message is right; bytes of any size are judged, none raises.

    Args:
        public: the signer's key; right ones have 32 bytes.
        message: of any size.
        signature: right ones have 64 bytes.
    """
    if len(signature) != SIGNATURE_BYTES or len(public) != _KEY_BYTES:
        return False
    return CURVE.verify(public, message, signature)


def _check_secret(secret: bytes) -> None:
    if not is_secret_key(secret):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="a secret key of 32 bytes, 1 <= key < n")
