"""The table against a naive model, and what nobody can do to the records of others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.entries import Entry
from parley.pool.messages import Record, record_body
from parley.pool.table import OWNER_LINK, RecordTable, Stored
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant
from parley.testing.stamps import stamped, stamped_removal
from tests.unit.pool.samples import removal

START = Instant(1_000_000)
OWN = AuthorKey(b"o" * 32)
AUTHORS = (OWN, AuthorKey(b"a" * 32), AuthorKey(b"b" * 32), AuthorKey(b"c" * 32))
LINKS = (OWNER_LINK, "first", "second", "third")
KEYS = (("swap",), ("swap", "btc"), ("swap", "btc", "sell"), ("chat", "ä"), ("swap", "eth"), ("swap", "btc", "a", "b"))
PREFIXES = ((), ("swap",), ("swap", "btc"), ("chat",), ("swap", "btc", "a"), ("btc",))
CONFIG = PoolConfig(
    records_max=9,
    pool_bytes_max=4_000,
    author_records_max=4,
    author_bytes_max=1_800,
    link_records_max=6,
    link_bytes_max=2_600,
)

authors = st.sampled_from(AUTHORS)
links = st.sampled_from(LINKS)
keys = st.sampled_from(KEYS)
sequences = st.integers(0, 6)
ages_ms = st.sampled_from([0, 1, 500, 3_000])
lives_ms = st.one_of(st.integers(1, 6_000), st.sampled_from([1_000, 2_000, 30_000]))
Draft = tuple[AuthorKey, tuple[str, ...], int, int, int, str]
texts = st.sampled_from(["", "x", "y" * 40, "z" * 700, "w" * 1_500, "ü" * 500, "q" * 3_900])
drafts: st.SearchStrategy[Draft] = st.tuples(authors, keys, sequences, ages_ms, lives_ms, texts)


def size_bytes(author: bytes, path: tuple[str, ...], message: str) -> int:
    """Return the length of the canonical form, counted from the table of the specification."""
    return len(author) + 1 + sum(1 + len(key.encode()) for key in path) + 4 + len(message.encode()) + 24 + 64


@dataclass
class Held:
    """What the model holds at one address."""

    record: Record
    sequence: int
    expires_ms: int
    guard_ms: int
    link: str
    born: int
    is_closed: bool = False

    @property
    def author(self) -> AuthorKey:
        return self.record.author

    @property
    def size_bytes(self) -> int:
        return size_bytes(self.author, self.record.keys, "" if self.is_closed else self.record.message)


class Model:
    """The rules of the specification, §3, written down without a thought of speed."""

    def __init__(self) -> None:
        self.held: dict[tuple[AuthorKey, tuple[str, ...]], Held] = {}
        self.born = 0

    def expire(self, now: int) -> None:
        for address, one in list(self.held.items()):
            if one.expires_ms <= now < one.guard_ms:
                one.is_closed, one.expires_ms = True, one.guard_ms
            elif one.expires_ms <= now:
                del self.held[address]

    def push(self, record: Record, link: str, now: int) -> ErrorCode | bool:
        """Return why it is refused, or whether it is new."""
        self.expire(now)
        address = (record.author, record.keys)
        old = self.held.get(address)
        self.born += 1
        if old is not None and old.sequence >= record.sequence:
            if old.is_closed or old.record != record:
                return ErrorCode.REMOVED if old.is_closed else ErrorCode.STALE_SEQUENCE
            if link == OWNER_LINK != old.link and self.refusal(record, OWNER_LINK, None) is None:
                old.link, old.born = OWNER_LINK, self.born
            return False
        holder = OWNER_LINK if old is not None and old.link == OWNER_LINK else link
        refused = self.refusal(record, holder, old) or self.no_room(record, link, old)
        if refused is not None:
            return refused
        guard_ms = max(record.expires_ms, 0 if old is None else old.guard_ms)
        new = Held(record, record.sequence, record.expires_ms, guard_ms, holder, self.born)
        self.held[address] = new
        while (victim := self.victim(new)) is not None:
            del self.held[victim.author, victim.record.keys]
        return True

    def refusal(self, record: Record, holder: str, old: Held | None) -> ErrorCode | None:
        size = size_bytes(record.author, record.keys, record.message)
        if size > CONFIG.pool_bytes_max:
            return ErrorCode.TOO_LARGE
        others = [one for one in self.held.values() if one.link == holder and one is not old]
        of_author = [one for one in others if one.author == record.author]
        # A limit of bytes is asked about only when the holder has something already.
        had = [one for one in self.held.values() if one.link == holder]
        over_link = len(others) >= CONFIG.link_records_max or sum_bytes(others) + size > CONFIG.link_bytes_max
        over_author = (
            len(of_author) >= CONFIG.author_records_max or sum_bytes(of_author) + size > CONFIG.author_bytes_max
        )
        if holder != OWNER_LINK and had and over_link:
            return ErrorCode.QUOTA_EXCEEDED
        has_author = any(one.author == record.author for one in had)
        if (holder, record.author) != (OWNER_LINK, OWN) and has_author and over_author:
            return ErrorCode.QUOTA_EXCEEDED
        return None

    def no_room(self, record: Record, link: str, old: Held | None) -> ErrorCode | None:
        if link == OWNER_LINK:
            return None
        owners = [one for one in self.held.values() if one.link == OWNER_LINK]
        kept = [one for one in owners if one is not old]
        size = size_bytes(record.author, record.keys, record.message)
        if not owners or (len(kept) < CONFIG.records_max and sum_bytes(kept) + size <= CONFIG.pool_bytes_max):
            return None
        return ErrorCode.QUOTA_EXCEEDED

    def victim(self, newcomer: Held) -> Held | None:
        everybody = list(self.held.values())
        by_bytes = len(everybody) <= CONFIG.records_max
        if by_bytes and sum_bytes(everybody) <= CONFIG.pool_bytes_max:
            return None
        of_links = [[one for one in everybody if one.link == link] for link in LINKS[1:]]
        ranked = sorted(
            (of for of in of_links if of), key=lambda of: (-weight(of, by_bytes), losses(of, by_bytes)[0].born)
        )
        in_order = [one for of in ranked for one in losses(of, by_bytes)]
        in_order += losses([one for one in everybody if one.link == OWNER_LINK], by_bytes)
        return next(one for one in in_order if one is not newcomer)

    def remove(self, author: AuthorKey, path: tuple[str, ...], sequence: int, now: int) -> ErrorCode | None:
        self.expire(now)
        old = self.held.get((author, path))
        if old is None:
            return ErrorCode.NOT_FOUND
        if old.sequence > sequence:
            return ErrorCode.STALE_SEQUENCE
        if old.is_closed and old.sequence == sequence:
            return ErrorCode.NOT_FOUND
        old.is_closed, old.sequence, old.expires_ms = True, sequence, old.guard_ms
        return None

    def live(self, prefix: tuple[str, ...], now: int) -> list[Record]:
        found = [
            one.record
            for one in self.held.values()
            if not one.is_closed and one.expires_ms > now and one.record.keys[: len(prefix)] == prefix
        ]
        return sorted(found, key=lambda one: (one.created_ms, one.expires_ms, one.signature), reverse=True)


def sum_bytes(entries: list[Held]) -> int:
    return sum(one.size_bytes for one in entries)


def weight(entries: list[Held], by_bytes: bool) -> int:  # noqa: FBT001 # a key of sorting
    return sum_bytes(entries) // 1_024 if by_bytes else len(entries)


def losses(entries: list[Held], by_bytes: bool) -> list[Held]:  # noqa: FBT001 # as above
    """Return the oldest entry of each author, the author first that holds most."""
    of_authors = [[one for one in entries if one.author == author] for author in AUTHORS]
    firsts = [(weight(of, by_bytes), min(of, key=lambda one: one.born)) for of in of_authors if of]
    return [first for _, first in sorted(firsts, key=lambda pair: (-pair[0], pair[1].born))]


class TableLife(RuleBasedStateMachine):
    """One table and its model, through the same life."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RecordTable(CONFIG, OWN)
        self.model = Model()
        self.now = START
        self.pushed: list[Record] = []

    @rule(draft=drafts, link=links)
    def push(self, draft: Draft, link: str) -> None:
        author, path, sequence, age_ms, life_ms, text = draft
        created_ms, expires_ms = Instant(self.now - age_ms), Instant(self.now + life_ms)
        record = stamped(Record(author, path, text, sequence, created_ms, expires_ms, bytes(64)))
        self.pushed.append(record)
        self.check_push(record, link)

    @rule(pick=st.integers(0, 10**6), life_ms=lives_ms, more=st.integers(0, 2), link=links)
    def refresh(self, pick: int, life_ms: int, more: int, link: str) -> None:
        """Push a record of a sequence that is higher, or not, where something is held."""
        if self.model.held:
            held = list(self.model.held.values())[pick % len(self.model.held)]
            record = stamped(
                replace(
                    held.record,
                    sequence=held.sequence + more,
                    created_ms=self.now,
                    expires_ms=Instant(self.now + life_ms),
                )
            )
            self.pushed.append(record)
            self.check_push(record, link)

    @rule(pick=st.integers(0, 10**6), link=links)
    def push_again(self, pick: int, link: str) -> None:
        """Replay what somebody pushed before, if it has not ended."""
        alive = [record for record in self.pushed if record.expires_ms > self.now]
        if alive:
            self.check_push(alive[pick % len(alive)], link)

    def check_push(self, record: Record, link: str) -> None:
        owners = self.owners()
        before = len(self.model.held)
        outcome = self.table.push(record, record_body(record), link, self.now)
        expected = self.model.push(record, link, self.now)
        if isinstance(outcome, Rejected):
            assert outcome.code is expected
        else:
            assert outcome.is_repeat is not expected
            assert outcome.entry.record() == record
            assert outcome.evicted <= before
        if link != OWNER_LINK:
            assert owners <= self.owners() | {(record.author, record.keys)}

    def owners(self) -> set[tuple[AuthorKey, tuple[str, ...]]]:
        return {
            address for address, one in self.model.held.items() if one.link == OWNER_LINK and one.guard_ms > self.now
        }

    @rule(author=authors, path=keys, sequence=sequences)
    def remove(self, author: AuthorKey, path: tuple[str, ...], sequence: int) -> None:
        order = stamped_removal(replace(removal(1, path, sequence=sequence), author=author))
        outcome = self.table.remove(order, self.now)
        expected = self.model.remove(author, path, sequence, self.now)
        if isinstance(outcome, Entry):
            assert expected is None
            assert outcome.is_tombstone
        else:
            assert outcome.code is expected

    @rule(duration_ms=st.one_of(st.integers(0, 2_000), st.sampled_from([5_000, 40_000])))
    def wait(self, duration_ms: int) -> None:
        self.now = Instant(self.now + duration_ms)

    @rule()
    def expire(self) -> None:
        self.table.expire(self.now)
        self.model.expire(self.now)
        due = self.table.next_expiry()
        if not self.model.held:
            assert due is None
        else:
            first = min(one.expires_ms for one in self.model.held.values())
            assert due is not None
            assert self.now < due <= (first // 1_000 + 1) * 1_000

    @invariant()
    def same_records(self) -> None:
        for prefix in PREFIXES:
            found = [held.record() for held in self.table.query(prefix, self.now)]
            assert found == self.model.live(prefix, self.now)
            young = [held.record() for held in self.table.query(prefix, self.now, max_age_ms=400)]
            assert young == [record for record in found if record.created_ms >= self.now - 400]
            follow = Counter(record.keys[len(prefix)] for record in found if len(record.keys) > len(prefix))
            assert self.table.children(prefix, self.now) == sorted(follow.items())

    @invariant()
    def same_counts(self) -> None:
        held = list(self.model.held.values())
        # The table lets go of what has ended at the next push, removal or expiry, as the model does.
        assert self.table.records == len(held) <= CONFIG.records_max
        assert self.table.size_bytes == sum_bytes(held) <= CONFIG.pool_bytes_max
        assert self.table.tombstones == sum(one.is_closed for one in held)
        counted = {link.name: (link.records, link.size_bytes, len(link.authors)) for link in self.table.links()}
        for name in LINKS:
            of = [one for one in held if one.link == name]
            if of:
                assert counted.pop(name) == (len(of), sum_bytes(of), len({one.author for one in of}))
        assert counted == {}

    @invariant()
    def same_addresses(self) -> None:
        for author in AUTHORS:
            of = {one.record.keys: one for one in self.model.held.values() if one.author == author}
            assert {held.keys() for held in self.table.of_author(author)} == {
                path for path, one in of.items() if not one.is_closed
            }
            for path in KEYS:
                one = of.get(path)
                assert self.table.held_sequence(path, author) == (None if one is None else one.sequence)
                found = self.table.find(path, author, self.now)
                is_live = one is not None and not one.is_closed and one.expires_ms > self.now
                assert (found is not None) is is_live


TestTableLife = TableLife.TestCase


pushes = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), max_size=60)


