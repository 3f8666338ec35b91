"""The whole broker as a value in memory: what `contracts/TicketBroker.vy` stores, and what each call does to it.

Tests run contract and model side by side; simulations and demonstrations use the model where no chain is needed. The
chain's part, which round it is, who is registered in it, what hash a round has, is an argument of each call.
"""

from __future__ import annotations

from typing import Final

from parley.lottery.draws import recipient_rand_hash, wins
from parley.lottery.rules import (
    Account,
    Periods,
    Refusal,
    RoundView,
    cancel_unlock,
    fund,
    pay,
    unlock,
    withdraw,
)
from parley.lottery.signing import recover_signer
from parley.lottery.tickets import Ticket, ticket_hash

__all__ = ["BrokerModel"]

_NULL_ADDRESS: Final = bytes(20)
_NO_HASH: Final = bytes(32)


class BrokerModel:
    """All senders of one broker.

    A call that is refused changes nothing.

    Attributes:
        periods: the contract's constants.
        accounts: what is stored about each sender, by address.
        used: hashes of redeemed tickets.
    """

    def __init__(self, periods: Periods) -> None:
        self.periods = periods
        self.accounts: dict[bytes, Account] = {}
        self.used: set[bytes] = set()
        self._revoked_in: dict[tuple[bytes, bytes], int | None] = {}

    def copy(self) -> BrokerModel:
        """Return another model with the same contents, to try a call on or to come back to."""
        other = BrokerModel(self.periods)
        other.accounts, other.used, other._revoked_in = dict(self.accounts), set(self.used), dict(self._revoked_in)
        return other

    @property
    def held_wei(self) -> int:
        """What the broker holds: the sum over all senders."""
        return sum(account.total_wei for account in self.accounts.values())

    def account(self, sender: bytes) -> Account:
        """Return what is stored about a sender; an empty account for one that is not known."""
        return self.accounts.get(sender, Account())

    def _keep(self, sender: bytes, outcome: Account | Refusal) -> Refusal | None:
        if isinstance(outcome, Refusal):
            return outcome
        self.accounts[sender] = outcome
        return None

    def fund(self, sender: bytes, round_number: int, *, deposit_wei: int, reserve_wei: int) -> Refusal | None:
        """Add to a sender's deposit and reserve."""
        account = self.account(sender)
        funded = fund(account, round_number, self.periods, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        return self._keep(sender, funded)

    def unlock(self, sender: bytes, round_number: int) -> Refusal | None:
        """Begin a sender's unlock period."""
        return self._keep(sender, unlock(self.account(sender), round_number, self.periods))

    def cancel_unlock(self, sender: bytes, round_number: int) -> Refusal | None:
        """End a sender's unlock period."""
        return self._keep(sender, cancel_unlock(self.account(sender), round_number, self.periods))

    def withdraw(self, sender: bytes, round_number: int) -> int | Refusal:
        """Pay a sender out, and return the wei that it gets."""
        account = self.account(sender)
        refusal = self._keep(sender, withdraw(account, round_number, self.periods))
        return account.total_wei if refusal is None else refusal

    def approve_signer(self, sender: bytes, signer: bytes) -> Refusal | None:
        """Let another key sign a sender's tickets."""
        if signer == _NULL_ADDRESS:
            return Refusal.NULL_SIGNER
        self._revoked_in[sender, signer] = None
        return None

    def revoke_signer(self, sender: bytes, signer: bytes, round_number: int) -> Refusal | None:
        """Let a key sign no tickets of later rounds."""
        if self._revoked_in.get((sender, signer), 0) is not None:
            return Refusal.SIGNER_NOT_APPROVED
        self._revoked_in[sender, signer] = round_number
        return None

    def may_sign(self, sender: bytes, signer: bytes, creation_round: int) -> bool:
        """Say whether a key may sign a sender's tickets of a round."""
        if signer == sender:
            return True
        last_round = self._revoked_in.get((sender, signer), -1)
        return last_round is None or creation_round <= last_round

    def _check_ticket(
        self, ticket: Ticket, signature: bytes, recipient_rand: int, view: RoundView, round_hash: bytes
    ) -> Refusal | None:
        if ticket.recipient == _NULL_ADDRESS:
            return Refusal.NULL_RECIPIENT
        if ticket.sender == _NULL_ADDRESS:
            return Refusal.NULL_SENDER
        if recipient_rand_hash(recipient_rand) != ticket.recipient_rand_hash:
            return Refusal.WRONG_PREIMAGE
        if _NO_HASH in (round_hash, ticket.creation_round_hash) or round_hash != ticket.creation_round_hash:
            return Refusal.WRONG_ROUND_HASH
        if ticket.creation_round + self.periods.ticket_validity_rounds <= view.number:
            return Refusal.EXPIRED
        if ticket_hash(ticket) in self.used:
            return Refusal.USED
        signer = recover_signer(ticket, signature)
        if signer is None or not self.may_sign(ticket.sender, signer, ticket.creation_round):
            return Refusal.BAD_SIGNATURE
        if not wins(ticket, signature, recipient_rand):
            return Refusal.NOT_WON
        return None

    def redeem(
        self, ticket: Ticket, signature: bytes, recipient_rand: int, *, view: RoundView, round_hash: bytes
    ) -> int | Refusal:
        """Pay a winner, and return the wei that its recipient's fee pool is credited with.

        Args:
            ticket: what was signed.
            signature: 65 bytes; any other number is refused.
            recipient_rand: 0 <= recipient_rand < 2**256.
            view: the present round.
            round_hash: what the chain stored for `ticket.creation_round`, 32 bytes; zeros for none.
        """
        refusal = self._check_ticket(ticket, signature, recipient_rand, view, round_hash)
        if refusal is not None:
            return refusal
        account = self.account(ticket.sender)
        payment = pay(account, recipient=ticket.recipient, face_value_wei=ticket.face_value, view=view)
        if isinstance(payment, Refusal):
            return payment
        self.used.add(ticket_hash(ticket))
        self.accounts[ticket.sender] = payment.account
        return payment.paid_wei
