"""From a price to face value and win probability, as go-livepeer's recipients compute them.

    redeem cost  = gas of a redemption * gas price
    face value   = redeem cost * multiplier; 100 expected values where that is less than one; at most the float
    win_prob     = expected value / face value, as a share of 2**256 - 1, rounded up

A high face value wastes little on gas and wins seldom; a low one is a steadier income. The float is what the chain
guarantees this recipient of the sender's reserve, so nothing above it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX

__all__ = ["ReserveTooSmall", "quote_face_value", "quote_win_prob"]

_STEADY_MULTIPLE: Final = 100
_LOW_GAS_PRICE_WEI: Final = 3 * 10**9
_LOW_64_BITS: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class ReserveTooSmall:
    """The sender's reserve guarantees less than a ticket must be worth; no error but an answer.

    Attributes:
        guaranteed_wei: what the reserve allows for.
        wanted_wei: what a ticket must be worth at the least.
    """

    guaranteed_wei: int
    wanted_wei: int


def quote_face_value(
    *, expected_value_wei: int, redeem_gas: int, gas_price_wei: int, cost_multiplier: int, max_float_wei: int
) -> int | ReserveTooSmall:
    """Choose the face value of the tickets for one sender.

    Args:
        expected_value_wei: what one ticket is to be worth, >= 1.
        redeem_gas: gas that a redemption takes, >= 0.
        gas_price_wei: wei per gas now, >= 0; 0 where unknown.
        cost_multiplier: how many times the cost of its redemption a ticket is to pay, >= 1.
        max_float_wei: what the sender's reserve guarantees now; may be negative.

    Returns:
        Wei, at least the expected value, or why there is none.

    Raises:
        LocalError: an expected value below 1.

    Source: docs/spec/lottery.md §6 (vectors/lottery/quotes.json).
    """
    if expected_value_wei < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, expected_value_wei=expected_value_wei)
    cost = redeem_gas * gas_price_wei
    wanted = cost * cost_multiplier
    if wanted < expected_value_wei:
        wanted = expected_value_wei * _STEADY_MULTIPLE
    face_value = min(wanted, max_float_wei)
    if face_value < expected_value_wei:
        return ReserveTooSmall(max_float_wei, expected_value_wei)
    # A face value below the cost of redeeming is taken while gas is dear for a moment only.
    at_least = min(cost, redeem_gas * _LOW_GAS_PRICE_WEI)
    if face_value < at_least:
        return ReserveTooSmall(max_float_wei, at_least)
    return face_value


def quote_win_prob(*, expected_value_wei: int, face_value_wei: int) -> int:
    """Choose the win probability that makes a face value worth an expected value.

    Args:
        expected_value_wei: 0 <= expected_value_wei <= face_value_wei.
        face_value_wei: >= 0; 0 is a ticket for nothing, which never wins.

    Returns:
        0 <= win_prob < 2**256.

    Raises:
        LocalError: an expected value above the face value, or negative.

    Source: docs/spec/lottery.md §6 (vectors/lottery/quotes.json).
    """
    if not 0 <= expected_value_wei <= face_value_wei:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="expected_value_wei", wanted="between 0 and the face value")
    if face_value_wei == 0:
        return 0
    if expected_value_wei == face_value_wei:
        return UINT256_MAX
    share, remainder = divmod(UINT256_MAX, face_value_wei)
    # go-livepeer looks at the low 64 bits of the remainder only; so that both quote alike, we do.
    return expected_value_wei * (share + (1 if remainder & _LOW_64_BITS else 0))
