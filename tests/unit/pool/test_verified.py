"""Good signatures are remembered, bad ones never, and the memory is bounded."""

from __future__ import annotations

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.pool.messages import record_id
from parley.pool.verified import VerifiedRecords
from parley.primitives.instants import Instant
from parley.testing.authors import Author

GOOD = b"good"


class Checker:
    """Finds one signature good, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes, bytes]] = []

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        self.asked.append((public, message, signature))
        return signature == GOOD


def test_what_verified_is_not_checked_again() -> None:
    checker = Checker()
    verified = VerifiedRecords(checker.verify)
    assert [verified.verify(b"key", b"text", GOOD) for _ in range(3)] == [True] * 3
    assert checker.asked == [(b"key", b"text", GOOD)]


def test_what_failed_is_checked_each_time() -> None:
    checker = Checker()
    verified = VerifiedRecords(checker.verify)
    assert [verified.verify(b"key", b"text", b"bad") for _ in range(3)] == [False] * 3
    assert len(checker.asked) == 3


@pytest.mark.parametrize(
    "other", [(b"other", b"text", GOOD), (b"key", b"other", GOOD), (b"key", b"text", b"bad"), (b"keyt", b"ext", GOOD)]
)
def test_only_the_very_same_is_taken_as_checked(other: tuple[bytes, bytes, bytes]) -> None:
    checker = Checker()
    verified = VerifiedRecords(checker.verify)
    verified.verify(b"key", b"text", GOOD)
    assert verified.verify(*other) is (other[2] == GOOD)
    assert checker.asked[1:] == [other]


def test_the_first_remembered_is_the_first_forgotten() -> None:
    checker = Checker()
    verified = VerifiedRecords(checker.verify, entries_max=2)
    for text in (b"1", b"2", b"3"):
        verified.verify(b"key", text, GOOD)
    checker.asked.clear()
    assert [verified.verify(b"key", text, GOOD) for text in (b"2", b"3", b"1")] == [True] * 3
    assert checker.asked == [(b"key", b"1", GOOD)]


def test_real_signatures_are_checked_unless_told_otherwise() -> None:
    record = Author(SeededEntropy(b"author")).sign(("offer",), "sell", now=Instant(1))
    verified = VerifiedRecords()
    assert verified.verify(record.author, record_id(record), record.signature)
    assert not verified.verify(record.author, bytes(32), record.signature)
