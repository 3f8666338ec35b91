"""Keys that are recovered in parts are those that are recovered one by one, through both doors to libsecp256k1."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from parley.errors import LocalError
from parley.primitives._secp256k1 import Curve, PublicCurve, open_curve
from parley.primitives.ecdsa import RecoveredBatch, public_key, recover, sign
from parley.primitives.hashing import sha256

SECRETS = [sha256(b"key", bytes([number])) for number in range(3)]
DIGESTS = [sha256(b"digest", bytes([number])) for number in range(12)]
SIGNATURES = [sign(SECRETS[number % 3], digest) for number, digest in enumerate(DIGESTS)]
KEYS = [public_key(SECRETS[number % 3]) for number in range(12)]

NO_POINT = bytes(31) + b"\x05" + bytes(31) + b"\x01" + b"\x1b"
"""r = 5 is the x of no point of the curve: x**3 + 7 = 132 is no square."""

TOO_LARGE_R = b"\xff" * 32 + bytes(31) + b"\x01" + b"\x1b"


def test_all_keys_are_found_in_order() -> None:
    batch = RecoveredBatch(DIGESTS, SIGNATURES)
    batch.recover(0, 12)
    assert batch.publics() == tuple(KEYS)


def test_parts_may_be_recovered_by_threads_in_any_order() -> None:
    batch = RecoveredBatch(DIGESTS, SIGNATURES)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda part: batch.recover(*part), [(8, 12), (0, 3), (3, 3), (3, 8)]))
    assert batch.publics() == tuple(KEYS)


def test_what_is_no_signature_has_no_key_and_spoils_no_other() -> None:
    high_v, short = SIGNATURES[1][:64] + b"\x1d", SIGNATURES[3][:64]
    signatures = [SIGNATURES[0], high_v, NO_POINT, short, SIGNATURES[4], bytes(65), b"", TOO_LARGE_R]
    batch = RecoveredBatch(DIGESTS[:8], signatures)
    batch.recover(0, 3)
    batch.recover(3, 8)
    assert batch.publics() == (KEYS[0], None, None, None, KEYS[4], None, None, None)


def test_an_empty_batch_is_done() -> None:
    batch = RecoveredBatch([], [])
    batch.recover(0, 0)
    assert batch.publics() == ()


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 13)])
def test_parts_lie_in_the_batch(start: int, stop: int) -> None:
    with pytest.raises(LocalError):
        RecoveredBatch(DIGESTS, SIGNATURES).recover(start, stop)


def test_digests_have_32_bytes_and_one_signature_each() -> None:
    with pytest.raises(LocalError):
        RecoveredBatch([b"short"], SIGNATURES[:1])
    with pytest.raises(LocalError):
        RecoveredBatch(DIGESTS[:2], SIGNATURES[:1])


@pytest.mark.parametrize("curve", [open_curve(), PublicCurve()], ids=["direct", "public"])
def test_both_doors_agree(curve: Curve) -> None:
    signatures = [(signature[:64], signature[64] - 27) for signature in [*SIGNATURES, NO_POINT, TOO_LARGE_R]]
    batch = curve.begin_recovery([*DIGESTS, DIGESTS[0], DIGESTS[0]], signatures)
    batch.recover(0, 14)
    assert batch.publics() == [*KEYS, None, None]


def test_one_by_one_is_the_same() -> None:
    assert [recover(digest, signature) for digest, signature in zip(DIGESTS, SIGNATURES, strict=True)] == KEYS
