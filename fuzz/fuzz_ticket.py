"""Ticket ids from strangers: what can be read is the one text of what it says, and only its issuer takes it."""

from __future__ import annotations

from parley.errors import ErrorCode, PeerError, Rejected
from parley.upload.tokens import encode_token, parse_token, read_token

__all__ = ["fuzz_one"]

_SECRET = bytes(range(64, 96))


def fuzz_one(data: bytes) -> None:
    """Show `data` to an issuer and to a client, as the text of a ticket id."""
    text = data.decode("latin-1")
    found = parse_token(text, _SECRET)
    try:
        token = read_token(text)
    except PeerError as error:
        if found != Rejected(ErrorCode.NOT_FOUND) or error.code is not ErrorCode.MALFORMED:
            message = f"issuer and client differ: {found}, {error}"
            raise AssertionError(message) from None
        raise
    mine = encode_token(token, _SECRET)
    if (mine == text) != (found == token):
        message = "the issuer takes what it did not issue, or does not know its own"
        raise AssertionError(message)
    if mine[: (len(text) * 5 // 8 - 32) * 8 // 5] != text[: (len(text) * 5 // 8 - 32) * 8 // 5]:
        message = "what was read is written as another text"
        raise AssertionError(message)
