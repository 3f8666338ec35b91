"""What both brokers share: how they are told to act, and how it is read what a redemption did."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from parley.adapters.evm.reading import ChainReader
from parley.errors import ErrorCode, LocalError
from parley.lottery.calls import (
    CANCEL_UNLOCK,
    UNLOCK,
    WITHDRAW,
    TicketForm,
    batch_redeem_call,
    fund_call,
    redeem_call,
    winner_redemption,
)
from parley.lottery.events import TicketRefused, WinningTicketRedeemed, WinningTicketTransfer, parse_event
from parley.lottery.questions import as_flag, ask_used
from parley.lottery.tickets import HASH_BYTES, ticket_hash
from parley.lottery.wire import Winner
from parley.ports.broker import Redeemed
from parley.ports.chain import Call, Log, Receipt, Reverted
from parley.primitives.ids import Address

__all__ = ["NOT_NAMED", "TRANSACTION_REVERTED", "BrokerContract"]

TRANSACTION_REVERTED: Final = "transaction reverted"
"""The refusal of every winner whose transaction did not succeed."""

NOT_NAMED: Final = "not redeemed, and no reason given"
"""The refusal of a winner that the events of its transaction do not name."""


class BrokerContract:
    """A broker at an address, as far as ours and the deployed one are alike.

    Attributes:
        address: of the contract, 20 bytes.
        batch_max: how many winners one call redeems at most.
    """

    def __init__(self, reader: ChainReader, address: Address, form: TicketForm, batch_max: int) -> None:
        self.address = address
        self.batch_max = batch_max
        self._reader = reader
        self._form = form

    async def is_used(self, ticket_hash32: bytes) -> bool:
        """Say whether a ticket is redeemed already; asks the chain each time.

        Raises:
            LocalError: not 32 bytes.
        """
        if len(ticket_hash32) != HASH_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(ticket_hash32), wanted_bytes=HASH_BYTES)
        return as_flag(await self._reader.word(self.address, ask_used(ticket_hash32), at=None))

    async def preflight(self, winner: Winner, redeemer: Address) -> int | Reverted:
        """Return the gas that a redemption would take now, or why it would be refused."""
        call = self.redeem_call([winner])
        return await self._reader.chain.estimate_gas(Call(to=call.to, data=call.data, sender=redeemer))

    def redeem_call(self, winners: Sequence[Winner]) -> Call:
        """Return the call that redeems winners; a single one is no batch, so that its refusal reverts.

        Raises:
            LocalError: none, or more than `batch_max`.
        """
        if not 1 <= len(winners) <= self.batch_max:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, winners=len(winners), maximum=self.batch_max)
        redemptions = [winner_redemption(winner) for winner in winners]
        if len(redemptions) > 1:
            return self.act(batch_redeem_call(redemptions, self._form))
        (single,) = redemptions
        return self.act(redeem_call(single.ticket, single.signature, single.recipient_rand, self._form))

    def redeemed(self, winners: Sequence[Winner], receipt: Receipt) -> tuple[Redeemed, ...]:
        """Read from a receipt what became of each winner of a call.

        A ticket that stands in a batch twice is redeemed once and refused once, in this order.

        Raises:
            PeerError: MALFORMED: an event of the broker has another form.
        """
        hashes = [ticket_hash(winner_redemption(winner).ticket) for winner in winners]
        if not receipt.succeeded:
            return tuple(Redeemed(ticket_hash=name, paid_wei=0, refusal=TRANSACTION_REVERTED) for name in hashes)
        outcomes: dict[bytes, deque[Redeemed]] = {name: deque() for name in hashes}
        for outcome in _outcomes([log for log in receipt.logs if log.address == self.address]):
            if outcome.ticket_hash in outcomes:
                outcomes[outcome.ticket_hash].append(outcome)
        return tuple(
            outcomes[name].popleft() if outcomes[name] else Redeemed(ticket_hash=name, paid_wei=0, refusal=NOT_NAMED)
            for name in hashes
        )

    def fund_call(self, *, deposit_wei: int, reserve_wei: int) -> Call:
        """Return the call that adds to deposit and reserve.

        Raises:
            LocalError: nothing to add, or an amount out of range.
        """
        data = fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        return Call(to=self.address, data=data, value_wei=deposit_wei + reserve_wei)

    def unlock_call(self) -> Call:
        """Return the call that begins the unlock period."""
        return self.act(UNLOCK)

    def cancel_unlock_call(self) -> Call:
        """Return the call that ends the unlock period."""
        return self.act(CANCEL_UNLOCK)

    def withdraw_call(self) -> Call:
        """Return the call that pays deposit and reserve out."""
        return self.act(WITHDRAW)

    def act(self, data: bytes) -> Call:
        """Return a call of the broker that sends no money along."""
        return Call(to=self.address, data=data)


def _outcomes(logs: Sequence[Log]) -> list[Redeemed]:
    """Pair each redemption with the transfer just before it, which is missing where nothing was paid."""
    outcomes = []
    paid_wei = 0
    for log in logs:
        match parse_event(log.topics, log.data):
            case WinningTicketTransfer(amount_wei=amount_wei):
                paid_wei = amount_wei
            case WinningTicketRedeemed(ticket=ticket):
                outcomes.append(Redeemed(ticket_hash=ticket_hash(ticket), paid_wei=paid_wei))
                paid_wei = 0
            case TicketRefused(ticket_hash=name, reason=reason):
                outcomes.append(Redeemed(ticket_hash=name, paid_wei=0, refusal=reason or NOT_NAMED))
            case _:
                continue
    return outcomes
