"""What people are told of a winner."""

from __future__ import annotations

from parley.lottery.params import CreationRound
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import CallSeen, RedemptionPhase, WaitReason
from parley.lottery.redemption_records import RedemptionEnd, RedemptionRecord, winner_hash
from parley.lottery.redemption_status import RedemptionStatus, ended_status, open_status
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.winners import make_winner

WINNER = make_winner(b"\x07" * 32, Address(b"\x02" * 20), CreationRound(5, b"\x05" * 32), face_value_wei=1_000)
DIGEST = winner_hash(WINNER)


def test_a_waiting_winner_says_what_it_waits_for() -> None:
    status = open_status(Redemption(RedemptionRecord(winner=WINNER), RedemptionConfig()))
    assert status == RedemptionStatus(
        ticket_hash=DIGEST,
        sender=WINNER.sender,
        face_value_wei=1_000,
        phase=RedemptionPhase.WAITING,
        reason=WaitReason.NEW,
        deadline_round=5,
    )


def test_a_sent_winner_says_how_deep_it_is() -> None:
    record = RedemptionRecord(winner=WINNER, attempts=1, cost_wei=7, refusal="no", transaction_hash=b"\x01" * 32)
    machine = Redemption(record, RedemptionConfig(), act="call")
    machine.receive(CallSeen(2, b"\x02" * 32), Instant(1))
    status = open_status(machine)
    assert (status.phase, status.reason, status.confirmations) == (RedemptionPhase.SENT, None, 2)
    assert (status.transaction_hash, status.cost_wei, status.untrusted_reason) == (b"\x02" * 32, 7, "no")


def test_an_ended_winner_says_what_it_brought_in() -> None:
    record = RedemptionRecord(winner=WINNER, end=RedemptionEnd.REDEEMED, paid_wei=900, cost_wei=7, ended_ms=Instant(3))
    status = ended_status(DIGEST, record)
    assert (status.phase, status.paid_wei, status.ended_ms) == (RedemptionPhase.REDEEMED, 900, 3)
    assert (status.ticket_hash, status.deadline_round) == (DIGEST, None)
    expired = RedemptionRecord(winner=WINNER, end=RedemptionEnd.EXPIRED, ended_ms=Instant(3))
    assert ended_status(DIGEST, expired).phase is RedemptionPhase.EXPIRED
