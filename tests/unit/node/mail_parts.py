"""A node's uploads over memory adapters: tickets are handed out by the test, time stands where it is put."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from parley.adapters.memory.blobs import MemoryBlobs
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.adapters.upload.mail_header import MailHeader, encode_header
from parley.errors import ErrorCode, Rejected
from parley.node.mail_routes import RELAY_PURPOSE, MailRoutes
from parley.node.mailbox import Mailbox
from parley.node.manifests import Manifests
from parley.node.outbox import Outbox
from parley.node.stored_tickets import StoredTickets
from parley.node.uploads import Uploads
from parley.pool.addresses import Address
from parley.ports.blobs import Blobs
from parley.ports.store import Store
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.upload.config import UploadConfig
from parley.upload.stored import StoredTicket, UploadPhase, parse_stored_ticket
from tests.unit.node.parts import SetClock

SENDER, RECIPIENT, STRANGER = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
OWN = Address("http://127.0.0.1:7420")
OTHER = Address("http://127.0.0.1:7421")
TICKET = "ticket"
CONFIG = UploadConfig(size_max_bytes=100_000, part_max_bytes=100_000, parts_max=8, box_bytes_max=150_000)


@dataclass
class GivenTickets:
    """Admits what the test lets it, as the ticket service does: the stored state first."""

    store: Store
    given: dict[str, StoredTicket] = field(default_factory=dict)

    async def admitted(self, ticket_id: str, now: Instant) -> StoredTicket | Rejected:
        ticket = self.given.get(ticket_id)
        if ticket is None:
            return Rejected(ErrorCode.NOT_FOUND)
        raw = await self.store.documents.get("upload/tickets", ticket.id.hex())
        if raw is not None:
            return parse_stored_ticket(raw)
        return ticket if now < ticket.expires_ms else Rejected(ErrorCode.EXPIRED)


@dataclass
class Desk:
    """One node's uploads and what stands behind them; `restarted` is the same node in another process."""

    clock: SetClock = field(default_factory=SetClock)
    store: Store = field(default_factory=MemoryStore)
    blobs: Blobs = field(default_factory=MemoryBlobs)
    config: UploadConfig = CONFIG
    known: set[bytes] = field(default_factory=lambda: {SENDER, RECIPIENT})
    noted: list[str] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.tickets = GivenTickets(self.store)
        documents = self.store.documents
        self.mailbox = Mailbox(
            documents, self.blobs, is_known=self._is_known, box_bytes_max=self.config.box_bytes_max, box_messages_max=10
        )
        self.outbox = Outbox(documents, self.blobs, entries_max=2)
        self.uploads = Uploads(
            tickets=self.tickets,
            stored=StoredTickets(documents),
            manifests=Manifests(documents, self.blobs),
            claims=self.store.claims,
            blobs=self.blobs,
            mailbox=self.mailbox,
            outbox=self.outbox,
            clock=self.clock,
            entropy=SeededEntropy(b"run %d" % self.runs),
            config=self.config,
            routes=MailRoutes(self.blobs, OWN),
            note=self.noted.append,
        )

    async def restarted(self) -> Desk:
        after = replace(self, runs=self.runs + 1, noted=[])
        after.tickets.given.update(self.tickets.given)
        await after.mailbox.load()
        await after.outbox.load()
        await after.uploads.resume()
        return after

    def give(
        self, name: str = TICKET, *, recipient: bytes = RECIPIENT, purpose: str = "mail", size_max_bytes: int = 100_000
    ) -> str:
        self.tickets.given[name] = StoredTicket(
            id=ChallengeId(name.encode().ljust(16, b"\x00")),
            ticket_digest=bytes(32),
            sender=SENDER,
            recipient=recipient,
            size_max_bytes=size_max_bytes,
            purpose=purpose,
            subscription_id="",
            method="pow",
            expires_ms=Instant(self.clock.moment + self.config.ticket_ms),
            phase=UploadPhase.EARNED,
            earned_ms=self.clock.moment,
        )
        return name

    async def put(self, name: str, content: bytes, ticket: str = TICKET) -> object:
        return await self.uploads.put_part(ticket, name, pieces(content), announced_bytes=len(content))

    async def put_header(self, ticket: str = TICKET, *, route: Address | None = None) -> object:
        given = self.tickets.given[ticket]
        return await self.put("header", encode_header(MailHeader(given.sender, given.recipient, route)), ticket)

    def messages(self, recipient: bytes = RECIPIENT) -> list[str]:
        return [message.id for message in self.mailbox.messages(recipient.hex())]

    async def read(self, ticket: str, part: str, recipient: bytes = RECIPIENT) -> bytes | None:
        message = self.mailbox.find(recipient.hex(), message_id(ticket))
        reading = None if message is None else await self.mailbox.read(message, part)
        return None if reading is None else b"".join([chunk async for chunk in reading])

    async def _is_known(self, mailbox: bytes) -> bool:
        return mailbox in self.known


def message_id(ticket: str = TICKET) -> str:
    return ticket.encode().ljust(16, b"\x00").hex()


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000):
        yield content[start : start + 1_000]


def code(outcome: object) -> ErrorCode | None:
    return outcome.code if isinstance(outcome, Rejected) else None


__all__ = ["CONFIG", "OTHER", "OWN", "RELAY_PURPOSE", "Desk", "code", "message_id", "pieces"]
