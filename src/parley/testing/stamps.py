"""Stand-ins for signatures: anybody can make them, in a microsecond, and a changed bit is still seen.

For tests and simulations of what happens around signatures. A machine takes its check as an argument, so
`is_stamped` goes where `schnorr.verify` would.
"""

from __future__ import annotations

from dataclasses import replace

from parley.pool.messages import Record, Removal, record_id, removal_id
from parley.primitives.hashing import sha256

__all__ = ["is_stamped", "stamp", "stamped", "stamped_removal"]


def stamp(public: bytes, message: bytes) -> bytes:
    """Return 64 bytes that pass for the signature of a key over a message."""
    half = sha256(b"stamp", public, message)
    return half + half


def is_stamped(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether this is the stamp; a `parley.pool.rules.Verify`."""
    return signature == stamp(public, message)


def stamped(record: Record) -> Record:
    """Return the record with its stamp in the place of the signature.

    Raises:
        LocalError: a field has no canonical bytes.
    """
    return replace(record, signature=stamp(record.author, record_id(record)))


def stamped_removal(removal: Removal) -> Removal:
    """Return the removal with its stamp in the place of the signature.

    Raises:
        LocalError: a field has no canonical bytes.
    """
    return replace(removal, signature=stamp(removal.author, removal_id(removal)))
