"""What a ticket id promises: it says what was put in, nobody can change it, and only its issuer takes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import ErrorCode, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import Challenge
from parley.upload.stored import (
    End,
    StoredPart,
    StoredTicket,
    UploadPhase,
    encode_stored_ticket,
    parse_stored_ticket,
)
from parley.upload.tokens import Token, encode_token, parse_token, read_token, token_binding

NOT_OURS = Rejected(ErrorCode.NOT_FOUND)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"

secrets = st.binary(min_size=32, max_size=64)
addresses = st.binary(min_size=32, max_size=32)
ids = st.binary(min_size=16, max_size=16).map(ChallengeId)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)
values = st.one_of(st.integers(0, 2**53 - 1), st.text(max_size=40))
moments = st.integers(0, INSTANT_MAX_MS).map(Instant)


def short_texts(maximum_bytes: int) -> st.SearchStrategy[str]:
    return st.text(max_size=maximum_bytes).filter(lambda text: len(text.encode()) <= maximum_bytes)


@st.composite
def tokens(draw: st.DrawFn) -> Token:
    issued, expires = sorted((draw(moments), draw(moments)))
    granted = Token(
        id=draw(ids),
        sender=draw(addresses),
        recipient=draw(addresses),
        size_max_bytes=draw(st.integers(0, 2**53 - 1)),
        purpose=draw(short_texts(64)),
        subscription_id=draw(short_texts(128)),
        wrong_answers=draw(st.integers(0, 255)),
        issued_ms=issued,
        expires_ms=expires,
        challenge=None,
    )
    if draw(st.booleans()):
        return granted
    tied_to = token_binding(granted.sender, granted.recipient, granted.size_max_bytes, granted.purpose)
    params = draw(st.dictionaries(names, values, max_size=4))
    mac = draw(st.binary(min_size=32, max_size=32))
    return replace(granted, challenge=Challenge(granted.id, draw(names), params, tied_to, expires, mac))


@given(token=tokens(), secret=secrets)
def test_what_was_put_in_comes_out(token: Token, secret: bytes) -> None:
    text = encode_token(token, secret)
    assert parse_token(text, secret) == token
    assert read_token(text) == token
    assert set(text) <= set(ALPHABET)


@given(token=tokens(), secret=secrets, other=secrets)
def test_only_the_issuer_takes_it(token: Token, secret: bytes, other: bytes) -> None:
    if secret.rstrip(b"\x00") != other.rstrip(b"\x00"):  # HMAC fills a short key with zeros
        assert parse_token(encode_token(token, secret), other) == NOT_OURS


@given(token=tokens(), secret=secrets, data=st.data())
def test_no_character_of_it_can_be_another(token: Token, secret: bytes, data: st.DataObject) -> None:
    text = encode_token(token, secret)
    place = data.draw(st.integers(0, len(text) - 1))
    bit = data.draw(st.integers(0, 6))
    flipped = text[:place] + chr(ord(text[place]) ^ (1 << bit)) + text[place + 1 :]
    swapped = text[:place] + data.draw(st.sampled_from(ALPHABET)) + text[place + 1 :]
    for changed in {flipped, swapped} - {text}:
        assert parse_token(changed, secret) == NOT_OURS


@given(token=tokens(), secret=secrets, cut=st.integers(1, 200), tail=st.text(ALPHABET, min_size=1, max_size=9))
def test_nothing_can_be_added_or_left_out(token: Token, secret: bytes, cut: int, tail: str) -> None:
    text = encode_token(token, secret)
    for changed in (text[:-cut], text[cut:], text + tail, tail + text):
        assert parse_token(changed, secret) == NOT_OURS


@given(text=st.one_of(st.text(), st.text(ALPHABET, max_size=600)), secret=secrets)
def test_any_text_is_refused_in_order(text: str, secret: bytes) -> None:
    assert parse_token(text, secret) == NOT_OURS
    with pytest.raises(PeerError):
        read_token(text)


@st.composite
def stored_tickets(draw: st.DrawFn) -> StoredTicket:
    phase = draw(st.sampled_from(UploadPhase))
    has_begun = phase in {UploadPhase.UPLOADING, UploadPhase.SPENT, UploadPhase.LAPSED}
    parts = draw(st.dictionaries(short_texts(255).filter(bool), st.integers(0, 2**53 - 1), max_size=6 * has_begun))
    ends = {UploadPhase.SPENT: [End.COMPLETE], UploadPhase.LAPSED: [End.DELETE, End.LAPSE]}.get(phase, [None])
    return StoredTicket(
        id=draw(ids),
        ticket_digest=draw(addresses),
        sender=draw(addresses),
        recipient=draw(addresses),
        size_max_bytes=draw(st.integers(0, 2**53 - 1)),
        purpose=draw(short_texts(64)),
        subscription_id=draw(short_texts(128)),
        method=draw(st.one_of(st.just(""), names)),
        expires_ms=draw(moments),
        phase=phase,
        earned_ms=Instant(0) if phase is UploadPhase.OPEN else draw(moments),
        started_ms=draw(moments) if has_begun else Instant(0),
        lease_until_ms=draw(moments) if has_begun else Instant(0),
        ended_ms=draw(moments) if ends[0] else Instant(0),
        end=draw(st.sampled_from(ends)),
        parts=tuple(StoredPart(name, parts[name]) for name in sorted(parts)),
    )


@given(ticket=stored_tickets())
def test_what_was_stored_is_read_back(ticket: StoredTicket) -> None:
    assert parse_stored_ticket(encode_stored_ticket(ticket)) == ticket


@given(ticket=stored_tickets(), data=st.data())
def test_one_state_has_one_form(ticket: StoredTicket, data: st.DataObject) -> None:
    raw = encode_stored_ticket(ticket)
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]
    try:
        read = parse_stored_ticket(changed)
    except PeerError:
        return
    assert read != ticket
    assert encode_stored_ticket(read) == changed
