from __future__ import annotations

import hashlib

import pytest

from parley.primitives.hashing import hmac_sha256, keccak256, sha256, tagged_hash


def test_sha256_is_the_hash_of_the_concatenation() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(b"abc").hex() == sha256(b"a", b"", b"bc").hex() == expected


def test_keccak256_is_not_sha3() -> None:
    expected = "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert keccak256(b"abc").hex() == keccak256(b"ab", b"c").hex() == expected
    assert hashlib.sha3_256(b"abc").hexdigest() != expected


@pytest.mark.parametrize("parts", [(), (b"",), (b"abc",), (b"a", b"b", b"c"), (b"x" * 1_000,)])
def test_tagged_hash_is_what_the_words_say(parts: tuple[bytes, ...]) -> None:
    tag = hashlib.sha256(b"parley/test").digest()
    expected = hashlib.sha256(tag + tag + b"".join(parts)).digest()
    # Twice: the first call fills the cache of the tag, the second must find it unspoilt.
    assert tagged_hash("parley/test", *parts) == expected
    assert tagged_hash("parley/test", *parts) == expected


def test_more_tags_than_the_cache_holds_stay_right() -> None:
    tags = [f"parley/test/{number}" for number in range(300)]
    first = {tag: tagged_hash(tag, b"m") for tag in tags}
    assert len(set(first.values())) == 300
    assert all(tagged_hash(tag, b"m") == first[tag] for tag in tags)


def test_hmac_sha256_is_that_of_the_rfc() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256(b"Jefe", b"what do ya want ", b"for nothing?").hex() == expected
