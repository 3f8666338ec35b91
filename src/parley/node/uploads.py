"""Uploads: what a ticket admits, part by part, until the message is complete, deleted, or its time is over.

    put_part ─► the blob is on disk ─► the manifest names it ─► the ticket counts it ─► acknowledged
    complete ─► the manifest says COMPLETING ─► the end is claimed ─► delivered, or into the outbox ─► SPENT
    delete   ─► the end is claimed ─► the parts are dropped ─► LAPSED
    sweep    ─► the end is claimed for what has expired ─► the parts are dropped ─► LAPSED

`parley.upload.life` decides what may happen; here it is carried out. Complete, delete and lapse are owners of one
claim, so exactly one of them happens; whatever the manifest calls COMPLETING is finished after a restart, and asking
for the same end again gives the same answer for as long as the ticket is remembered.

One process serves the uploads of a store.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Final, Protocol

from msgspec.structs import replace

from parley.adapters.upload.mail_header import HEADER_BYTES_MAX
from parley.errors import ErrorCode, PeerError, Rejected, UnavailableError
from parley.node.mail_routes import MailRoutes
from parley.node.mailbox import Mailbox, Part, blob_names
from parley.node.manifests import HEADER, Manifest, Manifests, is_part_name
from parley.node.outbox import Outbox
from parley.node.stored_tickets import StoredTickets
from parley.ports.blobs import Blobs, Stored
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Claims
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.machine import Ask, Finish
from parley.protocol.work import SPENT_GRACE_MS
from parley.upload.config import UploadConfig
from parley.upload.life import Completed, Deleted, EndClaimed, PartBegun, PartGrown, PartStored, UploadEvent, UploadLife
from parley.upload.stored import End, StoredPart, StoredTicket, UploadPhase

__all__ = ["Tickets", "Uploads"]

_LEAF_BYTES: Final = 12


class Tickets(Protocol):
    """Knows which tickets admit; `parley.node.tickets.TicketOffice` does."""

    async def admitted(self, ticket_id: str, now: Instant) -> StoredTicket | Rejected:
        """Return the stored ticket of an id that this node issued and that was paid, in whatever phase it is."""


class _Upload:
    """One upload in memory."""

    def __init__(self, life: UploadLife, manifest: Manifest) -> None:
        self.life = life
        self.manifest = manifest
        self.lock = asyncio.Lock()
        self.arriving = 0
        self.reserved_bytes = 0
        self.unfinished: End | None = None


class Uploads:
    """Carries out the life of every upload of one node."""

    def __init__(
        self,
        *,
        tickets: Tickets,
        stored: StoredTickets,
        manifests: Manifests,
        claims: Claims,
        blobs: Blobs,
        mailbox: Mailbox,
        outbox: Outbox,
        clock: Clock,
        entropy: Entropy,
        config: UploadConfig,
        routes: MailRoutes,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Serve uploads; call `resume` before anybody is answered.

        Args:
            tickets: say which ticket admits.
            stored: the tickets' documents.
            manifests: the uploads' documents.
            claims: decide which end an upload has.
            blobs: hold the parts.
            mailbox: takes what is complete, loaded.
            outbox: takes what goes to other nodes, loaded.
            clock: gives `now`.
            entropy: gives names to blobs.
            config: limits.
            routes: say where a message goes.
            note: is told what happens: "part", then "complete", "delete" or "lapse".
        """
        self._tickets = tickets
        self._stored = stored
        self._manifests = manifests
        self._claims = claims
        self._blobs = blobs
        self._mailbox = mailbox
        self._outbox = outbox
        self._clock = clock
        self._entropy = entropy
        self._config = config
        self._routes = routes
        self._note = note
        self._live: dict[str, _Upload] = {}

    async def resume(self) -> None:
        """Take up what an earlier process left, finish what was being completed, and drop what nobody names.

        Raises:
            UnavailableError: the store or the disk does not answer.
        """
        manifests = await self._manifests.all()
        for ticket in await self._stored.all():
            manifest = manifests.pop(ticket.id.hex(), None)
            if manifest is not None:
                await self._resume_one(ticket, manifest)
        for message_id in manifests:
            await self._manifests.drop(message_id, with_parts=False)
        await self.drop_orphans()

    async def put_part(
        self, ticket_id: str, name: str, chunks: AsyncIterable[bytes], *, announced_bytes: int = 0
    ) -> Stored | Rejected:
        """Take one part; the part of the same name that was there is replaced.

        Args:
            ticket_id: from the request.
            name: "header", "catalog", "block/ID" or "attachment/ID".
            chunks: the content as it arrives.
            announced_bytes: its size, as far as the sender said; 0 where it did not.

        Returns:
            Size and digest: the part is on disk. Or why it is not taken.

        Raises:
            UnavailableError: the store or the disk does not answer, or too much is under way.
        """
        if not is_part_name(name):
            return Rejected(ErrorCode.MALFORMED, {"value": "name of the part"})
        upload = await self._find(ticket_id)
        if isinstance(upload, Rejected):
            return upload
        async with upload.lock:
            limit_bytes = await self._begin(upload, name, announced_bytes)
        if isinstance(limit_bytes, Rejected):
            return limit_bytes
        upload.arriving += 1
        upload.reserved_bytes += limit_bytes
        try:
            return await self._take(upload, name, chunks, limit_bytes)
        finally:
            upload.arriving -= 1
            upload.reserved_bytes -= limit_bytes

    async def complete(self, ticket_id: str) -> Rejected | None:
        """End an upload: the message is delivered, or on its way; asking again gives the same answer.

        Raises:
            UnavailableError: the store does not answer; asking again is harmless.
        """
        upload = await self._find(ticket_id)
        if isinstance(upload, Rejected):
            return upload
        async with upload.lock:
            return await self._complete(upload, self._clock.now())

    async def delete(self, ticket_id: str) -> Rejected | None:
        """Take a message back that is not complete, also after its time; asking again gives the same answer.

        Raises:
            UnavailableError: the store does not answer; asking again is harmless.
        """
        upload = await self._find(ticket_id)
        if isinstance(upload, Rejected):
            return upload
        async with upload.lock:
            await self._settle(upload)
            refusal = self._step(upload, Deleted())
            if refusal is None:
                await self._settle(upload)
                refusal = None if upload.life.phase is UploadPhase.LAPSED else Rejected(ErrorCode.ALREADY_SPENT)
            return refusal

    async def sweep(self) -> None:
        """End what has run out, and forget what ended long ago.

        Raises:
            UnavailableError: the store or the disk does not answer; sweeping again goes on.
        """
        now = self._clock.now()
        for ticket in await self._stored.all():
            await self._open(ticket)
        for message_id, upload in tuple(self._live.items()):
            async with upload.lock:
                upload.life.handle_timeout(now)
                await self._settle(upload)
                ticket = upload.life.ticket
                # A clock that is set back must find the ticket spent, not new.
                kept_ms = max(ticket.ended_ms + self._config.ended_ms, ticket.expires_ms + SPENT_GRACE_MS)
                if ticket.end is not None and now >= kept_ms:
                    await self._stored.drop(message_id)
                    self._live.pop(message_id, None)
        await self._mailbox.sweep(now)
        await self._outbox.sweep(now)

    async def drop_orphans(self) -> None:
        """Drop parts that nobody names: of messages to nobody, and what a crash left behind.

        Raises:
            UnavailableError: the store or the disk does not answer.
        """

        def kept() -> set[str]:
            # A step that could not be written down leaves a document that names other parts than memory does.
            live = (blob_names(name, upload.manifest.parts) for name, upload in self._live.items())
            return self._mailbox.kept_blobs().union(self._outbox.kept_blobs(), *live)

        await self._manifests.sweep(kept, lambda name: name in self._live and self._live[name].arriving > 0)

    def uploading_bytes(self) -> int:
        """Return how many bytes the uploads under way hold, or may still bring with the parts that are arriving."""
        return sum(
            upload.reserved_bytes + sum(part.size_bytes for part in upload.manifest.parts)
            for upload in self._live.values()
        )

    async def _find(self, ticket_id: str) -> _Upload | Rejected:
        ticket = await self._tickets.admitted(ticket_id, self._clock.now())
        return ticket if isinstance(ticket, Rejected) else await self._open(ticket)

    async def _open(self, ticket: StoredTicket) -> _Upload:
        """Return the upload of a ticket; all callers share one, which stays until its ticket is forgotten."""
        message_id = ticket.id.hex()
        if message_id not in self._live:
            found = await self._manifests.get(message_id)
            manifest = found or Manifest(ticket.sender.hex(), ticket.recipient.hex())
            if ticket.phase is UploadPhase.UPLOADING:
                # The manifest is written first, so it may name one part more.
                parts = tuple(StoredPart(part.name, part.size_bytes) for part in manifest.parts)
                ticket = dataclasses.replace(ticket, parts=parts)
            self._live.setdefault(message_id, _Upload(UploadLife(ticket, self._config), manifest))
        return self._live[message_id]

    async def _begin(self, upload: _Upload, name: str, announced_bytes: int) -> int | Rejected:
        """Let a part begin; return the most that it may bring."""
        before = upload.life.ticket
        refusal = self._step(upload, PartBegun(announced_bytes))
        if refusal is not None:
            return refusal
        ticket = upload.life.ticket
        if ticket != before:
            await self._keep(upload, before)
        others_bytes = upload.reserved_bytes + sum(part.size_bytes for part in ticket.parts if part.name != name)
        limit_bytes = min(self._config.part_max_bytes, max(0, ticket.size_max_bytes - others_bytes))
        if upload.reserved_bytes and limit_bytes < max(1, announced_bytes):
            raise UnavailableError(ErrorCode.BUSY, value="parts of this upload")
        limit_bytes = min(
            limit_bytes, HEADER_BYTES_MAX if name == HEADER else limit_bytes, announced_bytes or limit_bytes
        )
        if self.uploading_bytes() + limit_bytes > self._config.uploads_bytes_max:
            raise UnavailableError(ErrorCode.BUSY, value="uploads", retry_after_ms=self._config.lease_ms)
        return limit_bytes

    async def _take(
        self, upload: _Upload, name: str, chunks: AsyncIterable[bytes], limit_bytes: int
    ) -> Stored | Rejected:
        """Bring a part to disk, then into the manifest, then into the ticket; only then it is acknowledged."""
        leaf = self._entropy.take(_LEAF_BYTES).hex()
        blob = f"{upload.life.ticket.id.hex()}/{leaf}"
        stored = await self._blobs.put(blob, self._growing(upload, chunks), limit_bytes=limit_bytes)
        if isinstance(stored, Rejected):
            return stored
        part = Part(name, leaf, stored.size_bytes, stored.sha256.hex())
        route = await self._routes.check(upload.life.ticket, blob) if name == HEADER else None
        async with upload.lock:
            refusal = route if isinstance(route, Rejected) else await self._admit(upload, part, route)
        if refusal is not None:
            await self._blobs.delete(blob)
            return refusal
        self._note("part")
        return stored

    async def _growing(self, upload: _Upload, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Pass a part on; each piece extends the lease, and where it came too late the whole part is refused."""
        async for chunk in chunks:
            self._step(upload, PartGrown(len(chunk)))
            yield chunk

    async def _admit(self, upload: _Upload, part: Part, route: str | None) -> Rejected | None:
        before, replaced = upload.manifest, upload.manifest.part(part.name)
        manifest = before.with_part(part, route)
        ticket = upload.life.ticket
        refusal = self._step(upload, PartStored(part.name, part.size_bytes))
        if refusal is not None:
            return refusal
        message_id = ticket.id.hex()
        await self._keep(upload, ticket, manifest)
        upload.manifest = manifest
        if replaced is not None:
            await self._blobs.delete(f"{message_id}/{replaced.leaf}")
        return None

    async def _keep(self, upload: _Upload, before: StoredTicket, manifest: Manifest | None = None) -> None:
        """Write a step down; where that fails, it was not taken."""
        try:
            if manifest is not None:
                await self._manifests.put(before.id.hex(), manifest)
            await self._stored.put(upload.life.ticket)
        except UnavailableError:
            upload.life.ticket = before
            raise

    async def _complete(self, upload: _Upload, now: Instant) -> Rejected | None:
        life = upload.life
        await self._settle(upload)
        if life.phase is UploadPhase.SPENT:
            return None
        if life.phase is UploadPhase.UPLOADING and upload.manifest.part(HEADER) is None:
            return Rejected(ErrorCode.WRONG_STATE, {"missing": HEADER})
        message_id = life.ticket.id.hex()
        message = upload.manifest.message(message_id)
        refusal = self._outbox.room() if upload.manifest.route else self._mailbox.reserve(message, now)
        if refusal is not None:
            return refusal
        try:
            refusal = self._step(upload, Completed())
            if refusal is not None:
                return refusal
            completing = replace(upload.manifest, completing_ms=upload.manifest.completing_ms or now)
            await self._manifests.put(message_id, completing)
            upload.manifest = completing
            await self._settle(upload)
        finally:
            self._mailbox.release(message)
        return None if life.ticket.phase is UploadPhase.SPENT else Rejected(ErrorCode.EXPIRED)

    def _step(self, upload: _Upload, event: UploadEvent) -> Rejected | None:
        """Let the life take one step in; return why it is refused."""
        try:
            upload.life.receive(event, self._clock.now())
        except PeerError as error:
            return Rejected(error.code, dict(error.facts))
        return None

    async def _settle(self, upload: _Upload) -> None:
        """Do what the life asks for, until it asks for nothing; an end that could not be carried out comes first."""
        life = upload.life
        if upload.unfinished is not None:
            await self._end(upload, upload.unfinished)
        while (output := life.next_output()) is not None:
            match output:
                case Ask(exchange=exchange, query=query):
                    now = self._clock.now()
                    outcome = await self._claims.claim(query.key, query.owner, self._claimed_until(life.ticket), now)
                    life.receive(EndClaimed(exchange, outcome), now)
                case Finish(value=end):
                    upload.unfinished = end
                    await self._end(upload, end)

    async def _end(self, upload: _Upload, end: End) -> None:
        """Carry out an end that is claimed: first what it promises, then the ticket, then what is left over."""
        ticket, manifest = upload.life.ticket, upload.manifest
        message_id = ticket.id.hex()
        if end is End.COMPLETE:
            message = manifest.message(message_id)
            if manifest.route:
                await self._outbox.accept(message, manifest.route, self._clock.now())
            else:
                await self._mailbox.deliver(message)
        await self._stored.put(ticket)
        await self._manifests.drop(message_id, with_parts=end is not End.COMPLETE)
        upload.unfinished = None
        upload.manifest = replace(manifest, parts=())
        self._note(end.value.decode())

    def _claimed_until(self, ticket: StoredTicket) -> Instant:
        """Return until when the end of an upload stays claimed: for longer than anybody remembers the ticket."""
        begun = max(ticket.expires_ms, ticket.started_ms)
        lasts_ms = self._config.lease_cap_ms + self._config.ended_ms + 2 * SPENT_GRACE_MS
        return Instant(min(max(begun, self._clock.now()) + lasts_ms, INSTANT_MAX_MS))

    async def _resume_one(self, ticket: StoredTicket, manifest: Manifest) -> None:
        """Take one upload up; what was being completed is completed, as its lease held when that was asked for."""
        message_id = ticket.id.hex()
        if ticket.phase in {UploadPhase.SPENT, UploadPhase.LAPSED}:
            await self._manifests.drop(message_id, with_parts=ticket.phase is UploadPhase.LAPSED)
            return
        upload = await self._open(ticket)
        if manifest.completing_ms:
            upload.life.receive(Completed(), Instant(manifest.completing_ms))
            await self._settle(upload)
