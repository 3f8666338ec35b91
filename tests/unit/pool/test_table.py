from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.entries import Entry
from parley.pool.messages import Record, Removal, encode_record, record_body
from parley.pool.table import OWNER_LINK, RecordTable, Stored
from parley.primitives.instants import Instant
from tests.unit.pool.samples import KEYS, NOW, author, record, removal

OWN = author(0xEE)


class Pool:
    """A table and a clock."""

    def __init__(self, **limits: int) -> None:
        self.table = RecordTable(PoolConfig(**limits), OWN)
        self.now: Instant = NOW

    def push(self, made: Record, link: str = "link") -> Stored | Rejected:
        return self.table.push(made, record_body(made), link, self.now)

    def keep(self, made: Record, link: str = "link") -> Stored:
        outcome = self.push(made, link)
        assert isinstance(outcome, Stored)
        return outcome

    def refuse(self, made: Record, link: str = "link") -> Rejected:
        self.table.expire(self.now)
        before = (self.records(), self.table.records, self.table.size_bytes, self.table.tombstones)
        outcome = self.push(made, link)
        assert isinstance(outcome, Rejected)
        assert (self.records(), self.table.records, self.table.size_bytes, self.table.tombstones) == before
        return outcome

    def remove(self, order: Removal) -> Entry | Rejected:
        return self.table.remove(order, self.now)

    def records(self, prefix: tuple[str, ...] = ()) -> list[Record]:
        return [held.record() for held in self.table.query(prefix, self.now)]

    def messages(self) -> set[str]:
        return {made.message for made in self.records()}


def numbered(number: int, message: str, *, sequence: int = 1, size: int = 0) -> Record:
    """Return a record of an author under keys that no other message has."""
    return record(number, ("k", message), message.ljust(size), sequence=sequence)


def test_a_pushed_record_is_found() -> None:
    pool = Pool()
    made = record()
    stored = pool.keep(made)
    assert (stored.is_repeat, stored.evicted) == (False, 0)
    assert stored.entry.record() == made
    assert pool.records(("swap",)) == [made]
    found = pool.table.find(KEYS, author(1), NOW)
    assert found is stored.entry
    assert pool.table.find(KEYS, author(2), NOW) is None
    assert pool.table.find(("k" * 65,), author(1), NOW) is None
    assert (pool.table.records, pool.table.size_bytes) == (1, len(encode_record(made)))


def test_it_tells_the_sequence_that_must_be_exceeded() -> None:
    pool = Pool()
    assert pool.table.held_sequence(KEYS, author(1)) is None
    pool.keep(record(sequence=5))
    assert pool.table.held_sequence(KEYS, author(1)) == 5
    pool.remove(removal(sequence=7))
    assert pool.table.held_sequence(KEYS, author(1)) == 7


def test_a_higher_sequence_replaces_and_others_are_stale() -> None:
    pool = Pool()
    pool.keep(record(sequence=5, message="five"))
    pool.keep(record(sequence=6, message="six"))
    assert pool.messages() == {"six"}
    assert pool.table.records == 1
    for sequence in (4, 6):
        refused = pool.refuse(record(sequence=sequence, message="other"))
        assert refused == Rejected(ErrorCode.STALE_SEQUENCE, {"held_sequence": 6})
    assert pool.table.size_bytes == len(encode_record(record(sequence=6, message="six")))


def test_the_very_same_record_again_is_a_harmless_repeat() -> None:
    pool = Pool()
    first = pool.keep(record())
    again = pool.keep(record())
    assert again.is_repeat
    assert again.entry is first.entry
    assert pool.table.records == 1


def test_authors_do_not_meet_under_the_same_keys() -> None:
    pool = Pool()
    pool.keep(record(1, message="mine"))
    pool.keep(record(2, message="yours"))
    assert pool.messages() == {"mine", "yours"}


