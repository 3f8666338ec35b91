"""Entropy: where keys, nonces and random names come from."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Entropy"]


class Entropy(Protocol):
    """A source of bytes that nobody else can predict."""

    def take(self, size_bytes: int) -> bytes:
        """Return fresh bytes; no call returns what another returned.

        Args:
            size_bytes: 1 or more.

        Raises:
            LocalError: fewer than one byte is asked for.
        """
