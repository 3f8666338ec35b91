"""Whatever is searched, every engine finds the same as hashing one counter after the other."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from parley.primitives.sha256_search import COUNTERS, ENGINES, HexSearch, LinearSearch

# Near powers of 16 the text grows, near powers of 256 the carry runs on.
edges = st.builds(
    lambda power, step: min(max(16**power + step, 0), COUNTERS - 1), st.integers(0, 16), st.integers(-300, 300)
)
starts = edges | st.integers(0, COUNTERS - 1)
texts = st.binary(max_size=200)
spans = st.integers(1, 300)
rarities = st.sampled_from([1, 2, 16, 100, 300])


def linear(data: bytes, counter: int) -> int:
    return int.from_bytes(hashlib.sha256(data + counter.to_bytes(8, "big")).digest(), "big")


def hexadecimal(data: bytes, counter: int) -> int:
    inner = hashlib.sha256(data + format(counter, "x").encode("ascii")).digest()
    return int.from_bytes(hashlib.sha256(inner).digest(), "big")


@given(data=texts, first=starts, tries=spans, rarity=rarities)
def test_linear(data: bytes, first: int, tries: int, rarity: int) -> None:
    tries = min(tries, COUNTERS - first)
    target = 2**256 // rarity
    expected = next((counter for counter in range(first, first + tries) if linear(data, counter) < target), None)
    for engine in ENGINES:
        assert engine.find(LinearSearch(data, target), first, tries) == expected, engine.name


@given(data=texts, first=starts, tries=spans, rarity=rarities)
def test_hexadecimal(data: bytes, first: int, tries: int, rarity: int) -> None:
    tries = min(tries, COUNTERS - first)
    target = 2**256 // rarity
    expected = next((counter for counter in range(first, first + tries) if hexadecimal(data, counter) < target), None)
    for engine in ENGINES:
        assert engine.find(HexSearch(data, target), first, tries) == expected, engine.name


@given(data=texts, first=starts, tries=spans, place=st.integers(0, 299), is_hex=st.booleans())
def test_exactly_the_lowest_digest_of_a_range(data: bytes, first: int, tries: int, place: int, *, is_hex: bool) -> None:
    """The target may be any digest, so that all eight of its words are compared."""
    tries = min(tries, COUNTERS - first)
    hashed = hexadecimal if is_hex else linear
    digests = [hashed(data, counter) for counter in range(first, first + tries)]
    bar = digests[place % tries]
    expected = next(number for number, digest in enumerate(digests) if digest <= bar)
    lower = next((number for number, digest in enumerate(digests) if digest < bar), None)
    form = HexSearch if is_hex else LinearSearch
    for engine in ENGINES:
        assert engine.find(form(data, bar + 1), first, tries) == first + expected, engine.name
        if bar:
            found = engine.find(form(data, bar), first, tries)
            assert found == (None if lower is None else first + lower), engine.name
