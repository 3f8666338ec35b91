"""What probability theory says about a stream of lottery tickets, in closed form: the simulation is checked against it.

A ticket wins its face value F with probability p = v / F, where v is what it is worth. Of n tickets W win, and W is
binomial:

    income      F * W, on average n * v, with the relative standard deviation sqrt((1 - p) / (n * p))
    first win   after a geometric number of tickets: the share q of all recipients has won after log(1-q) / log(1-p)
    float       winners that wait for redemption at a moment: binomial among the tickets of the waiting time
    ruin        who spends c per ticket and holds u meets it with probability r**(u/c) at last (the dual risk model):
                r is the root below 1 of r = (1 - p) + p * r**(J/c), J being F less the gas; r = 1 without a margin
"""

from __future__ import annotations

import itertools
import math
import operator
from statistics import NormalDist
from typing import Final

from parley.errors import ErrorCode, LocalError

__all__ = [
    "binomial_quantile",
    "first_winner_quantile",
    "float_winners",
    "largest_face_value",
    "relative_deviation",
    "requests_for",
    "ruin_at_last",
    "ruin_exponent",
]

_SIGMAS: Final = 12.0
"""Further out than this no binomial mass of a float's precision is left."""

_WIDE_SIGMA: Final = 5_000.0
_HALVINGS: Final = 200


def relative_deviation(tickets: float, win_prob: float) -> float:
    """Return the standard deviation of income as a share of its mean.

    Args:
        tickets: taken, > 0.
        win_prob: of each, 0 < win_prob <= 1.

    Raises:
        LocalError: out of range.
    """
    _check_probability(win_prob)
    if tickets <= 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="tickets")
    return math.sqrt((1 - win_prob) / (tickets * win_prob))


def largest_face_value(*, expected_value_wei: int, tickets: int, deviation: float) -> int:
    """Return the largest face value under which income varies by no more than a share: v * (1 + n * deviation**2).

    Args:
        expected_value_wei: of one ticket, v >= 1.
        tickets: over which income is looked at, n >= 1.
        deviation: relative standard deviation that is allowed, > 0.

    Returns:
        Wei, rounded down, at least the expected value.

    Raises:
        LocalError: out of range.

    Source: the relative standard deviation above, solved for F = v / p.
    """
    if expected_value_wei < 1 or tickets < 1 or deviation <= 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, expected_value_wei=expected_value_wei, tickets=tickets)
    numerator, denominator = float(deviation).as_integer_ratio()
    return expected_value_wei + expected_value_wei * tickets * numerator**2 // denominator**2


def requests_for(*, expected_value_wei: int, face_value_wei: int, deviation: float) -> int:
    """Return over how many tickets the income of a face value varies by no more than a share: (F/v - 1) / deviation**2.

    Args:
        expected_value_wei: of one ticket, v >= 1.
        face_value_wei: F >= v.
        deviation: relative standard deviation that is allowed, > 0.

    Returns:
        Tickets, rounded up, at least 1.

    Raises:
        LocalError: out of range.
    """
    if not 1 <= expected_value_wei <= face_value_wei or deviation <= 0:
        raise LocalError(
            ErrorCode.INVALID_ARGUMENT, expected_value_wei=expected_value_wei, face_value_wei=face_value_wei
        )
    numerator, denominator = float(deviation).as_integer_ratio()
    excess = (face_value_wei - expected_value_wei) * denominator**2
    return max(1, -(-excess // (expected_value_wei * numerator**2)))


def first_winner_quantile(win_prob: float, share: float) -> int:
    """Return after how many tickets a share of all recipients has won at least once.

    Args:
        win_prob: 0 < win_prob <= 1.
        share: 0 < share < 1.

    Returns:
        The smallest n >= 1 with 1 - (1 - win_prob)**n >= share.

    Raises:
        LocalError: out of range.
    """
    _check_probability(win_prob)
    if not 0 < share < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="share")
    if win_prob == 1:
        return 1
    return max(1, math.ceil(math.log1p(-share) / math.log1p(-win_prob)))


def binomial_quantile(trials: int, win_prob: float, share: float) -> int:
    """Return the smallest k that at most k of the trials win with at least this probability.

    Args:
        trials: >= 0.
        win_prob: 0 < win_prob <= 1.
        share: 0 < share < 1.

    Raises:
        LocalError: out of range.

    Source: the sum of all terms within 12 standard deviations of the mean; where these are very many, the expansion
    of Cornish and Fisher around the normal quantile, off by at most one winner there.
    """
    _check_probability(win_prob)
    if trials < 0 or not 0 < share < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, trials=trials)
    if win_prob == 1:
        return trials
    mean = trials * win_prob
    sigma = math.sqrt(mean * (1 - win_prob))
    if sigma > _WIDE_SIGMA:
        normal = NormalDist().inv_cdf(share)
        return math.ceil(mean + normal * sigma + (normal**2 - 1) * (1 - 2 * win_prob) / 6 - 0.5)
    low, weights = _binomial_weights(trials, win_prob, math.ceil(_SIGMAS * sigma + _SIGMAS))
    # 1e-12 is what the sum of so many rounded terms may lack of a share that is met exactly.
    wanted = math.fsum(weights) * (share - 1e-12)
    sums = itertools.accumulate(weights)
    return low + next((place for place, total in enumerate(sums) if total >= wanted), len(weights) - 1)


