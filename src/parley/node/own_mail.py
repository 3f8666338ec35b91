"""A person's side of mail: sealed here, uploaded to the own node; fetched from there, opened here.

    send     seals the letter ─► POST /address/HASH/ticket ─► /incoming/... ─► complete; the own node does the rest
    inbox    GET /box/HASH ─► opens the catalogs ─► opens the blocks

The node sees who writes to whom, when and how much; the letters are opened on this side only.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, TypeVar

import msgspec

from parley.adapters.upload.envelope import BLOCK_BYTES, Attached, Contact, Letter, MailIdentity, seal, seal_letter
from parley.adapters.upload.mail_header import MailHeader, encode_header
from parley.adapters.upload.ticket_client import TICKET_HEADER, RemoteAnswer, TicketClient
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.pool.addresses import Address
from parley.primitives.instants import Instant
from parley.upload.tokens import read_token

__all__ = ["Listed", "ListedPart", "OwnMail", "OwnNode", "Received", "SealedLetter", "safe_name", "seal_for"]

_UPLOADS_MAX: Final = 4
_USER: Final = "parley"
_NAME_CHARACTERS_MAX: Final = 100
_NAME_BYTES_MAX: Final = 240
"""What a file system takes, less a number that makes a name another one."""

_UNAVAILABLE: Final = frozenset({429, 502, 503, 504})
_CODES: Final = {int(code): code for code in ErrorCode}.get

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class OwnNode:
    """The node that one sends through.

    Attributes:
        url: of its server.
        authorization: value of the header with the owner's secret.
    """

    url: Address
    authorization: str

    @classmethod
    def of(cls, url: Address, secret: str) -> OwnNode:
        """Return the node at a URL, with its owner's secret."""
        return cls(url, "Basic " + base64.b64encode(f"{_USER}:{secret}".encode()).decode("ascii"))


@dataclass(frozen=True, slots=True)
class SealedLetter:
    """A letter ready to be uploaded.

    Attributes:
        catalog: sealed.
        blocks: sealed, by name.
    """

    catalog: bytes
    blocks: dict[str, bytes]


class ListedPart(msgspec.Struct):
    """One part of a message, as the node lists it."""

    name: str
    size_bytes: int


class Listed(msgspec.Struct):
    """One message, as the node lists it."""

    id: str
    sender: str
    received_ms: int
    size_bytes: int
    parts: list[ListedPart]


class _Listing(msgspec.Struct):
    messages: list[Listed]


@dataclass(frozen=True, slots=True)
class Received:
    """One message in the own box.

    Attributes:
        listed: what the node says of it.
        letter: what it says, opened; None where it is not sealed for this key.
    """

    listed: Listed
    letter: Letter | None

    def opened(self) -> Letter:
        """Return the letter.

        Raises:
            PeerError: MALFORMED: it is sealed for another key, or was changed.
        """
        if self.letter is None:
            raise PeerError(ErrorCode.MALFORMED, fault="sealed for another key, or changed")
        return self.letter


