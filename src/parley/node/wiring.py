"""The composition root of one node: the only place where the parts are introduced to each other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from parley.adapters.http.routes import Credentials
from parley.adapters.jsonrpc.owner_documents import ShownEntries
from parley.adapters.lottery.payment_client import NodeCaller
from parley.adapters.memory.blobs import MemoryBlobs
from parley.adapters.solving import WorkSolver
from parley.adapters.upload.ticket_client import TicketClient
from parley.errors import Rejected
from parley.node.accounts import OWNER_USER, Accounts
from parley.node.config import NodeConfig, Setting
from parley.node.data_directory import DataDirectory
from parley.node.gate import Gate
from parley.node.identity import Identity
from parley.node.links import Links
from parley.node.mail import ClosingSolver, Mail, RemoteNodes, build_mail
from parley.node.metrics import Metrics
from parley.node.payment_answers import PaymentAnswers
from parley.node.payments_door import PaymentsDoor, open_payments
from parley.node.queries import Queries
from parley.node.requests import PeerRequests
from parley.node.subscriptions import Subscriptions
from parley.node.supervise import Supervisor
from parley.node.tickets import TicketOffice
from parley.pool.addresses import Address
from parley.pool.entries import Entry
from parley.pool.messages import Answer, Query, Record, Removal
from parley.pool.peers import PeerBook
from parley.pool.router import Router
from parley.pool.rules import check_form, check_record, check_removal, check_times
from parley.pool.table import RecordTable, Stored
from parley.pool.verified import VerifiedRecords
from parley.ports.blobs import Blobs
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Store
from parley.ports.transport import Transport
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry as WorkRegistry
from parley.upload.methods import Arithmetic, Captcha, IsPaid, MemoryHard, Payment, Subscription, Wait
from parley.upload.policy import check_policy
from parley.upload.price import PriceController

__all__ = ["Node", "Parts", "build_node"]

_SEED_BYTES = 32
_WAIT_MAX_MS = 600_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What a node is built from: its ports, each filled with an adapter."""

    clock: Clock
    entropy: Entropy
    store: Store
    transport: Transport
    blobs: Blobs = field(default_factory=MemoryBlobs)
    nodes: RemoteNodes = field(default_factory=TicketClient)
    solver: ClosingSolver = field(default_factory=WorkSolver)
    caller: NodeCaller = field(default_factory=TicketClient)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Node:
    """One running node."""

    config: NodeConfig
    settings: tuple[Setting, ...]
    directory: DataDirectory
    identity: Identity
    owner_secret: str = field(repr=False)
    clock: Clock
    entropy: Entropy
    store: Store
    transport: Transport
    metrics: Metrics
    supervisor: Supervisor
    table: RecordTable
    router: Router
    queries: Queries
    links: Links
    gate: Gate
    accounts: Accounts
    subscriptions: Subscriptions
    tickets: TicketOffice
    mail: Mail
    payments: PaymentsDoor
    shown: ShownEntries
    started_ms: int

    def push(self, record: Record, link: str) -> Stored | Rejected:
        """Check a record and take it into the table."""
        now = self.clock.now()
        body = check_record(record, now, self.config.pool)
        outcome = body if isinstance(body, Rejected) else self.table.push(record, body, link, now)
        if isinstance(outcome, Rejected):
            self.metrics.pushes.labels(outcome.code.name.lower()).inc()
        else:
            self.metrics.pushes.labels("repeat" if outcome.is_repeat else "stored").inc()
            self.metrics.evictions.inc(outcome.evicted)
        return outcome

    def check(self, record: Record) -> Rejected | None:
        """Check all of a record but its signature."""
        return check_form(record, self.config.pool) or check_times(record, self.clock.now(), self.config.pool)

    def remove(self, removal: Removal) -> Entry | Rejected:
        """Check a removal and close its address."""
        refusal = check_removal(removal)
        return refusal if refusal is not None else self.table.remove(removal, self.clock.now())

    async def query(self, query: Query) -> Answer | Rejected:
        """Ask the network on the owner's behalf."""
        begun_s = time.perf_counter()
        answer = await self.queries.of_owner(query)
        self.metrics.query_seconds.labels(str(min(query.remaining, 16))).observe(time.perf_counter() - begun_s)
        outcome = answer.code.name.lower() if isinstance(answer, Rejected) else "ok"
        self.metrics.queries.labels("owner", outcome).inc()
        return answer

    async def start(self) -> None:
        """Take up what an earlier process left; before anybody is answered.

        Raises:
            UnavailableError: the store or the disk does not answer.
        """
        await self.subscriptions.load()
        await self.mail.start(self.supervisor)
        if self.payments.is_wanted:
            # Winners have a deadline, so they are not left until somebody asks.
            self.supervisor.start(self.payments.keep_open(), "payments")

    async def close(self) -> None:
        """Stop asking and answering; what is durable is durable already."""
        self.queries.close()
        await self.links.close()
        await self.supervisor.close()
        await self.payments.close()
        await self.mail.close()
        await self.store.close()


