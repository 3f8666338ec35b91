"""The tickets whose uploads have begun or ended, as documents."""

from __future__ import annotations

from typing import Final

from parley.ports.store import Documents
from parley.upload.stored import StoredTicket, encode_stored_ticket, parse_stored_ticket

__all__ = ["StoredTickets"]

_NAMESPACE: Final = "upload/tickets"


class StoredTickets:
    """One document for each ticket, by the hexadecimal id of its message."""

    def __init__(self, documents: Documents) -> None:
        """Keep tickets."""
        self._documents = documents

    async def all(self) -> tuple[StoredTicket, ...]:
        """Return every ticket that is kept.

        Raises:
            UnavailableError: the store does not answer.
        """
        return tuple(parse_stored_ticket(document.value) for document in await self._documents.list(_NAMESPACE))

    async def put(self, ticket: StoredTicket) -> None:
        """Keep a ticket as it is now.

        Raises:
            UnavailableError: the store does not answer.
        """
        await self._documents.put(_NAMESPACE, ticket.id.hex(), encode_stored_ticket(ticket))

    async def drop(self, message_id: str) -> None:
        """Forget a ticket.

        Raises:
            UnavailableError: the store does not answer.
        """
        await self._documents.delete(_NAMESPACE, message_id)
