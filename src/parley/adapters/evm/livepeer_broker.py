"""The deployed ticket broker of Livepeer on a chain; the builds of 2023 and of 2026 have one interface."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parley.adapters.evm.broker_contract import BrokerContract
from parley.adapters.evm.reading import ChainReader
from parley.adapters.evm.rounds import check_accounts, check_address, read_claimable, read_expiry_number, read_rounds
from parley.errors import ErrorCode, LocalError
from parley.lottery.calls import TicketForm
from parley.lottery.questions import (
    CONTROLLER,
    CURRENT_ROUND,
    POOL_SIZE,
    TICKET_VALIDITY,
    UNLOCK_PERIOD,
    as_address,
    as_flag,
    as_round,
    ask_active,
    ask_contract,
    ask_livepeer_sender,
)
from parley.lottery.rules import SenderState
from parley.lottery.views import BrokerPeriods, ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.broker import Redeemed
from parley.ports.chain import Block, Call, EvmChain, Receipt, Reverted
from parley.ports.clock import Clock
from parley.primitives.ids import Address

__all__ = ["LivepeerBroker"]

_BATCH_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class _Neighbours:
    chain_id: int
    rounds: Address
    bonding: Address


class LivepeerBroker:
    """The deployed broker (fulfils `parley.ports.broker.Broker`).

    It knows no freeze and no signers. `preflight` tells what the build at the address would refuse; what it takes may
    nevertheless be paid short, down to nothing, where the recipient's share of the reserve is short: who redeems looks
    at `SenderView` first.
    """

    def __init__(
        self,
        chain: EvmChain,
        address: Address,
        clock: Clock,
        *,
        head_age_ms: int = 0,
        batch_max: int = 1,
    ) -> None:
        """Speak to a broker; the chain is asked when something is wanted of it.

        Args:
            chain: where it is.
            address: of the proxy, 20 bytes.
            clock: tells how old the head is that is known.
            head_age_ms: for how long a head is taken for the newest one, >= 0.
            batch_max: 1..16. A batch of this broker swallows the failure of each ticket, running out of gas included,
                so that no estimate of its gas is safe: more than 1 is for those who set the gas with room to spare.

        Raises:
            LocalError: not 20 bytes, a negative age, or a batch out of range.
        """
        check_address(address)
        if not 1 <= batch_max <= _BATCH_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, batch_max=batch_max, maximum=_BATCH_MAX)
        self._reader = ChainReader(chain, clock, head_age_ms=head_age_ms)
        self._contract = BrokerContract(self._reader, address, TicketForm.AUXILIARY, batch_max)

    @property
    def address(self) -> Address:
        """Return the contract's address, 20 bytes."""
        return self._contract.address

    @property
    def batch_max(self) -> int:
        """Return how many winners one call redeems at most."""
        return self._contract.batch_max

    async def periods(self) -> BrokerPeriods:
        """Return for how long it holds a sender's money, and for how long it pays a ticket; its owner can change it."""

        async def read(block: Block) -> BrokerPeriods:
            questions = (UNLOCK_PERIOD, TICKET_VALIDITY)
            words = (self._reader.word(self.address, question, at=block.block_hash) for question in questions)
            unlock, validity = map(as_round, await asyncio.gather(*words))
            return BrokerPeriods(unlock_rounds=unlock, freeze_rounds=None, ticket_validity_rounds=validity)

        return await self._reader.at_head(
            lambda block: self._reader.once(block.block_hash, "periods", lambda: read(block))
        )

    async def is_recipient(self, account: Address) -> bool:
        """Say whether an account is active as a recipient in the present round; 20 bytes."""
        check_address(account)

        async def read(block: Block) -> bool:
            bonding = (await self._neighbours(block.block_hash)).bonding
            return as_flag(await self._reader.word(bonding, ask_active(account), at=block.block_hash))

        return await self._reader.at_head(
            lambda block: self._reader.once(block.block_hash, ("recipient", account), lambda: read(block))
        )

    async def view(self) -> ChainView:
        """Return the chain at its head.

        Raises:
            UnavailableError: also WRONG_STATE, where no round has begun yet or none has a block hash.
        """
        return await self._reader.at_head(self._view_at)

    async def _view_at(self, block: Block) -> ChainView:
        return await self._reader.once(block.block_hash, "view", lambda: self._read_view(block))

    async def _neighbours(self, at: bytes) -> _Neighbours:
        return await self._reader.once(None, "neighbours", lambda: self._read_neighbours(at))

    async def _read_neighbours(self, at: bytes) -> _Neighbours:
        chain_id, word = await asyncio.gather(
            self._reader.chain.chain_id(), self._reader.word(self.address, CONTROLLER, at=at)
        )
        controller = as_address(word)
        rounds, bonding = await asyncio.gather(
            self._reader.word(controller, ask_contract("RoundsManager"), at=at),
            self._reader.word(controller, ask_contract("BondingManager"), at=at),
        )
        return _Neighbours(chain_id, as_address(rounds), as_address(bonding))

    async def _read_view(self, block: Block) -> ChainView:
        at = block.block_hash
        neighbours = await self._neighbours(at)
        rounds, pool_size, validity, fees, number = await asyncio.gather(
            read_rounds(self._reader, neighbours.rounds, at),
            self._reader.word(neighbours.bonding, POOL_SIZE, at=at),
            self._reader.word(self.address, TICKET_VALIDITY, at=at),
            self._reader.chain.fees(),
            read_expiry_number(self._reader, block),
        )
        return ChainView(
            chain_id=neighbours.chain_id,
            broker=self.address,
            block_number=number,
            block_hash=at,
            creation_round=rounds.creation_round,
            previous_round=rounds.previous_round,
            is_round_initialized=rounds.is_initialized,
            present_round=rounds.current,
            ticket_validity_rounds=as_round(validity),
            recipients=pool_size,
            gas_price_wei=fees.gas_price_wei,
        )

    async def sender_view(
        self,
        sender: Address,
        recipient: Address | None,
        signers: frozenset[Address] = frozenset(),  # noqa: ARG002 - this broker knows none
    ) -> SenderView:
        """Return a sender's money at the head.

        Args:
            sender: whose.
            recipient: for whom `claimable_wei` is; None for the sender's own look.
            signers: not asked about: only the sender signs.
        """
        check_accounts(sender, recipient)
        return await self._reader.at_head(lambda block: self._sender_at(block, sender, recipient))

    async def look(
        self,
        sender: Address,
        recipient: Address | None,
        signers: frozenset[Address] = frozenset(),  # noqa: ARG002 - this broker knows none
    ) -> tuple[ChainView, SenderView]:
        """Return the chain and a sender's money, both at one block: the arguments are those of `sender_view`."""
        check_accounts(sender, recipient)

        async def both(block: Block) -> tuple[ChainView, SenderView]:
            return await self._view_at(block), await self._sender_at(block, sender, recipient)

        return await self._reader.at_head(both)

    async def _sender_at(self, block: Block, sender: Address, recipient: Address | None) -> SenderView:
        return await self._reader.once(
            block.block_hash, (sender, recipient), lambda: self._read_sender(block, sender, recipient)
        )

    async def _read_sender(self, block: Block, sender: Address, recipient: Address | None) -> SenderView:
        at = block.block_hash
        neighbours = await self._neighbours(at)
        info, current, claimable_wei = await asyncio.gather(
            self._reader.words(self.address, ask_livepeer_sender(sender), at=at),
            self._reader.word(neighbours.rounds, CURRENT_ROUND, at=at),
            read_claimable(self._reader, self.address, sender, recipient, at),
        )
        deposit_wei, withdraw_round, remaining_wei, _ = info
        state = SenderState.LOCKED if deposit_wei + remaining_wei else SenderState.UNLOCKED
        if withdraw_round:
            state = SenderState.UNLOCKING if current < withdraw_round else SenderState.UNLOCKED
        return SenderView(
            sender=sender,
            block_hash=at,
            deposit_wei=deposit_wei,
            reserve_wei=remaining_wei,
            claimable_wei=claimable_wei,
            state=state,
            withdraw_round=as_round(withdraw_round),
        )

    async def is_used(self, ticket_hash: bytes) -> bool:
        """Say whether a ticket is redeemed already, at the head."""
        return await self._contract.is_used(ticket_hash)

    async def preflight(self, winner: Winner, redeemer: Address) -> int | Reverted:
        """Try a redemption without sending it: the gas that it would take, or why it would be refused."""
        return await self._contract.preflight(winner, redeemer)

    def redeem_call(self, winners: Sequence[Winner]) -> Call:
        """Return the call that redeems 1..batch_max winners."""
        return self._contract.redeem_call(winners)

    def redeemed(self, winners: Sequence[Winner], receipt: Receipt) -> tuple[Redeemed, ...]:
        """Read from a receipt what became of each winner of a call, in the call's order."""
        return self._contract.redeemed(winners, receipt)

    def fund_call(self, *, deposit_wei: int, reserve_wei: int) -> Call:
        """Return the call that adds to deposit and reserve; either may be 0, not both."""
        return self._contract.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)

    def unlock_call(self) -> Call:
        """Return the call that begins the unlock period."""
        return self._contract.unlock_call()

    def cancel_unlock_call(self) -> Call:
        """Return the call that ends the unlock, under way or complete."""
        return self._contract.cancel_unlock_call()

    def withdraw_call(self) -> Call:
        """Return the call that pays deposit and reserve out."""
        return self._contract.withdraw_call()
