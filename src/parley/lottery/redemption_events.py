"""What can happen to a winner on its way to the money, and the table of it; the machine: `parley.lottery.redemption`.

    WAITING    something is missing; the reason says what
    READY      the contract would pay it now, and that is worth the gas
    SENT       it is in a call that was begun
    REFUSED    the contract refused it; it is tried again after some blocks
    REDEEMED   the chain says that it is used, so deep that it stays so
    EXPIRED    its last round is over, so deep that it stays so, and it is not used

REFUSED is no end: only what the chain says, used or over, ends a winner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from parley.errors import ErrorCode
from parley.lottery.redemption_records import RedemptionRecord
from parley.lottery.views import ChainView, SenderView
from parley.protocol.machine import Ask, Cell, Finish, Handled, Ignored, Refused, TransitionTable

__all__ = [
    "REDEMPTION_TABLE",
    "BlockSeen",
    "CallBegun",
    "CallConfirmed",
    "CallDropped",
    "CallRejected",
    "CallSeen",
    "CallUndone",
    "Question",
    "RedemptionEvent",
    "RedemptionOutput",
    "RedemptionPhase",
    "TrialPassed",
    "TrialRefused",
    "UseAnswered",
    "WaitReason",
]


class RedemptionPhase(Enum):
    """Where a winner stands; the value is what people read."""

    WAITING = "waiting"
    READY = "ready"
    SENT = "sent"
    REFUSED = "refused"
    REDEEMED = "redeemed"
    EXPIRED = "expired"


class WaitReason(Enum):
    """What a waiting winner waits for; the value is what people read."""

    NEW = "not looked at yet"
    PARAMS_IN_USE = "the parameters of its ticket still hold"
    ROUND_NOT_BEGUN = "the present round has not begun on the chain"
    FUNDS_SHORT = "the sender's deposit and our part of its reserve do not cover it"
    GAS_DEAR = "gas costs more than it is worth, or than we pay"
    ON_TRIAL = "the contract is being asked"
    WALLET_SHORT = "our account cannot pay for the gas"
    USED_ELSEWHERE = "it is redeemed already by another call, which must settle"
    LAST_LOOK = "its last round is over, which must settle"


class Question(Enum):
    """What the machine asks the chain; the answer returns with the exchange of the `Ask`."""

    TRIAL = "would the contract pay it now"
    USE = "is it redeemed already"


@dataclass(frozen=True, slots=True)
class BlockSeen:
    """The chain has a new head, or is looked at again.

    Attributes:
        chain: what it says.
        sender: the money of the ticket's sender, with what the ticket's recipient can claim of its reserve.
        reserved_wei: of that money, what other winners on their way will take, >= 0.
    """

    chain: ChainView
    sender: SenderView
    reserved_wei: int = 0


@dataclass(frozen=True, slots=True)
class TrialPassed:
    """The contract would pay.

    Attributes:
        exchange: of the question.
        gas: that the redemption would take, >= 0.
    """

    exchange: int
    gas: int


@dataclass(frozen=True, slots=True)
class TrialRefused:
    """The contract would refuse.

    Attributes:
        exchange: of the question.
        reason: the contract's own text; shown as such, judged by nobody.
    """

    exchange: int
    reason: str


@dataclass(frozen=True, slots=True)
class UseAnswered:
    """The chain says whether the ticket is redeemed, at its head.

    Attributes:
        exchange: of the question.
        is_used: the answer.
    """

    exchange: int
    is_used: bool


@dataclass(frozen=True, slots=True)
class CallBegun:
    """The winner is in a call that is written down and about to be sent.

    Attributes:
        act: name of the call.
        winners: how many the call redeems, >= 1.
    """

    act: str
    winners: int


@dataclass(frozen=True, slots=True)
class CallRejected:
    """The wallet did not begin the call.

    Attributes:
        code: why: REVERTED, FUNDS_TOO_LOW or TOO_EXPENSIVE.
    """

    code: ErrorCode


@dataclass(frozen=True, slots=True)
class CallDropped:
    """The wallet knows no such call: it was never begun."""


@dataclass(frozen=True, slots=True)
class CallSeen:
    """The call is on its way, or in a block that may still go.

    Attributes:
        confirmations: 0 while no block holds it.
        transaction_hash: of the newest transaction that was sent for it, 32 bytes; None before the first.
    """

    confirmations: int
    transaction_hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallConfirmed:
    """The call has done what it did, so deep that it stays so.

    Attributes:
        paid_wei: what the recipient was credited with for this winner, >= 0.
        cost_wei: this winner's part of what the gas cost, >= 0.
        refusal: the contract's own text where this winner was refused; empty where it was redeemed.
        transaction_hash: of the call, 32 bytes.
        is_used: whether the chain says at its head that the ticket is redeemed.
    """

    paid_wei: int
    cost_wei: int
    refusal: str
    transaction_hash: bytes
    is_used: bool


@dataclass(frozen=True, slots=True)
class CallUndone:
    """The chain does not know any more what the call has done, and that has stood so long that it stays so."""


RedemptionEvent = (
    BlockSeen
    | TrialPassed
    | TrialRefused
    | UseAnswered
    | CallBegun
    | CallRejected
    | CallDropped
    | CallSeen
    | CallConfirmed
    | CallUndone
)
RedemptionOutput = Ask[Question] | Finish[RedemptionRecord]

_EVENTS: Final = (
    BlockSeen,
    TrialPassed,
    TrialRefused,
    UseAnswered,
    CallBegun,
    CallRejected,
    CallDropped,
    CallSeen,
    CallConfirmed,
    CallUndone,
)


def _cells() -> dict[tuple[RedemptionPhase, type], Cell[RedemptionPhase]]:
    waiting, ready, sent, refused, redeemed, expired = RedemptionPhase
    handled: dict[tuple[RedemptionPhase, type], set[RedemptionPhase]] = {
        (waiting, BlockSeen): {waiting},
        (waiting, TrialPassed): {waiting, ready},
        (waiting, TrialRefused): {waiting},
        (waiting, UseAnswered): {waiting, refused, redeemed, expired},
        (ready, BlockSeen): {waiting},
        (ready, CallBegun): {sent},
        (sent, CallRejected): {waiting, refused},
        (sent, CallDropped): {waiting},
        (sent, CallSeen): {sent},
        (sent, CallConfirmed): {sent, waiting, refused, redeemed},
        (sent, CallUndone): {waiting},
        (refused, BlockSeen): {refused, waiting},
    }
    cells: dict[tuple[RedemptionPhase, type], Cell[RedemptionPhase]] = {}
    for phase in RedemptionPhase:
        for event in _EVENTS:
            if (phase, event) in handled:
                cells[phase, event] = Handled(frozenset(handled[phase, event]))
            else:
                # Two calls for one winner would pay for gas twice.
                cells[phase, event] = Refused(ErrorCode.WRONG_STATE) if event is CallBegun else Ignored()
    return cells


REDEMPTION_TABLE: Final = TransitionTable(
    name="Redemption",
    phases=RedemptionPhase,
    initial=RedemptionPhase.WAITING,
    final=frozenset({RedemptionPhase.REDEEMED, RedemptionPhase.EXPIRED}),
    events=_EVENTS,
    cells=_cells(),
)
