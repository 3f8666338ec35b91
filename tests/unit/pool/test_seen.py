"""Which requests are known, how deep they were followed, and who is forgotten when there is no room."""

from __future__ import annotations

from parley.pool.seen import SeenRequests
from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant

KEEP_MS = 100
START = Instant(1_000)


def request(number: int) -> RequestId:
    return RequestId(bytes([number]) * 16)


def seen(entries_max: int = 4) -> SeenRequests:
    return SeenRequests(keep_ms=KEEP_MS, entries_max=entries_max)


def test_a_request_is_known_until_its_time_is_over() -> None:
    requests = seen()
    assert requests.remaining(request(1), START) is None
    requests.note(request(1), 3, START)
    assert requests.remaining(request(1), Instant(START + KEEP_MS - 1)) == 3
    assert requests.remaining(request(1), Instant(START + KEEP_MS)) is None


def test_the_largest_remaining_deepness_is_kept_and_the_time_is_that_of_the_first_copy() -> None:
    requests = seen()
    requests.note(request(1), 2, START)
    requests.note(request(1), 4, Instant(START + 50))
    requests.note(request(1), 3, Instant(START + 60))
    assert requests.remaining(request(1), Instant(START + 60)) == 4
    assert requests.remaining(request(1), Instant(START + KEEP_MS)) is None
    assert len(requests) == 1


def test_what_is_out_of_date_makes_room_first() -> None:
    requests = seen(2)
    requests.note(request(1), 1, START, "busy")
    requests.note(request(2), 1, Instant(START + 50), "busy")
    requests.note(request(3), 1, Instant(START + KEEP_MS), "quiet")
    assert [requests.remaining(request(number), Instant(START + KEEP_MS)) for number in (1, 2, 3)] == [None, 1, 1]


def test_all_of_it_is_forgotten_in_the_end() -> None:
    requests = seen()
    requests.note(request(1), 1, START, "first")
    requests.note(request(2), 1, START, "second")
    requests.note(request(3), 1, Instant(START + KEEP_MS), None)
    assert len(requests) == 1
    requests.note(request(4), 1, Instant(START + 2 * KEEP_MS), None)
    assert len(requests) == 1


def test_who_floods_loses_its_own_oldest() -> None:
    requests = seen(4)
    requests.note(request(1), 1, START, "quiet")
    for number in range(2, 9):
        requests.note(request(number), 1, START, "flood")
    known = [number for number in range(1, 9) if requests.remaining(request(number), START) is not None]
    assert known == [1, 6, 7, 8]
    assert len(requests) == 4
