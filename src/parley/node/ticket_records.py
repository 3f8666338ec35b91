"""What is said and what is kept of one ticket, made from its token."""

from __future__ import annotations

from dataclasses import replace

from parley.errors import ErrorCode, Rejected
from parley.primitives.hashing import sha256
from parley.primitives.instants import Instant
from parley.upload.messages import TicketAnswer
from parley.upload.stored import StoredTicket, UploadPhase
from parley.upload.tokens import Token

__all__ = ["earned_record", "expired_refusal", "is_record_of", "valid_answer"]


def valid_answer(ticket_id: str, token: Token) -> TicketAnswer:
    """Return the answer that a ticket is valid."""
    return TicketAnswer(
        ticket_id=ticket_id,
        is_valid=True,
        expires_ms=token.expires_ms,
        sender=token.sender,
        recipient=token.recipient,
        subscription_id=token.subscription_id,
    )


def earned_record(ticket_id: str, token: Token, now: Instant) -> StoredTicket:
    """Return what is kept of a ticket when it is earned."""
    return replace(StoredTicket.open(token, ticket_id), phase=UploadPhase.EARNED, earned_ms=now)


def is_record_of(stored: StoredTicket, ticket_id: str) -> bool:
    """Say whether a record is of this ticket, not of one of its alternatives."""
    return stored.ticket_digest == sha256(ticket_id.encode())


def expired_refusal(token: Token, now: Instant) -> Rejected:
    """Return the refusal of a ticket whose time is over."""
    return Rejected(ErrorCode.EXPIRED, {"expires_ms": token.expires_ms, "now_ms": now})
