"""Signatures that verified already: wallets poll, so the same records come again and again."""

from __future__ import annotations

from parley.pool.rules import Verify
from parley.primitives import schnorr

__all__ = ["VerifiedRecords"]


class VerifiedRecords:
    """A bounded memory of good signatures in front of the check; a bad one is never remembered.

    The key is the whole triple, so what is remembered is exactly what was checked.
    """

    __slots__ = ("_entries_max", "_good", "_verify")

    def __init__(self, verify: Verify = schnorr.verify, *, entries_max: int = 20_000) -> None:
        """Begin with nothing remembered."""
        self._verify = verify
        self._entries_max = entries_max
        self._good: dict[tuple[bytes, bytes, bytes], None] = {}

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether the signature verifies; see `parley.pool.rules.Verify`."""
        triple = (public, message, signature)
        if triple in self._good:
            return True
        if not self._verify(public, message, signature):
            return False
        if len(self._good) >= self._entries_max:
            del self._good[next(iter(self._good))]
        self._good[triple] = None
        return True