def numbered(author: int, number: int) -> Record:
    made = Record(AuthorKey(bytes([author + 1]) * 32), ("k", str(number)), "m", 1, START, Instant(START + 9_000), b"")
    return stamped(made)


@pytest.mark.parametrize("records_max", [1, 5, 12])
@given(pushes=pushes)
def test_a_flooder_never_pushes_out_somebody_who_holds_less(records_max: int, pushes: list[tuple[int, int]]) -> None:
    """Authors are numbered by link: what one link's author loses, its link loses."""
    table = RecordTable(PoolConfig(records_max=records_max))
    held: dict[tuple[str, ...], str] = {}
    for number, (link, author) in enumerate(pushes):
        before = Counter(held.values())
        record = numbered(author, number)
        outcome = table.push(record, record_body(record), f"link {link}", START)
        assert isinstance(outcome, Stored)
        now_held = {entry.keys() for entry in table.query((), START)}
        lost = [held.pop(path) for path in list(held) if path not in now_held]
        assert len(lost) == outcome.evicted <= 1
        held[record.keys] = f"link {link}"
        assert set(held) == now_held
        for loser in lost:
            assert loser == f"link {link}" or before[loser] > before[f"link {link}"]


@given(pushes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=60))
def test_nor_does_one_author_of_a_link_push_out_another_that_holds_less(pushes: list[tuple[int, int]]) -> None:
    table = RecordTable(PoolConfig(records_max=6))
    for number, (author, _) in enumerate(pushes):
        before = Counter(entry.author for entry in table.query((), START))
        addresses = {entry.path() for entry in table.query((), START)}
        record = numbered(author, number)
        table.push(record, record_body(record), "link", START)
        lost = addresses - {entry.path() for entry in table.query((), START)}
        for path in lost:
            assert path[-1] == record.author or before[AuthorKey(bytes(path[-1]))] > before[record.author]  # type: ignore[arg-type]  # a path ends with the author


