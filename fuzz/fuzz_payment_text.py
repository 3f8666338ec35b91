"""Payments in JSON and ticket parameters in both forms from strangers: what parses is written as it was read."""

from __future__ import annotations

from parley.adapters.lottery.documents import (
    encode_params_text,
    encode_payment_text,
    parse_params_text,
    parse_payment_text,
)
from parley.adapters.lottery.headers import parse_payment_header, payment_header
from parley.errors import PeerError
from parley.lottery.wire import encode_winner, parse_winner

__all__ = ["fuzz_one"]


def fuzz_one(data: bytes) -> None:
    """Feed every reader of payments but the one that `fuzz_payment` feeds."""
    readers = [
        (parse_payment_text, encode_payment_text),
        (parse_params_text, encode_params_text),
        (parse_winner, encode_winner),
    ]
    for read, write in readers:
        try:
            value = read(data)
        except PeerError:
            continue
        if read(write(value)) != value:  # type: ignore[operator]  # each writer takes what its reader returns
            message = "what was read is written as something else"
            raise AssertionError(message)
    text = data.decode("latin-1")
    try:
        payment = parse_payment_header(text)
    except PeerError:
        return
    if parse_payment_header(payment_header(payment)) != payment:
        message = "what was read is written as something else"
        raise AssertionError(message)
