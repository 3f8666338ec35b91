"""Stored tickets: what parses encodes to the same bytes, and an upload goes on from it whatever comes next."""

from __future__ import annotations

from contextlib import suppress

from parley.errors import PeerError
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied
from parley.upload.config import UploadConfig
from parley.upload.life import Completed, Deleted, EndClaimed, PartBegun, PartStored, UploadLife
from parley.upload.stored import encode_stored_ticket, parse_stored_ticket

__all__ = ["fuzz_one"]

_CONFIG = UploadConfig()


def fuzz_one(data: bytes) -> None:
    """Parse `data`, encode it again, and let an upload go on from it."""
    ticket = parse_stored_ticket(data)
    if encode_stored_ticket(ticket) != data:
        message = "what was parsed encodes to other bytes"
        raise AssertionError(message)
    life = UploadLife(ticket, _CONFIG)
    now = Instant(max(ticket.expires_ms - 1, 0))
    for event in (PartBegun(10), PartStored("header", 10), Completed(), Deleted(), EndClaimed(1, Applied())):
        with suppress(PeerError):
            life.receive(event, now)
        encode_stored_ticket(life.ticket)
    life.handle_timeout(life.next_timeout() or now)
    if parse_stored_ticket(encode_stored_ticket(life.ticket)) != life.ticket:
        message = "what an upload has become cannot be read back"
        raise AssertionError(message)
