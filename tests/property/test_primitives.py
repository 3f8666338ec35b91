"""What holds for all inputs: encodings are inverses and canonical, and two BIP340 agree."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from parley.errors import ErrorCode, PeerError
from parley.primitives import schnorr
from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint
from parley.primitives.hashing import tagged_hash
from tests.oracles import bip340

LENGTH_SIZES = st.sampled_from([1, 2, 4])
KEYS = st.binary(min_size=32, max_size=32)
SECRETS = st.integers(1, bip340.N - 1).map(lambda scalar: scalar.to_bytes(32, "big"))
MESSAGES = st.binary(max_size=100)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.integers(0, 256**size - 1), st.just(size))))
def test_reading_a_uint_undoes_encoding_it(case: tuple[int, int]) -> None:
    value, size_bytes = case
    reader = Reader(encode_uint(value, size_bytes))
    assert reader.uint(size_bytes) == value
    reader.finish()


@given(st.lists(st.tuples(st.binary(max_size=255), TEXTS, LENGTH_SIZES), max_size=5))
def test_reading_a_sequence_undoes_encoding_it(fields: list[tuple[bytes, str, int]]) -> None:
    encoded = b"".join(
        encode_bytes(raw, length_bytes=length_bytes) + encode_text(text, length_bytes=length_bytes)
        for raw, text, length_bytes in fields
    )
    reader = Reader(encoded)
    found = [
        (reader.bytes_(length_bytes, 255), reader.text(length_bytes, 240), length_bytes)
        for _, _, length_bytes in fields
    ]
    reader.finish()
    assert found == fields


@given(st.binary(max_size=80), LENGTH_SIZES, st.integers(0, 80))
def test_text_from_outside_has_one_encoding_or_none(raw: bytes, length_bytes: int, maximum_bytes: int) -> None:
    reader = Reader(raw)
    try:
        text = reader.text(length_bytes, maximum_bytes)
        reader.finish()
    except PeerError as error:
        assert error.code in {ErrorCode.MALFORMED, ErrorCode.TOO_LARGE}  # noqa: PT017 - either is right
    else:
        assert encode_text(text, length_bytes=length_bytes) == raw
        assert len(text.encode()) <= maximum_bytes


@given(st.text(max_size=20), st.lists(st.binary(max_size=100), max_size=4))
def test_tagged_hash_is_plain_sha256_of_the_written_out_bytes(tag: str, parts: list[bytes]) -> None:
    prefix = hashlib.sha256(tag.encode()).digest()
    assert tagged_hash(tag, *parts) == hashlib.sha256(prefix + prefix + b"".join(parts)).digest()


@given(SECRETS, MESSAGES, KEYS)
def test_two_implementations_sign_alike(secret: bytes, message: bytes, entropy: bytes) -> None:
    public = schnorr.public_key(secret)
    signature = schnorr.sign(secret, message, entropy)
    assert public == bip340.public_key(secret)
    assert signature == bip340.sign(secret, message, entropy)
    assert schnorr.verify(public, message, signature)


@given(SECRETS, MESSAGES, st.integers(0, 95), st.integers(1, 255))
def test_two_implementations_judge_damage_alike(secret: bytes, message: bytes, position: int, change: int) -> None:
    whole = bytearray(schnorr.public_key(secret) + schnorr.sign(secret, message, bytes(32)))
    whole[position] ^= change
    public, signature = bytes(whole[:32]), bytes(whole[32:])
    assert schnorr.verify(public, message, signature) is False
    assert bip340.verify(public, message, signature) is False


@given(KEYS)
def test_two_implementations_know_the_same_public_keys(public: bytes) -> None:
    assert schnorr.is_public_key(public) is bip340.has_point(public)


@given(st.binary(max_size=70), MESSAGES, st.binary(max_size=70))
def test_verifying_anything_answers_and_never_raises(public: bytes, message: bytes, signature: bytes) -> None:
    assert schnorr.verify(public, message, signature) is False
