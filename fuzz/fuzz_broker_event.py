"""Events of brokers from a chain that may lie: what is read holds what can be used, and nothing but PeerError escapes.

Input: the number of topics in a byte, the topics of 32 bytes each, and the data.
"""

from __future__ import annotations

from parley.lottery.events import TicketRefused, WinningTicketRedeemed, parse_event
from parley.lottery.tickets import ticket_hash

__all__ = ["fuzz_one"]


def fuzz_one(data: bytes) -> None:
    """Read an event, and use what is in it as a redeemer would."""
    count = data[0] % 5 if data else 0
    topics = [data[1 + 32 * place : 33 + 32 * place].ljust(32, b"\x00") for place in range(count)]
    event = parse_event(topics, data[1 + 32 * count :])
    if isinstance(event, WinningTicketRedeemed) and len(ticket_hash(event.ticket)) != 32:
        message = "a hash of another size"
        raise AssertionError(message)
    if isinstance(event, TicketRefused) and not (event.reason.isprintable() and len(event.reason) <= 256):
        message = "a reason that cannot be shown"
        raise AssertionError(message)
