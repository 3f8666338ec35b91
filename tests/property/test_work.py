"""A challenge is its issuer's, for one act; whatever is changed, the work is worth nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from parley.errors import PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import Params
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import (
    Accepted,
    Challenge,
    Registry,
    Solution,
    binding,
    encode_challenge,
    parse_challenge,
)

POW = ProofOfWork(tries_per_unit=1)
REGISTRY = Registry((POW,))

names = st.sampled_from(["a", "a-", "a0", "a_", "b", "pow", "target", "tries", "z" * 32])
instants = st.integers(0, INSTANT_MAX_MS).map(Instant)
values = st.integers(0, 2**53 - 1) | st.text(max_size=20)
hashes = st.binary(min_size=32, max_size=32)
parties = st.binary(max_size=40)
acts = st.tuples(parties, parties, st.integers(0, 2**64 - 1), st.text(max_size=20))
challenges = st.builds(
    Challenge,
    id=st.binary(min_size=16, max_size=16).map(ChallengeId),
    method=names,
    params=st.dictionaries(names, values, max_size=5),
    binding=hashes,
    expires_ms=instants,
    mac=hashes,
)


def bind(act: tuple[bytes, bytes, int, str]) -> bytes:
    sender, recipient, size_bytes, purpose = act
    return binding(sender=sender, recipient=recipient, size_bytes=size_bytes, purpose=purpose)


def earn(bound_to: bytes, expires_ms: Instant, secret: bytes, units: int = 3) -> tuple[Challenge, bytes]:
    """Take a challenge and solve it."""
    offer = REGISTRY.challenge(
        wants=("pow",), units=units, binding=bound_to, id=ChallengeId(bytes(16)), expires_ms=expires_ms, secret=secret
    )
    if isinstance(offer, Rejected):
        pytest.fail("no offer")
    found = POW.start(offer[0]).step(100_000)
    if not isinstance(found, Solution):
        pytest.fail("no solution")
    return offer[0], found.proof


@given(challenges)
def test_what_is_encoded_parses_to_the_same(challenge: Challenge) -> None:
    assert parse_challenge(encode_challenge(challenge)) == challenge


@given(challenges, challenges)
def test_different_challenges_have_different_bytes(one: Challenge, other: Challenge) -> None:
    assume(one != other)
    assert encode_challenge(one) != encode_challenge(other)


@given(challenges, st.data())
def test_cut_or_lengthened_bytes_do_not_parse(challenge: Challenge, data: st.DataObject) -> None:
    raw = encode_challenge(challenge)
    cut = data.draw(st.integers(0, len(raw) - 1))
    for damaged in (raw[:cut], raw + b"\x00"):
        with pytest.raises(PeerError):
            parse_challenge(damaged)


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_the_peers_fault(raw: bytes) -> None:
    try:
        challenge = parse_challenge(raw)
    except PeerError:
        return
    assert encode_challenge(challenge) == raw


@given(acts, acts, hashes)
def test_no_work_for_one_act_serves_another(
    act: tuple[bytes, bytes, int, str], other: tuple[bytes, bytes, int, str], secret: bytes
) -> None:
    assume(act != other)
    challenge, proof = earn(bind(act), Instant(10), secret)
    now = Instant(0)
    assert REGISTRY.check(challenge, proof, binding=bind(act), now=now, secret=secret) == Accepted()
    verdict = REGISTRY.check(challenge, proof, binding=bind(other), now=now, secret=secret)
    assert isinstance(verdict, Rejected)
    rebound = replace(challenge, binding=bind(other))
    assert isinstance(REGISTRY.check(rebound, proof, binding=bind(other), now=now, secret=secret), Rejected)


@given(hashes, st.data())
def test_no_flipped_bit_of_a_challenge_is_accepted(secret: bytes, data: st.DataObject) -> None:
    challenge, proof = earn(bytes(32), Instant(10), secret, units=1)
    raw = bytearray(encode_challenge(challenge))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        damaged = parse_challenge(bytes(raw))
    except PeerError:
        return
    verdict = REGISTRY.check(damaged, proof, binding=damaged.binding, now=Instant(0), secret=secret)
    assert isinstance(verdict, Rejected)


@given(instants, instants, hashes)
def test_work_counts_before_the_expiry_and_never_after(expires_ms: Instant, now: Instant, secret: bytes) -> None:
    challenge, proof = earn(bytes(32), expires_ms, secret, units=1)
    verdict = REGISTRY.check(challenge, proof, binding=bytes(32), now=now, secret=secret)
    assert (verdict == Accepted()) is (now < expires_ms)


def tagged(tag: str, message: bytes) -> bytes:
    tag_hash = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(tag_hash + tag_hash + message).digest()


@given(st.binary(max_size=12) | st.binary(min_size=8, max_size=8), hashes, st.integers(1, 5))
def test_a_proof_is_good_when_its_hash_is_below_the_target(proof: bytes, secret: bytes, tries: int) -> None:
    challenge, _ = earn(bytes(32), Instant(10), secret, units=tries)
    prefix = tagged("parley/work/pow", encode_challenge(challenge)[:-32])
    digest = int.from_bytes(hashlib.sha256(prefix + proof).digest(), "big")
    verdict = REGISTRY.check(challenge, proof, binding=bytes(32), now=Instant(0), secret=secret)
    assert (verdict == Accepted()) is (len(proof) == 8 and digest < 2**256 // tries)


@given(st.dictionaries(names, values, max_size=3))
def test_params_are_ours_or_the_peers_fault(params: Params) -> None:
    try:
        tries = POW.expected_tries(params)
    except PeerError:
        return
    assert tries >= 1
