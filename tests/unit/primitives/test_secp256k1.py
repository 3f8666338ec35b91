"""Both ways through the door give the same, and a miscalculated signature does not leave it."""

from __future__ import annotations

from importlib import import_module
from threading import Barrier, Thread
from types import ModuleType

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives._secp256k1 import CURVE, Curve, DirectCurve, PublicCurve, open_curve
from tests.oracles import bip340

BINDING = import_module("coincurve._libsecp256k1")
DIRECT = DirectCurve(BINDING)
PUBLIC = PublicCurve()
BOTH: list[Curve] = [DIRECT, PUBLIC]
SECRET = bytes.fromhex("b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef")
ENTROPY = b"\x5a" * 32
MESSAGE = b"\xc3" * 32
NO_POINT = bytes.fromhex("eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34")


class DisturbedLibrary:
    """The library on a machine that miscalculates: no signature is ever right."""

    def __getattr__(self, name: str) -> object:
        return getattr(BINDING.lib, name)

    def secp256k1_schnorrsig_verify(self, *_arguments: object) -> int:
        return 0


def test_the_direct_way_is_taken_where_it_exists() -> None:
    assert isinstance(CURVE, DirectCurve)
    assert isinstance(open_curve(), DirectCurve)


def test_the_public_way_is_taken_where_the_private_module_is_missing() -> None:
    assert isinstance(open_curve("coincurve._no_such_module"), PublicCurve)


@pytest.mark.parametrize("curve", BOTH, ids=["direct", "public"])
def test_keys_and_signatures_are_those_of_the_formulas(curve: Curve) -> None:
    public = curve.public_key(SECRET)
    signature = curve.sign(SECRET, MESSAGE, ENTROPY)
    assert public == bip340.public_key(SECRET)
    assert signature == bip340.sign(SECRET, MESSAGE, ENTROPY)
    assert curve.is_public_key(public)
    assert curve.verify(public, MESSAGE, signature)
    assert not curve.verify(public, ENTROPY, signature)


@pytest.mark.parametrize("curve", BOTH, ids=["direct", "public"])
def test_no_point_is_no_key(curve: Curve) -> None:
    assert not curve.is_public_key(NO_POINT)
    assert not curve.verify(NO_POINT, MESSAGE, bytes(64))


@pytest.mark.parametrize("message", [b"", b"m", bytes(100)])
def test_messages_of_any_size_are_verified_both_ways_and_signed_the_direct_way(message: bytes) -> None:
    signature = DIRECT.sign(SECRET, message, ENTROPY)
    assert signature == bip340.sign(SECRET, message, ENTROPY)
    assert all(curve.verify(curve.public_key(SECRET), message, signature) for curve in BOTH)
    with pytest.raises(LocalError) as caught:
        PUBLIC.sign(SECRET, message, ENTROPY)
    assert caught.value.facts == {"size_bytes": len(message), "wanted_bytes": 32}


def test_a_miscalculated_signature_is_kept_back() -> None:
    binding = ModuleType("disturbed")
    vars(binding).update(ffi=BINDING.ffi, lib=DisturbedLibrary())
    with pytest.raises(LocalError) as caught:
        DirectCurve(binding).sign(SECRET, MESSAGE, ENTROPY)
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_threads_do_not_share_buffers() -> None:
    secrets = [number.to_bytes(32, "big") for number in range(1, 9)]
    expected = [bip340.sign(secret, MESSAGE, ENTROPY) for secret in secrets]
    barrier = Barrier(len(secrets))
    signed: dict[int, set[bytes]] = {}

    def run(index: int) -> None:
        barrier.wait()
        signed[index] = {DIRECT.sign(secrets[index], MESSAGE, ENTROPY) for _ in range(100)}

    threads = [Thread(target=run, args=(index,)) for index in range(len(secrets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert signed == {index: {signature} for index, signature in enumerate(expected)}
