"""Addresses as text: 0x and 40 digits, with a checksum in the case of the letters (EIP-55)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["NULL_ADDRESS", "checksum_text", "parse_address"]

NULL_ADDRESS: Final = Address(bytes(ADDRESS_BYTES))
"""Twenty zeros: nobody's address, and what a contract reads where nothing was set."""

_FORM: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_UPPER_FROM: Final = 8
_CASED: Final[Mapping[tuple[str, str], str]] = {
    (letter, digit): letter.upper() if int(digit, 16) >= _UPPER_FROM else letter
    for letter in "0123456789abcdef"
    for digit in "0123456789abcdef"
}
"""Every digit of an address beside one of its hash, and how it is written then."""


def checksum_text(account: Address) -> str:
    """Write an address with its checksum; the inverse of `parse_address`.

    A letter is upper case where the same digit of Keccak-256 of the lower-case text is 8 or more.

    Returns:
        42 characters.

    Raises:
        LocalError: not 20 bytes.

    Source: EIP-55 (vectors/evm/addresses.json).
    """
    if len(account) != ADDRESS_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(account), wanted_bytes=ADDRESS_BYTES)
    lower = account.hex()
    check = keccak256(lower.encode()).hex()
    return "0x" + "".join(map(_CASED.__getitem__, zip(lower, check, strict=False)))


def parse_address(text: str) -> Address:
    """Read an address; where its letters are of both cases, they must be the checksum's.

    Args:
        text: 0x and 40 digits; all lower or all upper case carries no checksum and is taken.

    Raises:
        PeerError: MALFORMED: another form, or a wrong checksum.

    Source: EIP-55 (vectors/evm/addresses.json, vectors/evm/refused_addresses.json).
    """
    if _FORM.fullmatch(text) is None:
        raise PeerError(ErrorCode.MALFORMED, field="address", fault="not 0x and 40 digits")
    digits = text[2:]
    account = Address(bytes.fromhex(digits))
    if digits.lower() != digits and digits.upper() != digits and checksum_text(account) != text:
        raise PeerError(ErrorCode.MALFORMED, field="address", fault="wrong checksum")
    return account