def build_node(
    config: NodeConfig,
    settings: tuple[Setting, ...],
    directory: DataDirectory,
    parts: Parts,
    own_address: Address | None,
) -> Node:
    """Introduce the parts of a node to each other; nothing runs yet."""
    identity = Identity(directory.node_key(parts.entropy), parts.entropy)
    metrics, supervisor = Metrics(), Supervisor(parts.entropy)
    own_name = config.name or own_address or identity.node_id.hex()
    links = _build_links(config, parts, own_address, identity, metrics=metrics, supervisor=supervisor)
    table, router, queries = _build_pool(config, parts, identity, links, own_name)
    owner_secret = directory.owner_secret(parts.entropy)
    payments = _build_payments(config, directory, parts, metrics, supervisor)
    upload = _build_upload(config, parts, own_address, identity, payments, metrics=metrics, owner_secret=owner_secret)
    gate = _build_gate(config, parts, identity, metrics)
    node = Node(
        config=config,
        settings=settings,
        directory=directory,
        identity=identity,
        owner_secret=owner_secret,
        clock=parts.clock,
        entropy=parts.entropy,
        store=parts.store,
        transport=parts.transport,
        metrics=metrics,
        supervisor=supervisor,
        table=table,
        router=router,
        queries=queries,
        links=links,
        gate=gate,
        payments=payments,
        shown=ShownEntries(own_name),
        started_ms=parts.clock.now(),
        **upload._asdict(),
    )
    _show(node)
    return node


def _build_payments(
    config: NodeConfig, directory: DataDirectory, parts: Parts, metrics: Metrics, supervisor: Supervisor
) -> PaymentsDoor:
    opener = partial(open_payments, config, directory.path, parts, metrics.lottery)
    return PaymentsDoor(opener, supervisor, directory.keys_path)


class _Upload(NamedTuple):
    """The parts of a node that admit and keep messages."""

    accounts: Accounts
    subscriptions: Subscriptions
    tickets: TicketOffice
    mail: Mail


def _build_upload(
    config: NodeConfig,
    parts: Parts,
    own_address: Address | None,
    identity: Identity,
    payments: PaymentsDoor,
    *,
    metrics: Metrics,
    owner_secret: str,
) -> _Upload:
    subscriptions = Subscriptions(parts.store.documents)
    accounts = Accounts(parts.store.documents, parts.clock, Credentials(OWNER_USER, owner_secret))
    tickets = _build_tickets(config, parts, identity, subscriptions, metrics=metrics, payments=payments)
    mail = _build_mail(config, parts, own_address, accounts, tickets, metrics=metrics, payments=payments)
    return _Upload(accounts, subscriptions, tickets, mail)


def _build_pool(
    config: NodeConfig, parts: Parts, identity: Identity, links: Links, own_name: str
) -> tuple[RecordTable, Router, Queries]:
    table = RecordTable(config.pool, identity.node_id)
    router = Router(table=table, config=config.pool, own_name=own_name, verify=VerifiedRecords().verify)
    queries = Queries(router, parts.clock, ask=links.ask, blame=links.blame)
    links.serve(queries)
    return table, router, queries


def _build_links(
    config: NodeConfig,
    parts: Parts,
    own_address: Address | None,
    identity: Identity,
    *,
    metrics: Metrics,
    supervisor: Supervisor,
) -> Links:
    peering = replace(config.peering, answers_strangers=config.public, onion_slots=config.onion_slots())
    book = PeerBook(
        config=peering, own_id=identity.node_id, own_address=own_address, seed=parts.entropy.take(_SEED_BYTES)
    )
    requests = PeerRequests(
        identity=identity,
        clock=parts.clock,
        entropy=parts.entropy,
        transport=parts.transport,
        network=config.network,
    )
    return Links(
        book,
        identity=identity,
        config=config,
        own_address=own_address,
        clock=parts.clock,
        requests=requests,
        documents=parts.store.documents,
        metrics=metrics,
        supervisor=supervisor,
    )


def _build_gate(config: NodeConfig, parts: Parts, identity: Identity, metrics: Metrics) -> Gate:
    return Gate(
        WorkRegistry((ProofOfWork(),)),
        identity=identity,
        config=config.work,
        claims=parts.store.claims,
        clock=parts.clock,
        entropy=parts.entropy,
        metrics=metrics,
    )


def _build_tickets(
    config: NodeConfig,
    parts: Parts,
    identity: Identity,
    subscriptions: Subscriptions,
    *,
    metrics: Metrics,
    payments: PaymentsDoor,
) -> TicketOffice:
    limits = config.upload
    admission = Subscription(subscriptions.senders)
    methods = WorkRegistry(
        (
            ProofOfWork(form="bits"),
            MemoryHard(),
            Arithmetic(),
            Captcha(),
            admission,
            Wait(lifetime_ms=limits.ticket_ms, wait_max_ms=min(_WAIT_MAX_MS, limits.ticket_ms // 2)),
            Payment(wei_per_unit=limits.wei_per_unit),
        )
    )
    check_policy(methods, limits.methods)
    price = PriceController(limits)
    metrics.upload.price.set_function(lambda: price.view(parts.clock.now()).units)
    return TicketOffice(
        methods,
        config=limits,
        subscriptions=admission,
        price=price,
        store=parts.store,
        clock=parts.clock,
        entropy=parts.entropy,
        secret=identity.derive("upload tickets"),
        metrics=metrics.upload,
        questions={IsPaid: PaymentAnswers(payments)},
    )


def _build_mail(
    config: NodeConfig,
    parts: Parts,
    own_address: Address | None,
    accounts: Accounts,
    tickets: TicketOffice,
    *,
    metrics: Metrics,
    payments: PaymentsDoor,
) -> Mail:
    return build_mail(
        tickets=tickets,
        store=parts.store,
        blobs=parts.blobs,
        clock=parts.clock,
        entropy=parts.entropy,
        config=config.upload,
        relaying=config.relay,
        own_address=own_address,
        is_known=accounts.has,
        nodes=parts.nodes,
        solver=parts.solver,
        note=metrics.upload.note_upload,
        payer=payments,
    )


def _show(node: Node) -> None:
    table = node.table
    node.metrics.read_gauges(
        {
            "pool_records": lambda: table.records - table.tombstones,
            "pool_bytes": lambda: table.size_bytes,
            "pool_open_queries": lambda: node.router.open_queries,
            "peer_links": lambda: len(node.links.links),
        }
    )