def test_queries_are_newest_first_and_know_ages() -> None:
    pool = Pool()
    made = [record(number, age_ms=number * 100) for number in (3, 1, 2)]
    for each in made:
        pool.keep(each)
    assert [held.created_ms for held in pool.table.query((), NOW)] == [NOW - 100, NOW - 200, NOW - 300]
    young = pool.table.query((), NOW, max_age_ms=200)
    assert [held.created_ms for held in young] == [NOW - 100, NOW - 200]
    assert pool.table.query((), NOW, max_age_ms=0) == []
    assert pool.table.looked_at == 9


def test_a_record_ends_when_it_says_so() -> None:
    pool = Pool()
    pool.keep(record(1, left_ms=500))
    pool.keep(record(2, left_ms=501))
    pool.now = Instant(NOW + 500)
    assert [made.author for made in pool.records()] == [author(2)]
    assert pool.table.find(KEYS, author(1), pool.now) is None
    pool.table.expire(pool.now)
    assert pool.table.records == 1
    assert pool.table.next_expiry() == NOW + 501
    pool.now = Instant(NOW + 501)
    pool.table.expire(pool.now)
    assert (pool.table.records, pool.table.size_bytes) == (0, 0)
    assert list(pool.table.links()) == []
    assert pool.table.next_expiry() is None


def test_an_expired_record_leaves_its_address_free() -> None:
    pool = Pool()
    pool.keep(record(sequence=9, left_ms=10))
    pool.now = Instant(NOW + 10)
    pool.keep(record(sequence=1))
    assert [made.sequence for made in pool.records()] == [1]


def test_nothing_is_due_once_the_last_record_has_gone_though_evicted_ones_would_have_ended_later() -> None:
    pool = Pool(records_max=1)
    pool.keep(record(1, ("a",), left_ms=30))
    pool.keep(record(2, ("b",), left_ms=20))
    pool.keep(record(3, ("c",), left_ms=10))
    pool.now = Instant(NOW + 10)
    pool.table.expire(pool.now)
    assert pool.table.records == 0
    assert pool.table.next_expiry() is None


def test_a_removed_address_is_closed_until_the_old_expiry() -> None:
    pool = Pool()
    made = record(sequence=3, left_ms=5_000)
    pool.keep(made)
    closed = pool.remove(removal(sequence=3))
    assert isinstance(closed, Entry)
    assert pool.records() == []
    assert pool.table.find(KEYS, author(1), NOW) is None
    assert (pool.table.records, pool.table.tombstones) == (1, 1)
    assert pool.refuse(made).code is ErrorCode.REMOVED
    assert pool.refuse(record(sequence=2)).code is ErrorCode.REMOVED
    assert pool.remove(removal(sequence=3)) == Rejected(ErrorCode.NOT_FOUND)
    pool.now = Instant(NOW + 5_000)
    pool.table.expire(pool.now)
    assert (pool.table.records, pool.table.tombstones, pool.table.size_bytes) == (0, 0, 0)
    pool.keep(made)


def test_a_higher_sequence_opens_a_removed_address() -> None:
    pool = Pool()
    pool.keep(record(sequence=3))
    pool.remove(removal(sequence=3))
    pool.keep(record(sequence=4, message="again"))
    assert pool.messages() == {"again"}
    assert (pool.table.records, pool.table.tombstones) == (1, 0)


def test_removals_know_sequences() -> None:
    pool = Pool()
    assert pool.remove(removal()) == Rejected(ErrorCode.NOT_FOUND)
    pool.keep(record(sequence=5))
    assert pool.remove(removal(sequence=4)) == Rejected(ErrorCode.STALE_SEQUENCE, {"held_sequence": 5})
    assert isinstance(pool.remove(removal(sequence=7)), Entry)
    assert pool.refuse(record(sequence=7)).code is ErrorCode.REMOVED
    assert isinstance(pool.remove(removal(sequence=9)), Entry)
    assert pool.refuse(record(sequence=9)).code is ErrorCode.REMOVED
    assert pool.table.tombstones == 1
    pool.keep(record(sequence=10))


