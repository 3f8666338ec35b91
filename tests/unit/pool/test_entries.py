from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError
from parley.pool.entries import AuthorHolding, Entry, LinkHolding
from parley.pool.messages import encode_record, record_id
from tests.unit.pool.samples import KEYS, NOW, author, entry, record


def test_an_entry_reads_back_what_it_was_made_of() -> None:
    made = record(3, ("schlüssel", "b"), "ä message", sequence=9)
    held = Entry(encode_record(made), made.expires_ms, made.expires_ms, 1)
    assert held.record() == made
    assert held.author == made.author
    assert held.sequence == 9
    assert held.created_ms == made.created_ms
    assert held.keys() == made.keys
    assert held.keys_and_message() == (made.keys, "ä message")
    assert held.id() == record_id(made)
    assert held.path() == ("schlüssel", "b", made.author)


def test_newness_is_the_order_of_making() -> None:
    older, newer = record(age_ms=2_000), record(age_ms=1_000)
    twins = record(age_ms=1_000, left_ms=60_001)
    entries = [Entry(encode_record(made), made.expires_ms, made.expires_ms, 1) for made in (newer, older, twins)]
    ordered = sorted(entries, key=Entry.newness)
    assert [held.record() for held in ordered] == [older, newer, twins]


def test_a_tombstone_keeps_the_address_and_nothing_of_the_message() -> None:
    held = entry(3, KEYS, "secret")
    held.guard_ms = NOW + 90_000
    held.close(7)
    assert held.is_tombstone
    assert held.path() == (*KEYS, author(3))
    assert held.sequence == 7
    assert held.created_ms == NOW - 1_000
    assert held.expires_ms == held.guard_ms == NOW + 90_000
    assert held.keys_and_message() == (KEYS, "")
    assert b"secret" not in held.raw
    assert held.raw[-64:] == bytes(64)


def test_an_entry_outside_the_table_is_nobodys() -> None:
    with pytest.raises(LocalError) as caught:
        entry().holder()
    assert caught.value.code is ErrorCode.WRONG_STATE


def filled(*entries: tuple[int, int, str]) -> tuple[LinkHolding, list[Entry]]:
    """Return a link with entries of (author, arrival, message)."""
    link = LinkHolding("link")
    made = [entry(number, ("k", str(born)), message, born=born) for number, born, message in entries]
    for held in made:
        link.add(held, held.author)
    return link, made


def test_a_link_counts_what_it_holds() -> None:
    link, made = filled((1, 1, "a"), (2, 2, "b"), (1, 3, "c"))
    assert link.records == 3
    assert link.size_bytes == sum(len(held.raw) for held in made)
    assert {key: holding.records for key, holding in link.authors.items()} == {author(1): 2, author(2): 1}
    assert made[0].holder().entries() == [made[0], made[2]]
    link.discard(made[0])
    assert made[0].holding is None
    assert made[2].holder().entries() == [made[2]]
    assert link.records == 2
    link.discard(made[1])
    assert author(2) not in link.authors
    assert link.size_bytes == made[2].holder().size_bytes == len(made[2].raw)


def test_a_replacement_is_the_newest() -> None:
    link, made = filled((1, 1, "a"), (1, 2, "b"))
    newer = entry(1, ("k", "1"), "longer", born=3)
    link.replace(made[0], newer)
    assert made[0].holding is None
    assert newer.holder().entries() == [made[1], newer]
    assert newer.holder().oldest() is made[1]
    assert link.records == newer.holder().records == 2
    assert link.size_bytes == newer.holder().size_bytes == len(made[1].raw) + len(newer.raw)


def test_the_author_that_holds_most_loses_its_oldest() -> None:
    link, made = filled((1, 1, "a"), (2, 2, "b"), (2, 3, "c"), (3, 4, "d"))
    assert link.victim(by_bytes=False) is made[1]
    link.discard(made[1])
    assert link.victim(by_bytes=False) is made[0]
    link.discard(made[0])
    assert link.victim(by_bytes=False) is made[2]


def test_by_bytes_the_heaviest_loses() -> None:
    link, made = filled((1, 1, "a"), (1, 2, "b"), (2, 3, "c" * 3_000), (3, 4, "d" * 2_000))
    assert link.victim(by_bytes=True) is made[2]
    assert link.victim(by_bytes=False) is made[0]
    assert link.weight(by_bytes=True) == link.size_bytes // 1_024
    assert link.weight(by_bytes=False) == 4


def test_the_newcomer_is_spared_and_its_author_too_if_it_has_nothing_else() -> None:
    link, made = filled((1, 1, "a"), (2, 2, "b" * 5_000))
    assert link.victim(by_bytes=True, spare=made[1]) is made[0]
    assert link.victim(by_bytes=True) is made[1]
    link.discard(made[0])
    assert link.victim(by_bytes=True, spare=made[1]) is None


def test_a_shrunk_author_stays_in_the_ranking() -> None:
    """A removal makes entries smaller; whoever shrank must still be found."""
    link, made = filled((1, 1, "a" * 5_000), (2, 2, "b" * 4_000))
    assert link.victim(by_bytes=True) is made[0]
    before_bytes = len(made[0].raw)
    made[0].close(1)
    link.resize(made[0].holder(), len(made[0].raw) - before_bytes)
    assert link.victim(by_bytes=True) is made[1]
    link.discard(made[1])
    assert link.victim(by_bytes=True) is made[0]


def test_a_ranking_follows_whoever_comes_and_changes() -> None:
    link, made = filled((1, 1, "a"), (1, 2, "b"), (2, 3, "c"))
    assert link.victim(by_bytes=False) is made[0]
    for born in (4, 5):
        newer = entry(2, ("k", str(born)), born=born)
        link.add(newer, newer.author)
    assert link.victim(by_bytes=False) is made[2]
    link.replace(made[2], entry(2, ("k", "3"), born=6))
    victim = link.victim(by_bytes=False)
    assert victim is not None
    assert victim.born == 4


def test_those_who_left_do_not_pile_up() -> None:
    link, made = filled((1, 1, "keeper"), (1, 2, "first"))
    held = made[1]
    for number in range(3, 2_000):
        newer = entry(1, ("k", "x"), born=number)
        link.replace(held, newer)
        held = newer
    holding = held.holder()
    assert holding.entries() == [made[0], held]
    assert len(holding.arrived) <= 2 * 2 + 8 + 1


def test_the_oldest_is_found_behind_those_who_left() -> None:
    link, made = filled(*((1, born, "m") for born in range(1, 101)))
    holding = made[0].holder()
    for held in made[:99]:
        assert holding.oldest() is held
        link.discard(held)
    assert holding.oldest() is made[99]


def test_an_author_holding_weighs_records_or_whole_blocks() -> None:
    holding = AuthorHolding(author(1), LinkHolding("link"))
    holding.records, holding.size_bytes = 3, 2_047
    assert holding.weight(by_bytes=False) == 3
    assert holding.weight(by_bytes=True) == 1
