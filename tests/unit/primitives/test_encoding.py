from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint


def test_uint_is_big_endian_and_of_the_size_asked_for() -> None:
    assert encode_uint(0x0102, 4) == b"\x00\x00\x01\x02"


@pytest.mark.parametrize(("value", "size_bytes", "bits"), [(256, 1, 9), (65_536, 2, 17), (-1, 4, 1)])
def test_uint_that_does_not_fit_is_refused(value: int, size_bytes: int, bits: int) -> None:
    with pytest.raises(LocalError) as caught:
        encode_uint(value, size_bytes)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert caught.value.facts == {"value_bits": bits, "size_bytes": size_bytes}


def test_bytes_stand_behind_their_length() -> None:
    assert encode_bytes(b"abc", length_bytes=2) == b"\x00\x03abc"


def test_bytes_at_the_border_of_their_length() -> None:
    assert encode_bytes(bytes(255), length_bytes=1) == b"\xff" + bytes(255)
    with pytest.raises(LocalError) as caught:
        encode_bytes(bytes(256), length_bytes=1)
    assert caught.value.facts == {"value_bits": 9, "size_bytes": 1}


@pytest.mark.parametrize("length_bytes", [0, 3, 8])
def test_lengths_of_another_size_are_refused(length_bytes: int) -> None:
    with pytest.raises(LocalError) as caught:
        encode_bytes(b"", length_bytes=length_bytes)
    assert caught.value.facts == {"length_bytes": length_bytes}


def test_text_stands_behind_its_length_in_bytes() -> None:
    assert encode_text("h\u00e9", length_bytes=1) == b"\x03h\xc3\xa9"


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(LocalError) as caught:
        encode_text("ab\ud800", length_bytes=1)
    assert caught.value.facts == {"surrogate_at": 2}


def test_a_reader_gives_the_fields_in_order() -> None:
    reader = Reader(b"\x01\x02" + b"fix" + b"\x00\x02by" + b"\x03h\xc3\xa9")
    assert reader.uint(2) == 0x0102
    assert reader.fixed(3) == b"fix"
    assert reader.bytes_(2, 2) == b"by"
    assert reader.text(1, 3) == "h\u00e9"
    reader.finish()
    with pytest.raises(PeerError):
        reader.uint(1)


def test_a_reader_says_where_what_is_missing() -> None:
    reader = Reader(b"abcde")
    reader.fixed(3)
    with pytest.raises(PeerError) as caught:
        reader.uint(4)
    assert caught.value.code is ErrorCode.MALFORMED
    assert caught.value.facts == {"offset": 3, "wanted_bytes": 4, "left_bytes": 2}


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x00\x03ab"])
def test_bytes_cut_short_are_refused(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        Reader(raw).bytes_(2, 100)
    assert caught.value.code is ErrorCode.MALFORMED


def test_the_limit_comes_before_the_missing_bytes() -> None:
    with pytest.raises(PeerError) as caught:
        Reader(b"\xff\xff\xff\xff").bytes_(4, 16)
    assert caught.value.code is ErrorCode.TOO_LARGE
    assert caught.value.facts == {"offset": 0, "size_bytes": 4_294_967_295, "maximum_bytes": 16}


def test_text_that_is_not_utf8_is_refused_with_the_place() -> None:
    reader = Reader(b"x\x03a\xffb")
    reader.fixed(1)
    with pytest.raises(PeerError) as caught:
        reader.text(1, 10)
    assert caught.value.code is ErrorCode.MALFORMED
    assert caught.value.facts == {"not_utf8_at": 3}
    assert caught.value.__cause__ is None


def test_a_refused_read_leaves_the_reader_where_it_was() -> None:
    reader = Reader(b"\x02\xff\xfe")
    with pytest.raises(PeerError):
        reader.text(1, 10)
    with pytest.raises(PeerError):
        reader.fixed(4)
    with pytest.raises(PeerError):
        reader.bytes_(1, 1)
    assert reader.fixed(3) == b"\x02\xff\xfe"


def test_bytes_left_over_are_refused_and_counted() -> None:
    reader = Reader(b"abc")
    reader.fixed(1)
    with pytest.raises(PeerError) as caught:
        reader.finish()
    assert caught.value.code is ErrorCode.MALFORMED
    assert caught.value.facts == {"trailing_bytes": 2}
