"""Fair shares: per link, then per author, of places and of bytes, whoever brings what twice."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from parley.errors import ErrorCode, LocalError
from parley.pool.fairness import choose, choose_by_author, fit, max_min_shares, take_turns


class Thing(NamedTuple):
    """A record as fairness sees it: who wrote it, and its place among the author's."""

    author: str
    number: int

    @property
    def size_bytes(self) -> int:
        return 10 * self.number


def things(text: str) -> list[Thing]:
    """Return things such as "a1 a2 b1"."""
    return [Thing(word[0], int(word[1:])) for word in text.split()]


def author_of(thing: Thing) -> str:
    return thing.author


def same(thing: Thing) -> Thing:
    return thing


def chosen(limit: int, **groups: str) -> tuple[dict[str, list[Thing]], int]:
    return choose({link: things(text) for link, text in groups.items()}, limit, author=author_of, address=same)


@pytest.mark.parametrize(
    ("counts", "limit", "shares"),
    [
        ([], 5, []),
        ([3], 0, [0]),
        ([3], 5, [3]),
        ([3, 3], 6, [3, 3]),
        ([3, 3], 5, [3, 2]),
        ([1, 9], 4, [1, 3]),
        ([9, 1, 9], 6, [3, 1, 2]),
        ([5, 5, 5], 7, [3, 2, 2]),
        ([0, 2, 2], 3, [0, 2, 1]),
        ([2, 4, 8], 100, [2, 4, 8]),
        ([10**12, 1], 10, [9, 1]),
    ],
)
def test_the_smallest_share_is_as_large_as_it_can_be(counts: list[int], limit: int, shares: list[int]) -> None:
    assert max_min_shares(counts, limit) == shares


@pytest.mark.parametrize(("counts", "limit"), [([1], -1), ([-1], 1)])
def test_nobody_claims_less_than_nothing(counts: list[int], limit: int) -> None:
    with pytest.raises(LocalError) as caught:
        max_min_shares(counts, limit)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def test_where_there_is_room_all_are_chosen_and_each_once() -> None:
    assert chosen(4, first="a1 b1", second="a1 c1 c2") == (
        {"first": things("a1 b1"), "second": things("c1 c2")},
        0,
    )


def test_without_an_address_every_item_is_its_own() -> None:
    groups = {"first": things("a1 b1"), "second": things("a1")}
    assert choose(groups, 3, author=author_of) == (groups, 0)


def test_a_link_that_brings_more_gets_no_more() -> None:
    assert chosen(4, honest="a1 b1", flood="x1 x2 x3 x4 x5 x6") == (
        {"honest": things("a1 b1"), "flood": things("x1 x2")},
        4,
    )


def test_a_link_that_names_many_authors_gets_no_more() -> None:
    assert chosen(4, honest="a1 a2", sybil="u1 v1 w1 x1 y1 z1") == (
        {"honest": things("a1 a2"), "sybil": things("u1 v1")},
        4,
    )


def test_within_a_link_the_authors_share_and_the_order_stays() -> None:
    assert chosen(3, only="a1 a2 a3 b1 c1") == ({"only": things("a1 b1 c1")}, 2)
    assert chosen(4, only="a1 a2 a3 b1 c1") == ({"only": things("a1 a2 b1 c1")}, 1)


def test_an_odd_place_is_the_earlier_links() -> None:
    assert chosen(3, first="a1 a2", second="b1 b2") == ({"first": things("a1 a2"), "second": things("b1")}, 1)


def test_who_repeats_what_others_bring_uses_up_nobodys_share() -> None:
    assert chosen(4, honest="a1 b1 c1 d1", echo="a1 b1 c1 d1 x1") == (
        {"honest": things("a1 c1"), "echo": things("b1 d1")},
        1,
    )
    assert chosen(2, echo="a1", honest="a1 b1 c1") == ({"echo": things("a1"), "honest": things("b1")}, 1)


def test_fewer_places_than_links_go_to_the_first() -> None:
    assert chosen(1, first="a1", second="b1", third="c1") == (
        {"first": things("a1"), "second": [], "third": []},
        2,
    )
    assert chosen(0, first="a1", second="b1") == ({"first": [], "second": []}, 2)


def test_a_link_with_nothing_left_gives_its_turn_to_the_next() -> None:
    assert chosen(5, first="a1", second="b1 b2", third="c1 c2 c3") == (
        {"first": things("a1"), "second": things("b1 b2"), "third": things("c1 c2")},
        1,
    )


def test_authors_share_a_list_and_the_order_stays() -> None:
    assert choose_by_author(things("a1 a2 a3 b1"), 4, author_of) == things("a1 a2 a3 b1")
    assert choose_by_author(things("a1 a2 a3 b1"), 3, author_of) == things("a1 a2 b1")
    assert choose_by_author(things("a1 a2 a3 b1 b2"), 3, author_of) == things("a1 a2 b1")
    assert choose_by_author(things("a1 b1"), 0, author_of) == []


def fitting(limit_bytes: int, **groups: str) -> dict[str, list[Thing]]:
    return fit(
        {link: things(text) for link, text in groups.items()},
        limit_bytes,
        author=author_of,
        size_bytes=lambda thing: thing.size_bytes,
    )


def test_what_fits_stays_whole() -> None:
    assert fitting(60, first="a1 a2", second="b3") == {"first": things("a1 a2"), "second": things("b3")}


def test_where_bytes_are_scarce_each_link_has_its_share_of_them() -> None:
    assert fitting(59, first="a1 a2", second="b3") == {"first": things("a1 a2"), "second": []}
    assert fitting(40, first="a1", second="b1 b1 b1 b1 b1") == {"first": things("a1"), "second": things("b1 b1 b1")}


def test_what_does_not_fit_is_passed_over_and_authors_take_turns() -> None:
    assert fitting(30, only="a9 a1 b2 b1") == {"only": things("a1 b2")}
    assert fitting(30, only="a1 a1 a1 b1") == {"only": things("a1 a1 b1")}


def test_turns_are_taken_in_rounds() -> None:
    assert take_turns(["abc", "d", "", "ef"]) == ["a", "d", "e", "b", "f", "c"]
    assert take_turns([]) == []
