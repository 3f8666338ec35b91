"""What a node knows of its lottery payments at one moment, as plain values that pages and commands read.

Two roles in one view. As recipient: who pays this node, what their money guarantees, what was won, what became of it.
As sender: what this node holds at the broker, and whom it paid. The lists are cut by whoever makes the view; the
totals beside them are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.views import ChainView, SenderView
from parley.node.income import Income, IncomePoint
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["NO_PAYMENTS", "PayerLine", "PaymentsView", "RecipientLine", "Settlement", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerLine:
    """One sender that pays this node.

    Attributes:
        sender: 20 bytes.
        money: its deposit and reserve as the chain has them; None where the chain has not been asked or did not answer.
        pending_wei: face values of its winners that are not final yet, >= 0.
        float_wei: what its reserve still guarantees this node, winners under way taken off; may be negative.
        tickets: taken from it, >= 0.
        refused: tickets of it that were not taken, >= 0.
        expected_wei: what the tickets taken were worth, >= 0.
        winners: of them, >= 0.
        won_wei: their face values, >= 0.
        last_ms: when it last paid.
    """

    sender: Address
    money: SenderView | None = None
    pending_wei: int = 0
    float_wei: int = 0
    tickets: int = 0
    refused: int = 0
    expected_wei: int = 0
    winners: int = 0
    won_wei: int = 0
    last_ms: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientLine:
    """One recipient that this node pays.

    Attributes:
        recipient: 20 bytes.
        tickets: given to it, >= 0.
        expected_wei: what they were worth, >= 0.
        face_value_wei: of its newest tickets, >= 0.
        last_ms: when it was last paid.
    """

    recipient: Address
    tickets: int = 0
    expected_wei: int = 0
    face_value_wei: int = 0
    last_ms: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What has become of winners.

    Attributes:
        counts: how many are where.
        paid_wei: what the chain paid, as far as it is known, >= 0.
        waiting_wei: face values of those that have not ended, >= 0.
        lost_wei: what will never be paid of face values: expired, or the sender's money was short, >= 0.
        unknown_wei: face values of those that another call redeemed, so that it is not known what was paid, >= 0.
        gas_wei: what redeeming cost, >= 0.
    """

    counts: Mapping[RedemptionPhase, int] = field(default_factory=lambda: MappingProxyType({}))
    paid_wei: int = 0
    waiting_wei: int = 0
    lost_wei: int = 0
    unknown_wei: int = 0
    gas_wei: int = 0


def settle(winners: Iterable[RedemptionStatus]) -> Settlement:
    """Add up what has become of winners."""
    counts: Counter[RedemptionPhase] = Counter()
    paid_wei = waiting_wei = lost_wei = unknown_wei = gas_wei = 0
    for winner in winners:
        counts[winner.phase] += 1
        gas_wei += winner.cost_wei
        if winner.phase is RedemptionPhase.EXPIRED:
            lost_wei += winner.face_value_wei
        elif winner.phase is not RedemptionPhase.REDEEMED:
            waiting_wei += winner.face_value_wei
        elif winner.paid_wei is None:
            unknown_wei += winner.face_value_wei
        else:
            paid_wei += winner.paid_wei
            lost_wei += winner.face_value_wei - winner.paid_wei
    return Settlement(
        counts=MappingProxyType(counts),
        paid_wei=paid_wei,
        waiting_wei=waiting_wei,
        lost_wei=lost_wei,
        unknown_wei=unknown_wei,
        gas_wei=gas_wei,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsView:
    """All of it.

    Attributes:
        account: this node's own, 20 bytes; None before it has one.
        balance_wei: what the account holds for gas and deposits; None where the chain did not answer.
        chain: at the newest block seen; None where the chain did not answer yet.
        own_money: what this node holds at the broker as a sender; None where it holds nothing or the chain did not
            answer.
        outstanding_wei: what its own tickets under way may still take from the deposit, >= 0.
        income: of all tickets taken.
        history: of the income, the oldest first.
        payers: who pays this node, the latest first; cut.
        payers_total: how many there are.
        recipients: whom this node pays, the latest first; cut.
        recipients_total: how many there are.
        winners: those that have not ended first, by their deadline, then the newest; cut.
        settlement: what has become of all winners, also of those that are not in the list.
        refusals: how often tickets were refused, by the name of the fault in lower case.
        closed: why payments are not open on a node that has used them before, so that nothing of all this is known;
            None where they are open, and where the node has never used them.
    """

    account: Address | None = None
    balance_wei: int | None = None
    chain: ChainView | None = None
    own_money: SenderView | None = None
    outstanding_wei: int = 0
    income: Income = field(default_factory=Income)
    history: tuple[IncomePoint, ...] = ()
    payers: tuple[PayerLine, ...] = ()
    payers_total: int = 0
    recipients: tuple[RecipientLine, ...] = ()
    recipients_total: int = 0
    winners: tuple[RedemptionStatus, ...] = ()
    settlement: Settlement = field(default_factory=Settlement)
    refusals: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    closed: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no ticket was ever taken or given, as far as it is known."""
        if self.closed is not None:
            return False
        return not (self.payers_total or self.recipients_total or self.income.tickets or self.settlement.counts)


NO_PAYMENTS: Final = PaymentsView()
"""What a node shows that neither takes nor makes payments."""
