"""Which face value and win probability to choose, for a price, a gas price and what the recipient can bear.

A high face value wastes little on gas, wins seldom and needs a large float; a low one is a steady income. So the best
is the largest one that keeps what was asked for:

    variance   v * (1 + requests * budget**2)      above it income varies more
    float      F * winners that wait at once       above it the sender's reserve does not guarantee all of them
    gas        cost of redeeming / budget          below it gas takes more than its share
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from parley.lottery.quoting import quote_win_prob
from parley.lottery.recipient_config import RecipientConfig
from parley.simulation.lottery_config import LotterySimulation
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

__all__ = ["FLOAT_SHARE", "Advice", "Limit", "advise", "probability", "ruin_of", "settings_for"]

FLOAT_SHARE: Final = 0.999
"""Share of winners that are to find room in the float."""

_DEPOSIT_SHARE: Final = 0.95
_MEDIAN: Final = 0.5
_ALMOST_ALL: Final = 0.95
_SAFE_RUIN: Final = 0.01
_MULTIPLIER_MAX: Final = 1_000_000
_SETTING_MAX: Final = 2**63 - 1
_KEPT_DIGITS: Final = 3


class Limit(Enum):
    """What keeps the face value from being larger."""

    VARIANCE = "the variance budget"
    FLOAT = "the float"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A recommendation, and what it comes to.

    Attributes:
        face_value_wei: of each ticket, above the price.
        win_prob: of each ticket, 0 < win_prob < 2**256.
        limit: why it is not larger.
        fits: whether gas keeps to its budget as well.
        least_wei: the smallest face value that keeps gas to its budget.
        requests_needed: over which it keeps the variance budget.
        float_needed_wei: for which 999 of 1000 of its winners find room.
        deviation: of the income of all requests, as a share of its mean.
        gas_overhead: share of income that gas takes.
        cost_multiplier: how many times the cost of its redemption a ticket pays, rounded down; 0 where gas is free.
        float_wei: what the sender's reserve must guarantee, so that 999 of 1000 winners find room.
        deposit_wei: on which 95 of 100 senders get through all requests.
        ruin: probability that the recipient's cushion is used up at some time, however late.
        safe_cushion: requests that the recipient must be able to serve unpaid, so that this is at most 1 in 100; None
            where serving and gas leave nothing over.
        median_first: tickets after which half of all recipients have won.
        late_first: tickets after which 95 of 100 have.
    """

    face_value_wei: int
    win_prob: int
    limit: Limit
    fits: bool
    least_wei: int
    requests_needed: int
    float_needed_wei: int
    deviation: float
    gas_overhead: float
    cost_multiplier: int
    float_wei: int
    deposit_wei: int
    ruin: float
    safe_cushion: int | None
    median_first: int
    late_first: int

    def document(self) -> dict[str, object]:
        """Return the advice as JSON takes it; amounts and the win probability are decimal texts."""
        return {
            "face_value_wei": str(self.face_value_wei),
            "win_prob": str(self.win_prob),
            "limit": self.limit.name.lower(),
            "fits": self.fits,
            "least_wei": str(self.least_wei),
            "requests_needed": self.requests_needed,
            "float_needed_wei": str(self.float_needed_wei),
            "deviation": round(self.deviation, 9),
            "gas_overhead": round(self.gas_overhead, 9),
            "cost_multiplier": self.cost_multiplier,
            "float_wei": str(self.float_wei),
            "deposit_wei": str(self.deposit_wei),
            "ruin": round(self.ruin, 9),
            "safe_cushion": self.safe_cushion,
            "median_first": self.median_first,
            "late_first": self.late_first,
        }


def probability(win_prob: int) -> float:
    """Return a win probability as a share of one.

    Args:
        win_prob: 0 <= win_prob < 2**256.
    """
    return win_prob / (2**256 - 1)


def ruin_of(config: LotterySimulation, face_value_wei: int, share: float) -> float:
    """Return the probability that a recipient's cushion is used up at some time, however late.

    What is spent before the first payment can come is gone from the cushion before chance begins.

    Args:
        config: what the recipient spends and holds.
        face_value_wei: of each ticket.
        share: its win probability, 0 < share <= 1.
    """
    return ruin_at_last(
        win_prob=share,
        gain=_gain(config, face_value_wei),
        spent=config.cost_share,
        held=config.cost_share * (config.cushion_requests - config.tickets_waiting),
    )


def advise(config: LotterySimulation) -> Advice:
    """Choose the largest face value that keeps income steady enough and fits the float.

    Args:
        config: `runs` and `seed` play no part.
    """
    price_wei = config.price_wei
    steady_wei = largest_face_value(
        expected_value_wei=price_wei, tickets=config.requests, deviation=config.variance_budget
    )
    guaranteed_wei = _largest_in_float(config, steady_wei)
    limit = Limit.FLOAT if guaranteed_wei < steady_wei else Limit.VARIANCE
    # A ticket that always wins is refused by senders: it would be a plain payment with the cost of a lottery.
    face_value_wei = max(price_wei + 1, _rounded_down(config, guaranteed_wei))
    least_wei = max(price_wei + 1, _needed_for_gas(config))
    return _described(config, face_value_wei, limit, least_wei)


