"""Fair draws from one seed: each under a label of its own, without modulo bias.

    word i of (kind, label) = tagged_hash("parley/beacon/draw", seed[32] · kind[1] · length[1] · label · i[4])

    wins      seed < threshold, the seed taken as a number: the one draw that a contract makes
    below     the first word below the largest multiple of the bound, modulo the bound
    weighted  below the sum of the weights; the index in whose share of the sum it falls
    order     from the front, each place takes one of those left, by `below` on the next words

Words are 256 bits: the chance that a word is thrown away is below one half for any bound, and below 2**-192 for
bounds up to 2**64. Different labels and different kinds give independent draws of one seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from typing import Final, NewType

from parley.errors import ErrorCode, LocalError
from parley.primitives.encoding import encode_bytes, encode_uint
from parley.primitives.hashing import tagged_hash

__all__ = ["COUNT_MAX", "LABEL_MAX_BYTES", "Seed", "draw_below", "draw_order", "draw_weighted", "wins"]

LABEL_MAX_BYTES: Final = 32
"""The longest label, in bytes."""

COUNT_MAX: Final = 1_024
"""The most places of one order."""

Seed = NewType("Seed", bytes)
"""An opened beacon, 32 bytes."""

_SEED_BYTES: Final = 32
_WORDS: Final = 2**256
_TOTAL_LIMIT: Final = 2**64
_BELOW: Final = b"\x00"
_WEIGHTED: Final = b"\x01"
_ORDER: Final = b"\x02"


def wins(seed: Seed, threshold: int) -> bool:
    """Say whether a seed, as a number, is below a threshold; true with probability threshold / 2**256.

    Args:
        seed: 32 bytes, an opened beacon.
        threshold: 0 <= threshold < 2**256.

    Raises:
        LocalError: a size or the threshold is out of range.

    Source: docs/spec/beacon.md §4 (vectors/beacon/draws.json).
    """
    if len(seed) != _SEED_BYTES or not 0 <= threshold < _WORDS:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, seed_bytes=len(seed), threshold_bits=threshold.bit_length())
    return int.from_bytes(seed, "big") < threshold


def draw_below(seed: Seed, label: bytes, bound: int) -> int:
    """Draw a number, each equally likely.

    Args:
        seed: 32 bytes, an opened beacon.
        label: 1..32 bytes of ASCII.
        bound: 1 <= bound <= 2**256.

    Returns:
        0 <= number < bound.

    Raises:
        LocalError: an argument is out of range.

    Source: docs/spec/beacon.md §4 (vectors/beacon/draws.json).
    """
    if not 1 <= bound <= _WORDS:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, bound_bits=bound.bit_length())
    return _below(_words(seed, _BELOW, label), bound)


def draw_weighted(seed: Seed, label: bytes, weights: Sequence[int]) -> int:
    """Pick one index with probability proportional to its weight.

    Args:
        seed: 32 bytes, an opened beacon.
        label: 1..32 bytes of ASCII.
        weights: in one unit (atoms), each >= 0, 0 < sum < 2**64.

    Returns:
        An index whose weight is not 0.

    Raises:
        LocalError: an argument is out of range.

    Source: docs/spec/beacon.md §4 (vectors/beacon/draws.json).
    """
    sums = list(accumulate(weights))
    if not sums or min(weights) < 0 or not 0 < sums[-1] < _TOTAL_LIMIT:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, weights=len(sums), wanted="each >= 0, 0 < sum < 2**64")
    number = _below(_words(seed, _WEIGHTED, label), sums[-1])
    return next(index for index, end in enumerate(sums) if number < end)


def draw_order(seed: Seed, label: bytes, places: int) -> tuple[int, ...]:
    """Put indices into an order, each order equally likely; the first is the one that acts.

    Args:
        seed: 32 bytes, an opened beacon.
        label: 1..32 bytes of ASCII.
        places: how many, 1 <= places <= 1024.

    Returns:
        Every index of [0, places) once.

    Raises:
        LocalError: an argument is out of range.

    Source: docs/spec/beacon.md §4 (vectors/beacon/draws.json).
    """
    if not 1 <= places <= COUNT_MAX:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, places=places, maximum=COUNT_MAX)
    words = _words(seed, _ORDER, label)
    left = list(range(places))
    return tuple(left.pop(_below(words, len(left))) for _ in range(places))


def _words(seed: Seed, kind: bytes, label: bytes) -> Iterator[int]:
    if len(seed) != _SEED_BYTES or not 1 <= len(label) <= LABEL_MAX_BYTES or not label.isascii():
        raise LocalError(ErrorCode.INVALID_ARGUMENT, seed_bytes=len(seed), label_bytes=len(label))
    head = seed + kind + encode_bytes(label, length_bytes=1)
    return (
        int.from_bytes(tagged_hash("parley/beacon/draw", head, encode_uint(number, 4)), "big") for number in count()
    )


def _below(words: Iterator[int], bound: int) -> int:
    limit = _WORDS - _WORDS % bound
    return next(word for word in words if word < limit) % bound
