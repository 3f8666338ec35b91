"""What a contract says when it refuses: the text inside of a revert."""

from __future__ import annotations

from typing import Final

__all__ = ["REASON_MAX_CHARACTERS", "printable", "revert_reason"]

REASON_MAX_CHARACTERS: Final = 256
"""What is kept of a reason."""

_ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")
_HEAD_BYTES: Final = 4 + 32 + 32
_OFFSET: Final = (32).to_bytes(32, "big")


def revert_reason(data: bytes) -> str:
    """Read the reason out of what a revert returned; bytes of any size are judged, none raises.

    Args:
        data: right ones are `Error(string)` as Solidity and Vyper lay it out.

    Returns:
        The text without what cannot be printed, at most 256 characters; empty for anything else, such as no data, a
        panic, or an error of the contract's own kind.

    Source: docs/spec/ticket_broker.md, Solidity "Panic via assert and Error via require".
    """
    if data[:4] != _ERROR_SELECTOR or data[4:36] != _OFFSET:
        return ""
    size_bytes = int.from_bytes(data[36:_HEAD_BYTES], "big")
    text = data[_HEAD_BYTES : _HEAD_BYTES + size_bytes]
    if len(text) != size_bytes:
        return ""
    return printable(text.decode(errors="replace"))


def printable(text: str) -> str:
    """Return a foreign text without what cannot be printed, cut at 256 characters."""
    return "".join(letter for letter in text if letter.isprintable())[:REASON_MAX_CHARACTERS]
