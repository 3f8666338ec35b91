"""What lottery payments count. Labels are faults, reasons and phases, from closed lists; never addresses or hashes.

Amounts are in gwei: Prometheus keeps numbers as floats, which are exact to 2**53. The exact ones are in the node's own
views (`parley.node.payments_view`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from parley.ledgers.evm.amounts import WEI_PER_GWEI
from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.refusals import Refused
from parley.lottery.verdicts import Receipt
from parley.node.income import Income
from parley.node.payments_view import Settlement

__all__ = ["LotteryMetrics"]

_PAYMENT_SECONDS: Final = (0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)


class LotteryMetrics:
    """Counters of tickets taken and given, of winners, and of what they bring."""

    def __init__(
        self,
        *,
        counter: Callable[..., Counter],
        gauge: Callable[[str, str], Gauge],
        histogram: Callable[..., Histogram],
    ) -> None:
        """Begin at zero.

        Args:
            counter: makes a counter from its name, its text and the names of its labels.
            gauge: makes a gauge from its name and its text.
            histogram: makes a histogram from its name, its text, its bounds and the names of its labels.
        """
        self.taken = counter("lottery_tickets_taken", "Tickets taken from senders.")
        self.refused = counter("lottery_tickets_refused", "Tickets of senders that were not taken, by fault.", "fault")
        self.won = counter("lottery_tickets_won", "Tickets taken that won.")
        self.payment_seconds = histogram(
            "lottery_payment_seconds", "Time that judging a payment took, its winners written.", _PAYMENT_SECONDS
        )
        self.given = counter("lottery_tickets_given", "Tickets given to recipients.")
        self.held_back = counter("lottery_payments_held_back", "Payments not signed, by reason.", "reason")
        self.expected = gauge("lottery_expected_gwei", "What the tickets taken were worth.")
        self.income = gauge("lottery_won_gwei", "Face values of the winners among them.")
        self.luck = gauge("lottery_luck_deviations", "Standard deviations by which they differ.")
        self.paid = gauge("lottery_paid_gwei", "What the chain paid for winners.")
        self.waiting = gauge("lottery_waiting_gwei", "Face values of winners that have not ended.")
        self.lost = gauge("lottery_lost_gwei", "What will never be paid of face values.")
        self.gas = gauge("lottery_redeem_cost_gwei", "What redeeming cost.")
        self.outstanding = gauge("lottery_outstanding_gwei", "What tickets given may still take from the own deposit.")
        self.rounds_begun = counter("lottery_rounds_begun", "Rounds of the broker that this node began.")
        self.phases = {
            phase: gauge(f"lottery_winners_{phase.value}", f"Winners that are {phase.value}.")
            for phase in RedemptionPhase
        }

    def note_receipt(self, receipt: Receipt, elapsed_s: float) -> None:
        """Count a payment of a sender, and how long judging it took."""
        self.taken.inc(receipt.taken)
        self.won.inc(len(receipt.winners))
        for verdict in receipt.verdicts:
            if verdict.fault is not None:
                self.refused.labels(verdict.fault.name.lower()).inc()
        self.payment_seconds.observe(max(0.0, elapsed_s))

    def note_given(self, tickets: int) -> None:
        """Count tickets that were given to a recipient."""
        self.given.inc(tickets)

    def note_held_back(self, refused: Refused) -> None:
        """Count a payment that this node did not sign."""
        self.held_back.labels(refused.reason.name.lower()).inc()

    def show(self, income: Income, settlement: Settlement, outstanding_wei: int) -> None:
        """Take over what is added up elsewhere; to be called now and then.

        Args:
            income: of all tickets taken.
            settlement: of all winners.
            outstanding_wei: what tickets given may still take from the own deposit, >= 0.
        """
        self._show_income(income)
        self._show_settlement(settlement)
        self.outstanding.set(outstanding_wei / WEI_PER_GWEI)

    def _show_income(self, income: Income) -> None:
        self.expected.set(income.expected_wei / WEI_PER_GWEI)
        self.income.set(income.won_wei / WEI_PER_GWEI)
        self.luck.set(income.luck or 0.0)

    def _show_settlement(self, settlement: Settlement) -> None:
        self.paid.set(settlement.paid_wei / WEI_PER_GWEI)
        self.waiting.set(settlement.waiting_wei / WEI_PER_GWEI)
        self.lost.set(settlement.lost_wei / WEI_PER_GWEI)
        self.gas.set(settlement.gas_wei / WEI_PER_GWEI)
        for phase, gauge in self.phases.items():
            gauge.set(settlement.counts.get(phase, 0))