def test_a_shorter_lived_replacement_guards_against_the_longer_lived_one() -> None:
    pool = Pool()
    old = record(sequence=1, left_ms=9_000)
    pool.keep(old)
    pool.keep(record(sequence=2, left_ms=1_000))
    pool.now = Instant(NOW + 1_000)
    assert pool.records() == []
    assert pool.refuse(old).code is ErrorCode.REMOVED
    assert pool.table.tombstones == 1
    pool.keep(record(sequence=3, left_ms=2_000))
    assert pool.table.tombstones == 0
    pool.now = Instant(NOW + 8_999)
    assert pool.refuse(old).code is ErrorCode.REMOVED
    pool.now = Instant(NOW + 9_000)
    pool.table.expire(pool.now)
    assert pool.table.records == 0


def test_a_removal_of_a_guarded_record_lasts_as_long_as_the_guard() -> None:
    pool = Pool()
    old = record(sequence=1, left_ms=9_000)
    pool.keep(old)
    pool.keep(record(sequence=2, left_ms=1_000))
    pool.remove(removal(sequence=2))
    pool.now = Instant(NOW + 8_999)
    assert pool.refuse(old).code is ErrorCode.REMOVED


@pytest.mark.parametrize("of", ["author", "link"])
def test_quotas_of_records(of: str) -> None:
    limits = {"author_records_max": 3} if of == "author" else {"link_records_max": 3}
    pool = Pool(**limits)
    for number in range(3):
        pool.keep(numbered(1, f"m{number}"))
    assert pool.refuse(numbered(1, "m3")) == Rejected(ErrorCode.QUOTA_EXCEEDED, {"of": of, "limit_records": 3})
    pool.keep(numbered(1, "m2", sequence=2))
    pool.keep(numbered(1, "m3"), "another link")


@pytest.mark.parametrize("of", ["author", "link"])
def test_quotas_of_bytes(of: str) -> None:
    size_bytes = len(encode_record(numbered(1, "m0")))
    limits = {"author_bytes_max": 2 * size_bytes} if of == "author" else {"link_bytes_max": 2 * size_bytes}
    pool = Pool(**limits)
    pool.keep(numbered(1, "m0"))
    pool.keep(numbered(1, "m1"))
    assert pool.refuse(numbered(1, "m2")).facts["of"] == of
    assert pool.refuse(numbered(1, "m1", sequence=2, size=3)).facts["of"] == of
    pool.keep(numbered(1, "m1", sequence=2))


def test_a_replacement_over_another_link_counts_there_alone() -> None:
    pool = Pool(link_records_max=1)
    pool.keep(numbered(1, "m0"), "first")
    pool.keep(numbered(1, "m0", sequence=2), "second")
    assert {link.name: link.records for link in pool.table.links()} == {"second": 1}
    pool.keep(numbered(1, "m1"), "first")
    assert pool.refuse(numbered(1, "m1", sequence=2), "second").facts["of"] == "link"


def test_the_owners_other_authors_have_a_quota_and_the_node_itself_has_none() -> None:
    pool = Pool(author_records_max=1, link_records_max=1)
    own = [replace(numbered(0xEE, f"m{number}"), author=OWN) for number in range(3)]
    for made in own:
        pool.keep(made, OWNER_LINK)
    pool.keep(numbered(1, "n0"), OWNER_LINK)
    assert pool.refuse(numbered(1, "n1"), OWNER_LINK).facts["of"] == "author"
    pool.keep(numbered(2, "n2"), OWNER_LINK)
    pool.keep(replace(numbered(0xEE, "p0"), author=OWN), "link")
    assert pool.refuse(replace(numbered(0xEE, "p1"), author=OWN), "link").facts["of"] == "link"


def test_what_is_larger_than_the_pool_is_too_large() -> None:
    pool = Pool(pool_bytes_max=1_024)
    assert pool.refuse(record(message="m" * 1_000)) == Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": 1_024})


def test_with_all_equal_the_oldest_goes() -> None:
    pool = Pool(records_max=3)
    for number in range(1, 6):
        stored = pool.keep(numbered(number, f"m{number}"), f"link {number}")
        assert stored.evicted == (number > 3)
    assert pool.messages() == {"m3", "m4", "m5"}