@given(pushes=st.lists(st.integers(0, 30), min_size=1, max_size=60, unique=True))
def test_with_all_equal_the_oldest_goes(pushes: list[int]) -> None:
    """The rule of the seed: every author, over a link of its own, holds one record."""
    table = RecordTable(PoolConfig(records_max=7))
    for number in pushes:
        record = numbered(number, number)
        table.push(record, record_body(record), f"link {number}", START)
    found = {entry.keys()[1] for entry in table.query((), START)}
    assert found == {str(number) for number in pushes[-7:]}


@given(pushes=st.lists(st.tuples(st.sampled_from([OWNER_LINK, "x", "y"]), st.integers(0, 5)), max_size=60))
def test_no_push_of_a_stranger_costs_the_owner_a_record(pushes: list[tuple[str, int]]) -> None:
    table = RecordTable(PoolConfig(records_max=5))
    owners: set[tuple[str, ...]] = set()
    for number, (link, author) in enumerate(pushes):
        record = numbered(author, number)
        outcome = table.push(record, record_body(record), link, START)
        if link == OWNER_LINK:
            assert isinstance(outcome, Stored)
            owners = ({*owners, record.keys}) & {entry.keys() for entry in table.query((), START)}
            assert len(owners) == min(5, len(owners))
        found = {entry.keys() for entry in table.query((), START)}
        assert owners <= found
