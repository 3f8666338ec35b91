"""Entropy that repeats itself: the same seed gives the same bytes."""

from __future__ import annotations

from parley.errors import ErrorCode, LocalError
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash

__all__ = ["SeededEntropy"]


class SeededEntropy:
    """A stream of bytes made from a seed, so that a run can be repeated; never for a key that guards value."""

    def __init__(self, seed: bytes) -> None:
        """Start the stream of this seed.

        Args:
            seed: any bytes; different seeds give unrelated streams.
        """
        self._seed = tagged_hash("parley/testing/seed", seed)
        self._calls = 0

    def take(self, size_bytes: int) -> bytes:
        """Return the next bytes of the stream.

        Args:
            size_bytes: 1 or more.

        Raises:
            LocalError: fewer than one byte is asked for.
        """
        if size_bytes < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=size_bytes)
        call = encode_uint(self._calls, 8)
        self._calls += 1
        blocks = [
            tagged_hash("parley/testing/entropy", self._seed, call, encode_uint(block, 8))
            for block in range(-(-size_bytes // 32))
        ]
        return b"".join(blocks)[:size_bytes]
