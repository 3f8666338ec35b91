"""The boxes of a node's accounts: what was delivered stays until its owner removes it.

    deliver ─► one document under "RECIPIENT/MESSAGE": the message is in the box, or it is not
    owner   ─► lists, reads, removes

A recipient without an account is treated alike to the last byte of the answer, and its messages are swept. What a
box may take is counted over the last week, whatever its owner has removed since: an answer never tells whose account
exists, nor whether anybody reads.

One process uses the documents; what is known of them is kept in memory and is small.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec

from parley.errors import ErrorCode, Rejected
from parley.ports.blobs import Blobs
from parley.ports.store import Documents
from parley.primitives.instants import Instant

__all__ = ["BOXES_BYTES_MAX", "BOX_MESSAGES_MAX", "QUOTA_MS", "Mailbox", "Message", "Part", "blob_names"]

BOX_MESSAGES_MAX: Final = 10_000
"""Most messages that one box takes in `QUOTA_MS`."""

BOXES_BYTES_MAX: Final = 2**34
"""Most bytes in all boxes together."""

QUOTA_MS: Final = 7 * 86_400_000
"""How long a message counts towards the quota of its box, kept or not."""

_NAMESPACE: Final = "upload/boxes"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a message.

    Attributes:
        name: "header", "catalog", "block/ID" or "attachment/ID".
        leaf: of its blob; the folder is the message.
        size_bytes: of its content.
        sha256: 64 hex digits.
    """

    name: str
    leaf: str
    size_bytes: int
    sha256: str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message, complete.

    Attributes:
        id: 32 hex digits, of the ticket that admitted it.
        sender: 64 hex digits; empty where it is unknown.
        recipient: 64 hex digits.
        received_ms: when it was completed.
        parts: by name.
        is_kept: False for a message to nobody, and for one that its owner has removed.
    """

    id: str
    sender: str
    recipient: str
    received_ms: int
    parts: tuple[Part, ...]
    is_kept: bool = True

    @property
    def size_bytes(self) -> int:
        """All its parts together."""
        return sum(part.size_bytes for part in self.parts)


class Mailbox:
    """All boxes of one node."""

    def __init__(
        self,
        documents: Documents,
        blobs: Blobs,
        *,
        is_known: Callable[[bytes], Awaitable[bool]],
        box_bytes_max: int,
        box_messages_max: int = BOX_MESSAGES_MAX,
        boxes_bytes_max: int = BOXES_BYTES_MAX,
    ) -> None:
        """Keep boxes; call `load` first.

        Args:
            documents: the durable table.
            blobs: hold the parts.
            is_known: says whether a hash of 32 bytes has an account here.
            box_bytes_max: most bytes that one box takes in `QUOTA_MS`.
            box_messages_max: most messages that one box takes in `QUOTA_MS`.
            boxes_bytes_max: most bytes in all boxes together.
        """
        self._documents = documents
        self._blobs = blobs
        self._is_known = is_known
        self._bytes_max = box_bytes_max
        self._messages_max = box_messages_max
        self._all_bytes_max = boxes_bytes_max
        self._all_bytes = 0
        self._boxes: dict[str, dict[str, Message]] = {}
        self._reserved: dict[str, dict[str, int]] = {}

    async def load(self) -> None:
        """Read what is in the boxes.

        Raises:
            UnavailableError: the store does not answer.
        """
        for document in await self._documents.list(_NAMESPACE):
            message = msgspec.json.decode(document.value, type=Message)
            self._put(message)

    def reserve(self, message: Message, now: Instant) -> Rejected | None:
        """Keep room for a message that is about to be delivered; `release` it in the end.

        Returns:
            None, or QUOTA_EXCEEDED: the box has taken its share of this week, or the node is full.
        """
        held = self._boxes.get(message.recipient, {})
        if message.id not in held and self._all_bytes + message.size_bytes > self._all_bytes_max:
            return Rejected(ErrorCode.QUOTA_EXCEEDED, {"value": "node", "limit_bytes": self._all_bytes_max})
        box = {one.id: one.size_bytes for one in held.values() if one.received_ms + QUOTA_MS > now}
        box.update(self._reserved.get(message.recipient, {}))
        if message.id in box or message.id in held:
            return None
        if len(box) >= self._messages_max or sum(box.values()) + message.size_bytes > self._bytes_max:
            return Rejected(ErrorCode.QUOTA_EXCEEDED, {"value": "box", "limit_bytes": self._bytes_max})
        self._reserved.setdefault(message.recipient, {})[message.id] = message.size_bytes
        return None

    def release(self, message: Message) -> None:
        """Let go of the room that was kept; releasing twice is harmless."""
        reserved = self._reserved.get(message.recipient, {})
        reserved.pop(message.id, None)
        if not reserved:
            self._reserved.pop(message.recipient, None)

    async def deliver(self, message: Message) -> None:
        """Put a complete message into its box, for which room was kept; once more is harmless.

        Raises:
            UnavailableError: the store does not answer; delivering again is harmless.
        """
        if message.id in self._boxes.get(message.recipient, {}):
            return
        is_known = await self._is_known(bytes.fromhex(message.recipient))
        kept = msgspec.structs.replace(message, is_kept=is_known)
        await self._documents.put(_NAMESPACE, _key(kept), msgspec.json.encode(kept))
        self._put(kept)

    def messages(self, recipient: str) -> tuple[Message, ...]:
        """Return the messages in a box, oldest first.

        Args:
            recipient: 64 hex digits, lower case.
        """
        held = self._boxes.get(recipient, {}).values()
        return tuple(sorted((one for one in held if one.is_kept), key=lambda one: (one.received_ms, one.id)))

    def recipients(self) -> tuple[str, ...]:
        """Return the boxes with messages in them."""
        return tuple(sorted(name for name in self._boxes if self.messages(name)))

    def find(self, recipient: str, message_id: str) -> Message | None:
        """Return one message of a box, or None."""
        message = self._boxes.get(recipient, {}).get(message_id)
        return message if message is not None and message.is_kept else None

    async def read(self, message: Message, part_name: str) -> AsyncIterator[bytes] | None:
        """Return the content of one part in chunks, or None where there is no such part.

        Raises:
            UnavailableError: the disk does not answer.
        """
        part = next((one for one in message.parts if one.name == part_name), None)
        return None if part is None else await self._blobs.read(f"{message.id}/{part.leaf}")

    async def remove(self, recipient: str, message_id: str) -> bool:
        """Take a message out of its box for good; return whether it was there.

        That it came is remembered as long as it counts towards the quota.

        Raises:
            UnavailableError: the store does not answer.
        """
        message = self.find(recipient, message_id)
        if message is None:
            return False
        removed = msgspec.structs.replace(message, is_kept=False)
        await self._documents.put(_NAMESPACE, _key(removed), msgspec.json.encode(removed))
        self._put(removed)
        await self._blobs.delete(message.id)
        return True

    async def sweep(self, now: Instant) -> int:
        """Forget what is not kept and counts no more; return how many messages.

        Raises:
            UnavailableError: the store does not answer.
        """
        lapsed = [
            message
            for box in self._boxes.values()
            for message in box.values()
            if not message.is_kept and message.received_ms + QUOTA_MS <= now
        ]
        for message in lapsed:
            await self._forget(message)
        return len(lapsed)

    def kept_blobs(self) -> set[str]:
        """Return the names of the blobs that belong to messages in boxes."""
        return {
            name
            for box in self._boxes.values()
            for message in box.values()
            if message.is_kept
            for name in blob_names(message.id, message.parts)
        }

    def _put(self, message: Message) -> None:
        box = self._boxes.setdefault(message.recipient, {})
        self._all_bytes += _kept_bytes(message) - _kept_bytes(box.get(message.id))
        box[message.id] = message

    async def _forget(self, message: Message) -> None:
        await self._documents.delete(_NAMESPACE, _key(message))
        box = self._boxes.get(message.recipient, {})
        self._all_bytes -= _kept_bytes(box.pop(message.id, None))
        if not box:
            self._boxes.pop(message.recipient, None)


def blob_names(message_id: str, parts: tuple[Part, ...]) -> set[str]:
    """Return the names of the blobs of a message."""
    return {f"{message_id}/{part.leaf}" for part in parts}


def _kept_bytes(message: Message | None) -> int:
    return message.size_bytes if message is not None and message.is_kept else 0


def _key(message: Message) -> str:
    return f"{message.recipient}/{message.id}"
