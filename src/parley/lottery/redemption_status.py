"""What people are told of one winner on its way to the money."""

from __future__ import annotations

from dataclasses import dataclass

from parley.lottery.redemption import Redemption
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_records import RedemptionEnd, RedemptionRecord
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["RedemptionStatus", "ended_status", "open_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionStatus:
    """One winner, as it stands.

    Attributes:
        ticket_hash: 32 bytes.
        sender: whose deposit pays, 20 bytes.
        face_value_wei: >= 0.
        phase: where it stands.
        reason: what it waits for; None where it does not wait.
        deadline_round: the last round in which it is safe; None after the end.
        confirmations: of the call that it is in; 0 while no block holds it.
        transaction_hash: of our newest call for it, 32 bytes; None before the first.
        paid_wei: what its recipient was credited with; None before the end, and where another call than ours did it.
        cost_wei: what redeeming it has cost in gas so far, >= 0.
        untrusted_reason: the contract's own text of the last refusal; empty where there was none.
        ended_ms: when the end was seen; None before.
    """

    ticket_hash: bytes
    sender: Address
    face_value_wei: int
    phase: RedemptionPhase
    reason: WaitReason | None = None
    deadline_round: int | None = None
    confirmations: int = 0
    transaction_hash: bytes | None = None
    paid_wei: int | None = None
    cost_wei: int = 0
    untrusted_reason: str = ""
    ended_ms: Instant | None = None


def open_status(redemption: Redemption) -> RedemptionStatus:
    """Return how a winner stands that has not ended."""
    record = redemption.record
    return RedemptionStatus(
        ticket_hash=redemption.ticket_hash,
        sender=record.winner.sender,
        face_value_wei=record.winner.params.face_value,
        phase=redemption.phase,
        reason=redemption.reason if redemption.phase is RedemptionPhase.WAITING else None,
        deadline_round=redemption.deadline_round,
        confirmations=redemption.confirmations,
        transaction_hash=redemption.transaction_hash,
        cost_wei=record.cost_wei,
        untrusted_reason=record.refusal,
    )


def ended_status(ticket_hash: bytes, record: RedemptionRecord) -> RedemptionStatus:
    """Return how a winner stands that has ended.

    Args:
        ticket_hash: of its ticket, 32 bytes; who keeps thousands does not want it computed each time.
        record: with an end.
    """
    is_redeemed = record.end is RedemptionEnd.REDEEMED
    return RedemptionStatus(
        ticket_hash=ticket_hash,
        sender=record.winner.sender,
        face_value_wei=record.winner.params.face_value,
        phase=RedemptionPhase.REDEEMED if is_redeemed else RedemptionPhase.EXPIRED,
        transaction_hash=record.transaction_hash,
        paid_wei=record.paid_wei,
        cost_wei=record.cost_wei,
        untrusted_reason=record.refusal,
        ended_ms=record.ended_ms,
    )
