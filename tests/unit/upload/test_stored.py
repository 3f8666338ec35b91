from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.upload.stored import (
    End,
    StoredPart,
    StoredTicket,
    UploadPhase,
    encode_stored_ticket,
    parse_stored_ticket,
)
from parley.upload.tokens import Token, token_binding

SENDER, RECIPIENT, ID = b"s" * 32, b"r" * 32, ChallengeId(b"i" * 16)
OPEN = StoredTicket(
    id=ID,
    ticket_digest=b"d" * 32,
    sender=SENDER,
    recipient=RECIPIENT,
    size_max_bytes=9_000,
    purpose="mail",
    subscription_id="news",
    method="pow",
    expires_ms=Instant(9_000),
)
EARNED = replace(OPEN, phase=UploadPhase.EARNED, earned_ms=Instant(5))
UPLOADING = replace(
    EARNED, phase=UploadPhase.UPLOADING, started_ms=Instant(6), lease_until_ms=Instant(7),
    parts=(StoredPart("block/1", 3), StoredPart("header", 4)),
)  # fmt: skip
SPENT = replace(UPLOADING, phase=UploadPhase.SPENT, end=End.COMPLETE, ended_ms=Instant(8))
LAPSED = replace(EARNED, phase=UploadPhase.LAPSED, end=End.LAPSE, ended_ms=Instant(8))
DELETED = replace(LAPSED, end=End.DELETE)
ALL = [OPEN, EARNED, UPLOADING, SPENT, LAPSED, DELETED]
PHASE_AT = 1 + 16 + 32 + 32 + 32 + 8 + 5 + 5 + 4


@pytest.mark.parametrize("ticket", ALL, ids=lambda ticket: f"{ticket.phase.name}-{ticket.end}")
def test_every_state_is_read_back(ticket: StoredTicket) -> None:
    raw = encode_stored_ticket(ticket)
    assert parse_stored_ticket(raw) == ticket
    assert raw[PHASE_AT] == ["OPEN", "EARNED", "UPLOADING", "SPENT", "LAPSED"].index(ticket.phase.name)


@pytest.mark.parametrize("method", ["pow", ""])
def test_a_new_ticket_says_what_its_token_says(method: str) -> None:
    tied_to = token_binding(SENDER, RECIPIENT, 9_000, "mail")
    work = Challenge(ID, method, {"tries": 3}, tied_to, Instant(9_000), bytes(32)) if method else None
    token = Token(ID, SENDER, RECIPIENT, 9_000, "mail", "news", 1, Instant(1), Instant(9_000), work)
    wanted = replace(OPEN, ticket_digest=hashlib.sha256(b"abc").digest(), method=method)
    assert StoredTicket.open(token, "abc") == wanted


@pytest.mark.parametrize(
    ("ticket", "changes"),
    [
        (OPEN, {"id": bytes(15)}),
        (OPEN, {"ticket_digest": bytes(31)}),
        (OPEN, {"sender": b""}),
        (OPEN, {"recipient": bytes(33)}),
        (OPEN, {"size_max_bytes": 2**53}),
        (OPEN, {"size_max_bytes": -1}),
        (OPEN, {"purpose": "p" * 65}),
        (OPEN, {"subscription_id": "s" * 129}),
        (OPEN, {"method": "POW"}),
        (OPEN, {"expires_ms": -1}),
        (OPEN, {"earned_ms": 1}),
        (OPEN, {"parts": (StoredPart("a", 1),)}),
        (EARNED, {"started_ms": 1}),
        (EARNED, {"lease_until_ms": 1}),
        (EARNED, {"end": End.LAPSE}),
        (EARNED, {"ended_ms": 1}),
        (EARNED, {"ended_ms": 2**53}),
        (UPLOADING, {"parts": (StoredPart("b", 1), StoredPart("a", 1))}),
        (UPLOADING, {"parts": (StoredPart("a", 1), StoredPart("a", 1))}),
        (UPLOADING, {"parts": tuple(StoredPart(f"{number:04}", 1) for number in range(1_025))}),
        (SPENT, {"end": End.DELETE}),
        (SPENT, {"end": None}),
        (LAPSED, {"end": End.COMPLETE}),
        (LAPSED, {"end": None}),
    ],
)
def test_states_that_cannot_be_are_refused(ticket: StoredTicket, changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        replace(ticket, **changes)  # type: ignore[arg-type] # each of its own field's type


@pytest.mark.parametrize(("name", "size_bytes"), [("", 1), ("n" * 256, 1), ("\ud800", 1), ("a", -1), ("a", 2**53)])
def test_parts_have_a_form(name: str, size_bytes: int) -> None:
    with pytest.raises(LocalError):
        StoredPart(name, size_bytes)


def test_the_largest_fits_into_one_document() -> None:
    parts = tuple(StoredPart(f"{number:04}" + "n" * 251, 2**53 - 1) for number in range(1_024))
    raw = encode_stored_ticket(replace(UPLOADING, parts=parts))
    assert len(raw) < 300 * 1_024
    assert parse_stored_ticket(raw).parts == parts


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda raw: b"\x02" + raw[1:], ErrorCode.MALFORMED),
        (lambda raw: raw + b"\x00", ErrorCode.MALFORMED),
        (lambda raw: raw[:-1], ErrorCode.MALFORMED),
        (lambda raw: raw[:PHASE_AT] + b"\x05" + raw[PHASE_AT + 1 :], ErrorCode.MALFORMED),
        (lambda raw: raw[:PHASE_AT] + b"\x03" + raw[PHASE_AT + 1 :], ErrorCode.MALFORMED),
        (lambda raw: raw[: PHASE_AT + 41] + b"\x04" + raw[PHASE_AT + 42 :], ErrorCode.MALFORMED),
        (lambda raw: raw[: PHASE_AT + 42] + b"\x04\x01" + raw[PHASE_AT + 44 :], ErrorCode.TOO_LARGE),
    ],
)
def test_damage_is_noticed(damage: object, code: ErrorCode) -> None:
    raw = damage(encode_stored_ticket(UPLOADING))  # type: ignore[operator] # one of the functions above
    with pytest.raises(PeerError) as refused:
        parse_stored_ticket(raw)
    assert refused.value.code is code
