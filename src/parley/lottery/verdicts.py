"""What a recipient says of each ticket of a payment: taken, or why not and what would help.

The reaction is meant for a program: FATAL stops paying here, REFRESH asks for fresh parameters first, RETRY pays
again under the same ones with other tickets. A fault of the whole payment stands at each of its tickets.

What won is in the receipt and must never be told to the sender: a sender that knows which tickets lost would
have learned something of the number behind the commitment while it is still in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final, NamedTuple

from parley.errors import ErrorCode, Rejected
from parley.lottery.views import ChainView
from parley.lottery.wire import Winner
from parley.lottery.worth import SHARES_PER_WEI
from parley.primitives.ids import Address

__all__ = ["Fault", "Reaction", "Receipt", "Verdict", "refuse_all"]


class Reaction(Enum):
    """What the sender can do about a ticket that is not taken; the order is from the gravest to the mildest."""

    FATAL = "fatal"
    """Nothing by itself: this recipient takes no tickets of this sender before a person acts."""

    REFRESH = "refresh"
    """Ask for fresh parameters, and pay under those."""

    RETRY = "retry"
    """Pay under the same parameters, with other tickets or a little later."""


class Fault(Enum):
    """Why a ticket is not taken; the order is that of the checks."""

    NULL_RECIPIENT = ("recipient is the null address", Reaction.FATAL, ErrorCode.TICKET_REFUSED)
    NULL_SENDER = ("sender is the null address", Reaction.FATAL, ErrorCode.TICKET_REFUSED)
    WRONG_RECIPIENT = ("another is to be paid", Reaction.FATAL, ErrorCode.TICKET_REFUSED)
    WRONG_COMMITMENT = ("not the parameters that were quoted to this sender", Reaction.FATAL, ErrorCode.TICKET_REFUSED)
    ROUND_OVER = ("not of the last round that has begun", Reaction.REFRESH, ErrorCode.PARAMS_EXPIRED)
    WRONG_ROUND_HASH = ("the round has another block hash", Reaction.REFRESH, ErrorCode.PARAMS_EXPIRED)
    PARAMS_EXPIRED = ("the parameters hold no longer", Reaction.REFRESH, ErrorCode.PARAMS_EXPIRED)
    REVEALED = ("the number behind the commitment is public", Reaction.REFRESH, ErrorCode.PARAMS_EXPIRED)
    UNLOCKED_SOON = ("deposit and reserve are unlocked, or will be soon", Reaction.FATAL, ErrorCode.FUNDS_TOO_LOW)
    FROZEN = ("the reserve is frozen", Reaction.FATAL, ErrorCode.FUNDS_TOO_LOW)
    NO_FUNDS = ("deposit and reserve are empty", Reaction.FATAL, ErrorCode.FUNDS_TOO_LOW)
    GAS_TOO_DEAR = ("a winner would not pay for its redemption", Reaction.REFRESH, ErrorCode.PARAMS_EXPIRED)
    FLOAT_TOO_LOW = ("the reserve does not guarantee the face value", Reaction.REFRESH, ErrorCode.FUNDS_TOO_LOW)
    BAD_SIGNATURE = ("not signed in the one right form", Reaction.RETRY, ErrorCode.TICKET_REFUSED)
    WRONG_SIGNER = ("signed by a key that may not sign for the sender", Reaction.RETRY, ErrorCode.TICKET_REFUSED)
    TOO_MANY_SIGNERS = ("too many unknown keys were asked about", Reaction.RETRY, ErrorCode.TICKET_REFUSED)
    TOO_MANY_COMMITMENTS = ("too many parameters are in use at once", Reaction.RETRY, ErrorCode.TICKET_REFUSED)
    FOREIGN_NONCE = ("the nonce is in another process's keeping", Reaction.REFRESH, ErrorCode.PARAMS_EXPIRED)
    NONCES_SPREAD = ("the nonces of one payment are too far apart", Reaction.RETRY, ErrorCode.TICKET_REFUSED)
    NONCE_SEEN = ("the nonce was used", Reaction.RETRY, ErrorCode.TICKET_REFUSED)
    NONCE_TOO_LOW = ("the nonce is too far behind the highest", Reaction.RETRY, ErrorCode.TICKET_REFUSED)

    @property
    def text(self) -> str:
        """What is wrong, in our own words."""
        return self.value[0]

    @property
    def reaction(self) -> Reaction:
        """What would help."""
        return self.value[1]

    @property
    def code(self) -> ErrorCode:
        """The entry in the table of codes."""
        return self.value[2]


class Verdict(NamedTuple):
    """What became of one ticket.

    Attributes:
        nonce: of the ticket.
        fault: why it is not taken; None where it is.
        is_tolerated: whether the fault is within the grace after a redemption: the ticket is worth nothing, and the
            sender may still be served.
    """

    nonce: int
    fault: Fault | None = None
    is_tolerated: bool = False


_GRAVITY: Final = tuple(Reaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a payment.

    Attributes:
        sender: whose tickets they were, 20 bytes.
        verdicts: one per ticket, in the payment's order.
        ticket_shares: what each ticket that is taken is worth, in parts of 2**256 - 1 of a wei.
        winners: those that won, in the payment's order; the recipient's secret.
        view: the chain by which it was judged; None where nothing of it was judged by the chain.
    """

    sender: Address
    verdicts: tuple[Verdict, ...] = ()
    ticket_shares: int = 0
    winners: tuple[Winner, ...] = ()
    view: ChainView | None = None

    @property
    def taken(self) -> int:
        """How many tickets were taken."""
        return sum(verdict.fault is None for verdict in self.verdicts)

    @property
    def tolerated(self) -> int:
        """How many were refused within the grace after a redemption."""
        return sum(verdict.is_tolerated for verdict in self.verdicts)

    @property
    def credited_shares(self) -> int:
        """What the tickets that were taken are worth together, in parts of 2**256 - 1 of a wei; exact."""
        return self.taken * self.ticket_shares

    @property
    def credited_wei(self) -> int:
        """What they are worth together, in wei, rounded down."""
        return self.credited_shares // SHARES_PER_WEI

    @property
    def expected_value(self) -> Fraction:
        """What they are worth together, in wei, exactly."""
        return Fraction(self.credited_shares, SHARES_PER_WEI)

    @property
    def fault(self) -> Fault | None:
        """The gravest fault, and of those the first; None where every ticket was taken."""
        faults = [verdict.fault for verdict in self.verdicts if verdict.fault is not None]
        return min(faults, key=lambda fault: _GRAVITY.index(fault.reaction), default=None)

    @property
    def reaction(self) -> Reaction | None:
        """What the gravest fault asks of the sender; None where every ticket was taken."""
        return None if self.fault is None else self.fault.reaction

    def rejected(self) -> Rejected | None:
        """Return the refusal in the form in which it is shown; None where every ticket was taken.

        It names the gravest fault and its reaction, and how many tickets were taken and how many were not.
        """
        fault = self.fault
        if fault is None:
            return None
        facts = {"reason": fault.text, "reaction": fault.reaction.value, "taken": self.taken}
        return Rejected(fault.code, facts | {"refused": len(self.verdicts) - self.taken})


def refuse_all(sender: Address, nonces: tuple[int, ...], fault: Fault) -> Receipt:
    """Return the receipt of a payment of which no ticket is taken, for one fault."""
    return Receipt(sender=sender, verdicts=tuple(Verdict(nonce, fault) for nonce in nonces))
