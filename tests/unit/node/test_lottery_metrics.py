"""Payments are counted under labels from closed lists, and nothing in the metrics names anybody."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry

from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.refusals import Reason, Refused
from parley.lottery.verdicts import Fault, Receipt, Verdict
from parley.node.income import Income
from parley.node.metrics import Metrics
from parley.node.payments_view import Settlement
from parley.primitives.ids import Address

GWEI = 10**9
ALICE = Address(b"\xa1" * 20)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    registry: CollectorRegistry = metrics.registry
    return registry.get_sample_value(f"parley_lottery_{name}", labels)


def test_verdicts_are_counted_by_fault(metrics: Metrics) -> None:
    verdicts = (Verdict(1), Verdict(2, Fault.NONCE_SEEN), Verdict(3), Verdict(4, Fault.NONCE_SEEN))
    metrics.lottery.note_receipt(Receipt(sender=ALICE, verdicts=verdicts), 0.002)
    metrics.lottery.note_receipt(Receipt(sender=ALICE, verdicts=(Verdict(5, Fault.FROZEN),)), -1.0)
    assert value(metrics, "tickets_taken_total") == 2
    assert value(metrics, "tickets_won_total") == 0
    assert value(metrics, "tickets_refused_total", fault="nonce_seen") == 2
    assert value(metrics, "tickets_refused_total", fault="frozen") == 1
    assert value(metrics, "payment_seconds_count") == 2
    assert value(metrics, "payment_seconds_sum") == pytest.approx(0.002)


def test_what_is_given_and_held_back_is_counted(metrics: Metrics) -> None:
    metrics.lottery.note_given(10)
    metrics.lottery.note_held_back(Refused(Reason.NO_DEPOSIT))
    assert value(metrics, "tickets_given_total") == 10
    assert value(metrics, "payments_held_back_total", reason="no_deposit") == 1


def test_sums_are_shown_in_gwei(metrics: Metrics) -> None:
    income = Income().with_tickets(100, face_value_wei=4 * GWEI, win_prob=2**255, winners=60)
    settlement = Settlement(
        counts={RedemptionPhase.SENT: 2},
        paid_wei=3 * GWEI,
        waiting_wei=5 * GWEI,
        lost_wei=7 * GWEI,
        gas_wei=GWEI // 2,
    )
    metrics.lottery.show(income, settlement, 11 * GWEI)
    shown = {
        name: value(metrics, name)
        for name in (
            "expected_gwei", "won_gwei", "luck_deviations", "paid_gwei", "waiting_gwei", "lost_gwei",
            "redeem_cost_gwei", "outstanding_gwei", "winners_sent", "winners_waiting",
        )
    }  # fmt: skip
    # A hundred tickets of 4 gwei that win half the time: 200 gwei; 60 of them won, two deviations of five above 50.
    assert shown == pytest.approx(
        {
            "expected_gwei": 200, "won_gwei": 240, "luck_deviations": 2, "paid_gwei": 3, "waiting_gwei": 5,
            "lost_gwei": 7, "redeem_cost_gwei": 0.5, "outstanding_gwei": 11, "winners_sent": 2, "winners_waiting": 0,
        }
    )  # fmt: skip
    metrics.lottery.show(Income(), Settlement(), 0)
    assert value(metrics, "winners_sent") == 0
    assert value(metrics, "luck_deviations") == 0


def test_every_metric_is_described_and_names_nobody(metrics: Metrics) -> None:
    metrics.lottery.note_receipt(Receipt(sender=ALICE, verdicts=(Verdict(1, Fault.BAD_SIGNATURE),)), 0.1)
    described = {one.name for one in metrics.described() if one.name.startswith("parley_lottery_")}
    text = metrics.text().decode()
    exposed = set(re.findall(r"^# TYPE (parley_lottery_\w+) (?:counter|gauge|histogram)$", text, re.MULTILINE))
    assert {name for name in exposed if not name.endswith("_created")} == described
    assert ALICE.hex() not in text.lower()
