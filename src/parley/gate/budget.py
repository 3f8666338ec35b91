"""What a client lets itself be asked for: tries on average, per request and in all."""

from __future__ import annotations

import threading

from parley.errors import ConflictError, ErrorCode, LocalError

__all__ = ["Budget"]


class Budget:
    """An allowance of work; may be shared by several clients, in threads and in tasks.

    What is counted is the expected number of tries, at the moment at which the work begins: chance makes one search
    longer and another shorter, and a search that was given up has cost something too.
    """

    def __init__(self, *, request_tries: int, total_tries: int) -> None:
        """Allow so much.

        Args:
            request_tries: most expected tries for one request, its repeats included; 0 pays nothing.
            total_tries: most expected tries over the life of this object.

        Raises:
            LocalError: a negative number.
        """
        if request_tries < 0 or total_tries < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, request_tries=request_tries, total_tries=total_tries)
        self._request_tries = request_tries
        self._total_tries = total_tries
        self._spent_tries = 0
        self._lock = threading.Lock()

    @property
    def spent_tries(self) -> int:
        """Expected tries of all work that was begun."""
        with self._lock:
            return self._spent_tries

    @property
    def left_tries(self) -> int:
        """Expected tries that may still be begun."""
        with self._lock:
            return self._total_tries - self._spent_tries

    def left_for_request(self, request_spent_tries: int) -> int:
        """Return the most expected tries that one more challenge of a request may ask for.

        Args:
            request_spent_tries: what was taken for this request before.
        """
        with self._lock:
            return max(0, min(self._request_tries - request_spent_tries, self._total_tries - self._spent_tries))

    def take(self, tries: int, *, request_spent_tries: int) -> None:
        """Take expected tries out of the allowance, or nothing.

        Args:
            tries: of the challenge that is about to be solved, 0 or more.
            request_spent_tries: what was taken for this request before.

        Raises:
            ConflictError: TOO_EXPENSIVE: more than the request may cost, or more than is left.
        """
        with self._lock:
            left = min(self._request_tries - request_spent_tries, self._total_tries - self._spent_tries)
            if tries > left:
                raise ConflictError(ErrorCode.TOO_EXPENSIVE, expected_tries=tries, left_tries=max(0, left))
            self._spent_tries += tries
