"""What a node does with lottery tickets: holds money at the broker, pays other nodes, is paid, and redeems winners.

Opened by `parley.node.payments_door` when it is first needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from parley.adapters.evm.parley_broker import ParleyBroker
from parley.adapters.lottery.payment_client import NodeCaller
from parley.errors import ErrorCode, LocalError, PeerError, Rejected, UnavailableError
from parley.ledgers.evm.amounts import WEI_PER_ETHER
from parley.lottery.params import PRICE_OF_A_WEI, Payment, TicketParams
from parley.lottery.verdicts import Receipt
from parley.node.lottery_metrics import LotteryMetrics
from parley.node.paying import Payer
from parley.node.payment_book import PaymentBook
from parley.node.payments_config import LotteryConfig
from parley.node.payments_opening import PaymentParts
from parley.node.payments_view import Settlement, settle
from parley.node.play_money import take_play_money
from parley.node.round_keeping import RoundKeeping
from parley.node.supervise import Supervisor
from parley.ports.chain import Call
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.wallet import ActStatus, Included
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["Payments"]

_LOGGER: Final = logging.getLogger("parley.node")
_ACT_ID_BYTES: Final = 8
_POLL_MS: Final = 250
_WAIT_MAX_MS: Final = 45_000
_KEEP_MS: Final = 5_000
_PLAY_MONEY_WEI: Final = 100 * WEI_PER_ETHER


class Payments:
    """One node's payments, open.

    Attributes:
        parts: chain, broker, wallet, purse, desk and redeemer.
        book: what was paid and taken, for people.
    """

    def __init__(
        self,
        parts: PaymentParts,
        book: PaymentBook,
        *,
        clock: Clock,
        entropy: Entropy,
        metrics: LotteryMetrics,
        caller: NodeCaller,
        block_ms: int,
        lottery: LotteryConfig,
    ) -> None:
        """Take the parts; nothing runs yet.

        Args:
            parts: open.
            book: loaded.
            clock: gives `now`.
            entropy: draws names of acts.
            metrics: is told what is paid and taken.
            caller: reaches the nodes that are paid.
            block_ms: time between blocks of a chain inside this process; 0: none is made by the clock.
            lottery: the settings of paying and taking.
        """
        self.parts = parts
        self.book = book
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics
        self._caller = caller
        self._block_ms = block_ms
        self._lottery = lottery
        self._rounds: RoundKeeping | None = None
        if isinstance(parts.broker, ParleyBroker):
            begun = metrics.rounds_begun.inc
            self._rounds = RoundKeeping(
                parts.broker, parts.wallet, final_blocks=lottery.confirmations, note_begun=begun
            )

    @property
    def account(self) -> Address:
        """Return this node's account, 20 bytes: it pays, and it is paid."""
        return self.parts.wallet.address

    def start(self, supervisor: Supervisor) -> None:
        """Begin to redeem winners, to keep the book, and to make blocks where the chain is inside this process."""
        supervisor.start(self.parts.redeemer.run(), "redemption of winners")
        supervisor.start(self._keep_book(), "book of payments")
        supervisor.start(self._tend(), "acts on the chain")
        if self._lottery.begin_rounds and self._rounds is not None:
            supervisor.start(self._begin_rounds(self._rounds), "beginning of rounds")
        if self.parts.embedded is not None and self._block_ms:
            supervisor.start(self._make_blocks(), "blocks of the embedded chain")

    # Being paid (`parley.adapters.lottery.payment_routes.PaymentDesk`).

    async def quote(self, sender: Address, worth_wei: int) -> TicketParams | Rejected:
        """Make ticket parameters for a sender."""
        return await self.parts.desk.quote(sender, worth_wei, PRICE_OF_A_WEI)

    async def receive(self, payment: Payment) -> Receipt:
        """Judge a payment and take its tickets."""
        begun_s = time.perf_counter()
        receipt = await self.parts.desk.receive(payment)
        self._metrics.note_receipt(receipt, time.perf_counter() - begun_s)
        self.book.note_receipt(payment, receipt, self._clock.now())
        return receipt

    # Money at the broker.

    async def fund(self, *, deposit_wei: int, reserve_wei: int) -> dict[str, object] | Rejected:
        """Add to deposit and reserve."""
        if self.parts.is_development:
            await take_play_money(
                self.parts.chain, self._clock, self.account, deposit_wei + reserve_wei + _PLAY_MONEY_WEI
            )
        return await self.act("fund", self.parts.broker.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei))

    async def register(self, commission: int) -> dict[str, object] | Rejected:
        """Become a recipient from the next round on, for whom senders' reserves stand in, with the least stake.

        Args:
            commission: parts per million of the fees that are kept before the rest is shared by stake.

        Raises:
            UnavailableError: the chain did not answer.
            LocalError: WRONG_STATE: the broker is not one of ours.
        """
        broker = self.parts.broker
        if not isinstance(broker, ParleyBroker):
            raise LocalError(ErrorCode.WRONG_STATE, fault="recipients of this broker register with its own protocol")
        call = await broker.register_call(commission)
        if self.parts.is_development:
            wanted_wei = call.value_wei + _PLAY_MONEY_WEI
            await take_play_money(self.parts.chain, self._clock, self.account, wanted_wei)
        return await self.act("register", call)

    async def begin_round(self) -> dict[str, object] | Rejected:
        """Begin the present round of the broker, where nobody has; wait a while for a block that holds the act.

        Raises:
            UnavailableError: the chain did not answer.
            LocalError: WRONG_STATE: the broker is not one of ours.
        """
        if self._rounds is None:
            raise LocalError(ErrorCode.WRONG_STATE, fault="rounds of this broker are begun by its own protocol")
        if self.parts.is_development:
            await take_play_money(self.parts.chain, self._clock, self.account, _PLAY_MONEY_WEI)
        begun = await self._rounds.begin()
        if begun is None:
            return {"state": "begun already"}
        if isinstance(begun, Rejected):
            return begun
        outcome = await self._wait(begun.name, begun.status)
        await self._rounds.look_at_last()
        return outcome

    async def act(self, what: str, call: Call) -> dict[str, object] | Rejected:
        """Do something on the chain, and wait a while for a block that holds it.

        Returns:
            The name of the act and where it stands, or why it was not begun.

        Raises:
            UnavailableError: chain or store did not answer.
        """
        name = f"{what}/{self._entropy.take(_ACT_ID_BYTES).hex()}"
        return await self._wait(name, await self.parts.wallet.act(name, call))

    async def _wait(self, name: str, stand: ActStatus | Rejected | None) -> dict[str, object] | Rejected:
        until = self._clock.now() + _WAIT_MAX_MS
        while not isinstance(stand, Rejected | Included) and self._clock.now() < until:
            await self._clock.sleep_until(Instant(self._clock.now() + _POLL_MS))
            stand = await self.parts.wallet.status(name)
        if isinstance(stand, Rejected):
            return stand
        if isinstance(stand, Included):
            receipt = stand.receipt
            if not receipt.succeeded:
                return Rejected(ErrorCode.REVERTED, {"act": name, "transaction": "0x" + receipt.transaction_hash.hex()})
            return {
                "act": name,
                "state": "included",
                "transaction": "0x" + receipt.transaction_hash.hex(),
                "block_number": receipt.block_number,
                "gas_used": receipt.gas_used,
                "fee_wei": str(receipt.gas_used * receipt.gas_price_wei),
            }
        return {"act": name, "state": "waiting"}

    # Paying, and what is known.

    def payer(self) -> Payer:
        """Return what pays other nodes from this node's purse."""
        return Payer(self.parts.purse, self._caller, self.book, self._clock, self._metrics)

    def settlement(self) -> Settlement:
        """Return what has become of the winners."""
        return settle(self.parts.redeemer.redemptions())

    # What runs beside.

    async def _keep_book(self) -> None:
        while True:
            await self._clock.sleep_until(Instant(self._clock.now() + _KEEP_MS))
            self._metrics.show(self.book.income, self.settlement(), self.parts.purse.outstanding_wei)
            await self._unless_unavailable(self.book.keep)

    async def _tend(self) -> None:
        while True:
            await self._clock.sleep_until(Instant(self._clock.now() + max(self._block_ms, _POLL_MS)))
            await self._unless_unavailable(self.parts.wallet.tend)

    async def _begin_rounds(self, rounds: RoundKeeping) -> None:
        while True:
            await self._unless_unavailable(rounds.turn)
            await self._clock.sleep_until(Instant(self._clock.now() + self._lottery.poll_ms))

    async def _make_blocks(self) -> None:
        chain = self.parts.embedded
        while chain is not None:
            await self._clock.sleep_until(Instant(self._clock.now() + self._block_ms))
            await self._unless_unavailable(chain.mine)

    @staticmethod
    async def _unless_unavailable(work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except UnavailableError as error:
            if error.code is ErrorCode.SHUTTING_DOWN:
                raise
            _LOGGER.warning("payments wait: %s", error)
        except PeerError as error:
            _LOGGER.warning("the chain said what cannot be read: %s", error)

    async def close(self) -> None:
        """Keep the book and let go of the parts."""
        try:
            await self.book.keep()
        finally:
            await self.parts.close()
