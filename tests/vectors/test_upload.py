"""Agreement of ticket ids and stored tickets with the files in vectors/upload/."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from parley.errors import ErrorCode, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import parse_challenge
from parley.upload.stored import (
    End,
    StoredPart,
    StoredTicket,
    UploadPhase,
    encode_stored_ticket,
    parse_stored_ticket,
)
from parley.upload.tokens import Token, encode_token, parse_token, read_token
from tests.oracles import upload_tickets

VECTORS = Path(__file__).parents[2] / "vectors" / "upload"
Case = dict[str, Any]


def load(name: str) -> list[Any]:
    cases: list[Case] = json.loads((VECTORS / name).read_text())
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", load("tokens.json"))
def test_token(case: Case) -> None:
    secret = bytes.fromhex(case["secret"])
    token = Token(
        id=ChallengeId(bytes.fromhex(case["id"])),
        sender=bytes.fromhex(case["sender"]),
        recipient=bytes.fromhex(case["recipient"]),
        size_max_bytes=case["size_max_bytes"],
        purpose=case["purpose"],
        subscription_id=case["subscription_id"],
        wrong_answers=case["wrong_answers"],
        issued_ms=Instant(case["issued_ms"]),
        expires_ms=Instant(case["expires_ms"]),
        challenge=None if case["challenge"] is None else parse_challenge(bytes.fromhex(case["challenge"])),
    )
    assert encode_token(token, secret) == case["ticket_id"]
    assert parse_token(case["ticket_id"], secret) == token
    assert read_token(case["ticket_id"]) == token


@pytest.mark.parametrize("case", load("refused_tokens.json"))
def test_refused_token(case: Case) -> None:
    assert parse_token(case["ticket_id"], bytes.fromhex(case["secret"])) == Rejected(ErrorCode.NOT_FOUND)
    if case["readable"]:
        assert read_token(case["ticket_id"]).purpose == "mail"
        return
    with pytest.raises(PeerError) as refused:
        read_token(case["ticket_id"])
    assert refused.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("case", load("stored_tickets.json"))
def test_stored_ticket(case: Case) -> None:
    expires_ms, earned_ms, started_ms, lease_until_ms, ended_ms = (Instant(moment) for moment in case["moments"])
    ticket = StoredTicket(
        id=ChallengeId(bytes(range(16))),
        ticket_digest=hashlib.sha256(case["ticket_id"].encode()).digest(),
        sender=hashlib.sha256(b"alice").digest(),
        recipient=hashlib.sha256(b"bob").digest(),
        size_max_bytes=26_214_400,
        purpose="mail",
        subscription_id="",
        method=case["method"],
        expires_ms=expires_ms,
        phase=UploadPhase[case["phase"]],
        earned_ms=earned_ms,
        started_ms=started_ms,
        lease_until_ms=lease_until_ms,
        ended_ms=ended_ms,
        end=None if case["end"] is None else End(case["end"].encode()),
        parts=tuple(StoredPart(name, size_bytes) for name, size_bytes in case["parts"]),
    )
    assert encode_stored_ticket(ticket).hex() == case["encoded"]
    assert parse_stored_ticket(bytes.fromhex(case["encoded"])) == ticket


@pytest.mark.parametrize("case", load("refused_stored_tickets.json"))
def test_refused_stored_ticket(case: Case) -> None:
    with pytest.raises(PeerError) as refused:
        parse_stored_ticket(bytes.fromhex(case["raw"]))
    assert refused.value.code is ErrorCode[case["code"]]


@pytest.mark.parametrize("name", upload_tickets.FILES)
def test_the_files_hold_what_the_oracle_makes(name: str) -> None:
    assert json.loads((VECTORS / name).read_text()) == upload_tickets.made()[name]
