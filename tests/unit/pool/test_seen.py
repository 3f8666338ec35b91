from __future__ import annotations

from parley.pool.seen import SeenRequests
from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant


def request(number: int) -> RequestId:
    return RequestId(number.to_bytes(16, "big"))


def test_it_remembers_the_largest_deepness() -> None:
    seen = SeenRequests(keep_ms=100, entries_max=10)
    assert seen.remaining(request(1), Instant(0)) is None
    for remaining in (2, 5, 3):
        seen.note(request(1), remaining, Instant(0))
    assert seen.remaining(request(1), Instant(0)) == 5
    assert seen.remaining(request(2), Instant(0)) is None
    assert len(seen) == 1


def test_it_forgets_after_its_time_counted_from_the_first_copy() -> None:
    seen = SeenRequests(keep_ms=100, entries_max=10)
    seen.note(request(1), 2, Instant(0))
    seen.note(request(1), 3, Instant(90))
    assert seen.remaining(request(1), Instant(99)) == 3
    assert seen.remaining(request(1), Instant(100)) is None
    seen.note(request(2), 1, Instant(100))
    assert len(seen) == 1
    seen.note(request(3), 1, Instant(150))
    assert len(seen) == 2


def test_a_request_that_was_forgotten_may_come_again() -> None:
    seen = SeenRequests(keep_ms=100, entries_max=10)
    seen.note(request(1), 5, Instant(0))
    seen.note(request(1), 2, Instant(100))
    assert seen.remaining(request(1), Instant(100)) == 2


def test_when_full_the_link_that_brought_most_loses_its_oldest() -> None:
    seen = SeenRequests(keep_ms=1_000, entries_max=5)
    now = Instant(0)
    seen.note(request(0), 1, now)
    seen.note(request(1), 1, now, "honest")
    for number in range(2, 20):
        seen.note(request(number), 1, now, "flooder")
        assert len(seen) <= 5
    assert seen.remaining(request(0), now) == 1
    assert seen.remaining(request(1), now) == 1
    assert [number for number in range(2, 20) if seen.remaining(request(number), now)] == [17, 18, 19]


def test_a_link_that_left_nothing_behind_is_forgotten() -> None:
    seen = SeenRequests(keep_ms=10, entries_max=2)
    for number in range(50):
        seen.note(request(number), 1, Instant(number * 10), f"link {number}")
        assert len(seen) == 1
    assert seen.remaining(request(49), Instant(490)) == 1
    seen.note(request(50), 1, Instant(490), "link 49")
    seen.note(request(51), 1, Instant(490), "late")
    assert seen.remaining(request(49), Instant(490)) is None
    assert seen.remaining(request(51), Instant(490)) == 1