def test_a_flooder_pushes_out_itself() -> None:
    pool = Pool(records_max=6)
    for number in (1, 2):
        pool.keep(numbered(number, f"honest {number}"), f"link {number}")
    for number in range(50):
        pool.keep(numbered(10 + number, f"flood {number}"), "flooder")
    assert pool.messages() == {"honest 1", "honest 2", "flood 46", "flood 47", "flood 48", "flood 49"}


def test_within_a_link_the_author_that_holds_most_loses() -> None:
    pool = Pool(records_max=4)
    pool.keep(numbered(1, "honest"))
    for number in range(9):
        pool.keep(numbered(2, f"flood {number}"))
    assert pool.messages() == {"honest", "flood 6", "flood 7", "flood 8"}


def test_bytes_are_limited_like_records() -> None:
    small = len(encode_record(numbered(1, "small")))
    large = len(encode_record(numbered(2, "large 0", size=2_000)))
    pool = Pool(pool_bytes_max=small + 3 * large)
    pool.keep(numbered(1, "small"), "first")
    for number in range(9):
        pool.keep(numbered(2, f"large {number}", size=2_000), "second")
    assert {text.strip() for text in pool.messages()} == {"small", "large 6", "large 7", "large 8"}
    assert pool.table.size_bytes == small + 3 * large


def test_one_large_record_may_push_out_many_small_ones() -> None:
    size_bytes = len(encode_record(numbered(1, "m0")))
    pool = Pool(pool_bytes_max=max(1_024, 8 * size_bytes))
    count = 0
    while pool.table.size_bytes + size_bytes <= max(1_024, 8 * size_bytes):
        pool.keep(numbered(1, f"m{count}"))
        count += 1
    stored = pool.keep(numbered(1, "large", size=2 * size_bytes))
    assert stored.evicted > 1
    assert pool.table.size_bytes <= max(1_024, 8 * size_bytes)
    assert stored.entry.record() in pool.records()


def test_a_refreshed_record_is_a_new_one_to_eviction() -> None:
    pool = Pool(records_max=3)
    for number in range(1, 5):
        pool.keep(numbered(number, f"m{number}"), f"link {number}")
    pool.keep(numbered(2, "m2", sequence=2), "link 2")
    pool.keep(numbered(5, "m5"), "link 5")
    pool.keep(numbered(6, "m6"), "link 6")
    assert pool.messages() == {"m2", "m5", "m6"}


def test_a_link_whose_record_moved_away_stands_lower() -> None:
    pool = Pool(records_max=4)
    for number in range(1, 6):
        pool.keep(numbered(number, f"m{number}"), "first" if number < 4 else "second")
    pool.keep(numbered(2, "m2", sequence=2), "second")
    pool.keep(numbered(6, "m6"), "third")
    assert pool.messages() == {"m3", "m5", "m2", "m6"}


def test_strangers_leave_before_the_owners() -> None:
    pool = Pool(records_max=4)
    for number in range(3):
        pool.keep(numbered(1, f"own {number}"), OWNER_LINK)
    for number in range(9):
        pool.keep(numbered(2 + number, f"stranger {number}"), f"link {number}")
    assert pool.messages() == {"own 0", "own 1", "own 2", "stranger 8"}
    pool.keep(numbered(1, "own 3"), OWNER_LINK)
    assert pool.messages() == {"own 0", "own 1", "own 2", "own 3"}
    pool.keep(numbered(1, "own 4"), OWNER_LINK)
    assert pool.messages() == {"own 1", "own 2", "own 3", "own 4"}


