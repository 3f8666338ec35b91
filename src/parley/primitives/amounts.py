"""Amounts of money: integers of the smallest unit of their chain, never a float."""

from __future__ import annotations

from typing import NewType

from parley.errors import ErrorCode, LocalError

__all__ = ["Atoms", "Wei", "check_amount"]

Atoms = NewType("Atoms", int)
"""Hundred-millionths of a Decred coin, 0 <= atoms."""

Wei = NewType("Wei", int)
"""10**-18 of an ether, 0 <= wei."""


def check_amount(value: int, *, maximum: int) -> None:
    """Check that an amount is a whole number of units within its range.

    The type is checked at run time too: a float or a bool that slipped past the type checker would be
    rounded or counted as one unit somewhere far from its cause.

    Args:
        value: in the smallest unit, 0 <= value <= maximum.
        maximum: the largest amount that makes sense here, in the same unit.

    Raises:
        LocalError: not an int, negative, or above the maximum.
    """
    if type(value) is not int:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, amount_type=type(value).__name__)
    if not 0 <= value <= maximum:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, amount=value, maximum=maximum)
