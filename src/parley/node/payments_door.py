"""The way to a node's payments: opened when they are first needed, and from then on at each start.

A chain and its keys take a few seconds, and most nodes of a pool never pay. The first command of the owner makes the
key; strangers cannot: until then, nobody is told that this node could be paid.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parley.errors import ConfigError, ErrorCode, ParleyError, PeerError, Rejected, UnavailableError
from parley.lottery.params import Payment, TicketParams
from parley.node.supervise import Supervisor
from parley.pool.addresses import Address as NodeAddress
from parley.primitives.ids import Address

if TYPE_CHECKING:  # slow to load
    from parley.lottery.verdicts import Receipt
    from parley.node.config import NodeConfig
    from parley.node.lottery_metrics import LotteryMetrics
    from parley.node.payments import Payments
    from parley.node.wiring import Parts

__all__ = ["PaymentsDoor", "open_payments"]

_LOGGER: Final = logging.getLogger("parley.node")
_FIRST_PAUSE_S: Final = 2.0
_LAST_PAUSE_S: Final = 60.0


class PaymentsDoor:
    """The way to a node's payments, which are opened by whoever comes first."""

    def __init__(self, opener: Callable[[], Awaitable[Payments]], supervisor: Supervisor, keys: Path) -> None:
        """Open nothing yet.

        Args:
            opener: opens them.
            supervisor: runs what runs beside.
            keys: the folder that is there once they were opened before.
        """
        self._keys = keys
        self._opener = opener
        self._supervisor = supervisor
        self._opening: asyncio.Task[Payments] | None = None
        self._failed_s: float | None = None
        self._failure: ParleyError | None = None
        self._payments: Payments | None = None
        self._is_closed = False

    @property
    def opened(self) -> Payments | None:
        """The payments, where they are open."""
        return self._payments

    @property
    def is_wanted(self) -> bool:
        """Whether the owner has ever opened them."""
        return self._payments is not None or self._keys.exists()

    @property
    def failure(self) -> ParleyError | None:
        """Why the newest attempt to open them failed; None where none did, and once they are open."""
        return self._failure

    async def get(self) -> Payments:
        """Return the payments, opened if they were not.

        Raises:
            ConfigError: a setting, the passphrase or a file is wrong.
            UnavailableError: the chain or the store did not answer, or SHUTTING_DOWN.
        """
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        if self._payments is not None:
            return self._payments
        if self._opening is None:
            # A task of its own, for all who ask: who goes away neither ends it nor lets another one begin beside it.
            self._opening = asyncio.create_task(self._open(), name="opening of payments")
        return await asyncio.shield(self._opening)

    async def _open(self) -> Payments:
        try:
            payments = await self._opener()
        except ParleyError as error:
            self._failed_s, self._failure = time.monotonic(), error
            raise
        except OSError as error:
            self._failure = ConfigError(ErrorCode.DATA_DIR_UNUSABLE, errno=error.errno or 0)
            self._failed_s = time.monotonic()
            raise self._failure from error
        finally:
            self._opening = None
        if self._is_closed:
            await payments.close()
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        self._payments, self._failed_s, self._failure = payments, None, None
        payments.start(self._supervisor)
        return payments

    async def keep_open(self) -> None:
        """Open the payments, again and again until they are: winners have a deadline, and chains are away at times."""
        pause_s = _FIRST_PAUSE_S
        while self._payments is None:
            try:
                await self.get()
            except ParleyError as error:
                if error.code is ErrorCode.SHUTTING_DOWN:
                    return
                _LOGGER.warning("payments are not open: %s; next: %s", error, error.code.next_step)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LAST_PAUSE_S)

    async def _get_for_stranger(self) -> Payments:
        """Return the payments; what keeps them from being opened is no stranger's business, nor is another attempt."""
        if self._payments is not None:
            return self._payments
        if self._failed_s is not None and time.monotonic() - self._failed_s < _LAST_PAUSE_S:
            raise UnavailableError(ErrorCode.BUSY)
        try:
            return await self.get()
        except ParleyError:
            raise UnavailableError(ErrorCode.BUSY) from None

    async def close(self) -> None:
        """Close the payments, if they are open; nobody opens them again."""
        self._is_closed = True
        opening = self._opening
        if opening is not None:
            # Threads that open keys cannot be stopped: what they open is closed by the task itself.
            await asyncio.wait({opening})
            if not opening.cancelled():
                opening.exception()
        payments, self._payments = self._payments, None
        if payments is not None:
            await payments.close()

    async def tickets_for(self, url: NodeAddress, amount_wei: int) -> bytes:
        """Return lottery tickets worth an amount, as a node takes them (`parley.node.ticket_earning.TicketPayer`).

        Raises:
            PeerError: METHOD_UNKNOWN: this node was never set up to pay; or the other node refuses.
            UnavailableError: a node, the chain or the store did not answer.
        """
        if not self.is_wanted:
            raise PeerError(ErrorCode.METHOD_UNKNOWN)
        return await (await self.get()).payer().tickets_for(url, amount_wei)

    # What strangers ask (`parley.adapters.lottery.payment_routes.PaymentDesk`).

    async def quote(self, sender: Address, worth_wei: int) -> TicketParams | Rejected:
        """Make ticket parameters for a sender, if this node is ever paid."""
        if not self.is_wanted:
            return Rejected(ErrorCode.NOT_FOUND)
        return await (await self._get_for_stranger()).quote(sender, worth_wei)

    async def receive(self, payment: Payment) -> Receipt:
        """Judge a payment and take its tickets.

        Raises:
            ParleyError: NOT_FOUND: this node was never set up to be paid.
        """
        if not self.is_wanted:
            raise ParleyError(ErrorCode.NOT_FOUND)
        return await (await self._get_for_stranger()).receive(payment)


async def open_payments(config: NodeConfig, folder: Path, parts: Parts, metrics: LotteryMetrics) -> Payments:
    """Open the payments of a node.

    Raises:
        ConfigError: a setting, the passphrase or a file is wrong.
        UnavailableError: the chain or the store did not answer.
    """
    from parley.node.payment_book import PaymentBook
    from parley.node.payments import Payments
    from parley.node.payments_opening import open_parts

    book = PaymentBook(parts.store.documents)
    await book.load()
    opened = await open_parts(
        folder,
        config.chain,
        config.lottery,
        store=parts.store,
        clock=parts.clock,
        entropy=parts.entropy,
        passphrase=parts.passphrase,
    )
    return Payments(
        opened,
        book,
        clock=parts.clock,
        entropy=parts.entropy,
        metrics=metrics,
        caller=parts.caller,
        block_ms=config.chain.block_ms,
        lottery=config.lottery,
    )
