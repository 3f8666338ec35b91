from __future__ import annotations

from parley.adapters.memory.entropy import SeededEntropy
from parley.pool.config import PoolConfig
from parley.pool.rules import check_record, check_removal
from parley.primitives.instants import Instant
from parley.testing.authors import Author

NOW = Instant(1_700_000_000_000)


class Given:
    """Entropy that begins with bytes that are no secret key: zero, and the order of the group."""

    def __init__(self) -> None:
        order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        self._first = [bytes(32), bytes.fromhex(order)]
        self._rest = SeededEntropy(b"rest")

    def take(self, size_bytes: int) -> bytes:
        return self._first.pop(0) if self._first else self._rest.take(size_bytes)


def test_a_record_is_signed_and_lives_ten_minutes_by_default() -> None:
    author = Author(SeededEntropy(b"author"))
    record = author.sign(("a", "b"), "text", now=NOW)
    assert isinstance(check_record(record, NOW, PoolConfig()), bytes)
    assert (record.author, record.keys, record.message) == (author.key, ("a", "b"), "text")
    assert (record.sequence, record.created_ms, record.expires_ms) == (NOW, NOW, NOW + 600_000)


def test_sequence_and_lifetime_can_be_chosen() -> None:
    record = Author(SeededEntropy(b"author")).sign(("a",), "text", now=NOW, lifetime_ms=5, sequence=0)
    assert (record.sequence, record.expires_ms) == (0, NOW + 5)


def test_a_removal_names_the_record() -> None:
    author = Author(SeededEntropy(b"author"))
    record = author.sign(("a",), "text", now=NOW)
    removal = author.remove(record)
    assert check_removal(removal) is None
    assert (removal.author, removal.keys, removal.sequence) == (author.key, ("a",), record.sequence)


def test_every_author_has_a_key_of_its_own() -> None:
    entropy = SeededEntropy(b"many")
    assert len({Author(entropy).key for _ in range(8)}) == 8


def test_bytes_that_are_no_key_are_passed_over() -> None:
    author = Author(Given())
    assert check_removal(author.remove(author.sign(("a",), "", now=NOW))) is None
