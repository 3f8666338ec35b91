"""The checks of records and removals: each field at its limits, in the order of their cost, the signature last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Record, record_body
from parley.pool.rules import check_form, check_record, check_removal, check_times, is_under
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.testing.authors import Author

NOW = Instant(1_800_000_000_000)
CONFIG = PoolConfig(message_bytes_max=8, lifetime_ms_max=10_000, skew_ms=500)
AUTHOR = Author(SeededEntropy(b"author"))
RECORD = AUTHOR.sign(("offer", "btc"), "sell", now=NOW, lifetime_ms=10_000)
REMOVAL = AUTHOR.remove(RECORD)


def code_of(result: Rejected | bytes | None) -> ErrorCode | None:
    return result.code if isinstance(result, Rejected) else None


def never(public: bytes, message: bytes, signature: bytes) -> bool:
    raise AssertionError(public, message, signature)


def test_a_good_record_gives_its_body() -> None:
    assert check_record(RECORD, NOW, CONFIG) == record_body(RECORD)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (replace(RECORD, author=AuthorKey(bytes(31))), ErrorCode.MALFORMED),
        (replace(RECORD, author=AuthorKey(bytes(33))), ErrorCode.MALFORMED),
        (replace(RECORD, signature=bytes(63)), ErrorCode.MALFORMED),
        (replace(RECORD, signature=bytes(65)), ErrorCode.MALFORMED),
        (replace(RECORD, keys=()), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("k",) * 8), None),
        (replace(RECORD, keys=("k",) * 9), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("",)), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("k" * 64,)), None),
        (replace(RECORD, keys=("k" * 65,)), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("é" * 32,)), None),
        (replace(RECORD, keys=("é" * 33,)), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("a\nb",)), ErrorCode.KEYS_INVALID),
        (replace(RECORD, keys=("\ud800",)), ErrorCode.KEYS_INVALID),
        (replace(RECORD, sequence=0), None),
        (replace(RECORD, sequence=-1), ErrorCode.MALFORMED),
        (replace(RECORD, sequence=2**53 - 1), None),
        (replace(RECORD, sequence=2**53), ErrorCode.MALFORMED),
        (replace(RECORD, created_ms=Instant(0)), None),
        (replace(RECORD, created_ms=Instant(-1)), ErrorCode.MALFORMED),
        (replace(RECORD, created_ms=RECORD.expires_ms), ErrorCode.MALFORMED),
        (replace(RECORD, expires_ms=Instant(INSTANT_MAX_MS)), None),
        (replace(RECORD, expires_ms=Instant(INSTANT_MAX_MS + 1)), ErrorCode.MALFORMED),
        (replace(RECORD, message=""), None),
        (replace(RECORD, message="x" * 8), None),
        (replace(RECORD, message="x" * 9), ErrorCode.TOO_LARGE),
        (replace(RECORD, message="é" * 4), None),
        (replace(RECORD, message="é" * 5), ErrorCode.TOO_LARGE),
        (replace(RECORD, message="é" * 9), ErrorCode.TOO_LARGE),
        (replace(RECORD, message="\ud800"), ErrorCode.MALFORMED),
    ],
)
def test_the_form_of_each_field_has_limits(record: Record, code: ErrorCode | None) -> None:
    assert code_of(check_form(record, CONFIG)) is code
    if code is not None:
        assert code_of(check_record(record, NOW, CONFIG, never)) is code


@pytest.mark.parametrize(
    ("created_ms", "expires_ms", "code"),
    [
        (NOW, NOW + 1, None),
        (NOW - 1, NOW, ErrorCode.EXPIRED),
        (NOW + 500, NOW + 600, None),
        (NOW + 501, NOW + 600, ErrorCode.CLOCK_SKEW),
        (NOW - 1, NOW + 9_999, None),
        (NOW - 1, NOW + 10_000, ErrorCode.LIFETIME_TOO_LONG),
        (NOW - 20_000, NOW, ErrorCode.EXPIRED),
    ],
)
def test_times_are_checked_against_the_own_clock(created_ms: int, expires_ms: int, code: ErrorCode | None) -> None:
    record = replace(RECORD, created_ms=Instant(created_ms), expires_ms=Instant(expires_ms))
    assert code_of(check_times(record, NOW, CONFIG)) is code
    if code is not None:
        assert code_of(check_record(record, NOW, CONFIG, never)) is code


def test_a_refusal_over_time_says_by_how_much() -> None:
    late = check_times(RECORD, Instant(RECORD.expires_ms + 7), CONFIG)
    early = check_times(RECORD, Instant(NOW - 600), CONFIG)
    assert late == Rejected(ErrorCode.EXPIRED, {"expired_ms_ago": 7})
    assert early == Rejected(ErrorCode.CLOCK_SKEW, {"ahead_ms": 600, "allowed_ms": 500})


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, message="buy"),
        replace(RECORD, keys=("offer", "eth")),
        replace(RECORD, sequence=RECORD.sequence + 1),
        replace(RECORD, created_ms=Instant(RECORD.created_ms + 1)),
        replace(RECORD, expires_ms=Instant(RECORD.expires_ms - 1)),
        replace(RECORD, author=Author(SeededEntropy(b"other")).key),
        replace(RECORD, signature=bytes(64)),
    ],
)
def test_the_signature_covers_every_field(record: Record) -> None:
    assert check_record(record, NOW, CONFIG) == Rejected(ErrorCode.BAD_SIGNATURE)


def test_a_removal_is_checked_like_a_record() -> None:
    assert check_removal(REMOVAL) is None
    bad = (
        (replace(REMOVAL, author=AuthorKey(bytes(31))), ErrorCode.MALFORMED),
        (replace(REMOVAL, signature=bytes(63)), ErrorCode.MALFORMED),
        (replace(REMOVAL, keys=()), ErrorCode.KEYS_INVALID),
        (replace(REMOVAL, sequence=-1), ErrorCode.MALFORMED),
        (replace(REMOVAL, sequence=2**53), ErrorCode.MALFORMED),
    )
    assert [code_of(check_removal(removal, never)) for removal, _ in bad] == [code for _, code in bad]


def test_the_signature_of_a_removal_covers_every_field() -> None:
    altered = (
        replace(REMOVAL, keys=("offer",)),
        replace(REMOVAL, sequence=REMOVAL.sequence + 1),
        replace(REMOVAL, author=Author(SeededEntropy(b"other")).key),
        replace(REMOVAL, signature=RECORD.signature),
    )
    assert [check_removal(removal) for removal in altered] == [Rejected(ErrorCode.BAD_SIGNATURE)] * 4


def test_a_prefix_is_compared_by_whole_keys() -> None:
    assert is_under(("offer", "btc"), ("offer",))
    assert is_under(("offer",), ("offer",))
    assert is_under(("offer",), ())
    assert not is_under(("offers",), ("offer",))
    assert not is_under(("offer",), ("offer", "btc"))
