"""Mail on one node: uploads, boxes, the outbox and the relay, introduced to each other and kept going."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from parley.errors import UnavailableError
from parley.node.mail_routes import MailRoutes
from parley.node.mailbox import Mailbox
from parley.node.manifests import Manifests
from parley.node.outbox import Outbox
from parley.node.relay import Carrier, Relay
from parley.node.relay_config import RelayConfig
from parley.node.stored_tickets import StoredTickets
from parley.node.supervise import Supervisor
from parley.node.ticket_earning import Solving, TicketEarner, TicketIssuer, TicketPayer
from parley.node.uploads import Tickets, Uploads
from parley.pool.addresses import Address
from parley.ports.blobs import Blobs
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Store
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from parley.upload.config import UploadConfig
from parley.upload.methods import Arithmetic, MemoryHard, Payment

__all__ = ["ClosingSolver", "Mail", "RemoteNodes", "build_mail"]

_LOGGER = logging.getLogger("parley.node")
_METHODS: Final = Registry((ProofOfWork(), MemoryHard(), Arithmetic()))
"""What is done for other nodes, by a machine alone, the kind liked best first."""

_SWEEP_MS: Final = 10_000
_ORPHANS_MS: Final = 600_000


class RemoteNodes(Carrier, TicketIssuer, Protocol):
    """Speaks to other nodes; `parley.adapters.upload.ticket_client.TicketClient` does."""

    async def close(self) -> None:
        """Close all connections."""


class ClosingSolver(Solving, Protocol):
    """Does work; `parley.adapters.solving.WorkSolver` does."""

    async def close(self) -> None:
        """End threads and processes."""


@dataclass(slots=True)
class Mail:
    """The parts of a node's mail."""

    uploads: Uploads
    mailbox: Mailbox
    outbox: Outbox
    relay: Relay
    nodes: RemoteNodes
    solver: ClosingSolver
    clock: Clock
    own_address: Address | None

    async def close(self) -> None:
        """Close what reaches other nodes and works for them, after whoever uses it has stopped."""
        await self.nodes.close()
        await self.solver.close()

    async def start(self, supervisor: Supervisor) -> None:
        """Take up what an earlier process left, then carry and sweep; before anybody is answered.

        Raises:
            UnavailableError: the store or the disk does not answer.
        """
        await self.mailbox.load()
        await self.outbox.load()
        await self.uploads.resume()
        supervisor.start(self.relay.run(), "relay")
        supervisor.start(self._sweep(), "mail sweep")

    async def _sweep(self) -> None:
        orphans_at = self.clock.now() + _ORPHANS_MS
        while True:
            try:
                await self.uploads.sweep()
                if self.clock.now() >= orphans_at:
                    orphans_at = self.clock.now() + _ORPHANS_MS
                    await self.uploads.drop_orphans()
            except UnavailableError as error:
                _LOGGER.warning("uploads are not swept for now: %s", error)
            await self.clock.sleep_until(Instant(self.clock.now() + _SWEEP_MS))


def build_mail(
    *,
    tickets: Tickets,
    store: Store,
    blobs: Blobs,
    clock: Clock,
    entropy: Entropy,
    config: UploadConfig,
    relaying: RelayConfig,
    own_address: Address | None,
    is_known: Callable[[bytes], Awaitable[bool]],
    nodes: RemoteNodes,
    solver: ClosingSolver,
    note: Callable[[str], None],
    payer: TicketPayer,
) -> Mail:
    """Introduce the parts; nothing runs yet.

    Args:
        tickets: say which ticket admits.
        store: claims and documents.
        blobs: hold parts.
        clock: gives `now`.
        entropy: gives names to blobs.
        config: limits of uploads and boxes.
        relaying: limits of what goes to other nodes.
        own_address: of this node; None when it has none.
        is_known: says whether a hash of 32 bytes has an account here.
        nodes: other nodes.
        solver: does the work that they ask for.
        note: is told what uploads come to: "part", then "complete", "delete" or "lapse".
        payer: pays for tickets.
    """
    limits = {"box_bytes_max": config.box_bytes_max, "box_messages_max": config.box_messages_max}
    mailbox = Mailbox(store.documents, blobs, is_known=is_known, **limits)
    outbox = Outbox(store.documents, blobs, entries_max=config.outbox_messages_max)
    uploads = Uploads(
        tickets=tickets,
        stored=StoredTickets(store.documents),
        manifests=Manifests(store.documents, blobs),
        claims=store.claims,
        blobs=blobs,
        mailbox=mailbox,
        outbox=outbox,
        clock=clock,
        entropy=entropy,
        config=config,
        routes=MailRoutes(blobs, own_address),
        note=note,
    )
    earner = _build_earner(nodes, solver, clock, relaying, payer)
    relay = Relay(outbox, blobs, carrier=nodes, earner=earner, clock=clock, config=relaying)
    return Mail(uploads, mailbox, outbox, relay, nodes, solver, clock, own_address)


def _build_earner(
    nodes: RemoteNodes, solver: ClosingSolver, clock: Clock, relaying: RelayConfig, payer: TicketPayer
) -> TicketEarner:
    return TicketEarner(
        nodes,
        Registry((*_METHODS.methods, Payment())) if relaying.pay_max_wei else _METHODS,
        solver,
        tries_max=relaying.tries_max,
        clock=clock,
        payer=payer,
        pay_max_wei=relaying.pay_max_wei,
    )
