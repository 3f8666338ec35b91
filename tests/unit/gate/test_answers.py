"""Answers are kept while there is room and time."""

from __future__ import annotations

from parley.gate.answers import Absence, Answer, KeptAnswers
from parley.primitives.instants import Instant

LATER = Instant(1_000)
NOW = Instant(0)


def answer(body: bytes = b"", *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(200, headers, body)


def test_what_was_finished_is_found() -> None:
    kept = KeptAnswers(10_000)
    assert kept.find(b"a") is Absence.NOT_KEPT
    kept.begin(b"a")
    assert kept.find(b"a") is Absence.UNDER_WAY
    kept.finish(b"a", answer(b"x"), expires_ms=LATER, now=NOW)
    assert kept.find(b"a") == answer(b"x")


def test_what_never_came_is_not_there() -> None:
    kept = KeptAnswers(10_000)
    kept.begin(b"a")
    kept.finish(b"a", None, expires_ms=LATER, now=NOW)
    assert kept.find(b"a") is Absence.NOT_KEPT


def test_the_oldest_make_room() -> None:
    size = answer(bytes(100), (b"ab", b"cd")).size_bytes()
    assert size == 512 + 100 + 4
    kept = KeptAnswers(2 * size)
    for name in (b"a", b"b", b"c"):
        kept.begin(name)
        kept.finish(name, answer(bytes(100), (b"ab", b"cd")), expires_ms=LATER, now=NOW)
    assert [kept.find(name) is Absence.NOT_KEPT for name in (b"a", b"b", b"c")] == [True, False, False]


def test_one_that_is_larger_than_all_room_drops_nobody() -> None:
    kept = KeptAnswers(1_000)
    kept.finish(b"a", answer(), expires_ms=LATER, now=NOW)
    kept.finish(b"b", answer(bytes(1_000)), expires_ms=LATER, now=NOW)
    assert kept.find(b"a") == answer()
    assert kept.find(b"b") is Absence.NOT_KEPT


def test_what_has_ended_is_dropped_when_another_comes() -> None:
    kept = KeptAnswers(10_000)
    kept.finish(b"a", answer(), expires_ms=LATER, now=NOW)
    kept.finish(b"b", answer(), expires_ms=Instant(2_000), now=Instant(999))
    assert kept.find(b"a") == answer()
    kept.finish(b"c", answer(), expires_ms=Instant(2_000), now=LATER)
    assert kept.find(b"a") is Absence.NOT_KEPT
    assert kept.find(b"b") == answer()
