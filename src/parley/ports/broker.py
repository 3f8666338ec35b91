"""The ticket broker on its chain: what it says about rounds, senders and tickets, and how it is told to act.

Reads are of the head at the moment of the call; an adapter answers repeated ones of one block from memory. Nothing here
signs or sends: a `Call` goes to a `parley.ports.wallet.Wallet`.

Every method that asks raises UnavailableError where the chain does not answer, and PeerError MALFORMED where what
stands at the broker's address answers in another form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from parley.lottery.views import BrokerPeriods, ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.chain import Call, Receipt, Reverted
from parley.primitives.ids import Address

__all__ = ["Broker", "Redeemed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What a redemption did, read from the events of its transaction.

    Attributes:
        ticket_hash: 32 bytes.
        paid_wei: what the recipient's fee pool was credited with: less than the face value where the sender's
            money was short, 0 where a batch refused this ticket.
        refusal: the contract's reason where a batch refused this ticket; empty where it was redeemed.
    """

    ticket_hash: bytes
    paid_wei: int
    refusal: str = ""


class Broker(Protocol):
    """One broker contract; `parley.adapters.evm.brokers` speaks ours and the deployed one's interface."""

    @property
    def address(self) -> Address:
        """Return the contract's address, 20 bytes."""

    @property
    def batch_max(self) -> int:
        """Return how many winners one call redeems at most; 1 where there is no batch."""

    async def periods(self) -> BrokerPeriods:
        """Return for how long it holds a sender's money, and for how long it pays a ticket."""

    async def is_recipient(self, account: Address) -> bool:
        """Say whether an account is registered as a recipient in the present round; 20 bytes.

        Senders' reserves stand in for nobody else.
        """

    async def view(self) -> ChainView:
        """Return the chain at its head."""

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        """Return a sender's money at the head.

        Args:
            sender: whose.
            recipient: for whom `claimable_wei` is; None for the sender's own look.
            signers: keys to ask about; those approved for the present round are in the answer.
        """

    async def look(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> tuple[ChainView, SenderView]:
        """Return the chain and a sender's money, both at one block: the arguments are those of `sender_view`."""

    async def is_used(self, ticket_hash: bytes) -> bool:
        """Say whether a ticket is redeemed already, at the head."""

    async def preflight(self, winner: Winner, redeemer: Address) -> int | Reverted:
        """Try a redemption without sending it.

        Returns:
            The gas that it would take, or why the contract would refuse it.
        """

    def redeem_call(self, winners: Sequence[Winner]) -> Call:
        """Return the call that redeems 1..batch_max winners."""

    def redeemed(self, winners: Sequence[Winner], receipt: Receipt) -> tuple[Redeemed, ...]:
        """Read from a receipt what became of each winner of a call, in the call's order.

        Where the receipt did not succeed, every one has paid nothing, for the reason "transaction reverted".
        """

    def fund_call(self, *, deposit_wei: int, reserve_wei: int) -> Call:
        """Return the call that adds to deposit and reserve; either may be 0, not both."""

    def unlock_call(self) -> Call:
        """Return the call that begins the unlock period."""

    def cancel_unlock_call(self) -> Call:
        """Return the call that ends the unlock period."""

    def withdraw_call(self) -> Call:
        """Return the call that pays deposit and reserve out."""
