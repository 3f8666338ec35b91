"""What an upload consists of while it is under way: one document beside its ticket, and the blobs that it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from parley.node.mailbox import Message, Part, blob_names
from parley.ports.blobs import Blobs
from parley.ports.store import Documents

__all__ = ["HEADER", "Manifest", "Manifests", "is_part_name"]

HEADER: Final = "header"
"""Name of the part without which a message is not complete."""

_NAMESPACE: Final = "upload/manifests"
_PART_NAME: Final = re.compile(r"header|catalog|(?:block|attachment)/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parts of one upload.

    Attributes:
        sender: 64 hex digits.
        recipient: 64 hex digits.
        route: the node to bring it to, as the header says; empty: this one.
        parts: acknowledged, or about to be, by name.
        completing_ms: when its completion was asked for; 0 before.
    """

    sender: str
    recipient: str
    route: str = ""
    parts: tuple[Part, ...] = ()
    completing_ms: int = 0

    def part(self, name: str) -> Part | None:
        """Return the part of that name, or None."""
        return next((part for part in self.parts if part.name == name), None)

    def with_part(self, part: Part, route: str | None) -> Manifest:
        """Return it with a part in place of the one of that name; with a new route, where a header brings one."""
        kept = [one for one in self.parts if one.name != part.name]
        parts = tuple(sorted((*kept, part), key=lambda one: one.name))
        return msgspec.structs.replace(self, parts=parts, route=self.route if route is None else route)

    def message(self, message_id: str) -> Message:
        """Return the message that it becomes when it is complete."""
        return Message(message_id, self.sender, self.recipient, self.completing_ms, self.parts)


class Manifests:
    """The manifests of the uploads under way, durable."""

    def __init__(self, documents: Documents, blobs: Blobs) -> None:
        """Keep manifests."""
        self._documents = documents
        self._blobs = blobs

    async def all(self) -> dict[str, Manifest]:
        """Return every manifest by the id of its message.

        Raises:
            UnavailableError: the store does not answer.
        """
        documents = await self._documents.list(_NAMESPACE)
        return {document.key: msgspec.json.decode(document.value, type=Manifest) for document in documents}

    async def get(self, message_id: str) -> Manifest | None:
        """Return one manifest, or None.

        Raises:
            UnavailableError: the store does not answer.
        """
        raw = await self._documents.get(_NAMESPACE, message_id)
        return None if raw is None else msgspec.json.decode(raw, type=Manifest)

    async def put(self, message_id: str, manifest: Manifest) -> None:
        """Keep a manifest.

        Raises:
            UnavailableError: the store does not answer.
        """
        await self._documents.put(_NAMESPACE, message_id, msgspec.json.encode(manifest))

    async def drop(self, message_id: str, *, with_parts: bool) -> None:
        """Forget a manifest, with the parts or, where somebody else has them now, without.

        Raises:
            UnavailableError: the store does not answer.
        """
        await self._documents.delete(_NAMESPACE, message_id)
        if with_parts:
            await self._blobs.delete(message_id)

    async def sweep(self, kept: Callable[[], set[str]], is_busy: Callable[[str], bool]) -> int:
        """Delete the blobs that nobody names; return how many.

        A leaf is used once: what nobody names while no part of its message is arriving is never named again. The
        manifest is read before the boxes, as a message is in its box before its manifest is dropped.

        Args:
            kept: names of the blobs that belong to messages in boxes or on their way, now.
            is_busy: whether parts of a message may be arriving now.

        Raises:
            UnavailableError: the store or the disk does not answer.
        """
        known, unnamed, count = kept(), [], 0
        for blob in await self._blobs.list():
            message_id = blob.name.partition("/")[0]
            if blob.name in known or is_busy(message_id):
                continue
            manifest = await self.get(message_id)
            if manifest is None or blob.name not in blob_names(message_id, manifest.parts):
                unnamed.append(blob.name)
        known = kept()  # once for all of them: it is long, and nothing in `unnamed` is named anew
        for name in unnamed:
            if name not in known:
                count += await self._blobs.delete(name)
        return count


def is_part_name(name: str) -> bool:
    """Say whether a part may have this name."""
    return _PART_NAME.fullmatch(name) is not None
