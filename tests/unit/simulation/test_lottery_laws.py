"""The closed forms agree with enumeration, with other closed forms, and with figures from books."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import LocalError
from parley.simulation.lottery_laws import (
    binomial_quantile,
    first_winner_quantile,
    float_winners,
    largest_face_value,
    relative_deviation,
    requests_for,
    ruin_at_last,
    ruin_exponent,
)

probabilities = st.floats(min_value=0.001, max_value=0.999)


def binomial(trials: int, wins: int, share: Fraction) -> Fraction:
    return math.comb(trials, wins) * share**wins * (1 - share) ** (trials - wins)


def test_the_deviation_is_that_of_a_coin_tossed_a_hundred_times() -> None:
    # 50 heads on average, with a standard deviation of 5.
    assert relative_deviation(100, 0.5) == pytest.approx(0.1)


@given(st.integers(1, 12), st.integers(1, 9))
def test_the_deviation_is_that_of_all_outcomes_weighed(tickets: int, tenths: int) -> None:
    share = Fraction(tenths, 10)
    weights = [(wins, binomial(tickets, wins, share)) for wins in range(tickets + 1)]
    mean = sum(wins * weight for wins, weight in weights)
    variance = sum((wins - mean) ** 2 * weight for wins, weight in weights)
    assert relative_deviation(tickets, tenths / 10) == pytest.approx(math.sqrt(variance) / float(mean))


@pytest.mark.parametrize(
    ("price_wei", "tickets", "deviation", "largest_wei"),
    [
        (100, 1_000_000, 0.5, 25_000_100),  # v * (1 + n / 4)
        (1, 4, 0.5, 2),
        (7, 3, 0.5, 12),  # 7 * 1.75 = 12.25
        (10**18, 10**9, 0.25, 10**18 + 10**27 // 16),
    ],
)
def test_the_largest_face_value(price_wei: int, tickets: int, deviation: float, largest_wei: int) -> None:
    assert largest_face_value(expected_value_wei=price_wei, tickets=tickets, deviation=deviation) == largest_wei


@given(st.integers(1, 10**15), st.integers(1, 10**9), st.floats(min_value=0.001, max_value=1))
def test_the_largest_face_value_keeps_the_deviation_and_no_larger_one_does(
    price_wei: int, tickets: int, deviation: float
) -> None:
    face_value_wei = largest_face_value(expected_value_wei=price_wei, tickets=tickets, deviation=deviation)
    exact = Fraction(deviation) ** 2
    assert Fraction(face_value_wei - price_wei, price_wei * tickets) <= exact
    assert Fraction(face_value_wei + 1 - price_wei, price_wei * tickets) > exact


@given(st.integers(1, 10**12), st.integers(0, 10**15), st.floats(min_value=0.001, max_value=1))
def test_over_the_requests_that_are_needed_a_face_value_is_allowed_and_over_fewer_it_is_not(
    price_wei: int, more_wei: int, deviation: float
) -> None:
    wanted_wei = price_wei + more_wei
    needed = requests_for(expected_value_wei=price_wei, face_value_wei=wanted_wei, deviation=deviation)
    assert largest_face_value(expected_value_wei=price_wei, tickets=needed, deviation=deviation) >= wanted_wei
    if needed > 1:
        assert largest_face_value(expected_value_wei=price_wei, tickets=needed - 1, deviation=deviation) < wanted_wei


@pytest.mark.parametrize(
    ("share_won", "after"),
    [(0.5, 4), (0.95, 17), (0.1, 1)],  # the Chevalier de Mere's die: four throws for an even chance of a six
)
def test_the_first_six_of_a_die(share_won: float, after: int) -> None:
    assert first_winner_quantile(1 / 6, share_won) == after


def test_who_always_wins_wins_at_once() -> None:
    assert first_winner_quantile(1.0, 0.999) == 1


@given(probabilities, st.floats(min_value=0.01, max_value=0.99))
def test_by_the_quantile_the_share_has_won_and_one_ticket_before_it_has_not(share: float, wanted: float) -> None:
    after = first_winner_quantile(share, wanted)
    assert 1 - (1 - share) ** after >= wanted - 1e-9
    assert after == 1 or 1 - (1 - share) ** (after - 1) <= wanted + 1e-9


@given(st.integers(0, 60), st.integers(1, 99), st.integers(1, 99))
def test_the_quantile_of_the_binomial_is_that_of_exact_sums(trials: int, percent: int, wanted: int) -> None:
    share, total = Fraction(percent, 100), Fraction(0)
    for exact in range(trials + 1):
        total += binomial(trials, exact, share)
        if total >= Fraction(wanted, 100):
            break
    assert binomial_quantile(trials, percent / 100, wanted / 100) == exact


def test_large_binomials_are_near_the_normal_law() -> None:
    # 10**8 tickets, 1 in 10: mean 10**7, standard deviation 3000, and 1.645 of these for 95 of 100.
    assert binomial_quantile(10**8, 0.1, 0.95) == pytest.approx(10**7 + 1.6449 * 3_000, abs=5)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("percent", [1, 30, 70])
def test_where_the_sum_becomes_an_expansion_nothing_jumps(share: float, percent: int) -> None:
    # Just below and just above a standard deviation of 5000; a few winners more or less than in between.
    win_prob = percent / 100
    trials = round(5_000**2 / (win_prob * (1 - win_prob)))
    summed, expanded = (binomial_quantile(trials + more, win_prob, share) for more in (-1_000, 1_000))
    assert expanded - summed == pytest.approx(2_000 * win_prob, abs=2)


def test_small_probabilities_are_near_poisson() -> None:
    # Poisson of mean 2: 0.1353, 0.4060, 0.6767, 0.8571, 0.9473, 0.9834, 0.9955, 0.9989, 0.9998.
    assert [binomial_quantile(10**6, 2e-6, share) for share in (0.13, 0.5, 0.9, 0.99, 0.999)] == [0, 2, 4, 6, 8]


def test_the_float_has_room_for_the_winner_that_comes() -> None:
    assert float_winners(tickets_waiting=0, win_prob=0.5, share=0.999) == 1
    assert float_winners(tickets_waiting=1, win_prob=0.5, share=0.999) == 1
    assert float_winners(tickets_waiting=5, win_prob=1.0, share=0.5) == 5


@pytest.mark.parametrize("held", [0, 1, 2, 7])
def test_ruin_of_a_gambler_who_wins_double_in_two_of_three(held: int) -> None:
    # Each step is +1 with 2/3 and -1 with 1/3: to lose one more than is held has the probability 2**-(held + 1).
    ruin = ruin_at_last(win_prob=2 / 3, gain=2.0, spent=1.0, held=float(held))
    assert ruin == pytest.approx(0.5 ** (held + 1))


def ruined_within(tickets: int, *, share: float, jump: int, held: int) -> float:
    """Return the probability of ruin within some tickets by walking through all levels, with no formula."""
    levels, ruined = {held: 1.0}, 0.0
    for _ in range(tickets):
        following: dict[int, float] = {}
        for level, weight in levels.items():
            following[level - 1 + jump] = following.get(level - 1 + jump, 0.0) + weight * share
            if level == 0:
                ruined += weight * (1 - share)
            else:
                following[level - 1] = following.get(level - 1, 0.0) + weight * (1 - share)
        levels = following
    return ruined


@pytest.mark.parametrize(("share", "jump", "held"), [(0.3, 5, 0), (0.3, 5, 6), (0.1, 20, 12), (0.5, 4, 3)])
def test_ruin_at_last_is_where_a_long_walk_through_all_levels_ends(share: float, jump: int, held: int) -> None:
    walked = ruined_within(600, share=share, jump=jump, held=held)
    assert ruin_at_last(win_prob=share, gain=float(jump), spent=1.0, held=float(held)) == pytest.approx(
        walked, rel=1e-3
    )


@given(probabilities, st.floats(min_value=0.1, max_value=10_000), st.floats(min_value=0, max_value=1_000))
def test_more_money_is_never_more_ruin(share: float, gain: float, held: float) -> None:
    ruin = [ruin_at_last(win_prob=share, gain=gain, spent=1.0, held=held + more) for more in (-held - 1, 0, 1, 100)]
    assert ruin[0] == 1.0
    assert ruin == sorted(ruin, reverse=True)
    assert 0 <= ruin[-1] <= 1


def test_without_a_margin_ruin_is_certain_and_with_a_sure_one_it_is_not() -> None:
    assert ruin_exponent(win_prob=0.1, gain=10.0, spent=1.0) == 0
    assert ruin_at_last(win_prob=0.1, gain=10.0, spent=1.0, held=1e9) == 1.0
    assert ruin_at_last(win_prob=0.1, gain=-3.0, spent=1.0, held=1e9) == 1.0
    assert ruin_exponent(win_prob=1.0, gain=2.0, spent=1.0) == math.inf
    assert ruin_at_last(win_prob=1.0, gain=2.0, spent=1.0, held=0.0) == 0.0


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused(share: float) -> None:
    for call in (
        lambda: relative_deviation(1, share),
        lambda: first_winner_quantile(share, 0.5),
        lambda: binomial_quantile(1, share, 0.5),
        lambda: ruin_exponent(win_prob=share, gain=1.0, spent=1.0),
    ):
        with pytest.raises(LocalError):
            call()


def test_what_is_out_of_range_is_refused() -> None:
    for call in (
        lambda: relative_deviation(0, 0.5),
        lambda: first_winner_quantile(0.5, 1.0),
        lambda: binomial_quantile(-1, 0.5, 0.5),
        lambda: binomial_quantile(1, 0.5, 0.0),
        lambda: largest_face_value(expected_value_wei=0, tickets=1, deviation=0.1),
        lambda: largest_face_value(expected_value_wei=1, tickets=0, deviation=0.1),
        lambda: largest_face_value(expected_value_wei=1, tickets=1, deviation=0.0),
        lambda: requests_for(expected_value_wei=2, face_value_wei=1, deviation=0.1),
        lambda: requests_for(expected_value_wei=1, face_value_wei=1, deviation=0.0),
        lambda: ruin_exponent(win_prob=0.5, gain=1.0, spent=0.0),
    ):
        with pytest.raises(LocalError):
            call()
