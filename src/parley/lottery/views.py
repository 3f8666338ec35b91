"""What a sender and a recipient know of the chain at one block: immutable, so that a judgement has one moment.

Whoever asks the chain (`parley.ports.broker`) makes these anew for each block; the machines below take them as
arguments and never ask. Two views of one block agree; a view of an older block is stale, and no view is ever mended.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from parley.lottery.params import CreationRound
from parley.lottery.rules import SenderState
from parley.primitives.ids import Address

__all__ = ["BrokerPeriods", "ChainView", "SenderView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """The chain at one block, as far as tickets are concerned.

    Attributes:
        chain_id: of the chain.
        broker: the contract that pays, 20 bytes.
        block_number: of the newest block by which parameters expire (of the first layer, where there are two).
        block_hash: of the block at which all this was read, 32 bytes.
        creation_round: the last initialised round with its block hash: the one for new tickets.
        previous_round: the round before it, whose tickets may be under way; None where it has no hash.
        is_round_initialized: whether the present round has begun; otherwise nothing can be redeemed yet.
        ticket_validity_rounds: in which a ticket can be redeemed, that of its creation included, >= 1.
        recipients: how many are registered in the round, >= 0.
        gas_price_wei: what one gas costs now, >= 0.
        present_round: the present round, begun or not; None where it is the creation round.
    """

    chain_id: int
    broker: Address
    block_number: int
    block_hash: bytes
    creation_round: CreationRound
    previous_round: CreationRound | None
    is_round_initialized: bool
    ticket_validity_rounds: int
    recipients: int
    gas_price_wei: int
    present_round: int | None = None

    @property
    def round_number(self) -> int:
        """The present round, begun or not: by it the contract judges whether a ticket is too old."""
        return self.creation_round.number if self.present_round is None else self.present_round

    @property
    def is_redeemable(self) -> bool:
        """Whether a ticket of the creation round can be redeemed for sure: in this round, or in one after it."""
        last_round = self.creation_round.number + self.ticket_validity_rounds - 1
        return self.round_number < last_round or (self.round_number == last_round and self.is_round_initialized)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPeriods:
    """For how long the broker holds a sender's money, and for how long it pays a ticket; in rounds.

    Attributes:
        unlock_rounds: between an unlock and the first round in which the sender can withdraw, >= 0.
        freeze_rounds: between a freeze and that round, >= 0; None where the rules know no freeze.
        ticket_validity_rounds: in which a ticket can be redeemed, that of its creation included, >= 0.
    """

    unlock_rounds: int
    freeze_rounds: int | None
    ticket_validity_rounds: int

    @property
    def outlast_tickets(self) -> bool:
        """Whether what a sender signed before it began to leave can be redeemed before it can withdraw.

        Otherwise no recipient knows what it can lose: funds may go in front of every winner.
        """
        held = self.unlock_rounds if self.freeze_rounds is None else min(self.unlock_rounds, self.freeze_rounds)
        return 1 <= self.ticket_validity_rounds <= held


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderView:
    """One sender's money at one block, as one recipient (or the sender itself) sees it.

    Attributes:
        sender: 20 bytes.
        block_hash: of the block at which it was read, 32 bytes.
        deposit_wei: pays any recipient, >= 0.
        reserve_wei: what is left of the reserve, >= 0.
        claimable_wei: what the recipient could get from the reserve now: its allocation less what it has claimed.
            0 for the sender itself.
        state: of the account; the deployed rules know no FROZEN.
        withdraw_round: in which an unlock is complete; 0 when none is under way.
        signers: who else may sign its tickets of the present round, 20 bytes each, as far as was asked.
    """

    sender: Address
    block_hash: bytes
    deposit_wei: int
    reserve_wei: int
    claimable_wei: int
    state: SenderState
    withdraw_round: int = 0
    signers: frozenset[Address] = field(default_factory=frozenset)
