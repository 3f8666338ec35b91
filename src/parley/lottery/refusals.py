"""Why a sender signs no tickets, and what would help: values, because a refusal is an expected answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from parley.errors import ErrorCode, Fact, Rejected

__all__ = ["Reason", "Refused", "Remedy"]


class Remedy(Enum):
    """What the sender can do about it."""

    STOP = "stop"
    """Nothing by itself: these parameters, or this sender, pay nobody before a person acts."""

    REFRESH = "refresh"
    """Ask the recipient for fresh parameters, and pay under those."""

    RETRY = "retry"
    """Look at the chain again, in a moment, and pay under the same parameters."""


class Reason(Enum):
    """Why; the order is that of the checks."""

    TOO_MANY_TICKETS = ("more tickets than one payment carries", Remedy.STOP, ErrorCode.TOO_LARGE)
    CHAIN_MOVED = ("the chain went on while it was looked at", Remedy.RETRY, ErrorCode.WRONG_STATE)
    NO_EXPIRATION = ("the parameters name no block at which they end", Remedy.STOP, ErrorCode.PROTOCOL_VIOLATION)
    PARAMS_EXPIRED = ("the parameters end too soon", Remedy.REFRESH, ErrorCode.PARAMS_EXPIRED)
    EXPIRATION_TOO_FAR = ("the parameters hold too long", Remedy.STOP, ErrorCode.LIFETIME_TOO_LONG)
    NO_RECIPIENT = ("the parameters name the null address", Remedy.STOP, ErrorCode.PROTOCOL_VIOLATION)
    WRONG_RECIPIENT = ("another is to be paid than was meant", Remedy.STOP, ErrorCode.PROTOCOL_VIOLATION)
    REQUOTED = ("a commitment comes again with other fields", Remedy.STOP, ErrorCode.PROTOCOL_VIOLATION)
    NO_ROUND = ("no round has begun on the chain", Remedy.RETRY, ErrorCode.WRONG_STATE)
    ROUND_OVER = ("the parameters are for a round that is over", Remedy.REFRESH, ErrorCode.PARAMS_EXPIRED)
    ROUND_AHEAD = ("the parameters are for a round that is not seen yet", Remedy.RETRY, ErrorCode.WRONG_STATE)
    WRONG_ROUND_HASH = ("the round has another hash on the chain", Remedy.RETRY, ErrorCode.WRONG_STATE)
    ALWAYS_WINS = ("a ticket would always win", Remedy.STOP, ErrorCode.TOO_EXPENSIVE)
    TICKET_TOO_DEAR = ("a ticket is worth more than the limit", Remedy.STOP, ErrorCode.TOO_EXPENSIVE)
    SIGNER_NOT_APPROVED = ("the key may not sign for the sender", Remedy.STOP, ErrorCode.UNAUTHORIZED)
    UNLOCKED_SOON = ("deposit and reserve are unlocked, or will be soon", Remedy.STOP, ErrorCode.FUNDS_TOO_LOW)
    FROZEN = ("the reserve is frozen", Remedy.STOP, ErrorCode.FUNDS_TOO_LOW)
    NO_RESERVE = ("there is no reserve", Remedy.STOP, ErrorCode.FUNDS_TOO_LOW)
    NO_DEPOSIT = ("there is no deposit", Remedy.STOP, ErrorCode.FUNDS_TOO_LOW)
    PAYMENT_TOO_DEAR = ("the tickets together are worth more than the limit", Remedy.STOP, ErrorCode.TOO_EXPENSIVE)
    FACE_VALUE_TOO_HIGH = ("a winner would take too much of the deposit", Remedy.STOP, ErrorCode.FUNDS_TOO_LOW)
    OVERCOMMITTED = ("tickets under way may take the deposit", Remedy.STOP, ErrorCode.FUNDS_TOO_LOW)
    NONCES_SPENT = ("the nonces of these parameters are used up", Remedy.REFRESH, ErrorCode.PARAMS_EXPIRED)

    @property
    def text(self) -> str:
        """What happened, in our own words."""
        return self.value[0]

    @property
    def remedy(self) -> Remedy:
        """What would help."""
        return self.value[1]

    @property
    def code(self) -> ErrorCode:
        """The entry in the table of codes."""
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Refused:
    """No ticket was signed.

    Attributes:
        reason: why.
        facts: the offending numbers, by name; names carry units.
    """

    reason: Reason
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def remedy(self) -> Remedy:
        """What would help."""
        return self.reason.remedy

    def rejected(self) -> Rejected:
        """Return the refusal in the form in which it is shown."""
        return Rejected(self.reason.code, {"reason": self.reason.text, **self.facts})

    def __str__(self) -> str:
        """Return the refusal in our own words."""
        return str(self.rejected())
