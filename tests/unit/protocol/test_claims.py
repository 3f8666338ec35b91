from __future__ import annotations

import pytest

from parley.errors import ConflictError, ErrorCode, LocalError
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.claims import Applied, Claim, Foreign, Outcome, Replayed, has_lapsed, judge

HELD = Claim(b"key", b"first", Instant(100))


def wanted(owner: bytes, expires_ms: int) -> Claim:
    return Claim(b"key", owner, Instant(expires_ms))


@pytest.mark.parametrize(
    ("held", "claim", "now", "outcome"),
    [
        (None, wanted(b"first", 100), 0, Applied()),
        (None, wanted(b"first", 100), 99, Applied()),
        (HELD, wanted(b"first", 100), 0, Replayed()),
        (HELD, wanted(b"first", 100), 99, Replayed()),
        (HELD, wanted(b"first", 50), 60, Replayed()),
        (HELD, wanted(b"second", 100), 99, Foreign()),
        (HELD, wanted(b"second", 50), 60, Foreign()),
        (HELD, wanted(b"second", 101), 100, Applied()),
        (HELD, wanted(b"first", 101), 100, Applied()),
    ],
)
def test_the_rule(held: Claim | None, claim: Claim, now: int, outcome: Outcome) -> None:
    assert judge(held, claim, Instant(now)) == outcome


@pytest.mark.parametrize("held", [None, HELD])
@pytest.mark.parametrize("now", [100, 101])
def test_a_claim_that_would_have_lapsed_is_refused(held: Claim | None, now: int) -> None:
    with pytest.raises(ConflictError) as caught:
        judge(held, wanted(b"first", 100), Instant(now))
    assert caught.value.code is ErrorCode.EXPIRED


def test_a_claim_lapses_at_its_expiry() -> None:
    assert not has_lapsed(Instant(100), Instant(99))
    assert has_lapsed(Instant(100), Instant(100))


@pytest.mark.parametrize(
    ("key", "owner", "expires_ms"),
    [
        (b"", b"o", 1),
        (b"k", b"", 1),
        (bytes(65), b"o", 1),
        (b"k", bytes(65), 1),
        (b"k", b"o", -1),
        (b"k", b"o", INSTANT_MAX_MS + 1),
    ],
)
def test_limits(key: bytes, owner: bytes, expires_ms: int) -> None:
    with pytest.raises(LocalError) as caught:
        Claim(key, owner, Instant(expires_ms))
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize("name", [b"n", bytes(64)])
@pytest.mark.parametrize("expires_ms", [0, INSTANT_MAX_MS])
def test_the_smallest_and_the_largest_claim(name: bytes, expires_ms: int) -> None:
    assert Claim(name, name, Instant(expires_ms)).expires_ms == expires_ms
