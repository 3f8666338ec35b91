"""Where a message goes: what its header says, and what its ticket allows."""

from __future__ import annotations

from typing import Final

from parley.adapters.upload.mail_header import parse_header
from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import Address, address_scope, is_followed
from parley.ports.blobs import Blobs
from parley.upload.stored import StoredTicket

__all__ = ["RELAY_PURPOSE", "MailRoutes"]

RELAY_PURPOSE: Final = "relay"
"""Purpose of the tickets that an account of this node gets: only their messages are brought to other nodes."""


class MailRoutes:
    """Reads headers of uploads."""

    def __init__(self, blobs: Blobs, own_address: Address | None) -> None:
        """Read headers.

        Args:
            blobs: hold them.
            own_address: of this node; None when it has none. Whether private addresses are written to follows from it.
        """
        self._blobs = blobs
        self._own_address = own_address
        self._own_scope = None if own_address is None else address_scope(own_address)

    async def check(self, ticket: StoredTicket, blob: str) -> str | Rejected:
        """Check that a header is the ticket's; return the node its message goes to, empty for this one.

        A route is followed for tickets of this node's own accounts alone, and never into a network that is nearer to
        this node than its own address says: nobody makes it knock at its neighbours' doors.

        Args:
            ticket: that admits the upload.
            blob: name of the header's.

        Raises:
            UnavailableError: the disk does not answer.
        """
        reading = await self._blobs.read(blob)
        header = parse_header(b"" if reading is None else b"".join([chunk async for chunk in reading]))
        if isinstance(header, Rejected):
            return header
        if (header.sender, header.recipient) != (ticket.sender, ticket.recipient):
            return Rejected(ErrorCode.WRONG_RECIPIENT, {"fault": "from and to differ from the ticket"})
        route = header.route
        if route is None or route == self._own_address or ticket.purpose != RELAY_PURPOSE:
            return ""
        if not is_followed(route, self._own_scope):
            return Rejected(ErrorCode.MALFORMED, {"value": "route", "fault": "leads into a private network"})
        return route