def settings_for(config: LotterySimulation, advice: Advice) -> Mapping[str, int] | None:
    """Return what a node is to be set to, so that it asks for the advised face value.

    It multiplies what a redemption costs and cuts that at the largest face value, so the multiplier is the smallest
    that reaches it at this gas price.

    Returns:
        Settings by name, or None where none reach it: gas is free, or one would leave its range.
    """
    usual_wei = RecipientConfig().redeem_gas * config.gas_price_wei
    if usual_wei == 0:
        return None
    multiplier = -(-advice.face_value_wei // usual_wei)
    if multiplier > _MULTIPLIER_MAX or advice.face_value_wei > _SETTING_MAX:
        return None
    return {"lottery.cost_multiplier": multiplier, "lottery.face_value_max_wei": advice.face_value_wei}


def _described(config: LotterySimulation, face_value_wei: int, limit: Limit, least_wei: int) -> Advice:
    win_prob = quote_win_prob(expected_value_wei=config.price_wei, face_value_wei=face_value_wei)
    share = probability(win_prob)
    return Advice(
        face_value_wei=face_value_wei,
        win_prob=win_prob,
        limit=limit,
        fits=face_value_wei >= least_wei,
        least_wei=least_wei,
        requests_needed=requests_for(
            expected_value_wei=config.price_wei, face_value_wei=least_wei, deviation=config.variance_budget
        ),
        float_needed_wei=_float_of(config, least_wei),
        deviation=relative_deviation(config.requests, share),
        gas_overhead=config.redeem_wei / face_value_wei,
        cost_multiplier=face_value_wei // config.redeem_wei if config.redeem_wei else 0,
        float_wei=_float_of(config, face_value_wei),
        deposit_wei=face_value_wei * binomial_quantile(config.requests, share, _DEPOSIT_SHARE),
        ruin=ruin_of(config, face_value_wei, share),
        safe_cushion=_safe_cushion(config, face_value_wei, share),
        median_first=first_winner_quantile(share, _MEDIAN),
        late_first=first_winner_quantile(share, _ALMOST_ALL),
    )


def _float_of(config: LotterySimulation, face_value_wei: int) -> int:
    share = config.price_wei / face_value_wei
    return face_value_wei * float_winners(tickets_waiting=config.tickets_waiting, win_prob=share, share=FLOAT_SHARE)


def _gain(config: LotterySimulation, face_value_wei: int) -> float:
    """Return what a winner brings after its gas, in prices."""
    return (face_value_wei - config.redeem_wei) / config.price_wei


def _safe_cushion(config: LotterySimulation, face_value_wei: int, share: float) -> int | None:
    exponent = ruin_exponent(win_prob=share, gain=_gain(config, face_value_wei), spent=config.cost_share)
    if exponent == 0:
        return None
    return config.tickets_waiting + max(0, math.ceil(-math.log(_SAFE_RUIN) / exponent) - 1)


def _needed_for_gas(config: LotterySimulation) -> int:
    numerator, denominator = config.gas_budget.as_integer_ratio()
    return -(-config.redeem_wei * denominator // numerator)


def _largest_in_float(config: LotterySimulation, at_most_wei: int) -> int:
    """Return the largest face value whose waiting winners the float has room for.

    With room for k winners the face value is a k-th of the float; the smallest k that is enough is looked for by
    halving, since fewer wait the less often tickets win.
    """
    if config.float_limit_wei == 0:
        return at_most_wei
    too_few, enough = 0, 1
    while not _has_room(config, at_most_wei, enough):
        too_few, enough = enough, 2 * enough
        if config.float_limit_wei // enough <= config.price_wei:
            return config.price_wei
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if _has_room(config, at_most_wei, middle) else (middle, enough)
    return min(at_most_wei, config.float_limit_wei // enough)


def _has_room(config: LotterySimulation, at_most_wei: int, winners: int) -> bool:
    face_value_wei = min(at_most_wei, config.float_limit_wei // winners)
    if face_value_wei < config.price_wei:
        return False
    return _float_of(config, face_value_wei) <= winners * face_value_wei


def _rounded_down(config: LotterySimulation, wei: int) -> int:
    """Return a face value with its first three digits kept, so that people can say it, where the float allows that.

    A smaller face value wins more often, so that one winner more may wait and need more room in all.
    """
    text = str(wei)
    rounded = int(text[:_KEPT_DIGITS].ljust(len(text), "0"))
    if config.float_limit_wei and _float_of(config, max(rounded, config.price_wei)) > config.float_limit_wei:
        return wei
    return rounded
