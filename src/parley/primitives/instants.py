"""Moments and spans of time, as integers of milliseconds; time is always an argument."""

from __future__ import annotations

from typing import NewType

from parley.errors import ErrorCode, LocalError

__all__ = ["INSTANT_MAX_MS", "Instant", "check_instant"]

Instant = NewType("Instant", int)
"""Milliseconds since 1970-01-01T00:00:00Z, 0 <= instant <= INSTANT_MAX_MS."""

INSTANT_MAX_MS = 2**53 - 1
"""The largest instant: what every JSON reader holds exactly."""


def check_instant(value: int) -> Instant:
    """Return a number of milliseconds as an instant.

    Raises:
        LocalError: not an int, negative, or above INSTANT_MAX_MS.
    """
    if type(value) is not int:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, instant_type=type(value).__name__)
    if not 0 <= value <= INSTANT_MAX_MS:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, instant_ms=value, maximum_ms=INSTANT_MAX_MS)
    return Instant(value)
