"""Whose request it is: right signatures name the caller, everything else has a reason."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.http.requests import ANY_RECIPIENT, check_request, request_digest, sign_request
from parley.errors import ErrorCode, Rejected
from parley.primitives import schnorr
from parley.primitives.ids import NodeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from tests.oracles import bip340

SECRET: Final = b"\x05" * 32
CALLER: Final = bip340.public_key(SECRET)
OWN_ID: Final = NodeId(bip340.public_key(b"\x06" * 32))
NOW: Final = Instant(1_800_000_000_000)
SKEW_MS: Final = 15_000
BODY: Final = b'{"a":1}'


class Signer:
    """Signs with the caller's key."""

    public_key = CALLER

    async def sign(self, message32: bytes) -> bytes:
        return schnorr.sign(SECRET, message32, bytes(32))


async def headers(*, recipient: bytes = OWN_ID, sent_ms: int = NOW, body: bytes = BODY) -> list[tuple[bytes, bytes]]:
    signed = await sign_request(Signer(), recipient=recipient, sent_ms=Instant(sent_ms), body=body)
    return [(name.lower().encode(), value.encode()) for name, value in signed.items()]


def check(
    received: list[tuple[bytes, bytes]], body: bytes = BODY, *, now: int = NOW, is_greeting: bool = False
) -> NodeId | Rejected | None:
    return check_request(received, body, own_id=OWN_ID, now=Instant(now), skew_ms=SKEW_MS, is_greeting=is_greeting)


def code_of(outcome: object) -> ErrorCode | None:
    return outcome.code if isinstance(outcome, Rejected) else None


async def test_the_caller_is_named() -> None:
    assert check(await headers()) == CALLER


async def test_other_headers_and_any_order_do_not_matter() -> None:
    received = [(b"host", b"x"), (b"parley-unknown", b"y"), *reversed(await headers()), (b"accept", b"*/*")]
    assert check(received) == CALLER


async def test_hex_may_be_of_either_case() -> None:
    assert check([(name, value.upper()) for name, value in await headers()]) == CALLER


def test_nobody_signs_as_a_stranger() -> None:
    assert check([]) is None
    assert check([(b"host", b"x"), (b"parley-else", b"x")]) is None


@pytest.mark.parametrize("position", range(4))
async def test_a_header_that_is_missing_is_named(position: int) -> None:
    received = await headers()
    name = received.pop(position)[0]
    outcome = check(received)
    assert isinstance(outcome, Rejected)
    assert outcome.code is ErrorCode.UNAUTHORIZED
    assert str(outcome.facts["header"]).lower().encode() == name
    assert outcome.facts["fault"] == "missing"


@pytest.mark.parametrize("position", range(4))
async def test_a_header_that_repeats_is_named(position: int) -> None:
    received = await headers()
    outcome = check([*received, received[position]])
    assert isinstance(outcome, Rejected)
    assert outcome.code is ErrorCode.UNAUTHORIZED
    assert str(outcome.facts["header"]).lower().encode() == received[position][0]
    assert outcome.facts["fault"] == "repeats"


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, b""),
        (0, b"ab" * 31),
        (0, b"zz" * 32),
        (0, b" " * 64),
        (0, b"\xff" * 64),
        (1, b"ab" * 33),
        (1, b"zz" * 32),
        (2, b""),
        (2, b"-1"),
        (2, b"+1"),
        (2, b"1.5"),
        (2, b"01"),
        (2, b" 1"),
        (2, b"1e3"),
        (2, b"9" * 17),
        (2, b"9007199254740992"),
        (2, b"9" * 100_000),
        (2, "\u0661".encode()),
        (3, b"ab" * 63),
        (3, b"zz" * 64),
    ],
)
async def test_a_value_of_another_form_is_refused_by_name(position: int, value: bytes) -> None:
    received = await headers()
    name = received[position][0]
    received[position] = (name, value)
    outcome = check(received)
    assert isinstance(outcome, Rejected)
    assert outcome.code is ErrorCode.UNAUTHORIZED
    assert str(outcome.facts["header"]).lower().encode() == name
    assert "zz" not in str(outcome)


async def test_a_request_for_another_node_is_refused() -> None:
    assert code_of(check(await headers(recipient=b"\x09" * 32))) is ErrorCode.WRONG_RECIPIENT


async def test_only_a_greeting_may_be_for_anybody() -> None:
    received = await headers(recipient=ANY_RECIPIENT)
    assert code_of(check(received)) is ErrorCode.WRONG_RECIPIENT
    assert check(received, is_greeting=True) == CALLER
    assert check(await headers(), is_greeting=True) == CALLER
    assert code_of(check(await headers(recipient=b"\x09" * 32), is_greeting=True)) is ErrorCode.WRONG_RECIPIENT


@pytest.mark.parametrize(
    ("ahead_ms", "is_taken"), [(0, True), (15_000, True), (-15_000, True), (15_001, False), (-15_001, False)]
)
async def test_clocks_may_differ_by_the_skew(ahead_ms: int, is_taken: bool) -> None:  # noqa: FBT001  # a column
    outcome = check(await headers(sent_ms=NOW + ahead_ms))
    if is_taken:
        assert outcome == CALLER
    else:
        assert outcome == Rejected(ErrorCode.CLOCK_SKEW, {"ahead_ms": ahead_ms, "allowed_ms": 15_000})


async def test_the_largest_moment_is_read() -> None:
    received = await headers(sent_ms=INSTANT_MAX_MS)
    assert check(received, now=INSTANT_MAX_MS) == CALLER


async def test_another_body_moment_caller_or_signature_does_not_verify() -> None:
    received = await headers()
    other = await headers(sent_ms=NOW + 1)
    assert code_of(check(received, BODY + b" ")) is ErrorCode.UNAUTHORIZED
    assert code_of(check(received, b"")) is ErrorCode.UNAUTHORIZED
    for position in (0, 2, 3):
        mixed = list(received)
        mixed[position] = other[position] if position else (b"parley-caller", OWN_ID.hex().encode())
        assert code_of(check(mixed)) is ErrorCode.UNAUTHORIZED
    not_on_curve = [(b"parley-caller", b"ff" * 32), *received[1:]]
    assert code_of(check(not_on_curve)) is ErrorCode.UNAUTHORIZED


async def test_the_signature_is_over_the_documented_digest() -> None:
    signature = bytes.fromhex(dict(await headers())[b"parley-signature"].decode())
    assert bip340.verify(CALLER, request_digest(CALLER, OWN_ID, NOW, BODY), signature)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"parley-caller", b"parley-recipient", b"parley-sent", b"parley-signature", b"host"]),
            st.binary(max_size=130)
            | st.sampled_from([b"00" * 32, b"00" * 64, b"1800000000000", OWN_ID.hex().encode()]),
        ),
        max_size=6,
    )
)
def test_whatever_the_headers_are_nobody_is_believed(received: list[tuple[bytes, bytes]]) -> None:
    outcome = check(received)
    signed = any(name.startswith(b"parley-") for name, _ in received)
    assert isinstance(outcome, Rejected) if signed else outcome is None
