"""A payment that is being judged: the moment at which it is, and what was found out about it first."""

from __future__ import annotations

from typing import NamedTuple

from parley.lottery.known_commitments import Commitment
from parley.lottery.params import CreationRound, Payment, TicketParams
from parley.lottery.verdicts import Fault
from parley.lottery.views import ChainView, SenderView
from parley.primitives.instants import Instant

__all__ = ["Moment", "Opened"]


class Moment(NamedTuple):
    """What is known when a payment is judged.

    Attributes:
        now: by the clock.
        view: the chain.
        money: the sender's.
        pending_wei: face values of the sender's winners that are not final, >= 0.
        is_revealed: whether the number behind the payment's commitment may be public.
    """

    now: Instant
    view: ChainView
    money: SenderView
    pending_wei: int
    is_revealed: bool = False


class Opened(NamedTuple):
    """A payment whose commitment is this recipient's.

    Attributes:
        payment: with one ticket or more.
        params: under which it pays.
        made_in: the round of its tickets.
        commitment: what stands behind its commitment.
        moment: at which it was judged.
        fault: what was found wrong with all of it then, and tolerated; mostly None.
    """

    payment: Payment
    params: TicketParams
    made_in: CreationRound
    commitment: Commitment
    moment: Moment
    fault: Fault | None = None

    @property
    def nonces(self) -> tuple[int, ...]:
        """The nonces of the tickets, in the payment's order."""
        return tuple([signed.nonce for signed in self.payment.tickets])
