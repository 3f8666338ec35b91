"""What the command line of mail does; loaded when it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from parley.adapters.system import SystemClock
from parley.adapters.upload.account_key import account_public_key
from parley.adapters.upload.envelope import Contact, MailIdentity, encode_contact, parse_contact
from parley.adapters.upload.ticket_client import TicketClient
from parley.errors import ConfigError, ErrorCode, LocalError, Rejected
from parley.node.config import load_config
from parley.node.data_directory import DataDirectory
from parley.node.own_mail import OwnMail, OwnNode, Received, safe_name, seal_for
from parley.node.program import Program, Tone
from parley.pool.addresses import Address, parse_address

__all__ = ["remove", "save_files", "send", "show_address", "show_list", "show_message"]

_POLL_S: Final = 0.25
_MS_PER_SECOND: Final = 1_000
_SHOWN_ID_CHARACTERS: Final = 12
_SHOWN_TEXT_CHARACTERS: Final = 60
_NAMES_MAX: Final = 1_000
_DELIVERED: Final = "delivered"
_ENDED: Final = frozenset({_DELIVERED, "failed", "unknown"})


async def send(program: Program, contact_text: str, text: str, files: tuple[str, ...], *, is_waiting: bool) -> int:
    """Seal a message and hand it to the own node.

    Raises:
        LocalError: the contact is none, or a file cannot be read.
        ParleyError: the node does not run, does not answer, or refuses.
    """
    contact = parse_contact(contact_text)
    if isinstance(contact, Rejected):
        raise LocalError(contact.code, contact="not as `parley inbox address` prints it")
    if not text and not files:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="--message or --file")
    async with _own_mail(program) as (mail, _):
        contents = await asyncio.to_thread(_read_files, files)
        sealed = await asyncio.to_thread(seal_for, contact, text, contents, SystemClock().now())
        total_bytes = len(sealed.catalog) + sum(len(block) for block in sealed.blocks.values())
        with program.output.progress("uploading", total=total_bytes) as progress:
            message_id = await mail.send(contact, sealed, lambda done: progress.advance(min(done, total_bytes)))
        stage, reason = await _follow(mail, message_id, is_waiting=is_waiting)
    program.output.document({"id": message_id, "stage": stage, "reason": reason})
    is_good = stage not in _ENDED or stage == _DELIVERED
    said = f"{message_id}  {stage}{f' ({reason})' if reason else ''}"
    program.output.line(said, Tone.GOOD if is_good else Tone.BAD)
    return 0 if is_good else 1


async def show_address(program: Program) -> int:
    """Print the own contact; the account is made where there is none.

    Raises:
        ParleyError: the node does not run, does not answer, or refuses.
    """
    async with _own_mail(program) as (mail, own):
        key = await asyncio.to_thread(account_public_key, own.directory.path / "account_key")
        await mail.call("account_add", {"hash": own.identity.mailbox().hex(), "keys": [key]})
        address = (await mail.call("mail_status", {}))["address"]
    if not isinstance(address, str):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="advertise", rule="set where the node listens everywhere")
    contact = encode_contact(Contact(own.identity.mailbox(), _address(address), own.identity.recipient))
    program.output.item({"contact": contact}, contact)
    return 0


async def show_list(program: Program) -> int:
    """List the own box.

    Raises:
        ParleyError: the node does not run, does not answer, or refuses.
    """
    async with _own_mail(program) as (mail, _):
        found = await mail.received()
    program.output.document([_document(one) for one in found])
    program.output.table(
        ("id", "from (claimed)", "received", "files", "message"),
        [
            (
                one.listed.id[:_SHOWN_ID_CHARACTERS],
                one.listed.sender[:_SHOWN_ID_CHARACTERS],
                _time(one.listed.received_ms),
                "" if one.letter is None else len(one.letter.files) or "",
                "(not sealed for this key)" if one.letter is None else one.letter.text[:_SHOWN_TEXT_CHARACTERS],
            )
            for one in found
        ],
        title=f"{len(found)} messages",
    )
    return 0


async def show_message(program: Program, prefix: str) -> int:
    """Open one message and print it.

    Raises:
        ParleyError: there is none, or the node does not answer.
    """
    async with _own_mail(program) as (mail, _):
        found = await mail.find(prefix)
    letter = found.opened()
    program.output.document(_document(found))
    program.output.line(f"from {found.listed.sender}, received {_time(found.listed.received_ms)}", Tone.FAINT)
    for line in letter.text.splitlines():
        program.output.line(line)
    for file in letter.files:
        program.output.line(f"{file.name}  {file.size_bytes:,} bytes", Tone.FAINT)
    return 0


async def save_files(program: Program, prefix: str, folder: str) -> int:
    """Write the files of one message into a folder; nothing is overwritten.

    Raises:
        ParleyError: there is no such message, a block is not the one that was sent, or a file cannot be written.
    """
    written: list[str] = []
    async with _own_mail(program) as (mail, _):
        found = await mail.find(prefix)
        files = found.opened().files
        with program.output.progress("fetching", total=found.listed.size_bytes) as progress:
            done_bytes = 0
            for file in files:
                content = await mail.content(found, file)
                written.append(str(await asyncio.to_thread(_write_new, Path(folder), file.name, content)))
                done_bytes += len(content)
                progress.advance(done_bytes, written[-1])
    program.output.document({"id": found.listed.id, "files": written})
    for name in written:
        program.output.line(name, Tone.GOOD)
    return 0


async def remove(program: Program, prefix: str) -> int:
    """Remove one message for good.

    Raises:
        ParleyError: there is none, or the node does not answer.
    """
    async with _own_mail(program) as (mail, _):
        found = await mail.find(prefix)
        await mail.remove(found.listed.id)
    program.output.result({"removed": found.listed.id})
    return 0


class _Own:
    """The own directory, and the key of its box."""

    def __init__(self, directory: DataDirectory, identity: MailIdentity) -> None:
        self.directory = directory
        self.identity = identity


@asynccontextmanager
async def _own_mail(program: Program) -> AsyncIterator[tuple[OwnMail, _Own]]:
    config, _ = load_config(flags={"data_dir": program.data_dir}, environment=program.environment)
    directory = DataDirectory(config.data_dir)
    running, secret = directory.read_running(), directory.read_owner_secret()
    identity = await asyncio.to_thread(MailIdentity.load, directory.path / "mail_identity")
    async with TicketClient() as client:
        yield OwnMail(client, OwnNode.of(_address(running.http), secret), identity), _Own(directory, identity)


def _address(text: str) -> Address:
    address = parse_address(text)
    if isinstance(address, Rejected):
        raise ConfigError(ErrorCode.NODE_NOT_RUNNING, reason="node.json holds no URL like http://127.0.0.1:7420")
    return address


async def _follow(mail: OwnMail, message_id: str, *, is_waiting: bool) -> tuple[str, str]:
    """Return what has become of a message, at once or when nothing more will; and why, where it failed before."""
    while True:
        entries: list[dict[str, Any]] = await mail.call("outbox_list", {})
        entry = next((one for one in entries if one["id"] == message_id), None)
        if entry is None:
            return _DELIVERED, ""
        if not is_waiting or entry["stage"] in _ENDED:
            return str(entry["stage"]), str(entry["reason"])
        await asyncio.sleep(_POLL_S)


def _read_files(names: tuple[str, ...]) -> list[tuple[str, bytes]]:
    contents: list[tuple[str, bytes]] = []
    for name in names:
        try:
            contents.append((name, Path(name).read_bytes()))
        except OSError as error:
            raise LocalError(ErrorCode.NOT_FOUND, file=name, reason=error.strerror or "not readable") from error
    return contents


def _write_new(folder: Path, name: str, content: bytes) -> Path:
    """Write a file under a name that is free."""
    wanted = Path(safe_name(name))
    for number in range(_NAMES_MAX):
        path = folder / (f"{wanted.stem}-{number}{wanted.suffix}" if number else wanted.name)
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        except OSError as error:
            raise LocalError(ErrorCode.NOT_FOUND, file=str(path), reason=error.strerror or "not writable") from error
        return path
    raise LocalError(ErrorCode.INVALID_ARGUMENT, file=str(folder / wanted), reason="all such names are taken")


def _document(one: Received) -> dict[str, Any]:
    letter = one.letter
    return {
        "id": one.listed.id,
        "from": one.listed.sender,
        "received_ms": one.listed.received_ms,
        "size_bytes": one.listed.size_bytes,
        "opened": letter is not None,
        "text": None if letter is None else letter.text,
        "sent_ms": None if letter is None else letter.sent_ms,
        "files": []
        if letter is None
        else [{"name": file.name, "size_bytes": file.size_bytes} for file in letter.files],
    }


def _time(moment_ms: int) -> str:
    seconds = min(moment_ms, 2**47) // _MS_PER_SECOND
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