def test_no_stranger_is_taken_in_at_the_owners_cost() -> None:
    pool = Pool(records_max=2)
    pool.keep(numbered(1, "own 0"), OWNER_LINK)
    pool.keep(numbered(1, "own 1"), OWNER_LINK)
    assert pool.refuse(numbered(2, "stranger")).facts["of"] == "pool"
    size_bytes = len(encode_record(numbered(1, "own 0")))
    small = Pool(pool_bytes_max=max(1_024, size_bytes * 5))
    count = 0
    while small.table.size_bytes + 2 * size_bytes <= max(1_024, size_bytes * 5):
        small.keep(numbered(1, f"own {count}"), OWNER_LINK)
        count += 1
    assert small.refuse(numbered(2, "stranger", size=3 * size_bytes)).facts["of"] == "pool"
    assert len(small.records()) == count


def test_a_stranger_cannot_take_the_owners_record_over() -> None:
    """Whoever sends a newer record of the owner's author first must not decide about its fate."""
    pool = Pool(records_max=3)
    pool.keep(numbered(1, "own"), OWNER_LINK)
    pool.keep(numbered(1, "own", sequence=2), "thief")
    assert {link.name: link.records for link in pool.table.links()} == {OWNER_LINK: 1}
    for number in range(9):
        pool.keep(numbered(2 + number, f"flood {number}"), "thief")
    assert "own" in pool.messages()


def test_nor_grow_it_until_others_of_the_owner_must_leave() -> None:
    pool = Pool(pool_bytes_max=1_024)
    size_bytes = len(encode_record(numbered(1, "own 0")))
    count = 1_024 // size_bytes
    for number in range(count):
        pool.keep(numbered(1, f"own {number}"), OWNER_LINK)
    grown = numbered(1, "own 0", sequence=2, size=1_024 - count * size_bytes + 7)
    assert pool.refuse(grown, "thief").facts["of"] == "pool"
    assert pool.keep(grown, OWNER_LINK).evicted == 1


def test_what_a_stranger_pushed_first_becomes_the_owners() -> None:
    pool = Pool(records_max=3)
    made = numbered(1, "own")
    pool.keep(made, "thief")
    assert pool.keep(made, OWNER_LINK).is_repeat
    assert {link.name: link.records for link in pool.table.links()} == {OWNER_LINK: 1}
    assert (pool.table.records, pool.table.size_bytes) == (1, len(encode_record(made)))
    assert pool.keep(made, "thief").is_repeat
    for number in range(9):
        pool.keep(numbered(2 + number, f"flood {number}"), "thief")
    assert made in pool.records()
    pool.now = Instant(made.expires_ms)
    assert made not in pool.records()
    pool.table.expire(pool.now)
    assert pool.table.records == 0


def test_unless_its_author_has_used_up_the_quota_there() -> None:
    pool = Pool(author_records_max=1)
    pool.keep(numbered(1, "first"), OWNER_LINK)
    made = numbered(1, "second")
    pool.keep(made, "thief")
    assert pool.keep(made, OWNER_LINK).is_repeat
    assert {link.name: link.records for link in pool.table.links()} == {OWNER_LINK: 1, "thief": 1}


def test_what_is_held_of_one_author() -> None:
    pool = Pool()
    pool.keep(numbered(1, "a"), "first")
    pool.keep(numbered(1, "b"), "second")
    pool.keep(record(1), "second")
    pool.keep(numbered(2, "c"), "first")
    pool.remove(removal())
    assert {held.record().message for held in pool.table.of_author(author(1))} == {"a", "b"}
    assert list(pool.table.of_author(author(9))) == []


def test_the_keys_that_follow_are_counted() -> None:
    pool = Pool()
    for number, keys in enumerate([("swap", "btc", "sell"), ("swap", "btc", "buy"), ("swap", "eth"), ("chat",)], 1):
        pool.keep(record(number, keys))
    pool.keep(record(9, ("gone",)))
    pool.remove(removal(9, ("gone",)))
    assert pool.table.children((), NOW) == [("chat", 1), ("swap", 3)]
    assert pool.table.children(("swap",), NOW) == [("btc", 2), ("eth", 1)]
    assert pool.table.children(("swap", "eth"), NOW) == []
    assert pool.table.children((), Instant(NOW + 60_000)) == []
