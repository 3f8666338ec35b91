"""A gate that runs by itself in front of another server: directory, till, proxy and listener, together for a while."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from parley.adapters.http.server import ConnectionLimits, listen, serve
from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.adapters.upload.ticket_client import TicketClient
from parley.errors import ConfigError, ErrorCode, Rejected
from parley.gate.config import GateConfig
from parley.gate.exchange import send_answer
from parley.gate.lottery_scheme import LotteryScheme
from parley.gate.middleware import TicketGate
from parley.gate.problems import problem
from parley.gate.proxy import ProxyConfig, ReverseProxy
from parley.gate.till_config import TillConfig
from parley.gate.till_start import check_start
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.verdicts import Receipt
from parley.node.config import NodeConfig
from parley.node.data_directory import DataDirectory
from parley.node.identity import Identity
from parley.node.metrics import Metrics
from parley.node.payment_book import PaymentBook
from parley.node.payments import Payments
from parley.node.payments_opening import PaymentParts, open_parts
from parley.node.supervise import Supervisor
from parley.ports.store import Store
from parley.primitives.ids import Address

__all__ = ["GateOrder", "RunningGate", "running_gate"]

_GRACE_MS: Final = 3_000
_SLACK_BYTES: Final = 2**20
_HEAD_BYTES_MAX: Final = 131_072
"""A hundred tickets have room in the head of a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOrder:
    """What a gate is to do.

    Attributes:
        upstream: URL of the server behind it.
        price: in wei, or per path or beginning of paths; empty for none.
        price_units: in work, likewise.
        gate: limits of the gate.
        proxy: how the server behind it is treated.
        till: what a ticket is worth.
        passphrase: that a person gave for the wallet, or None.
    """

    upstream: str
    price: Mapping[str, int | str] = field(default_factory=dict)
    price_units: Mapping[str, int] = field(default_factory=dict)
    gate: GateConfig = field(default_factory=GateConfig)
    proxy: ProxyConfig = field(default_factory=ProxyConfig)
    till: TillConfig = field(default_factory=TillConfig)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RunningGate:
    """A gate that listens.

    Attributes:
        url: of it.
        payments: that take tickets; None where nothing is sold for money.
    """

    url: str
    payments: Payments | None

    @property
    def parts(self) -> PaymentParts | None:
        """Chain, wallet and desk, where something is sold for money."""
        return None if self.payments is None else self.payments.parts


class _Counter:
    """Where tickets are taken and counted in the book (a `parley.gate.lottery_scheme.TicketDesk`)."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def quote(self, sender: Address, expected_value_wei: int, price: Price) -> TicketParams | Rejected:
        return await self._payments.parts.desk.quote(sender, expected_value_wei, price)

    async def receive(self, payment: Payment) -> Receipt:
        return await self._payments.receive(payment)


class _Served:
    """The gate as the server runs it: says that it is stopping, once it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.is_stopping and scope["type"] == "http":
            refusal = problem(503, ErrorCode.SHUTTING_DOWN, headers=((b"connection", b"close"),))
            await send_answer(refusal, send, has_body=scope["method"] != "HEAD")
            return
        await self._app(scope, receive, send)


@asynccontextmanager
async def running_gate(config: NodeConfig, order: GateOrder) -> AsyncIterator[RunningGate]:
    """Run a gate inside a block.

    Args:
        config: of the node whose directory it takes: where it listens, and whose account is paid.
        order: what to do.

    Raises:
        ConfigError: the directory, the address, a price or the chain cannot be used, the broker lets senders
            withdraw too soon, or another process runs there.
        UnavailableError: the chain did not answer.
    """
    directory, entropy = DataDirectory(config.data_dir), SystemEntropy()
    directory.prepare()
    async with AsyncExitStack() as stack:
        stack.callback(os.close, directory.lock())
        store = await SqliteStore.open(directory.store_path)
        stack.push_async_callback(store.close)
        supervisor = Supervisor(entropy)
        payments = await _open_payments(config, directory, order, store) if order.price else None
        if payments is not None:
            stack.push_async_callback(payments.close)
            await check_start(payments.parts.desk, payments.parts.redeemer)
            payments.start(supervisor)
        stack.push_async_callback(supervisor.close)
        proxy = ReverseProxy(order.upstream, order.proxy)
        stack.push_async_callback(proxy.close)
        identity = Identity(directory.node_key(entropy), entropy)
        gate = TicketGate(
            proxy,
            price_units=order.price_units or 0,
            price=order.price or 0,
            till=None if payments is None else _till(payments, order),
            secret=identity.derive("gate"),
            claims=store.claims,
            config=order.gate,
        )
        listener = await listen(*config.host_and_port())
        stack.callback(listener.close)
        limits = ConnectionLimits(
            message_bytes_max=order.gate.body_max_bytes + _SLACK_BYTES, head_bytes_max=_HEAD_BYTES_MAX
        )
        server = await serve(_Served(gate), listener, limits=limits)
        stack.push_async_callback(server.stop, grace_ms=_GRACE_MS)
        yield RunningGate(server.url, payments)


async def _open_payments(config: NodeConfig, directory: DataDirectory, order: GateOrder, store: Store) -> Payments:
    if not config.chain.url:
        rule = "the JSON-RPC address of a chain that those who pay can reach too"
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain.url", rule=rule)
    clock, entropy = SystemClock(), SystemEntropy()
    book = PaymentBook(store.documents)
    await book.load()
    parts = await open_parts(
        directory.path,
        config.chain,
        config.lottery,
        store=store,
        clock=clock,
        entropy=entropy,
        passphrase=order.passphrase,
    )
    metrics = Metrics().lottery
    return Payments(
        parts,
        book,
        clock=clock,
        entropy=entropy,
        metrics=metrics,
        caller=TicketClient(),
        block_ms=config.chain.block_ms,
        lottery=config.lottery,
    )


def _till(payments: Payments, order: GateOrder) -> LotteryScheme:
    parts = payments.parts
    return LotteryScheme(
        _Counter(payments), parts.broker, chain_id=parts.chain_id, recipient=parts.wallet.address, config=order.till
    )
