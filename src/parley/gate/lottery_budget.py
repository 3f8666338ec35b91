"""What a client lets itself be charged in lottery tickets: on average, per request and in all, and by one winner."""

from __future__ import annotations

import threading
from typing import Final

from parley.errors import ConflictError, ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX

__all__ = ["LotteryBudget"]

_UNLIMITED: Final = UINT256_MAX


class LotteryBudget:
    """An allowance of wei; may be shared by several clients, in threads and in tasks.

    What is counted is the expected value of the tickets, at the moment at which they are about to be signed: over many
    tickets that is what they cost. What one of them may cost is its face value, and has a limit of its own.
    """

    def __init__(self, *, request_wei: int, total_wei: int, face_value_max_wei: int = _UNLIMITED) -> None:
        """Allow so much.

        Args:
            request_wei: most for one request on average, its repeats included; 0 pays nothing.
            total_wei: most over the life of this object on average.
            face_value_max_wei: most that one winning ticket may cost.

        Raises:
            LocalError: a negative number.
        """
        if min(request_wei, total_wei, face_value_max_wei) < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, request_wei=request_wei, total_wei=total_wei)
        self._request_wei = request_wei
        self._total_wei = total_wei
        self._face_value_max_wei = face_value_max_wei
        self._spent_wei = 0
        self._lock = threading.Lock()

    @property
    def spent_wei(self) -> int:
        """Expected value of all tickets that were about to be signed."""
        with self._lock:
            return self._spent_wei

    @property
    def left_wei(self) -> int:
        """Expected value that may still be signed for."""
        with self._lock:
            return self._total_wei - self._spent_wei

    def take(self, worth_wei: int, *, face_value_wei: int, request_spent_wei: int) -> None:
        """Take an expected value out of the allowance, or nothing.

        Args:
            worth_wei: of all tickets together, 0 or more.
            face_value_wei: of one of them.
            request_spent_wei: what was taken for this request before.

        Raises:
            ConflictError: TOO_EXPENSIVE: more than the request may cost, or than is left, or than one winner may take.
        """
        with self._lock:
            left_wei = min(self._request_wei - request_spent_wei, self._total_wei - self._spent_wei)
            if worth_wei > left_wei:
                raise ConflictError(ErrorCode.TOO_EXPENSIVE, expected_wei=worth_wei, left_wei=max(0, left_wei))
            if face_value_wei > self._face_value_max_wei:
                maximum_wei = self._face_value_max_wei
                raise ConflictError(ErrorCode.TOO_EXPENSIVE, face_value_wei=face_value_wei, maximum_wei=maximum_wei)
            self._spent_wei += worth_wei

    def give_back(self, worth_wei: int) -> None:
        """Put back what was taken for tickets that were not signed after all."""
        with self._lock:
            self._spent_wei -= worth_wei