class OwnMail:
    """Mail of one identity at its own node."""

    def __init__(self, client: TicketClient, node: OwnNode, identity: MailIdentity) -> None:
        """Send and receive.

        Args:
            client: reaches the node.
            node: one's own.
            identity: opens what comes.
        """
        self._client = client
        self._node = node
        self._identity = identity
        self._box = f"/box/{identity.mailbox().hex()}"

    async def send(self, contact: Contact, sealed: SealedLetter, progress: Callable[[int], None]) -> str:
        """Upload a sealed letter, and have the own node bring it to its recipient.

        Args:
            contact: whom to.
            sealed: for that contact.
            progress: is told how many bytes were uploaded so far.

        Returns:
            The id of the message at the own node.

        Raises:
            UnavailableError: the node did not answer; nothing was sent, as far as is known.
            PeerError: it refuses.
        """
        sender = self._identity.mailbox()
        offer = await self._client.request_own_ticket(
            self._node.url, sender=sender, recipient=contact.mailbox, authorization=self._node.authorization
        )
        header = encode_header(MailHeader(sender, contact.mailbox, contact.url))
        parts = {"header": header, "catalog": sealed.catalog}
        parts |= {f"block/{name}": content for name, content in sealed.blocks.items()}
        sent_bytes = 0

        async def upload(name: str) -> None:
            nonlocal sent_bytes
            await self._upload(offer.ticket_id, f"/incoming/{name}", parts[name])
            sent_bytes += len(parts[name])
            progress(sent_bytes)

        try:
            await _at_once(upload, parts)
            await self._upload(offer.ticket_id, "/incoming", b"")
        except PeerError:
            await self._client.call("DELETE", self._node.url, "/incoming", None, {TICKET_HEADER: offer.ticket_id})
            raise
        return read_token(offer.ticket_id).id.hex()

    async def received(self) -> list[Received]:
        """Return all messages of the own box, oldest first.

        Raises:
            UnavailableError: the node did not answer.
            PeerError: it refuses.
        """
        return [Received(listed, await self._open(listed)) for listed in await self._listed()]

    async def find(self, prefix: str) -> Received:
        """Return the one message whose id begins with a prefix.

        Raises:
            LocalError: NOT_FOUND: none does, or several do.
            UnavailableError: the node did not answer.
            PeerError: it refuses.
        """
        found = [listed for listed in await self._listed() if prefix and listed.id.startswith(prefix)]
        if len(found) != 1:
            raise LocalError(ErrorCode.NOT_FOUND, messages_with_this_id=len(found))
        return Received(found[0], await self._open(found[0]))

    async def content(self, received: Received, file: Attached) -> bytes:
        """Return an attached file, opened and checked against the catalog.

        Raises:
            UnavailableError: the node did not answer.
            PeerError: it refuses, or a block is not the one that was sent.
        """
        letter, blocks = received.opened(), []
        for name in file.blocks:
            answer = await self._ask("GET", f"{self._box}/{received.listed.id}/block/{name}")
            blocks.append(self._identity.open_block(letter, name, answer.body))
        content = b"".join(blocks)
        if len(content) != file.size_bytes:
            raise PeerError(ErrorCode.MALFORMED, fault="another size than the catalog says")
        return content

    async def remove(self, message_id: str) -> None:
        """Remove a message from the own box for good.

        Raises:
            UnavailableError: the node did not answer.
            PeerError: it refuses.
        """
        await self._ask("DELETE", f"{self._box}/{message_id}")

    async def call(self, method: str, params: dict[str, Any]) -> Any:  # noqa: ANN401  # any JSON
        """Call a method of the own node's owner.

        Raises:
            UnavailableError: the node did not answer.
            PeerError: it refuses.
        """
        call = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        answer = await self._ask("POST", "/v2/owner", call)
        match answer.document():
            case {"result": {"Ok": value}}:
                return value
            case {"error": {"code": int(number)}}:
                raise PeerError(_CODES(number) or ErrorCode.PEER_REFUSED, method=method)
            case _:
                raise PeerError(ErrorCode.MALFORMED, method=method)

    async def _listed(self) -> list[Listed]:
        answer = await self._ask("GET", self._box)
        try:
            return msgspec.json.decode(answer.body, type=_Listing).messages
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise PeerError(ErrorCode.MALFORMED, value="listing") from None

    async def _open(self, listed: Listed) -> Letter | None:
        try:
            # A stranger chose how large it is: one that is refused here must not hide the other messages.
            answer = await self._client.call("GET", *self._where(f"{self._box}/{listed.id}/catalog"))
            return self._identity.open_letter(answer.body) if answer.is_ok else None
        except PeerError:
            return None

    async def _upload(self, ticket_id: str, path: str, content: bytes) -> None:
        headers = {TICKET_HEADER: ticket_id, "Content-Type": "application/octet-stream"}
        _check(await self._client.call("POST", self._node.url, path, content, headers))

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> RemoteAnswer:
        url, path, _, headers = self._where(path)
        return _check(await self._client.call(method, url, path, body, headers))

    def _where(self, path: str) -> tuple[Address, str, None, dict[str, str]]:
        return self._node.url, path, None, {"Authorization": self._node.authorization}


def seal_for(contact: Contact, text: str, files: Iterable[tuple[str, bytes]], now: Instant) -> SealedLetter:
    """Seal a letter with its files, block by block.

    Args:
        contact: who can open it.
        text: of the letter.
        files: name and content of each.
        now: the moment that the letter gives as its own.

    Raises:
        LocalError: TOO_LARGE: the text, or the number of files.
    """
    attached: list[Attached] = []
    blocks: dict[str, bytes] = {}
    for number, (name, content) in enumerate(files):
        names = []
        for start in range(0, len(content), BLOCK_BYTES):
            block = f"{number}-{start // BLOCK_BYTES}"
            blocks[block] = seal(content[start : start + BLOCK_BYTES], contact.recipient)
            names.append(block)
        attached.append(Attached(safe_name(name), len(content), tuple(names)))
    digests = {name: hashlib.sha256(block).hexdigest() for name, block in blocks.items()}
    letter = Letter(text, now, tuple(attached), digests)
    return SealedLetter(seal_letter(letter, contact.recipient), blocks)


def safe_name(name: str) -> str:
    """Return a file's name without folders, dots in front, or anything that is not printed; what remains is shown."""
    last = PurePath(name.replace("\\", "/")).name
    kept = "".join(letter if letter.isprintable() else "_" for letter in last).lstrip(". ").rstrip()
    return kept[:_NAME_CHARACTERS_MAX].encode()[:_NAME_BYTES_MAX].decode(errors="ignore") or "file"


async def _at_once(work: Callable[[ValueT], Awaitable[None]], things: Iterable[ValueT]) -> None:
    """Do work for several things at once, and for all of them."""
    slots = asyncio.Semaphore(_UPLOADS_MAX)

    async def do(thing: ValueT) -> None:
        async with slots:
            await work(thing)

    tasks = [asyncio.ensure_future(do(thing)) for thing in things]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _check(answer: RemoteAnswer) -> RemoteAnswer:
    """Return an answer that says yes.

    Raises:
        UnavailableError: BUSY.
        PeerError: what the node gives as its reason, in our words.
    """
    if answer.is_ok:
        return answer
    if answer.status in _UNAVAILABLE:
        raise UnavailableError(ErrorCode.BUSY, status=answer.status)
    number = answer.document().get("code")
    code = _CODES(number) if isinstance(number, int) else None
    raise PeerError(code or ErrorCode.PEER_REFUSED, status=answer.status)
