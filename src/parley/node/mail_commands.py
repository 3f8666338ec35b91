"""The command line of mail: send a sealed message, and open what has come."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parley.node.program import Program
from parley.node.registry import Audience, Command, NoParameters

__all__ = [
    "LOCAL_MAIL_COMMANDS",
    "InboxMessage",
    "InboxSave",
    "Send",
    "inbox_address",
    "inbox_list",
    "inbox_read",
    "inbox_remove",
    "inbox_save",
    "send",
]

MessageId = Annotated[str, Meta(title="ID", description="id of the message, or its beginning")]


class Send(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `send`."""

    contact: Annotated[str, Meta(title="CONTACT", description="parley:HASH@URL#age1..., as `inbox address` prints it")]
    message: Annotated[str, Meta(description="text of the letter", extra={"stdin": True})] = ""
    file: Annotated[list[str], Meta(title="FILE", description="file to attach; may repeat")] = msgspec.field(
        default_factory=list
    )
    wait: Annotated[bool, Meta(description="stay until the recipient's node has it, or refuses it")] = False


class InboxMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `inbox read` and `inbox remove`."""

    id: MessageId


class InboxSave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `inbox save`."""

    id: MessageId
    folder: Annotated[str, Meta(title="FOLDER", description="where the files go; nothing is overwritten")] = "."


async def send(program: Program, parameters: Send) -> int:
    """Seal a message and hand it to the own node, which brings it to the recipient's."""
    from parley.node import mail_acts  # noqa: PLC0415  # slow to load

    return await mail_acts.send(
        program, parameters.contact, parameters.message, tuple(parameters.file), is_waiting=parameters.wait
    )


async def inbox_address(program: Program, parameters: NoParameters) -> int:
    """Print the contact under which others write to this box; makes the key and the account at the first call."""
    from parley.node import mail_acts  # noqa: PLC0415  # slow to load

    del parameters
    return await mail_acts.show_address(program)


async def inbox_list(program: Program, parameters: NoParameters) -> int:
    """List what has come, oldest first."""
    from parley.node import mail_acts  # noqa: PLC0415  # slow to load

    del parameters
    return await mail_acts.show_list(program)


async def inbox_read(program: Program, parameters: InboxMessage) -> int:
    """Open one message and print it."""
    from parley.node import mail_acts  # noqa: PLC0415  # slow to load

    return await mail_acts.show_message(program, parameters.id)


async def inbox_save(program: Program, parameters: InboxSave) -> int:
    """Write the files of one message into a folder."""
    from parley.node import mail_acts  # noqa: PLC0415  # slow to load

    return await mail_acts.save_files(program, parameters.id, parameters.folder)


async def inbox_remove(program: Program, parameters: InboxMessage) -> int:
    """Remove one message for good."""
    from parley.node import mail_acts  # noqa: PLC0415  # slow to load

    return await mail_acts.remove(program, parameters.id)


LOCAL_MAIL_COMMANDS: Final = (
    Command(
        method="send",
        audience=Audience.LOCAL,
        parameters=Send,
        run=send,
        summary="Send a sealed message to a contact, through the own node.",
        words=("send",),
        arguments=("contact",),
    ),
    Command(
        method="inbox_address",
        audience=Audience.LOCAL,
        parameters=NoParameters,
        run=inbox_address,
        summary="Print the contact under which others write to this box.",
        words=("inbox", "address"),
    ),
    Command(
        method="inbox_show",
        audience=Audience.LOCAL,
        parameters=NoParameters,
        run=inbox_list,
        summary="List what has come, opened.",
        words=("inbox", "list"),
    ),
    Command(
        method="inbox_read",
        audience=Audience.LOCAL,
        parameters=InboxMessage,
        run=inbox_read,
        summary="Open one message and print it.",
        words=("inbox", "read"),
        arguments=("id",),
    ),
    Command(
        method="inbox_save",
        audience=Audience.LOCAL,
        parameters=InboxSave,
        run=inbox_save,
        summary="Write the files of one message into a folder.",
        words=("inbox", "save"),
        arguments=("id",),
    ),
    Command(
        method="inbox_discard",
        audience=Audience.LOCAL,
        parameters=InboxMessage,
        run=inbox_remove,
        summary="Remove one message for good.",
        words=("inbox", "remove"),
        arguments=("id",),
    ),
)
