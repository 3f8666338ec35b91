"""Contracts of a few bytes for checks of chains, assembled by hand, so that no compiler stands between rule and answer.

MEMORY     with 32 bytes of data: keeps them; without: returns what it keeps
HERALD     logs its data: the first 32 bytes as the only topic, the rest as data; less than 32 bytes: no topic
REFUSAL    reverts with its data
MIRROR     returns who called and the value sent, a word each
RUIN       an invalid instruction: takes all gas and says nothing
"""

from __future__ import annotations

from typing import Final

__all__ = ["HERALD", "MEMORY", "MIRROR", "REFUSAL", "RUIN", "creation_code", "error_string"]

MEMORY: Final = bytes.fromhex("36600f5760005460005260206000f35b60003560005500")
"""calldatasize; jump if any: 0f | sload(0) · mstore(0) · return(0, 32) | 0f: sstore(0, calldataload(0)) · stop"""

HERALD: Final = bytes.fromhex("36600060003760203610601857600051602036036020a1005b366000a000")
"""calldatacopy(0, 0, size); if size < 32 jump: 18 | log1(32, size - 32, mload(0)) · stop | 18: log0(0, size) · stop"""

REFUSAL: Final = bytes.fromhex("366000600037366000fd")
"""calldatacopy(0, 0, size) · revert(0, size)"""

MIRROR: Final = bytes.fromhex("336000523460205260406000f3")
"""mstore(0, caller) · mstore(32, callvalue) · return(0, 64)"""

RUIN: Final = bytes.fromhex("fe")
"""invalid"""


def creation_code(runtime: bytes) -> bytes:
    """Return what creates a contract with this code.

    Args:
        runtime: at most 255 bytes.
    """
    size = bytes((len(runtime),))
    # push size · dup · push 0b · push 0 · codecopy(0, 0b, size) · push 0 · return(0, size)
    return b"\x60" + size + bytes.fromhex("80600b6000396000f3") + runtime


def error_string(text: bytes) -> bytes:
    """Return what a contract reverts with when it says a text: `Error(string)`."""
    words = (32).to_bytes(32, "big") + len(text).to_bytes(32, "big")
    return bytes.fromhex("08c379a0") + words + text + bytes(-len(text) % 32)
