from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, PeerError
from parley.pool.messages import (
    Item,
    Record,
    Removal,
    body_address,
    body_id,
    encode_address,
    encode_record,
    is_keys,
    is_node_name,
    item_bytes,
    parse_record,
    record_body,
    record_id,
    removal_id,
)
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant

AUTHOR = AuthorKey(bytes(range(32)))
RECORD = Record(AUTHOR, ("swap", "btc"), "ä!", 7, Instant(1_000), Instant(2_000), b"\x55" * 64)
# By hand from the table in the module: author, 2 keys, each behind its length, message behind four bytes of length.
BODY = (
    AUTHOR
    + b"\x02"
    + b"\x04swap"
    + b"\x03btc"
    + b"\x00\x00\x00\x03\xc3\xa4!"
    + (7).to_bytes(8, "big")
    + (1_000).to_bytes(8, "big")
    + (2_000).to_bytes(8, "big")
)


def tagged(tag: str, message: bytes) -> bytes:
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + message).digest()


def test_the_body_is_the_fields_in_their_order() -> None:
    assert record_body(RECORD) == BODY
    assert encode_record(RECORD) == BODY + b"\x55" * 64


def test_the_id_is_the_tagged_hash_of_the_body() -> None:
    assert record_id(RECORD) == body_id(BODY) == tagged("parley/pool/record/v1", BODY)
    assert record_id(replace(RECORD, signature=bytes(64))) == record_id(RECORD)


def test_a_removal_has_a_domain_of_its_own() -> None:
    address = AUTHOR + b"\x02\x04swap\x03btc"
    removal = Removal(AUTHOR, ("swap", "btc"), 7, bytes(64))
    assert removal_id(removal) == tagged("parley/pool/removal/v1", address + (7).to_bytes(8, "big"))


@pytest.mark.parametrize("message", ["", "x", "ä", "€" * 300, "\x00"])
@pytest.mark.parametrize("keys", [("k",), ("schlüssel", "b" * 64), ("ä" * 32,) * 8])
def test_the_address_is_the_beginning_of_the_body(keys: tuple[str, ...], message: str) -> None:
    record = replace(RECORD, keys=keys, message=message)
    body = record_body(record)
    address = AUTHOR + bytes([len(keys)]) + b"".join(bytes([len(key.encode())]) + key.encode() for key in keys)
    assert body.startswith(address)
    assert body_address(body, record) == encode_address(AUTHOR, keys) == address


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, message=""),
        replace(RECORD, message="\x00\n\u2028" + "m" * 65_531),
        replace(RECORD, keys=("k" * 64,) * 8),
        replace(RECORD, keys=("€" * 21,)),
        replace(RECORD, sequence=2**53 - 1, created_ms=Instant(2**53 - 2), expires_ms=Instant(2**53 - 1)),
        replace(RECORD, sequence=0, created_ms=Instant(0), expires_ms=Instant(1)),
    ],
)
def test_reading_undoes_encoding(record: Record) -> None:
    assert parse_record(encode_record(record)) == record


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (replace(RECORD, keys=()), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("k",) * 9), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("swap", "")), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("new\nline",)), ErrorCode.KEYS_INVALID),
        (replace(RECORD, message="m" * 65_537), ErrorCode.TOO_LARGE),
        (replace(RECORD, sequence=2**53), ErrorCode.MALFORMED),
        (replace(RECORD, expires_ms=Instant(2**53)), ErrorCode.MALFORMED),
        (replace(RECORD, expires_ms=RECORD.created_ms), ErrorCode.MALFORMED),
        (replace(RECORD, author=AuthorKey(AUTHOR[:-1])), ErrorCode.TOO_LARGE),
        (replace(RECORD, signature=bytes(63)), ErrorCode.MALFORMED),
        (replace(RECORD, signature=bytes(65)), ErrorCode.MALFORMED),
    ],
)
def test_what_is_no_record_is_refused(record: Record, code: ErrorCode) -> None:
    with pytest.raises(PeerError) as caught:
        parse_record(encode_record(record))
    assert caught.value.code is code


@pytest.mark.parametrize("damage", [b"", BODY[:40], BODY, BODY + bytes(65), BODY.replace(b"\xc3\xa4", b"\xff\xff")])
def test_damaged_bytes_are_malformed(damage: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_record(damage)
    assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, keys=("k" * 65,)),
        replace(RECORD, keys=("ä" * 33,)),
        replace(RECORD, keys=("k",) * 65),
        replace(RECORD, keys=("\ud800",)),
        replace(RECORD, message="\udfff"),
        replace(RECORD, sequence=-1),
        replace(RECORD, expires_ms=Instant(2**64)),
    ],
)
def test_what_has_no_canonical_bytes_is_our_own_fault(record: Record) -> None:
    for encode in (record_body, record_id, encode_record):
        with pytest.raises(LocalError) as caught:
            encode(record)
        assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("keys", "sequence"), [(("k" * 65,), 1), (("\ud800",), 1), (("k",), -1), (("k",), 2**64)])
def test_so_has_no_removal(keys: tuple[str, ...], sequence: int) -> None:
    with pytest.raises(LocalError):
        removal_id(Removal(AUTHOR, keys, sequence, bytes(64)))


@pytest.mark.parametrize(
    ("keys", "is_right"),
    [
        (("a",), True),
        (("a",) * 8, True),
        (("k" * 64,), True),
        (("ä" * 32,), True),
        (("white space", "~"), True),
        (("\u00a0", "\u200b", "\U0001f600"), True),
        ((), False),
        (("a",) * 9, False),
        (("a", ""), False),
        (("k" * 65,), False),
        (("ä" * 33,), False),
        (("€" * 22,), False),
        (("a\x00",), False),
        (("\x1f",), False),
        (("\x7f",), False),
        (("\x80",), False),
        (("ä\x9f",), False),
        (("\ud800",), False),
        (("ok", "\udfff"), False),
    ],
)
def test_keys_are_one_to_eight_short_texts_without_controls(keys: tuple[str, ...], *, is_right: bool) -> None:
    assert is_keys(keys) is is_right


@pytest.mark.parametrize(
    ("name", "is_right"),
    [
        ("", True),
        ("http://127.0.0.1:1", True),
        ("ä" * 128, True),
        ("n" * 129, False),
        ("a\nb", False),
        ("\ud800", False),
        ("\x85", False),
    ],
)
def test_node_names_are_short_and_without_controls(name: str, *, is_right: bool) -> None:
    assert is_node_name(name) is is_right


@pytest.mark.parametrize("text", ["", "plain", '{"a": "\\n"}', "\x00\x01\x1f\n\x7f", "ä€\U0001f600\u2028", '"' * 64])
@pytest.mark.parametrize("count", [1, 8])
def test_an_item_takes_no_more_bytes_as_json_than_is_said(text: str, count: int) -> None:
    record = replace(
        RECORD,
        keys=(text[:16] or "k",) * count,
        message=text * 50,
        sequence=2**53 - 1,
        created_ms=Instant(2**53 - 2),
        expires_ms=Instant(2**53 - 1),
    )
    document = {
        "node": text,
        "record": {
            "author": record.author.hex(),
            "keys": record.keys,
            "message": record.message,
            "sequence": record.sequence,
            "created_ms": record.created_ms,
            "expires_ms": record.expires_ms,
            "signature": record.signature.hex(),
        },
    }
    written = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b","
    bound = item_bytes(Item(text, record))
    assert len(written) <= bound
    assert bound <= len(written) + 64 + 5 * sum(written.count(mark) for mark in (b"\\", b"\x7f"))
