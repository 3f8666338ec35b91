from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import ModuleType

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives import ecdsa
from parley.primitives._secp256k1 import Curve, DirectCurve, PublicCurve
from parley.primitives.ids import ADDRESS_BYTES, address
from tests.oracles import bip340
from tests.oracles import ecdsa as oracle

BINDING = import_module("coincurve._libsecp256k1")
BOTH: list[Curve] = [DirectCurve(BINDING), PublicCurve()]
SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ORDER = bip340.N.to_bytes(32, "big")
DIGEST = b"\xc3" * 32
SIGNATURE = oracle.sign(SECRET, DIGEST)
PUBLIC = oracle.public_key(SECRET)


class DisturbedLibrary:
    """The library on the one digest in 2**127 where x(R) is not below n."""

    def __getattr__(self, name: str) -> object:
        return getattr(BINDING.lib, name)

    def secp256k1_ecdsa_recoverable_signature_serialize_compact(
        self, _context: object, _compact: object, parity: list[int], _signature: object
    ) -> int:
        parity[0] = 2
        return 1


@pytest.mark.parametrize("curve", BOTH, ids=["direct", "public"])
def test_both_ways_through_the_door_are_the_formulas(curve: Curve) -> None:
    assert curve.full_public_key(SECRET) == PUBLIC
    assert curve.sign_ecdsa(SECRET, DIGEST) == SIGNATURE[:64] + bytes([SIGNATURE[64] - 27])
    assert curve.recover_ecdsa(DIGEST, SIGNATURE[:64], SIGNATURE[64] - 27) == PUBLIC


@pytest.mark.parametrize("curve", BOTH, ids=["direct", "public"])
def test_a_batch_has_the_signatures_of_single_digests(curve: Curve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecdsa, "CURVE", curve)
    digests = [bytes([number]) * 32 for number in range(1, 8)]
    batch = ecdsa.SignedBatch(SECRET, digests)
    for start, stop in ((3, 7), (0, 2), (2, 3), (7, 7)):
        batch.sign(start, stop)
    assert batch.signatures() == tuple(oracle.sign(SECRET, digest) for digest in digests)
    assert ecdsa.SignedBatch(SECRET, []).signatures() == ()


def test_threads_sign_parts_of_one_batch() -> None:
    digests = [number.to_bytes(32, "big") for number in range(1, 401)]
    batch = ecdsa.SignedBatch(SECRET, digests)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda start: batch.sign(start, start + 25), range(0, 400, 25)))
    assert batch.signatures() == tuple(ecdsa.sign(SECRET, digest) for digest in digests)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (0, 3), (3, 3)])
def test_only_parts_of_a_batch_are_signed(start: int, stop: int) -> None:
    with pytest.raises(LocalError) as caught:
        ecdsa.SignedBatch(SECRET, [DIGEST, DIGEST]).sign(start, stop)
    assert caught.value.facts == {"start": start, "stop": stop, "size": 2}


def test_a_batch_has_a_secret_key_and_digests() -> None:
    for secret, digests in ((ORDER, [DIGEST]), (SECRET, [DIGEST, DIGEST[1:]])):
        with pytest.raises(LocalError):
            ecdsa.SignedBatch(secret, digests)


@pytest.mark.parametrize("curve", BOTH, ids=["direct", "public"])
@pytest.mark.parametrize("r", [bytes(32), ORDER, b"\xff" * 32, bytes(31) + b"\x05"])
def test_where_no_key_fits_none_is_recovered(curve: Curve, r: bytes) -> None:
    # 5 is no x coordinate of a point: 5**3 + 7 is no square.
    assert curve.recover_ecdsa(DIGEST, r + SIGNATURE[32:64], 0) is None


def test_an_r_that_does_not_fit_is_an_error_and_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    binding = ModuleType("disturbed")
    vars(binding).update(ffi=BINDING.ffi, lib=DisturbedLibrary())
    monkeypatch.setattr(ecdsa, "CURVE", DirectCurve(binding))
    with pytest.raises(LocalError) as caught:
        ecdsa.sign(SECRET, DIGEST)
    assert caught.value.code is ErrorCode.WRONG_STATE
    batch = ecdsa.SignedBatch(SECRET, [DIGEST])
    batch.sign(0, 1)
    with pytest.raises(LocalError) as caught:
        batch.signatures()
    assert caught.value.code is ErrorCode.WRONG_STATE


@pytest.mark.parametrize("secret", [b"", bytes(32), ORDER, SECRET[1:], SECRET + b"\x00"])
def test_what_is_no_secret_key_is_refused_and_not_shown(secret: bytes) -> None:
    with pytest.raises(LocalError) as for_key:
        ecdsa.public_key(secret)
    with pytest.raises(LocalError) as for_signature:
        ecdsa.sign(secret, DIGEST)
    assert [list(caught.value.facts) for caught in (for_key, for_signature)] == [["wanted"], ["wanted"]]


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_digests_of_another_size_are_not_signed_and_signed_by_nobody(digest: bytes) -> None:
    with pytest.raises(LocalError) as caught:
        ecdsa.sign(SECRET, digest)
    assert caught.value.facts == {"digest_bytes": len(digest), "wanted_bytes": 32}
    assert ecdsa.recover(digest, SIGNATURE) is None


def test_the_parity_in_v_names_another_key() -> None:
    flipped = SIGNATURE[:64] + bytes([55 - SIGNATURE[64]])
    assert ecdsa.is_canonical(flipped)
    assert ecdsa.recover(DIGEST, flipped) not in {None, PUBLIC}


def test_an_address_has_twenty_bytes() -> None:
    assert address(ecdsa.address_of(PUBLIC)).hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    with pytest.raises(LocalError) as caught:
        address(bytes(ADDRESS_BYTES + 1))
    assert caught.value.facts == {"size_bytes": 21, "wanted_bytes": 20}
