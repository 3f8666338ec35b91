from __future__ import annotations

from parley.pool.entries import Entry, LinkHolding
from parley.pool.expiries import Expiries
from parley.primitives.instants import Instant
from tests.unit.pool.samples import entry


class Shelf:
    """Entries that are held, with when they end."""

    def __init__(self) -> None:
        self.link = LinkHolding("link")
        self.expiries = Expiries()
        self.born = 0

    def put(self, expires_ms: int) -> Entry:
        self.born += 1
        held = entry(1, ("k", str(self.born)), born=self.born)
        held.expires_ms = expires_ms
        self.link.add(held, held.author)
        self.expiries.plan(held, held=self.link.records)
        return held

    def popped(self, now: int) -> list[Entry]:
        """Take out and let go whoever has ended."""
        found = []
        while (held := self.expiries.pop(Instant(now))) is not None:
            found.append(held)
            self.link.discard(held)
        return found


def test_entries_end_in_order_to_the_millisecond() -> None:
    shelf = Shelf()
    late, early, middle, other = (shelf.put(moment) for moment in (5_900, 5_100, 5_500, 7_000))
    assert shelf.popped(5_099) == []
    assert shelf.popped(5_100) == [early]
    assert shelf.popped(5_899) == [middle]
    assert shelf.popped(10_000) == [late, other]
    assert shelf.popped(99_999) == []


def test_the_next_moment_is_known_to_the_second_then_exactly() -> None:
    shelf = Shelf()
    assert shelf.expiries.next() is None
    shelf.put(5_300)
    assert shelf.expiries.next() == 6_000
    assert shelf.popped(5_000) == []
    assert shelf.expiries.next() == 5_300
    assert len(shelf.popped(5_300)) == 1
    assert shelf.expiries.next() is None


def test_it_says_until_when_it_is_quiet() -> None:
    shelf = Shelf()
    assert shelf.expiries.quiet_until == 2**53 - 1
    shelf.put(7_200)
    shelf.put(5_300)
    assert shelf.expiries.quiet_until == 5_000
    assert shelf.popped(5_000) == []
    assert shelf.expiries.quiet_until == 5_300
    shelf.put(5_250)
    assert shelf.expiries.quiet_until == 5_000
    assert len(shelf.popped(5_300)) == 2
    assert shelf.expiries.quiet_until == 7_000
    assert len(shelf.popped(8_000)) == 1
    assert shelf.expiries.quiet_until == 2**53 - 1


def test_an_entry_planned_for_the_second_that_has_begun_ends_in_it() -> None:
    shelf = Shelf()
    first = shelf.put(5_900)
    assert shelf.popped(5_200) == []
    second = shelf.put(5_400)
    assert shelf.popped(5_400) == [second]
    assert shelf.popped(5_900) == [first]


def test_who_has_left_is_skipped() -> None:
    shelf = Shelf()
    gone, begun, kept = shelf.put(5_100), shelf.put(6_500), shelf.put(6_600)
    shelf.link.discard(gone)
    assert shelf.popped(6_000) == []
    shelf.link.discard(begun)
    assert shelf.popped(6_500) == []
    assert shelf.popped(6_600) == [kept]


def test_who_ends_later_than_planned_ends_once() -> None:
    shelf = Shelf()
    held = shelf.put(5_100)
    same_second = shelf.put(6_100)
    held.expires_ms = 9_000
    shelf.expiries.plan(held, held=2)
    assert shelf.popped(6_050) == []
    same_second.expires_ms = 6_900
    shelf.expiries.plan(same_second, held=2)
    assert shelf.popped(6_899) == []
    assert shelf.popped(6_900) == [same_second]
    assert shelf.popped(9_000) == [held]
    assert shelf.popped(9_999) == []


def test_plans_that_are_out_of_date_do_not_pile_up() -> None:
    shelf = Shelf()
    kept = shelf.put(10**12)
    for number in range(20_000):
        shelf.link.discard(shelf.put(10**9 + number * 1_000))
        assert len(shelf.expiries._buckets) == len(shelf.expiries._seconds) <= 2 * 2 + 1_024 + 1
    assert shelf.popped(10**12) == [kept]


def test_entries_of_one_moment_all_end() -> None:
    shelf = Shelf()
    entries = [shelf.put(5_000) for _ in range(50)]
    assert shelf.popped(5_000) == entries
