"""How contracts lay out values: tight packing for hashes, words of 32 bytes for calls.

    packed    each value at its own width, nothing between (Solidity's abi.encodePacked)
    word      32 bytes, big endian; what is shorter stands right-aligned behind zeros
    call      selector[4] · head · tail: dynamic values stand in the tail, the head holds their offsets

Only what Parley calls is here; whatever calls any contract needs a library for the whole of the ABI.
"""

from __future__ import annotations

from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["UINT256_MAX", "WORD_BYTES", "bytes_tail", "check_uint256", "pack_address", "pack_uint256", "selector"]

WORD_BYTES: Final = 32
"""Size of a word."""

UINT256_MAX: Final = 2**256 - 1
"""The largest uint256."""

_SELECTOR_BYTES: Final = 4


def check_uint256(name: str, value: int) -> None:
    """Check that a value fits into a word.

    Raises:
        LocalError: not an int, negative, or 2**256 and above; the fact `field` is `name`.
    """
    if type(value) is not int or not 0 <= value <= UINT256_MAX:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name, wanted="0 <= value < 2**256")


def pack_uint256(value: int) -> bytes:
    """Lay out an unsigned integer as one word.

    Raises:
        LocalError: negative, or 2**256 and above.

    Source: Solidity, "Contract ABI Specification" (vectors/evm/packing.json).
    """
    try:
        return value.to_bytes(WORD_BYTES, "big")
    except OverflowError:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, value_bits=value.bit_length(), wanted_bits=256) from None


def pack_address(account: Address) -> bytes:
    """Lay out an address as one word, right-aligned.

    Raises:
        LocalError: not 20 bytes.
    """
    if len(account) != ADDRESS_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(account), wanted_bytes=ADDRESS_BYTES)
    return bytes(WORD_BYTES - ADDRESS_BYTES) + account


def bytes_tail(raw: bytes) -> bytes:
    """Lay out dynamic bytes as they stand in a tail: a word of length, then the bytes, filled up to whole words."""
    return pack_uint256(len(raw)) + raw + bytes(-len(raw) % WORD_BYTES)


def selector(signature: str) -> bytes:
    """Return the 4 bytes that name a function in a call.

    Args:
        signature: name and types without spaces, as `transfer(address,uint256)`.

    Source: vectors/hashing/selectors.json.
    """
    return keccak256(signature.encode())[:_SELECTOR_BYTES]
