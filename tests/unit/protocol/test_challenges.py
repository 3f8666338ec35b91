"""The value and its limits; the canonical form itself is in vectors/work/."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import (
    CHALLENGE_MAX_BYTES,
    Challenge,
    Params,
    binding,
    encode_body,
    encode_challenge,
    is_name,
    parse_challenge,
)

CHALLENGE = Challenge(
    id=ChallengeId(bytes(16)),
    method="pow",
    params={"tries": 1},
    binding=bytes(32),
    expires_ms=Instant(1),
    mac=bytes(range(32)),
)


def test_two_values_with_equal_fields_are_one() -> None:
    same = replace(CHALLENGE, params={"tries": 1})
    assert same == CHALLENGE
    assert hash(same) == hash(CHALLENGE)
    assert replace(CHALLENGE, params={"tries": 2}) != CHALLENGE


def test_it_travels_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(CHALLENGE)) == CHALLENGE  # noqa: S301  # our own bytes


def test_the_body_is_all_but_the_mac() -> None:
    assert encode_challenge(CHALLENGE) == encode_body(CHALLENGE) + bytes(range(32))
    assert encode_body(replace(CHALLENGE, mac=bytes(32))) == encode_body(CHALLENGE)


def test_the_order_of_the_params_does_not_matter() -> None:
    one, other = replace(CHALLENGE, params={"a": 1, "b": "x"}), replace(CHALLENGE, params={"b": "x", "a": 1})
    assert encode_challenge(one) == encode_challenge(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": bytes(15)},
        {"id": bytes(17)},
        {"binding": bytes(31)},
        {"mac": bytes(33)},
        {"method": ""},
        {"method": "Pow"},
        {"method": "a" * 33},
        {"expires_ms": -1},
        {"expires_ms": INSTANT_MAX_MS + 1},
        {"params": {"": 1}},
        {"params": {"A": 1}},
        {"params": {"a": -1}},
        {"params": {"a": 2**53}},
        {"params": {"a": True}},
        {"params": {"a": "x" * 4_097}},
        {"params": {"a": "\ud800"}},
        {"params": {chr(ord("a") + index): 0 for index in range(17)}},
        {"params": {"a": "x" * 4_096, "b": "x" * 4_096}},
    ],
)
def test_what_has_no_canonical_form_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(LocalError) as caught:
        replace(CHALLENGE, **changes)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def full_params(spare_bytes: int) -> Params:
    """Return params that leave `spare_bytes` of the largest challenge."""
    bare = len(encode_challenge(replace(CHALLENGE, params={"a": "x" * 4_096, "b": ""})))
    return {"a": "x" * 4_096, "b": "x" * (CHALLENGE_MAX_BYTES - bare - spare_bytes)}


def test_the_largest_challenge_travels_and_one_byte_more_does_not() -> None:
    largest = replace(CHALLENGE, params=full_params(0))
    raw = encode_challenge(largest)
    assert len(raw) == CHALLENGE_MAX_BYTES == 8_192
    assert parse_challenge(raw) == largest
    with pytest.raises(LocalError):
        replace(CHALLENGE, params=full_params(-1))
    with pytest.raises(PeerError) as caught:
        parse_challenge(raw + b"\x00")
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_as_many_params_as_may_be_travel() -> None:
    params = {chr(ord("a") + index): index for index in range(16)}
    full = replace(CHALLENGE, params=params)
    assert parse_challenge(encode_challenge(full)).params == params


def test_a_text_above_its_limit_is_refused_before_it_is_read() -> None:
    raw = b"\x01" + bytes(16) + b"\x03pow" + b"\x01" + b"\x01a\x01" + (4_097).to_bytes(2, "big")
    with pytest.raises(PeerError) as caught:
        parse_challenge(raw)
    assert caught.value.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize("name", ["a", "pow", "memory-hard_2", "a" * 32])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "_a", "a b", "a\n", "\u00e9", "a" * 33, "a\x00"])
def test_no_names(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("sender", "size_bytes", "purpose"),
    [(bytes(256), 0, ""), (b"", -1, ""), (b"", 2**64, ""), (b"", 0, "x" * 256), (b"", 0, "\ud800")],
)
def test_a_binding_has_limits(sender: bytes, size_bytes: int, purpose: str) -> None:
    with pytest.raises(LocalError):
        binding(sender=sender, recipient=b"", size_bytes=size_bytes, purpose=purpose)


def test_each_part_of_a_binding_counts() -> None:
    bindings = {
        binding(sender=b"a", recipient=b"b", size_bytes=1, purpose="p"),
        binding(sender=b"b", recipient=b"a", size_bytes=1, purpose="p"),
        binding(sender=b"ab", recipient=b"", size_bytes=1, purpose="p"),
        binding(sender=b"a", recipient=b"b", size_bytes=2, purpose="p"),
        binding(sender=b"a", recipient=b"b", size_bytes=1, purpose="q"),
    }
    assert len(bindings) == 5
