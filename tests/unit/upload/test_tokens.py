from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from parley.upload.tokens import TOKEN_MAX_CHARACTERS, Token, encode_token, parse_token, read_token, token_binding

SECRET, OTHER_SECRET = b"k" * 32, b"o" * 32
SENDER, RECIPIENT = b"s" * 32, b"r" * 32
GRANTED = Token(
    ChallengeId(b"i" * 16), SENDER, RECIPIENT, 1_000, "mail", "", 0, Instant(1_000), Instant(1_801_000), None
)


def challenge(**changes: object) -> Challenge:
    tied_to = token_binding(SENDER, RECIPIENT, 1_000, "mail")
    made = Challenge(ChallengeId(b"i" * 16), "pow", {"tries": 7}, tied_to, Instant(1_801_000), b"m" * 32)
    return replace(made, **changes)  # type: ignore[arg-type] # each of its own field's type


OPEN = replace(GRANTED, challenge=challenge())


@pytest.mark.parametrize("token", [GRANTED, OPEN], ids=["granted", "open"])
def test_what_was_issued_is_known_again(token: Token) -> None:
    text = encode_token(token, SECRET)
    assert parse_token(text, SECRET) == token
    assert read_token(text) == token


@pytest.mark.parametrize("token", [GRANTED, OPEN], ids=["granted", "open"])
def test_a_ticket_id_is_letters_and_digits_and_fits_into_a_path(token: Token) -> None:
    text = encode_token(token, SECRET)
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert len(text) <= 420


def test_another_issuers_ticket_is_not_found() -> None:
    assert parse_token(encode_token(OPEN, SECRET), OTHER_SECRET) == Rejected(ErrorCode.NOT_FOUND)


def test_no_reason_is_given_for_what_is_not_ours() -> None:
    text = encode_token(OPEN, SECRET)
    strange = [
        "",
        "a",
        "A" * 40,
        "0189",
        text.upper(),
        text + "=",
        text[:-1],
        text + "a",
        text[8:],
        "a" * 5_000,
        "\ud800",
    ]
    assert {str(parse_token(given, SECRET)) for given in strange} == {str(Rejected(ErrorCode.NOT_FOUND))}
    for given in strange:
        with pytest.raises(PeerError) as refused:
            read_token(given)
        assert refused.value.code is ErrorCode.MALFORMED


def test_bits_that_carry_nothing_must_be_zero() -> None:
    text = encode_token(replace(GRANTED, purpose="mails"), SECRET)
    assert len(text) * 5 % 8 == 2
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    twin = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    padding = "=" * (-len(text) % 8)
    assert base64.b32decode(twin.upper() + padding) == base64.b32decode(text.upper() + padding)
    assert parse_token(twin, SECRET) == Rejected(ErrorCode.NOT_FOUND)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": bytes(15)},
        {"sender": bytes(31)},
        {"recipient": bytes(33)},
        {"size_max_bytes": -1},
        {"size_max_bytes": 2**53},
        {"purpose": "p" * 65},
        {"purpose": "\ud800"},
        {"subscription_id": "s" * 129},
        {"wrong_answers": -1},
        {"wrong_answers": 256},
        {"issued_ms": -1},
        {"issued_ms": 1_801_001},
        {"expires_ms": 2**53},
        {"challenge": challenge(id=ChallengeId(bytes(16)))},
        {"challenge": challenge(binding=bytes(32))},
        {"challenge": challenge(expires_ms=Instant(1_800_999))},
    ],
)
def test_what_has_no_canonical_form_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        replace(GRANTED, **changes)  # type: ignore[arg-type] # each of its own field's type


def test_the_limits_are_inside() -> None:
    most = replace(
        GRANTED, size_max_bytes=2**53 - 1, purpose="p" * 64, subscription_id="s" * 128, wrong_answers=255,
        issued_ms=Instant(0), expires_ms=Instant(2**53 - 1),
    )  # fmt: skip
    assert parse_token(encode_token(most, SECRET), SECRET) == most


@pytest.mark.parametrize("field", ["size_max_bytes", "purpose", "sender", "recipient"])
def test_work_for_one_ticket_is_work_for_no_other(field: str) -> None:
    other = {"size_max_bytes": 999, "purpose": "maim", "sender": RECIPIENT, "recipient": SENDER}
    with pytest.raises(LocalError):
        replace(OPEN, **{field: other[field]})  # type: ignore[arg-type] # each of its own field's type


def test_short_secrets_are_refused() -> None:
    with pytest.raises(LocalError):
        encode_token(GRANTED, bytes(31))
    with pytest.raises(LocalError):
        parse_token("", bytes(31))


def test_a_question_too_long_for_a_path_is_refused() -> None:
    long = replace(GRANTED, challenge=challenge(params={"question": "q" * 2_400}))
    with pytest.raises(LocalError):
        encode_token(long, SECRET)
    fitting = encode_token(replace(GRANTED, challenge=challenge(params={"question": "q" * 2_250})), SECRET)
    assert len(fitting) <= TOKEN_MAX_CHARACTERS


def test_the_work_in_a_ticket_is_what_the_registry_judges() -> None:
    registry = Registry((ProofOfWork(),))
    tied_to = token_binding(SENDER, RECIPIENT, 1_000, "mail")
    offer = registry.challenge(
        wants=("pow",), units=1, binding=tied_to, id=GRANTED.id, expires_ms=GRANTED.expires_ms, secret=SECRET
    )
    assert not isinstance(offer, Rejected)
    token = parse_token(encode_token(replace(GRANTED, challenge=offer[0]), SECRET), SECRET)
    assert isinstance(token, Token)
    assert token.challenge == offer[0]
