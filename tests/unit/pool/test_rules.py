from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Record, Removal, record_body, record_id
from parley.pool.rules import check_form, check_record, check_removal, check_times, is_under
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.testing.stamps import is_stamped, stamped, stamped_removal
from tests.unit.pool.samples import NOW, record, removal

CONFIG = PoolConfig(message_bytes_max=10, lifetime_ms_max=100_000, skew_ms=5_000)
GOOD = record(message="0123456789")


def code(refusal: Rejected | bytes | None) -> ErrorCode | None:
    return refusal.code if isinstance(refusal, Rejected) else None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (GOOD, None),
        (replace(GOOD, message=""), None),
        (replace(GOOD, message="ä" * 5), None),
        (replace(GOOD, author=AuthorKey(bytes(31))), ErrorCode.MALFORMED),
        (replace(GOOD, author=AuthorKey(bytes(33))), ErrorCode.MALFORMED),
        (replace(GOOD, signature=bytes(63)), ErrorCode.MALFORMED),
        (replace(GOOD, keys=()), ErrorCode.KEYS_INVALID),
        (replace(GOOD, keys=("\ud800",)), ErrorCode.KEYS_INVALID),
        (replace(GOOD, sequence=-1), ErrorCode.MALFORMED),
        (replace(GOOD, sequence=2**53), ErrorCode.MALFORMED),
        (replace(GOOD, sequence=2**53 - 1), None),
        (replace(GOOD, created_ms=Instant(-1)), ErrorCode.MALFORMED),
        (replace(GOOD, expires_ms=GOOD.created_ms), ErrorCode.MALFORMED),
        (replace(GOOD, expires_ms=Instant(INSTANT_MAX_MS + 1)), ErrorCode.MALFORMED),
        (replace(GOOD, message="m" * 11), ErrorCode.TOO_LARGE),
        (replace(GOOD, message="ä" * 6), ErrorCode.TOO_LARGE),
        (replace(GOOD, message="\ud800"), ErrorCode.MALFORMED),
        (replace(GOOD, message="\ud800" * 11), ErrorCode.TOO_LARGE),
    ],
)
def test_form(changed: Record, expected: ErrorCode | None) -> None:
    assert code(check_form(changed, CONFIG)) is expected


@pytest.mark.parametrize(
    ("created_in_ms", "expires_in_ms", "expected"),
    [
        (-1_000, 1, None),
        (-1_000, 0, ErrorCode.EXPIRED),
        (-1_000, -1, ErrorCode.EXPIRED),
        (5_000, 6_000, None),
        (5_001, 6_000, ErrorCode.CLOCK_SKEW),
        (-50_000, 50_000, None),
        (-50_000, 50_001, ErrorCode.LIFETIME_TOO_LONG),
    ],
)
def test_times(created_in_ms: int, expires_in_ms: int, expected: ErrorCode | None) -> None:
    moved = replace(GOOD, created_ms=Instant(NOW + created_in_ms), expires_ms=Instant(NOW + expires_in_ms))
    assert code(check_times(moved, NOW, CONFIG)) is expected


def test_a_refusal_over_time_says_by_how_much() -> None:
    late = check_times(GOOD, Instant(GOOD.expires_ms + 7), CONFIG)
    early = check_times(GOOD, Instant(GOOD.created_ms - 5_600), CONFIG)
    assert late == Rejected(ErrorCode.EXPIRED, {"expired_ms_ago": 7})
    assert early == Rejected(ErrorCode.CLOCK_SKEW, {"ahead_ms": 5_600, "allowed_ms": 5_000})


def test_a_good_record_gives_its_body() -> None:
    assert check_record(GOOD, NOW, CONFIG, is_stamped) == record_body(GOOD)


def test_form_comes_before_times_and_times_before_the_signature() -> None:
    asked: list[bytes] = []

    def verify(public: bytes, message: bytes, signature: bytes) -> bool:
        asked.append(public + message + signature)
        return False

    expired = replace(GOOD, expires_ms=Instant(NOW))
    assert code(check_record(replace(expired, keys=()), NOW, CONFIG, verify)) is ErrorCode.KEYS_INVALID
    assert code(check_record(expired, NOW, CONFIG, verify)) is ErrorCode.EXPIRED
    assert asked == []
    assert code(check_record(GOOD, NOW, CONFIG, verify)) is ErrorCode.BAD_SIGNATURE
    assert asked == [GOOD.author + record_id(GOOD) + GOOD.signature]


@pytest.mark.parametrize(
    "change",
    [
        {"message": "other"},
        {"sequence": 2},
        {"keys": ("swap",)},
        {"created_ms": NOW},
        {"expires_ms": Instant(NOW + 1)},
        {"signature": bytes(64)},
    ],
)
def test_every_field_is_signed(change: dict[str, object]) -> None:
    changed = replace(GOOD, **change)  # type: ignore[arg-type]  # one field of its own type
    assert code(check_record(changed, NOW, CONFIG, is_stamped)) is ErrorCode.BAD_SIGNATURE


def test_the_signature_is_bip340_unless_said_otherwise() -> None:
    secret = bytes(31) + b"\x03"
    unsigned = replace(GOOD, author=AuthorKey(schnorr.public_key(secret)))
    signed = replace(unsigned, signature=schnorr.sign(secret, record_id(unsigned), bytes(32)))
    assert check_record(signed, NOW, CONFIG) == record_body(signed)
    assert code(check_record(stamped(unsigned), NOW, CONFIG)) is ErrorCode.BAD_SIGNATURE


REMOVAL = removal()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (REMOVAL, None),
        (stamped_removal(replace(REMOVAL, sequence=2**53 - 1)), None),
        (replace(REMOVAL, author=AuthorKey(b"")), ErrorCode.MALFORMED),
        (replace(REMOVAL, signature=b""), ErrorCode.MALFORMED),
        (replace(REMOVAL, keys=()), ErrorCode.KEYS_INVALID),
        (replace(REMOVAL, sequence=-1), ErrorCode.MALFORMED),
        (replace(REMOVAL, sequence=2**53), ErrorCode.MALFORMED),
        (replace(REMOVAL, sequence=2), ErrorCode.BAD_SIGNATURE),
        (replace(REMOVAL, keys=("swap",)), ErrorCode.BAD_SIGNATURE),
        (replace(REMOVAL, author=AuthorKey(bytes(32))), ErrorCode.BAD_SIGNATURE),
    ],
)
def test_removals(changed: Removal, expected: ErrorCode | None) -> None:
    assert code(check_removal(changed, is_stamped)) is expected


def test_a_record_signature_is_no_removal_signature() -> None:
    made = record(sequence=1)
    assert code(check_removal(replace(REMOVAL, signature=made.signature), is_stamped)) is ErrorCode.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("keys", "prefix", "expected"),
    [
        (("swap", "btc"), (), True),
        (("swap", "btc"), ("swap",), True),
        (("swap", "btc"), ("swap", "btc"), True),
        (("swap", "btc"), ("swap", "btc", "sell"), False),
        (("swap", "btc"), ("sw",), False),
        (("swap", "btc"), ("btc",), False),
    ],
)
def test_a_prefix_is_of_whole_keys(keys: tuple[str, ...], prefix: tuple[str, ...], *, expected: bool) -> None:
    assert is_under(keys, prefix) is expected
