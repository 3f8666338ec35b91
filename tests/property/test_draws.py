"""Every draw is fair: chi-square over seeded beacons, with bounds that a fair draw passes 999,999 times of 1,000,000.

The seeds are fixed, so a test fails always or never; the bounds are the quantiles of the chi-square distribution at
1 - 10**-6, by degrees of freedom, from the incomplete gamma function.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.lottery import draw
from parley.protocol.beacon import Beacon, HashLeaf, Seed, commit, draw_below, draw_order, draw_weighted, wins

BOUND_BY_FREEDOM = {1: 23.93, 5: 35.89, 9: 44.81, 11: 48.87, 23: 70.55}
DRAWS = 12_000

seeds = st.binary(min_size=32, max_size=32).map(Seed)
labels = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32).map(str.encode)


def seed_of(number: int) -> Seed:
    return Seed(hashlib.sha256(b"fair %d" % number).digest())


def chi_square(pick: Callable[[Seed], Hashable], expected: Mapping[Hashable, float], draws: int = DRAWS) -> float:
    counts = Counter(pick(seed_of(number)) for number in range(draws))
    assert set(counts) <= set(expected)
    return sum((counts[key] - draws * share) ** 2 / (draws * share) for key, share in expected.items())


def even(keys: list[Hashable]) -> dict[Hashable, float]:
    return dict.fromkeys(keys, 1 / len(keys))


@pytest.mark.parametrize("share", [0.5, 0.25, 0.01])
def test_wins_is_fair(share: float) -> None:
    threshold = int(share * 2**256)
    expected: dict[Hashable, float] = {True: share, False: 1 - share}
    assert chi_square(lambda seed: wins(seed, threshold), expected) < BOUND_BY_FREEDOM[1]


@pytest.mark.parametrize("bound", [2, 6, 10])
def test_below_is_fair(bound: int) -> None:
    statistic = chi_square(lambda seed: draw_below(seed, b"die", bound), even(list(range(bound))))
    assert statistic < BOUND_BY_FREEDOM[bound - 1]


def test_below_has_no_modulo_bias() -> None:
    # Of 2**256 words, a plain modulo by 3 * 2**254 would give the first third twice as often as the others.
    bound = 3 * 2**254
    expected: dict[Hashable, float] = even([0, 1])
    statistic = chi_square(lambda seed: draw_below(seed, b"third", bound) >= bound // 2, expected)
    assert statistic < BOUND_BY_FREEDOM[1]


def test_weighted_is_fair() -> None:
    weights = [10**8, 0, 3 * 10**8, 5 * 10**8, 1 * 10**8, 2 * 10**8, 8 * 10**8]
    total = sum(weights)
    expected: dict[Hashable, float] = {index: weight / total for index, weight in enumerate(weights) if weight}
    assert chi_square(lambda seed: draw_weighted(seed, b"voter", weights), expected) < BOUND_BY_FREEDOM[5]


def test_order_is_fair() -> None:
    statistic = chi_square(lambda seed: draw_order(seed, b"line", 4), even(list(permutations(range(4)))))
    assert statistic < BOUND_BY_FREEDOM[23]


def test_the_draw_of_a_ticket_is_fair() -> None:
    expected = even(list(range(10)))
    statistic = chi_square(lambda seed: draw(seed * 2 + b"\x1b", 5) * 10 >> 256, expected)
    assert statistic < BOUND_BY_FREEDOM[9]


def test_labels_and_kinds_are_independent() -> None:
    def two(seed: Seed) -> Hashable:
        return draw_below(seed, b"one", 2), draw_below(seed, b"other", 2), draw_weighted(seed, b"one", [1, 1, 1])

    expected = even([(one, other, third) for one in range(2) for other in range(2) for third in range(3)])
    assert chi_square(two, expected) < BOUND_BY_FREEDOM[11]


def test_an_opened_beacon_is_fair_whatever_one_seat_does() -> None:
    # Seat 1 always commits to zeros; seat 0 is honest.
    def winner(seed: Seed) -> Hashable:
        nonces = (bytes(seed), bytes(32))
        leaves = tuple(HashLeaf(commit(bytes(32), seat, nonce)) for seat, nonce in enumerate(nonces))
        return draw_below(Beacon(bytes(32), leaves, values=nonces).seed(), b"winner", 2)

    assert chi_square(winner, even([0, 1])) < BOUND_BY_FREEDOM[1]


@pytest.mark.parametrize("loaded", [[2, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 6], [12, 8, 10, 10, 12, 8]])
def test_the_bounds_bite(loaded: list[int]) -> None:
    statistic = chi_square(lambda seed: draw_weighted(seed, b"die", loaded), even(list(range(6))))
    assert statistic > BOUND_BY_FREEDOM[5]


@given(seeds, labels, st.integers(1, 2**256))
def test_below_is_below(seed: Seed, label: bytes, bound: int) -> None:
    assert 0 <= draw_below(seed, label, bound) < bound


@given(seeds, labels, st.lists(st.integers(0, 2**40), min_size=1, max_size=20).filter(any))
def test_nobody_without_weight_is_picked(seed: Seed, label: bytes, weights: list[int]) -> None:
    assert weights[draw_weighted(seed, label, weights)] > 0


@given(seeds, labels, st.integers(1, 50))
def test_an_order_has_each_place_once(seed: Seed, label: bytes, places: int) -> None:
    assert sorted(draw_order(seed, label, places)) == list(range(places))
