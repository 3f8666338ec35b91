"""What a node's owner can ask of the boxes, over JSON-RPC and over HTTP: list, fetch, remove; and of the outbox."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, Rejected
from parley.node.mailbox import Mailbox, Message
from parley.node.outbox import Outgoing
from parley.node.registry import Audience, Command, NoParameters

if TYPE_CHECKING:  # slow to load, and the command line only reads the commands
    from parley.node.wiring import Node

__all__ = ["MAIL_COMMANDS", "InboxFetch", "InboxList", "InboxRemove", "OwnerBoxes"]

_CONTENT_BYTES_MAX = 8 * 2**20

Hash = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="whose box: 64 hex digits")]
MessageId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="id of the message")]


class InboxList(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of inbox_list."""

    mailbox: Hash | None = None


class InboxFetch(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of inbox_fetch."""

    mailbox: Hash
    id: MessageId
    part: Annotated[str, Meta(max_length=128, description="header, catalog, block/ID or attachment/ID")] = "catalog"


class InboxRemove(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of inbox_remove."""

    mailbox: Hash
    id: MessageId


class OwnerBoxes:
    """Shows boxes over HTTP to those who may look; a `parley.adapters.upload.incoming_routes.Boxes`."""

    def __init__(self, mailbox: Mailbox) -> None:
        """Show these boxes."""
        self._mailbox = mailbox

    def listing(self, mailbox: bytes) -> object:
        """Return what is in a box."""
        return {"messages": [_shown(one) for one in self._mailbox.messages(mailbox.hex())]}

    def message(self, mailbox: bytes, message_id: str) -> object | None:
        """Return one message, or None."""
        found = self._mailbox.find(mailbox.hex(), message_id)
        return None if found is None else _shown(found)

    async def content(self, mailbox: bytes, message_id: str, part: str) -> AsyncIterator[bytes] | None:
        """Return the content of one part in chunks, or None.

        Raises:
            UnavailableError: the disk does not answer.
        """
        found = self._mailbox.find(mailbox.hex(), message_id)
        return None if found is None else await self._mailbox.read(found, part)

    async def discard(self, mailbox: bytes, message_id: str) -> bool:
        """Remove one message; return whether it was there.

        Raises:
            UnavailableError: the store does not answer.
        """
        return await self._mailbox.remove(mailbox.hex(), message_id)


async def _list(node: Node, parameters: InboxList) -> list[dict[str, Any]]:
    mailbox = node.mail.mailbox
    names = mailbox.recipients() if parameters.mailbox is None else (parameters.mailbox.lower(),)
    return [_shown(message) for name in names for message in mailbox.messages(name)]


async def _fetch(node: Node, parameters: InboxFetch) -> dict[str, Any] | Rejected:
    mailbox = node.mail.mailbox
    message = mailbox.find(parameters.mailbox.lower(), parameters.id)
    part = None if message is None else next((one for one in message.parts if one.name == parameters.part), None)
    if message is None or part is None:
        return Rejected(ErrorCode.NOT_FOUND)
    if part.size_bytes > _CONTENT_BYTES_MAX:
        return Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": _CONTENT_BYTES_MAX, "instead": "GET /box/..."})
    reading = await mailbox.read(message, part.name)
    if reading is None:
        return Rejected(ErrorCode.NOT_FOUND)
    content = b"".join([chunk async for chunk in reading])
    return {"message": _shown(message), "part": part.name, "content": base64.b64encode(content).decode("ascii")}


async def _remove(node: Node, parameters: InboxRemove) -> Rejected | None:
    is_gone = await node.mail.mailbox.remove(parameters.mailbox.lower(), parameters.id)
    return None if is_gone else Rejected(ErrorCode.NOT_FOUND)


async def _outbox(node: Node, parameters: NoParameters) -> list[dict[str, Any]]:
    del parameters
    return [_shown_outgoing(entry) for entry in node.mail.outbox.entries()]


async def _status(node: Node, parameters: NoParameters) -> dict[str, Any]:
    del parameters
    mail = node.mail
    return {
        "address": mail.own_address,
        "messages": sum(len(mail.mailbox.messages(name)) for name in mail.mailbox.recipients()),
        "outgoing": sum(not entry.is_ended for entry in mail.outbox.entries()),
        "uploading_bytes": mail.uploads.uploading_bytes(),
    }


def _shown(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "sender": message.sender,
        "mailbox": message.recipient,
        "received_ms": message.received_ms,
        "size_bytes": message.size_bytes,
        "parts": [{"name": part.name, "size_bytes": part.size_bytes, "sha256": part.sha256} for part in message.parts],
    }


def _shown_outgoing(entry: Outgoing) -> dict[str, Any]:
    return {
        "id": entry.message.id,
        "recipient": entry.message.recipient,
        "route": entry.route,
        "stage": entry.stage.value,
        "attempts": entry.attempts,
        "due_ms": entry.due_ms,
        "reason": entry.reason.lower(),
    }


_MESSAGE = "id, sender, mailbox, received_ms, size_bytes, parts with name, size_bytes and sha256"

MAIL_COMMANDS = (
    Command(
        method="inbox_list",
        audience=Audience.OWNER,
        parameters=InboxList,
        run=_list,
        summary="List the messages of one box, or of all.",
        result=f"list of messages: {_MESSAGE}",
    ),
    Command(
        method="inbox_fetch",
        audience=Audience.OWNER,
        parameters=InboxFetch,
        run=_fetch,
        summary="Fetch one part of a message.",
        result=f"message ({_MESSAGE}), part, content in base64",
        codes=(ErrorCode.NOT_FOUND, ErrorCode.TOO_LARGE),
    ),
    Command(
        method="inbox_remove",
        audience=Audience.OWNER,
        parameters=InboxRemove,
        run=_remove,
        summary="Remove a message from its box for good.",
        codes=(ErrorCode.NOT_FOUND,),
    ),
    Command(
        method="mail_status",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=_status,
        summary="Say where this node's boxes are reached, and what is in them, on its way, and arriving.",
        result="address (null: none is known), messages, outgoing, uploading_bytes",
    ),
    Command(
        method="outbox_list",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=_outbox,
        summary="List the messages to other nodes that are under way or ended within a day.",
        words=("outbox",),
        result="list of messages: id, recipient, route, stage, attempts, due_ms, reason",
    ),
)