def _binomial_weights(trials: int, win_prob: float, reach: int) -> tuple[int, list[float]]:
    """Return the smallest number of wins that matters, and how likely it and those after it are, up to a factor.

    From the likeliest number the ratio of neighbours leads to both sides, so that no large numbers cancel.
    """
    middle = min(trials, math.floor((trials + 1) * win_prob))
    odds = win_prob / (1 - win_prob)
    below = (wins / ((trials - wins + 1) * odds) for wins in range(middle, max(0, middle - reach), -1))
    above = ((trials - wins) / (wins + 1) * odds for wins in range(middle, min(trials, middle + reach)))
    lower = list(itertools.accumulate(below, operator.mul, initial=1.0))
    upper = list(itertools.accumulate(above, operator.mul, initial=1.0))
    return middle - len(lower) + 1, [*reversed(lower[1:]), *upper]


def float_winners(*, tickets_waiting: int, win_prob: float, share: float) -> int:
    """Return for how many winners at once a float must have room, so that a share of all winners finds it.

    A winner that comes finds as many waiting as won among the tickets of the waiting time, and is one more.

    Args:
        tickets_waiting: that come while a winner waits for its redemption, >= 0.
        win_prob: 0 < win_prob <= 1.
        share: 0 < share < 1.

    Raises:
        LocalError: out of range.
    """
    return 1 + binomial_quantile(max(0, tickets_waiting - 1), win_prob, share)


def ruin_exponent(*, win_prob: float, gain: float, spent: float) -> float:
    """Return by how much each further `spent` that is held lessens the logarithm of the probability of ruin.

    Args:
        win_prob: 0 < win_prob <= 1.
        gain: what a winner brings after its gas, any unit; may be negative.
        spent: on each ticket, > 0, in the same unit.

    Returns:
        -log(r) >= 0; 0 where no more comes in than is spent, infinity where every ticket wins and pays.

    Raises:
        LocalError: out of range.

    Source: the Lundberg equation of the dual risk model, for a walk that never goes down by more than one step.
    """
    _check_probability(win_prob)
    if spent <= 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="spent")
    if win_prob * gain <= spent:
        return 0.0
    if win_prob == 1:
        return math.inf
    # With r = exp(-R) the equation is 1 = (1 - p) * exp(R) + p * exp(-R * (J/c - 1)): below 1 left of the root R.
    jump = gain / spent - 1
    low, high = 0.0, -math.log1p(-win_prob)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        excess = (1 - win_prob) * math.expm1(middle) + win_prob * math.expm1(-middle * jump)
        low, high = (middle, high) if excess < 0 else (low, middle)
    return low


def ruin_at_last(*, win_prob: float, gain: float, spent: float, held: float) -> float:
    """Return the probability that spending uses up all that is held, at some time, however late.

    Exact where gain and held are multiples of spent; else it lies between this and this divided by r, which is near
    1 wherever a ticket wins seldom.

    Args:
        win_prob: 0 < win_prob <= 1.
        gain: what a winner brings after its gas, any unit; may be negative.
        spent: on each ticket, > 0, in the same unit.
        held: at the beginning, in the same unit; below 0 is ruin already.

    Returns:
        0..1.

    Raises:
        LocalError: out of range.
    """
    exponent = ruin_exponent(win_prob=win_prob, gain=gain, spent=spent)
    return 1.0 if held < 0 else math.exp(-exponent * (held / spent + 1))


def _check_probability(win_prob: float) -> None:
    if not 0 < win_prob <= 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="win_prob")
