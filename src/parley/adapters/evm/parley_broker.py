"""Our ticket broker on a chain (`contracts/TicketBroker.vy`), with the contracts that count rounds and recipients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from parley.adapters.evm.broker_contract import BrokerContract
from parley.adapters.evm.reading import ChainReader
from parley.adapters.evm.rounds import check_accounts, check_address, read_claimable, read_expiry_number, read_rounds
from parley.errors import ErrorCode, LocalError
from parley.lottery.calls import (
    INITIALIZE_ROUND,
    TicketForm,
    approve_signer_call,
    register_call,
    revoke_signer_call,
)
from parley.lottery.questions import (
    CURRENT_ROUND,
    FREEZE_PERIOD,
    LAST_INITIALIZED_ROUND,
    MINIMUM_STAKE,
    RECIPIENT_COUNT,
    RECIPIENTS,
    ROUNDS,
    TICKET_VALIDITY,
    UNLOCK_PERIOD,
    as_address,
    as_flag,
    as_round,
    as_state,
    ask_registered,
    ask_sender,
    ask_signer,
    ask_state,
)
from parley.lottery.views import BrokerPeriods, ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.broker import Redeemed
from parley.ports.chain import Block, Call, EvmChain, Receipt, Reverted
from parley.ports.clock import Clock
from parley.primitives.ids import Address

__all__ = ["ParleyBroker", "RoundToBegin"]

_BATCH_MAX: Final = 32
"""As `MAX_BATCH` of the contract."""

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RoundToBegin:
    """A round that nobody has begun.

    Attributes:
        number: of the round.
        call: begins whichever round its block is in.
    """

    number: int
    call: Call


@dataclass(frozen=True, slots=True)
class _Neighbours:
    chain_id: int
    rounds: Address
    recipients: Address


class ParleyBroker:
    """Our broker (fulfils `parley.ports.broker.Broker`)."""

    def __init__(
        self,
        chain: EvmChain,
        address: Address,
        clock: Clock,
        *,
        head_age_ms: int = 0,
    ) -> None:
        """Speak to a broker; the chain is asked when something is wanted of it.

        Args:
            chain: where it is.
            address: of the contract, 20 bytes.
            clock: tells how old the head is that is known.
            head_age_ms: for how long a head is taken for the newest one, >= 0.

        Raises:
            LocalError: not 20 bytes, or a negative age.
        """
        check_address(address)
        self._reader = ChainReader(chain, clock, head_age_ms=head_age_ms)
        self._contract = BrokerContract(self._reader, address, TicketForm.ROUND, _BATCH_MAX)

    @property
    def address(self) -> Address:
        """Return the contract's address, 20 bytes."""
        return self._contract.address

    @property
    def batch_max(self) -> int:
        """Return how many winners one call redeems at most."""
        return self._contract.batch_max

    async def periods(self) -> BrokerPeriods:
        """Return for how long it holds a sender's money, and for how long it pays a ticket; nobody can change it."""

        async def read(block: Block) -> BrokerPeriods:
            questions = (UNLOCK_PERIOD, FREEZE_PERIOD, TICKET_VALIDITY)
            words = (self._reader.word(self.address, question, at=block.block_hash) for question in questions)
            unlock, freeze, validity = map(as_round, await asyncio.gather(*words))
            return BrokerPeriods(unlock_rounds=unlock, freeze_rounds=freeze, ticket_validity_rounds=validity)

        return await self._reader.at_head(lambda block: self._reader.once(None, "periods", lambda: read(block)))

    async def is_recipient(self, account: Address) -> bool:
        """Say whether an account is registered as a recipient in the present round; 20 bytes."""
        check_address(account)

        async def read(block: Block) -> bool:
            at = block.block_hash
            neighbours = await self._neighbours(at)
            number = await self._reader.word(neighbours.rounds, CURRENT_ROUND, at=at)
            return as_flag(await self._reader.word(neighbours.recipients, ask_registered(account, number), at=at))

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

    async def _read_view(self, block: Block) -> ChainView:
        at = block.block_hash
        neighbours = await self._neighbours(at)
        rounds, recipients, validity, fees, number = await asyncio.gather(
            read_rounds(self._reader, neighbours.rounds, at),
            self._reader.word(neighbours.recipients, RECIPIENT_COUNT, at=at),
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
            recipients=recipients,
            gas_price_wei=fees.gas_price_wei,
        )

    async def _neighbours(self, at: bytes) -> _Neighbours:
        return await self._reader.once(None, "neighbours", lambda: self._read_neighbours(at))

    async def _read_neighbours(self, at: bytes) -> _Neighbours:
        chain_id, rounds, recipients = await asyncio.gather(
            self._reader.chain.chain_id(),
            self._reader.word(self.address, ROUNDS, at=at),
            self._reader.word(self.address, RECIPIENTS, at=at),
        )
        return _Neighbours(chain_id, as_address(rounds), as_address(recipients))

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        """Return a sender's money at the head.

        Args:
            sender: whose.
            recipient: for whom `claimable_wei` is; None for the sender's own look.
            signers: keys to ask about, each of which costs a call; those that may sign tickets of the round for
                new tickets are in the answer.
        """
        check_accounts(sender, recipient, *signers)
        return await self._reader.at_head(lambda block: self._sender_at(block, sender, recipient, signers))

    async def look(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> tuple[ChainView, SenderView]:
        """Return the chain and a sender's money, both at one block: the arguments are those of `sender_view`."""
        check_accounts(sender, recipient, *signers)

        async def both(block: Block) -> tuple[ChainView, SenderView]:
            return await self._view_at(block), await self._sender_at(block, sender, recipient, signers)

        return await self._reader.at_head(both)

    async def _sender_at(
        self, block: Block, sender: Address, recipient: Address | None, signers: frozenset[Address]
    ) -> SenderView:
        money = await self._reader.once(
            block.block_hash, (sender, recipient), lambda: self._read_sender(block, sender, recipient)
        )
        if not signers:
            return money
        answers = await asyncio.gather(*(self._signer_at(block, sender, signer) for signer in signers))
        return replace(money, signers=frozenset(signer for signer in answers if signer is not None))

    async def _read_sender(self, block: Block, sender: Address, recipient: Address | None) -> SenderView:
        at = block.block_hash
        info, state, claimable_wei = await asyncio.gather(
            self._reader.words(self.address, ask_sender(sender), at=at),
            self._reader.word(self.address, ask_state(sender), at=at),
            read_claimable(self._reader, self.address, sender, recipient, at),
        )
        deposit_wei, withdraw_round, _, remaining_wei, _, _ = info
        return SenderView(
            sender=sender,
            block_hash=at,
            deposit_wei=deposit_wei,
            reserve_wei=remaining_wei,
            claimable_wei=claimable_wei,
            state=as_state(state),
            withdraw_round=as_round(withdraw_round),
        )

    async def _signer_at(self, block: Block, sender: Address, signer: Address) -> Address | None:
        """Return the signer, or None where it may not sign tickets of the round for new ones."""

        async def ask() -> bool:
            made_in = (await self._view_at(block)).creation_round.number
            question = ask_signer(sender, signer, made_in)
            return as_flag(await self._reader.word(self.address, question, at=block.block_hash))

        may_sign = await self._reader.once(block.block_hash, ("signer", sender, signer), ask)
        return signer if may_sign else None

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
        """Return the call that ends the unlock period."""
        return self._contract.cancel_unlock_call()

    def withdraw_call(self) -> Call:
        """Return the call that pays deposit and reserve out."""
        return self._contract.withdraw_call()

    def approve_signer_call(self, signer: Address) -> Call:
        """Return the call that lets another key sign the caller's tickets; the deployed broker has none."""
        return self._contract.act(approve_signer_call(signer))

    def revoke_signer_call(self, signer: Address) -> Call:
        """Return the call that lets a key sign none of the caller's tickets of later rounds."""
        return self._contract.act(revoke_signer_call(signer))

    async def register_call(self, commission: int) -> Call:
        """Return the call that makes the caller a recipient from the next round on, with the least stake.

        Args:
            commission: parts per million of the fees that it keeps before the rest is shared by stake.

        Raises:
            LocalError: out of range.
        """
        if not 0 <= commission <= _MILLION:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, commission=commission, maximum=_MILLION)

        async def read(block: Block) -> Call:
            recipients = (await self._neighbours(block.block_hash)).recipients
            stake_wei = await self._reader.word(recipients, MINIMUM_STAKE, at=block.block_hash)
            return Call(to=recipients, data=register_call(commission), value_wei=stake_wei)

        return await self._reader.at_head(read)

    async def round_to_begin(self) -> RoundToBegin | None:
        """Return the present round with the call that begins it; None where somebody has begun it already.

        Anybody may. Without it a chain has no new tickets: a round that nobody began has no block hash.
        """

        async def read(block: Block) -> RoundToBegin | None:
            at = block.block_hash
            rounds = (await self._neighbours(at)).rounds
            current, last = await asyncio.gather(
                self._reader.word(rounds, CURRENT_ROUND, at=at),
                self._reader.word(rounds, LAST_INITIALIZED_ROUND, at=at),
            )
            return None if current == last else RoundToBegin(as_round(current), Call(to=rounds, data=INITIALIZE_ROUND))

        return await self._reader.at_head(read)
