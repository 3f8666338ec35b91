"""Payments in protobuf from strangers: what parses has one meaning, and every ticket in it can be judged."""

from __future__ import annotations

from parley.lottery import recover_signer, ticket_hash
from parley.lottery.params import payment_tickets
from parley.lottery.wire import encode_payment, parse_payment

__all__ = ["fuzz_one"]


def fuzz_one(data: bytes) -> None:
    """Parse `data`, write it again, and judge its tickets as a recipient would."""
    payment = parse_payment(data)
    if parse_payment(encode_payment(payment)) != payment:
        message = "what was parsed is written as something else"
        raise AssertionError(message)
    for ticket, signature in payment_tickets(payment):
        signer = recover_signer(ticket, signature)
        if signer is not None and len(signer) + len(ticket_hash(ticket)) != 52:
            message = "an address or a hash of another size"
            raise AssertionError(message)
