"""What a follower of events finds in its store: a window of the same bytes, or nothing."""

from __future__ import annotations

from parley.adapters.evm.log_window import decode_window, encode_window
from parley.errors import ErrorCode, PeerError

__all__ = ["fuzz_one"]

_SOURCE = b"\x50" * 32


def fuzz_one(data: bytes) -> None:
    """Decode a window, and write it again."""
    window = decode_window(data, _SOURCE)
    if window is None:
        raise PeerError(ErrorCode.MALFORMED)
    if decode_window(encode_window(window), _SOURCE) != window:
        message = "what was decoded is written as something else"
        raise AssertionError(message)
