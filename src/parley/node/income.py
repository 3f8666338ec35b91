"""What lottery tickets brought in, beside what they were expected to bring: exact, and small enough to keep for ever.

    expected  = sum of face value * win_prob / (2**256 - 1)                    over all tickets taken
    variance  = sum of face value**2 * p * (1 - p), p = win_prob / (2**256 - 1)
    luck      = (won - expected) / square root of the variance                 about 95 of 100 recipients are in -2..2

Both sums are kept in parts of a wei (`parley.lottery.worth`), so that a million tickets add up exactly. Only luck,
which is shown and never paid, is a float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import check_uint256
from parley.lottery.worth import SHARES_PER_WEI

__all__ = ["HISTORY_POINTS_MAX", "Income", "IncomeLog", "IncomePoint"]

HISTORY_POINTS_MAX: Final = 256
"""The most points of a history; when it is full, every other one is let go."""


@dataclass(frozen=True, slots=True)
class Income:
    """What a number of tickets brought in.

    Attributes:
        tickets: taken, >= 0.
        winners: of them, >= 0.
        expected_shares: the sum of face value * win_prob of all tickets, in parts of 2**256 - 1 of a wei, >= 0.
        variance_shares: the sum of face value**2 * win_prob * (2**256 - 1 - win_prob) of all tickets, in parts of
            (2**256 - 1)**2 of a wei**2, >= 0.
        won_wei: face values of the winners, >= 0.
    """

    tickets: int = 0
    winners: int = 0
    expected_shares: int = 0
    variance_shares: int = 0
    won_wei: int = 0

    @property
    def expected_wei(self) -> int:
        """What the tickets were worth when they were taken, rounded down."""
        return self.expected_shares // SHARES_PER_WEI

    @property
    def deviation_wei(self) -> int:
        """How far income lies from expectation in the typical case: the standard deviation, rounded down."""
        return math.isqrt(self.variance_shares // SHARES_PER_WEI**2)

    @property
    def luck(self) -> float | None:
        """How many standard deviations more was won than expected; None where nothing was left to chance."""
        if self.variance_shares == 0:
            return None
        gained = self.won_wei * SHARES_PER_WEI - self.expected_shares
        # isqrt keeps sums of 1024 bits exact until the one division that makes a float.
        return gained / max(1, math.isqrt(self.variance_shares))

    def with_tickets(self, tickets: int, *, face_value_wei: int, win_prob: int, winners: int = 0) -> Income:
        """Return the income with more tickets of one kind.

        Args:
            tickets: taken, >= 0.
            face_value_wei: of each, 0 <= face_value_wei < 2**256.
            win_prob: of each, 0 <= win_prob < 2**256.
            winners: of them, 0 <= winners <= tickets.

        Raises:
            LocalError: a number out of range.
        """
        check_uint256("face_value_wei", face_value_wei)
        check_uint256("win_prob", win_prob)
        if not 0 <= winners <= tickets:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tickets=tickets, winners=winners)
        spread = win_prob * (SHARES_PER_WEI - win_prob)
        return replace(
            self,
            tickets=self.tickets + tickets,
            winners=self.winners + winners,
            expected_shares=self.expected_shares + tickets * face_value_wei * win_prob,
            variance_shares=self.variance_shares + tickets * face_value_wei**2 * spread,
            won_wei=self.won_wei + winners * face_value_wei,
        )


@dataclass(frozen=True, slots=True)
class IncomePoint:
    """Income after a number of tickets, for a picture.

    Attributes:
        tickets: taken until then, >= 0.
        expected_wei: what they were worth.
        deviation_wei: how far income lies from that in the typical case.
        won_wei: face values of the winners among them.
    """

    tickets: int
    expected_wei: int
    deviation_wei: int
    won_wei: int


class IncomeLog:
    """Income so far, and at most 256 points of its history, evenly spread over all tickets.

    One process keeps one; it is fed in the order in which tickets are taken.
    """

    def __init__(self, income: Income | None = None) -> None:
        """Go on from an income.

        Args:
            income: of an earlier process, whose history is not known; nothing when None.
        """
        self._income = income or Income()
        self._every = 1
        self._points = [_point(self._income)]

    @property
    def income(self) -> Income:
        """All that was noted, and what it began with."""
        return self._income

    def history(self) -> tuple[IncomePoint, ...]:
        """Return the points, the oldest first; the last one is of now."""
        now = _point(self._income)
        kept = self._points if self._points[-1].tickets < now.tickets else self._points[:-1]
        return (*kept, now)

    def note_tickets(self, tickets: int, *, face_value_wei: int, win_prob: int, winners: int = 0) -> None:
        """Count tickets that were taken; the arguments are those of `Income.with_tickets`."""
        self._income = self._income.with_tickets(
            tickets, face_value_wei=face_value_wei, win_prob=win_prob, winners=winners
        )
        if self._income.tickets - self._points[-1].tickets < self._every:
            return
        self._points.append(_point(self._income))
        if len(self._points) == HISTORY_POINTS_MAX:
            self._points = self._points[::2]
            self._every = max(1, 2 * self._income.tickets // HISTORY_POINTS_MAX)


def _point(income: Income) -> IncomePoint:
    return IncomePoint(income.tickets, income.expected_wei, income.deviation_wei, income.won_wei)
