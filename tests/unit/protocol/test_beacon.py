"""What a beacon refuses; what it computes is in tests/vectors/test_beacon.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parley.errors import ErrorCode, LocalError, PeerError
from parley.protocol import beacon
from parley.protocol.beacon import Beacon, ChainLeaf, HashLeaf, Leaf, Profile, Seed, SignatureLeaf, commit
from tests.oracles import bip340, ecdsa

CONTEXT = b"\x0c" * 32
NONCES = (b"\x01" * 32, b"\x02" * 32)
SECRET = b"\x0b" * 32
DIGEST = b"\x0d" * 32
SEED = Seed(b"\x5e" * 32)
HASHES: tuple[Leaf, ...] = tuple(HashLeaf(commit(CONTEXT, seat, nonce)) for seat, nonce in enumerate(NONCES))
SIGNED = SignatureLeaf(bip340.public_key(SECRET), DIGEST)


def refused(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises((LocalError, PeerError)) as caught:
        call()
    return caught.value.code


def test_seats_open_in_any_order_and_the_seed_waits_for_the_last() -> None:
    start = Beacon(CONTEXT, HASHES)
    assert start.missing == (0, 1)
    half = start.reveal(1, NONCES[1])
    assert half.missing == (0,)
    assert refused(half.seed) is ErrorCode.WRONG_STATE
    whole = half.reveal(0, NONCES[0])
    assert whole.seed() == start.reveal(0, NONCES[0]).reveal(1, NONCES[1]).seed()
    assert start.missing == (0, 1)


def test_the_same_opening_again_changes_nothing() -> None:
    opened = Beacon(CONTEXT, HASHES).reveal(0, NONCES[0])
    assert opened.reveal(0, NONCES[0]) is opened


@pytest.mark.parametrize("value", [b"", NONCES[1], NONCES[0][:31], NONCES[0] + b"\x00", bytes(100_000)])
def test_a_wrong_opening_is_refused_and_names_its_seat(value: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        Beacon(CONTEXT, HASHES).reveal(0, value)
    assert caught.value.code is ErrorCode.MALFORMED
    assert caught.value.facts["seat"] == 0
    assert caught.value.culprits == ()


def test_what_is_open_stays() -> None:
    opened = Beacon(CONTEXT, HASHES).reveal(0, NONCES[0])
    assert refused(lambda: opened.reveal(0, NONCES[1])) is ErrorCode.PROTOCOL_VIOLATION


def test_a_signer_cannot_choose_among_signatures_once_a_nonce_is_open() -> None:
    start = Beacon(CONTEXT, (SIGNED, HashLeaf(commit(CONTEXT, 1, NONCES[1]))))
    assert refused(lambda: start.reveal(1, NONCES[1])) is ErrorCode.PROTOCOL_VIOLATION
    one, other = (bip340.sign(SECRET, DIGEST, bytes([number]) * 32) for number in range(2))
    assert one != other
    signed = start.reveal(0, one)
    assert refused(lambda: signed.reveal(0, other)) is ErrorCode.PROTOCOL_VIOLATION
    assert signed.reveal(1, NONCES[1]).missing == ()


@pytest.mark.parametrize("signature", [b"", bytes(64), bip340.sign(SECRET, CONTEXT, bytes(32))])
def test_a_wrong_signature_is_refused(signature: bytes) -> None:
    start = Beacon(CONTEXT, (SIGNED, HashLeaf(commit(CONTEXT, 1, NONCES[1]))))
    assert refused(lambda: start.reveal(0, signature)) is ErrorCode.BAD_SIGNATURE


def test_on_the_evm_a_signature_has_one_form_and_one_signer() -> None:
    signature = ecdsa.sign(SECRET, DIGEST)
    hash_leaf = HashLeaf(commit(b"", 1, NONCES[1], Profile.EVM))
    flipped = signature[:64] + bytes([55 - signature[64]])
    start = Beacon(b"", (SignatureLeaf(bytes(20), DIGEST), hash_leaf), Profile.EVM)
    assert refused(lambda: start.reveal(0, signature)) is ErrorCode.BAD_SIGNATURE
    assert refused(lambda: start.reveal(0, flipped)) is ErrorCode.BAD_SIGNATURE
    assert refused(lambda: start.reveal(0, signature[:64])) is ErrorCode.BAD_SIGNATURE


def test_nobody_commits_to_what_another_seat_committed_to() -> None:
    copied = HashLeaf(commit(b"", 0, NONCES[0], Profile.EVM))
    with pytest.raises(PeerError) as caught:
        Beacon(b"", (copied, copied), Profile.EVM)
    assert caught.value.facts["seat"] == 1
    # Under NATIVE the seat is in the commitment, so what is copied could not be opened either.
    assert commit(CONTEXT, 0, NONCES[0]) != commit(CONTEXT, 1, NONCES[0])
    assert commit(CONTEXT, 0, NONCES[0]) != commit(b"\x0e" * 32, 0, NONCES[0])


def test_a_block_has_a_hash_of_32_bytes() -> None:
    start = Beacon(CONTEXT, (ChainLeaf(b"decred", 7), HashLeaf(commit(CONTEXT, 1, NONCES[1]))))
    assert refused(lambda: start.reveal(0, bytes(31))) is ErrorCode.MALFORMED
    seeds = {
        Beacon(CONTEXT, (ChainLeaf(chain, height), HashLeaf(commit(CONTEXT, 1, NONCES[1]))))
        .reveal(0, bytes(32)).reveal(1, NONCES[1]).seed()
        for chain, height in ((b"decred", 7), (b"decred", 8), (b"bitcoin", 7))
    }  # fmt: skip
    assert len(seeds) == 3


@pytest.mark.parametrize(
    "leaves",
    [
        (),
        (ChainLeaf(b"decred", 7),),
        (SIGNED,),
        (HashLeaf(bytes(31)),),
        (*HASHES, ChainLeaf(b"", 7)),
        (*HASHES, ChainLeaf(b"c" * 33, 7)),
        (*HASHES, ChainLeaf(b"decred", -1)),
        (*HASHES, ChainLeaf(b"decred", 2**64)),
        (*HASHES, SignatureLeaf(bytes(20), DIGEST)),
        (*HASHES, SignatureLeaf(bytes(32), bytes(31))),
        tuple(HashLeaf(number.to_bytes(32, "big")) for number in range(1_025)),
    ],
)
def test_leaves_out_of_range_make_no_beacon(leaves: tuple[Leaf, ...]) -> None:
    assert refused(lambda: Beacon(CONTEXT, leaves)) is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "call",
    [
        lambda: Beacon(b"", HASHES),
        lambda: Beacon(CONTEXT, HASHES, Profile.EVM),
        lambda: Beacon(CONTEXT, HASHES, Profile.NATIVE, (None,)),
        lambda: Beacon(CONTEXT, HASHES).reveal(2, NONCES[0]),
        lambda: Beacon(CONTEXT, HASHES).reveal(-1, NONCES[0]),
        lambda: commit(CONTEXT, 0, bytes(31)),
        lambda: commit(CONTEXT, 1_024, NONCES[0]),
        lambda: commit(CONTEXT, -1, NONCES[0]),
        lambda: commit(b"", 0, NONCES[0]),
        lambda: beacon.wins(Seed(bytes(31)), 1),
        lambda: beacon.wins(SEED, 2**256),
        lambda: beacon.wins(SEED, -1),
        lambda: beacon.draw_below(SEED, b"a", 0),
        lambda: beacon.draw_below(SEED, b"a", 2**256 + 1),
        lambda: beacon.draw_below(SEED, b"", 2),
        lambda: beacon.draw_below(SEED, b"a" * 33, 2),
        lambda: beacon.draw_below(SEED, b"\xff", 2),
        lambda: beacon.draw_below(Seed(b""), b"a", 2),
        lambda: beacon.draw_weighted(SEED, b"a", []),
        lambda: beacon.draw_weighted(SEED, b"a", [0, 0]),
        lambda: beacon.draw_weighted(SEED, b"a", [3, -1]),
        lambda: beacon.draw_weighted(SEED, b"a", [2**63, 2**63]),
        lambda: beacon.draw_order(SEED, b"a", 0),
        lambda: beacon.draw_order(SEED, b"a", 1_025),
    ],
)
def test_arguments_out_of_range_are_our_callers_fault(call: Callable[[], object]) -> None:
    assert refused(call) is ErrorCode.INVALID_ARGUMENT
