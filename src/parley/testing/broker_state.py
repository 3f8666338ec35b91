"""What a chain with one ticket broker holds at one block, and what an act does to it by `parley.lottery.broker`.

A state is copied for each block, so that a chain can be taken back to an older one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from parley.lottery.broker import BrokerModel
from parley.lottery.redemption_records import winner_ticket
from parley.lottery.rules import Refusal, RoundView
from parley.lottery.tickets import ticket_hash
from parley.lottery.wire import Winner
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address
from parley.testing.broker_acts import Act, Funding, Order, Redemption

__all__ = ["PAID", "REFUSED", "Done", "Event", "ModelState"]

PAID: Final = keccak256(b"Paid(bytes32,uint256)")
"""Topic of a redeemed winner: its ticket's hash is the second topic, the wei are the data."""

REFUSED: Final = keccak256(b"Refused(bytes32,string)")
"""Topic of a winner that a batch refused: the reason is the data."""

_NO_HASH: Final = bytes(32)
_WORD_BYTES: Final = 32
_BASE_GAS: Final = 40_000
_TICKET_GAS: Final = 60_000

Event = tuple[tuple[bytes, ...], bytes]


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did.

    Attributes:
        gas_used: by it.
        events: topics and data, in order.
        received_wei: what the caller was paid out.
    """

    gas_used: int
    events: tuple[Event, ...] = ()
    received_wei: int = 0


@dataclass(slots=True)
class ModelState:
    """Everything that a reorganisation can take back.

    Attributes:
        model: the broker.
        round_number: the present round, initialised or not.
        round_hashes: of initialised rounds.
        registered: recipients of the present round.
        balances_wei: of accounts that send transactions.
        credited_wei: of recipients: what their fee pools got.
    """

    model: BrokerModel
    round_number: int
    round_hashes: dict[int, bytes] = field(default_factory=dict)
    registered: frozenset[Address] = frozenset()
    balances_wei: dict[Address, int] = field(default_factory=dict)
    credited_wei: dict[Address, int] = field(default_factory=dict)

    def copy(self) -> ModelState:
        """Return another state with the same contents."""
        return ModelState(
            model=self.model.copy(),
            round_number=self.round_number,
            round_hashes=dict(self.round_hashes),
            registered=self.registered,
            balances_wei=dict(self.balances_wei),
            credited_wei=dict(self.credited_wei),
        )

    @property
    def round_view(self) -> RoundView:
        """The present round as the broker's rules take it."""
        return RoundView(number=self.round_number, recipients=self.registered)

    def perform(self, act: Act, caller: Address, value_wei: int) -> Done | Refusal:
        """Do an act; one that is refused changes nothing."""
        match act:
            case Redemption(winners, is_batch):
                return self._redeem_batch(winners) if is_batch else self._redeem_one(winners[0])
            case Funding():
                return self._fund(act, caller, value_wei)
            case Order(name):
                return self._obey(name, caller)
            case other:
                assert_never(other)

    def _pay(self, winner: Winner) -> int | Refusal:
        ticket = winner_ticket(winner)
        round_hash = self.round_hashes.get(ticket.creation_round, _NO_HASH)
        paid = self.model.redeem(
            ticket, winner.signed.signature, winner.recipient_rand, view=self.round_view, round_hash=round_hash
        )
        if not isinstance(paid, Refusal):
            self.credited_wei[ticket.recipient] = self.credited_wei.get(ticket.recipient, 0) + paid
        return paid

    def _redeem_one(self, winner: Winner) -> Done | Refusal:
        paid = self._pay(winner)
        return paid if isinstance(paid, Refusal) else Done(_BASE_GAS + _TICKET_GAS, (_paid_event(winner, paid),))

    def _redeem_batch(self, winners: Sequence[Winner]) -> Done:
        events: list[Event] = []
        for winner in winners:
            paid = self._pay(winner)
            if isinstance(paid, Refusal):
                events.append(((REFUSED, ticket_hash(winner_ticket(winner))), paid.value.encode()))
            else:
                events.append(_paid_event(winner, paid))
        return Done(_BASE_GAS + _TICKET_GAS * len(winners), tuple(events))

    def _fund(self, act: Funding, caller: Address, value_wei: int) -> Done | Refusal:
        if value_wei != act.deposit_wei + act.reserve_wei:
            return Refusal.VALUE_MISMATCH
        refusal = self.model.fund(caller, self.round_number, deposit_wei=act.deposit_wei, reserve_wei=act.reserve_wei)
        return Done(_BASE_GAS) if refusal is None else refusal

    def _obey(self, name: str, caller: Address) -> Done | Refusal:
        if name == "withdraw":
            paid = self.model.withdraw(caller, self.round_number)
            return paid if isinstance(paid, Refusal) else Done(_BASE_GAS, received_wei=paid)
        told = self.model.unlock if name == "unlock" else self.model.cancel_unlock
        refusal = told(caller, self.round_number)
        return Done(_BASE_GAS) if refusal is None else refusal


def _paid_event(winner: Winner, paid_wei: int) -> Event:
    return (PAID, ticket_hash(winner_ticket(winner))), paid_wei.to_bytes(_WORD_BYTES, "big")
