"""What tickets are worth before the draw, in integers: face value * win probability, in parts of 2**256 - 1 of a wei.

Sums and comparisons of such *shares* are exact, and no fraction has to be reduced for each ticket.
"""

from __future__ import annotations

from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.params import TicketParams

__all__ = ["SHARES_PER_WEI", "ceil_wei", "tickets_worth", "worth_shares"]

SHARES_PER_WEI: Final = UINT256_MAX
"""How many shares are one wei."""


def worth_shares(params: TicketParams) -> int:
    """Return what one ticket under these parameters is worth, in shares of a wei.

    Source: docs/spec/lottery.md §4 (vectors/lottery/expected_values.json).
    """
    return params.face_value * params.win_prob


def ceil_wei(shares: int) -> int:
    """Return shares in wei, rounded up; shares >= 0."""
    return -(-shares // SHARES_PER_WEI)


def tickets_worth(params: TicketParams, amount_wei: int) -> int:
    """Return how many tickets are worth an amount at the least.

    Args:
        params: of the tickets, which are worth more than nothing.
        amount_wei: >= 0.

    Raises:
        LocalError: tickets that are worth nothing, or a negative amount.
    """
    shares = worth_shares(params)
    if shares == 0 or amount_wei < 0:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, amount_wei=amount_wei, win_prob=min(params.win_prob, 1))
    return -(-amount_wei * SHARES_PER_WEI // shares)
