"""Where a chain is kept: keys and values, changed in whole steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

__all__ = ["MemoryStorage", "Storage"]


class Storage(Protocol):
    """Keys and values, changed in whole steps.

    Every method raises UnavailableError STORE_UNAVAILABLE where the disk does not do its part.
    """

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""

    def write(self, put: Mapping[bytes, bytes], drop: Iterable[bytes] = ()) -> None:
        """Take all changes in, or none; when this returns they are kept, whatever becomes of the process."""

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys that begin with a prefix, in order, with their values."""

    def close(self) -> None:
        """Let go of it; closing twice is harmless."""


class MemoryStorage:
    """Kept as long as the process."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key."""
        return self._kept.get(key)

    def write(self, put: Mapping[bytes, bytes], drop: Iterable[bytes] = ()) -> None:
        """Take all changes in."""
        for key in drop:
            self._kept.pop(key, None)
        self._kept.update(put)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys that begin with a prefix, in order, with their values."""
        yield from sorted((key, value) for key, value in self._kept.items() if key.startswith(prefix))

    def close(self) -> None:
        """Do nothing: what is kept in memory goes with it."""
