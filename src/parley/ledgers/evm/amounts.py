"""Amounts of wei as people write them: a decimal number and its unit, such as "20 gwei"; never a float.

1 ether = 1,000,000,000 gwei = 1,000,000,000,000,000,000 wei
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX

__all__ = ["WEI_PER_ETHER", "WEI_PER_GWEI", "parse_wei", "show_wei"]

WEI_PER_GWEI: Final = 10**9
"""In one gwei."""

WEI_PER_ETHER: Final = 10**18
"""In one ether."""

_DECIMALS: Final[Mapping[str, int]] = {"wei": 0, "gwei": 9, "ether": 18, "eth": 18}
_AMOUNT: Final = re.compile(r"([0-9][0-9_]{0,95})(?:\.([0-9]{1,18}))? ?([a-z]{3,5})", re.ASCII)
_GWEI_FROM: Final = 10**5
_ETHER_FROM: Final = 10**15


def parse_wei(text: str) -> int:
    """Read an amount.

    Args:
        text: a decimal number, a space or none, and `wei`, `gwei`, `ether` or `eth`; `_` may part digits in front of
            the point.

    Returns:
        0 <= wei < 2**256.

    Raises:
        LocalError: another form, a part of a wei, or more than 256 bits hold.
    """
    found = _AMOUNT.fullmatch(text.strip().lower())
    decimals = None if found is None else _DECIMALS.get(found[3])
    if found is None or decimals is None:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="a number and a unit, such as 20 gwei")
    behind = (found[2] or "").rstrip("0")
    if len(behind) > decimals:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="whole wei")
    wei = int(found[1] + behind.ljust(decimals, "0"))
    if wei > UINT256_MAX:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="at most 2**256 - 1 wei")
    return wei


def show_wei(wei: int) -> str:
    """Return an amount for people, exactly, in the unit that suits its size; `parse_wei` reads it back.

    Args:
        wei: of any size, also negative.
    """
    sign, size = ("-", -wei) if wei < 0 else ("", wei)
    if size >= _ETHER_FROM:
        return f"{sign}{_scaled(size, WEI_PER_ETHER, 18)} ether"
    if size >= _GWEI_FROM:
        return f"{sign}{_scaled(size, WEI_PER_GWEI, 9)} gwei"
    return f"{sign}{size} wei"


def _scaled(wei: int, unit_wei: int, decimals: int) -> str:
    whole, rest = divmod(wei, unit_wei)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")
