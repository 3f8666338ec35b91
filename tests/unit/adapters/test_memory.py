from __future__ import annotations

import hashlib

import pytest

from parley.adapters.memory import SeededEntropy
from parley.errors import LocalError


def tagged(tag: str, message: bytes) -> bytes:
    tag_hash = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(tag_hash + tag_hash + message).digest()


def test_a_seed_gives_the_bytes_that_its_description_says() -> None:
    seed = tagged("parley/testing/seed", b"one")
    call = [tagged("parley/testing/entropy", seed + bytes(15) + bytes([block])) for block in (0, 1)]
    second = tagged("parley/testing/entropy", seed + bytes(7) + b"\x01" + bytes(8))
    entropy = SeededEntropy(b"one")
    assert entropy.take(40) == (call[0] + call[1])[:40]
    assert entropy.take(32) == second


def test_seeds_repeat_and_differ() -> None:
    assert SeededEntropy(b"one").take(64) == SeededEntropy(b"one").take(64)
    assert SeededEntropy(b"one").take(64) != SeededEntropy(b"two").take(64)


@pytest.mark.parametrize("size_bytes", [0, -1])
def test_no_bytes_cannot_be_asked_for(size_bytes: int) -> None:
    with pytest.raises(LocalError):
        SeededEntropy(b"one").take(size_bytes)
