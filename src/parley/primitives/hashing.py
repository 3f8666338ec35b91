"""Hash functions over the concatenation of their parts."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

from sha3 import keccak_256

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["hmac_sha256", "keccak256", "sha256", "tagged_hash"]

_JOINT = b""


def sha256(*parts: bytes) -> bytes:
    """Hash the concatenated parts with SHA-256.

    Returns:
        32 bytes.

    Source: FIPS 180-4 (vectors/hashing/sha256.json).
    """
    return hashlib.sha256(_JOINT.join(parts)).digest()


def keccak256(*parts: bytes) -> bytes:
    """Hash the concatenated parts with Keccak-256, Ethereum's hash: SHA-3 with the older padding.

    Returns:
        32 bytes.

    Source: Ethereum yellow paper, appendix A (vectors/hashing/keccak256.json).
    """
    digest: bytes = keccak_256(_JOINT.join(parts)).digest()
    return digest


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """Hash the concatenated parts in a domain of their own.

    SHA256(SHA256(tag) || SHA256(tag) || parts): no hash under one tag equals a hash under another, or a
    plain SHA-256, unless SHA-256 itself collides. The 64 bytes in front are one block, compressed once
    per tag.

    Args:
        tag: a constant of the program, never data.
        parts: of any sizes; where their border matters, encode it.

    Returns:
        32 bytes.

    Source: BIP340, "Specification" (vectors/hashing/tagged_hash.json).
    """
    hasher = _tag_midstate(tag).copy()
    hasher.update(_JOINT.join(parts))
    return hasher.digest()


def hmac_sha256(key: bytes, *parts: bytes) -> bytes:
    """Authenticate the concatenated parts with HMAC-SHA-256.

    Args:
        key: secret, of any size.
        parts: of any sizes; where their border matters, encode it.

    Returns:
        32 bytes; compare with `hmac.compare_digest`, never with ==.

    Source: RFC 2104 (vectors/hashing/hmac_sha256.json).
    """
    return hmac.digest(key, _JOINT.join(parts), "sha256")


@lru_cache(maxsize=256)
def _tag_midstate(tag: str) -> _Hash:
    return hashlib.sha256(hashlib.sha256(tag.encode()).digest() * 2)
