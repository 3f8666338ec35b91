from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError
from parley.pool.fairness import choose, choose_by_author, fit, max_min_shares, take_turns


def of(text: str) -> str:
    """Return the author of an item such as "a1"."""
    return text[0]


@pytest.mark.parametrize(
    ("counts", "limit", "shares"),
    [
        ([], 5, []),
        ([0], 5, [0]),
        ([3], 0, [0]),
        ([3], 2, [2]),
        ([3], 5, [3]),
        ([5, 5], 10, [5, 5]),
        ([5, 5], 4, [2, 2]),
        ([5, 5], 5, [3, 2]),
        ([1, 9, 9], 9, [1, 4, 4]),
        ([1, 9, 9], 10, [1, 5, 4]),
        ([2, 3], 3, [2, 1]),
        ([3, 2], 3, [2, 1]),
        ([0, 2, 0, 2], 3, [0, 2, 0, 1]),
        ([4, 1, 4, 1, 4], 8, [2, 1, 2, 1, 2]),
        ([4, 1, 4, 1, 4], 9, [3, 1, 2, 1, 2]),
        ([3, 4, 5], 5, [2, 2, 1]),
        ([100, 1, 100], 3, [1, 1, 1]),
    ],
)
def test_shares(counts: list[int], limit: int, shares: list[int]) -> None:
    assert max_min_shares(counts, limit) == shares


@pytest.mark.parametrize(("counts", "limit"), [([1], -1), ([-1, 2], 1)])
def test_nobody_claims_less_than_nothing(counts: list[int], limit: int) -> None:
    with pytest.raises(LocalError) as caught:
        max_min_shares(counts, limit)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("groups", "limit", "chosen", "left_out"),
    [
        ({"L": ["a1", "b1"], "M": ["c1"]}, 3, {"L": ["a1", "b1"], "M": ["c1"]}, 0),
        ({"L": ["a1", "a2", "a3"], "M": ["c1"]}, 2, {"L": ["a1"], "M": ["c1"]}, 2),
        ({"L": ["a1", "a2", "a3"], "M": ["c1", "d1"]}, 4, {"L": ["a1", "a2"], "M": ["c1", "d1"]}, 1),
        ({"L": ["a1", "a2"], "M": ["c1", "c2"]}, 3, {"L": ["a1", "a2"], "M": ["c1"]}, 1),
        ({"L": ["a1", "a2", "a3", "b1"], "M": []}, 2, {"L": ["a1", "b1"], "M": []}, 2),
        ({"L": ["a1", "a2", "a3", "b1", "b2"]}, 3, {"L": ["a1", "a2", "b1"]}, 2),
        ({"L": ["a1"], "M": ["b1"], "N": ["c1"]}, 2, {"L": ["a1"], "M": ["b1"], "N": []}, 1),
        ({"L": ["a1"]}, 0, {"L": []}, 1),
        ({}, 0, {}, 0),
    ],
)
def test_choice_is_fair_to_links_then_to_authors(
    groups: dict[str, list[str]], limit: int, chosen: dict[str, list[str]], left_out: int
) -> None:
    assert choose(groups, limit, author=of, address=str) == (chosen, left_out)


def test_what_two_links_bring_takes_one_place() -> None:
    chosen, left_out = choose({"L": ["a1", "b1"], "M": ["a1", "c1"]}, 3, author=of, address=str)
    assert chosen == {"L": ["a1", "b1"], "M": ["c1"]}
    assert left_out == 0


def test_a_link_that_repeats_others_does_not_use_up_their_shares() -> None:
    honest = [f"{letter}1" for letter in "abcdefgh"]
    liar = honest + [f"{letter}1" for letter in "ijklmnopqrstuvwxyz"]
    chosen, left_out = choose({"liar": liar, "honest": honest}, 8, author=of, address=str)
    found = set(chosen["liar"] + chosen["honest"])
    assert found == set(honest)
    assert left_out == 18
    mixed = [f"{letter}1" for letter in "ijklmnopqrst"] + honest
    chosen, _ = choose({"liar": mixed, "honest": honest}, 8, author=of, address=str)
    assert chosen == {"liar": ["i1", "j1", "k1", "l1"], "honest": ["a1", "b1", "c1", "d1"]}


def test_an_exhausted_link_leaves_its_turn_to_the_next() -> None:
    groups = {"L": ["a1"], "M": ["a1"], "N": ["a1", "b1", "c1"]}
    chosen, left_out = choose(groups, 2, author=of, address=str)
    assert chosen == {"L": ["a1"], "M": [], "N": ["b1"]}
    assert left_out == 1


def test_without_addresses_every_item_is_its_own() -> None:
    chosen, left_out = choose({"L": [["a"], ["a"], ["b"]]}, 2, author=str)
    assert chosen == {"L": [["a"], ["b"]]}
    assert left_out == 1


@pytest.mark.parametrize(
    ("items", "limit", "chosen"),
    [
        (["a1", "a2"], 2, ["a1", "a2"]),
        (["a1", "a2", "b1"], 2, ["a1", "b1"]),
        (["a1", "a2", "b1", "a3", "b2"], 3, ["a1", "a2", "b1"]),
        (["a1"], 0, []),
    ],
)
def test_authors_share_one_link(items: list[str], limit: int, chosen: list[str]) -> None:
    assert choose_by_author(items, limit, of) == chosen


def size(text: str) -> int:
    return int(text[1:])


@pytest.mark.parametrize(
    ("groups", "limit_bytes", "fitting"),
    [
        ({"L": ["a5", "b5"], "M": ["c5"]}, 15, {"L": ["a5", "b5"], "M": ["c5"]}),
        ({"L": ["a9", "b9"], "M": ["c2"]}, 11, {"L": ["a9"], "M": ["c2"]}),
        ({"L": ["a9", "b9"], "M": ["c9", "d9"]}, 20, {"L": ["a9"], "M": ["c9"]}),
        ({"L": ["a8", "b3", "a2"]}, 12, {"L": ["a8", "b3"]}),
        ({"L": ["a8", "a7", "b3"]}, 12, {"L": ["a8", "b3"]}),
        ({"L": ["a9", "b2", "a1"]}, 4, {"L": ["b2", "a1"]}),
        ({"L": ["a9"], "M": []}, 0, {"L": [], "M": []}),
    ],
)
def test_bytes_are_shared_like_places(
    groups: dict[str, list[str]], limit_bytes: int, fitting: dict[str, list[str]]
) -> None:
    assert fit(groups, limit_bytes, author=of, size_bytes=size) == fitting


@pytest.mark.parametrize(
    ("groups", "turns"),
    [
        ([], []),
        ([[], []], []),
        ([["a"], ["b", "c", "d"], ["e", "f"]], ["a", "b", "e", "c", "f", "d"]),
    ],
)
def test_groups_take_turns(groups: list[list[str]], turns: list[str]) -> None:
    assert take_turns(groups) == turns


def test_every_beginning_of_the_turns_is_fair() -> None:
    turns = take_turns([["h1", "h2", "h3"], [f"l{number}" for number in range(9)]])
    for length in range(1, 7):
        beginning = turns[:length]
        assert abs(sum(item[0] == "h" for item in beginning) - sum(item[0] == "l" for item in beginning)) <= 1
