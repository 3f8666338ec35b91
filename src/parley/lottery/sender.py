"""The sender: whether it pays under a recipient's parameters, and with which nonces. No waiting, no signing.

    sender                                                     store, chain
      reserve(params, count, view of the chain, own money)
        Refused      why, and whether fresh parameters would help
        WindowClaim  first claim this window of nonces       ──►  Applied or not: settle, and reserve again
        Reserved     these nonces, of this round, are yours: sign them

Everything that protects the deposit is judged before a nonce is taken, against one view of the chain:

    worth of a ticket <= ticket_max_wei                        worth of a payment <= payment_max_wei
    face value * deposit_multiplier <= deposit                 worth under way + max(face value, payment) <= deposit

Whether a ticket has won the sender learns from nobody: the recipient tells it by redeeming, on the chain, and by
nothing else. What it says about wins is neither asked for nor believed.

Source: "Probabilistic Micropayments", "Creating and Sending Tickets"; go-livepeer, pm/sender.go, for limits and order.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.lottery.limits import SenderLimits
from parley.lottery.outstanding import Outstanding
from parley.lottery.params import PAYMENT_TICKETS_MAX, CreationRound, TicketParams
from parley.lottery.quote_checks import check_money, check_quote
from parley.lottery.refusals import Reason, Refused
from parley.lottery.sessions import Session, WindowClaim
from parley.lottery.views import ChainView, SenderView
from parley.lottery.worth import worth_shares
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["Reserved", "Sender"]

_NO_TICKETS: Final = ()


@dataclass(frozen=True, slots=True)
class Reserved:
    """Tickets that may be signed now, each nonce for the first and last time.

    Attributes:
        creation_round: of the tickets.
        nonces: ascending.
    """

    creation_round: CreationRound
    nonces: tuple[int, ...]


class Sender:
    """One sender in one process. Every method is one step: nothing of it happens in parts."""

    def __init__(self, address: Address, limits: SenderLimits, *, signer: Address | None = None) -> None:
        """Begin without sessions.

        Args:
            address: whose deposit pays, 20 bytes.
            limits: what is signed at the most.
            signer: whose key signs, if it is not the sender's own.
        """
        self._address, self._limits = address, limits
        self._signer = address if signer is None else signer
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._outstanding = Outstanding()

    @property
    def outstanding_wei(self) -> int:
        """What tickets under way are worth, rounded up, as of the last look at the chain."""
        return self._outstanding.wei

    def check(
        self,
        params: TicketParams,
        count: int,
        view: ChainView,
        money: SenderView,
        *,
        recipient: Address | None = None,
    ) -> Refused | None:
        """Judge whether tickets may be signed; nothing is taken.

        Args:
            params: of the recipient.
            count: how many tickets, >= 0.
            view: the chain.
            money: the sender's, at the same block.
            recipient: who is to be paid; None for whomever the parameters name.

        Returns:
            Why not, for the first reason in the order of `Reason`; None where they may.

        Raises:
            LocalError: a negative count, or the money of another sender.
        """
        if count < 0 or money.sender != self._address:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, count=count, sender=money.sender.hex())
        if count > min(PAYMENT_TICKETS_MAX, self._limits.nonces_max):
            return Refused(Reason.TOO_MANY_TICKETS, {"tickets": count})
        if view.block_hash != money.block_hash:
            return Refused(Reason.CHAIN_MOVED)
        self._outstanding.observe(view, money)
        session = self._sessions.get(params.recipient_rand_hash)
        known = None if session is None else session.params
        refused = check_quote(params, view, self._limits, recipient=recipient, known=known)
        if refused is not None or worth_shares(params) == 0:
            return refused
        signer = None if self._signer == self._address else self._signer
        return check_money(
            params, count, view, money, self._limits, signer=signer, outstanding_wei=self._outstanding.wei
        )

    def reserve(
        self,
        params: TicketParams,
        count: int,
        view: ChainView,
        money: SenderView,
        now: Instant,
        *,
        recipient: Address | None = None,
    ) -> Reserved | WindowClaim | Refused:
        """Judge, and take nonces where enough of them are claimed.

        Args:
            params: of the recipient.
            count: how many tickets, >= 0.
            view: the chain.
            money: the sender's, at the same block.
            now: for the end of claims.
            recipient: who is to be paid; None for whomever the parameters name.

        Returns:
            What to sign, or what to claim first (then `settle`, and ask again), or why nothing is signed.

        Raises:
            LocalError: a negative count, or the money of another sender.
        """
        refused = self.check(params, count, view, money, recipient=recipient)
        if refused is not None:
            return refused
        made_in = view.creation_round
        if count == 0:
            return Reserved(made_in, _NO_TICKETS)
        session = self._session(params)
        if session.left(now) < count:
            return Refused(Reason.NONCES_SPENT, {"last_nonce": session.last_nonce, "tickets": count})
        claim = session.wanted_claim(count, now)
        if claim is not None:
            return claim
        self._outstanding.add(made_in.number, count * worth_shares(params))
        return Reserved(made_in, session.take(count))

    def is_wanted(self, claim: WindowClaim) -> bool:
        """Say whether nobody has settled a claim since it was wanted."""
        session = self._sessions.get(claim.commitment)
        return session is not None and session.is_next(claim)

    def settle(self, claim: WindowClaim, *, is_applied: bool) -> None:
        """Take in what the store answered to a claim.

        Args:
            claim: what `reserve` wanted, made with an owner that no other claim had.
            is_applied: whether the answer was Applied.
        """
        session = self._sessions.get(claim.commitment)
        if session is not None:
            session.settle(claim, is_applied=is_applied)

    def wants_refresh(self, params: TicketParams, view: ChainView) -> bool:
        """Say whether fresh parameters are to be asked for now, while these may still pay."""
        session = self._sessions.get(params.recipient_rand_hash)
        made_in = params.creation_round
        return (
            params.expiration_block - view.block_number <= self._limits.refresh_blocks
            or (made_in is not None and made_in != view.creation_round)
            or (session is not None and session.last_nonce >= self._limits.refresh_nonces)
        )

    def _session(self, params: TicketParams) -> Session:
        commitment = params.recipient_rand_hash
        session = self._sessions.get(commitment)
        if session is None:
            session = Session(
                self._address,
                params,
                nonces_max=self._limits.nonces_max,
                window_nonces=self._limits.window_nonces,
            )
            self._sessions[commitment] = session
            if len(self._sessions) > self._limits.sessions_max:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(commitment)
        return session
