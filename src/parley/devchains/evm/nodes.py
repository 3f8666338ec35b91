"""What the machine reads and writes: nodes of trees and code, each under its hash, never changed once it is there.

New ones gather here and go to the storage in one step with the block that made them, so that a block is there with all
of its state or not at all.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Nodes"]


class Nodes:
    """A mapping over what is stored, as py-evm wants one."""

    def __init__(self, read: Callable[[bytes], bytes | None]) -> None:
        """Begin with nothing new.

        Args:
            read: returns what is stored under a key, or None.
        """
        self._read = read
        self._fresh: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self._fresh.get(key)
        if value is None:
            value = self._read(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._fresh[key] = value

    def __delitem__(self, key: bytes) -> None:
        # An older block may still need the node; what is stored stays.
        self._fresh.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and (key in self._fresh or self._read(key) is not None)

    def take_fresh(self) -> dict[bytes, bytes]:
        """Return what is new, and begin anew."""
        fresh, self._fresh = self._fresh, {}
        return fresh
