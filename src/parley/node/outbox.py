"""What a node has promised to bring to other nodes: durable, so that a restart goes on where it was.

    WAITING      a ticket has to be asked for and earned
    EARNED       the ticket admits; parts are uploaded, any number of times
    COMPLETING   the other node was asked to complete, and may have done so
    DELIVERED    it said so
    FAILED       it will not be delivered
    UNKNOWN      it may have been delivered, and asking again could deliver it twice

An entry that has ended is kept for a day, so that its sender can ask what became of it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from parley.errors import ErrorCode, Rejected
from parley.node.mailbox import Message, blob_names
from parley.ports.blobs import Blobs
from parley.ports.store import Documents
from parley.primitives.instants import Instant

__all__ = ["ENDED_MS", "Outbox", "Outgoing", "Stage"]

ENDED_MS: Final = 86_400_000
"""How long an entry is kept after its end."""

_NAMESPACE: Final = "upload/outbox"


class Stage(Enum):
    """How far a message is; see the module."""

    WAITING = "waiting"
    EARNED = "earned"
    COMPLETING = "completing"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


_ENDED: Final = frozenset({Stage.DELIVERED, Stage.FAILED, Stage.UNKNOWN})


class Outgoing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message on its way.

    Attributes:
        message: with its parts.
        route: address of the recipient's node.
        stage: how far it is.
        due_ms: when to go on; for an ended one, when it ended.
        attempts: that failed so far.
        ticket_id: of the recipient's node; empty before it is earned.
        reason: name of the code of the last failure; empty when there was none.
    """

    message: Message
    route: str
    stage: Stage = Stage.WAITING
    due_ms: int = 0
    attempts: int = 0
    ticket_id: str = ""
    reason: str = ""

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is done for it."""
        return self.stage in _ENDED


class Outbox:
    """The entries, in memory as in the documents; one process uses them."""

    def __init__(self, documents: Documents, blobs: Blobs, *, entries_max: int) -> None:
        """Keep an outbox; call `load` first.

        Args:
            documents: the durable table.
            blobs: hold the parts.
            entries_max: most messages under way.
        """
        self._documents = documents
        self._blobs = blobs
        self._entries_max = entries_max
        self._entries: dict[str, Outgoing] = {}

    async def load(self) -> None:
        """Read what is under way.

        Raises:
            UnavailableError: the store does not answer.
        """
        for document in await self._documents.list(_NAMESPACE):
            self._entries[document.key] = msgspec.json.decode(document.value, type=Outgoing)

    def room(self) -> Rejected | None:
        """Say whether another message can be taken."""
        if sum(not entry.is_ended for entry in self._entries.values()) >= self._entries_max:
            return Rejected(ErrorCode.QUOTA_EXCEEDED, {"value": "outbox", "limit": self._entries_max})
        return None

    async def accept(self, message: Message, route: str, now: Instant) -> None:
        """Promise to bring a message to its recipient's node; once more is harmless.

        Raises:
            UnavailableError: the store does not answer; accepting again is harmless.
        """
        if message.id not in self._entries:
            await self.keep(Outgoing(message, route, due_ms=now))

    async def keep(self, entry: Outgoing) -> None:
        """Write down how far a message is; what belongs to a delivered one is dropped.

        Raises:
            UnavailableError: the store does not answer.
        """
        message_id = entry.message.id
        await self._documents.put(_NAMESPACE, message_id, msgspec.json.encode(entry))
        self._entries[message_id] = entry
        if entry.is_ended:
            await self._blobs.delete(message_id)

    def entries(self) -> tuple[Outgoing, ...]:
        """Return all entries, oldest first."""
        return tuple(sorted(self._entries.values(), key=lambda entry: (entry.message.received_ms, entry.message.id)))

    def find(self, message_id: str) -> Outgoing | None:
        """Return the entry of a message, or None."""
        return self._entries.get(message_id)

    async def sweep(self, now: Instant) -> int:
        """Forget what ended long ago; return how many entries.

        Raises:
            UnavailableError: the store does not answer.
        """
        old = [
            message_id
            for message_id, entry in self._entries.items()
            if entry.is_ended and entry.due_ms + ENDED_MS <= now
        ]
        for message_id in old:
            await self._documents.delete(_NAMESPACE, message_id)
            del self._entries[message_id]
        return len(old)

    def kept_blobs(self) -> set[str]:
        """Return the names of the blobs of messages under way."""
        return {
            name
            for entry in self._entries.values()
            if not entry.is_ended
            for name in blob_names(entry.message.id, entry.message.parts)
        }
