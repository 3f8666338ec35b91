from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives import schnorr

SECRET = bytes(31) + b"\x03"
PUBLIC = bytes.fromhex("f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9")
ENTROPY = bytes(32)
MESSAGE = bytes(32)
SIGNATURE = bytes.fromhex(
    "e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215"
    "25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0"
)
NO_POINT = bytes.fromhex("eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34")
ORDER = bytes.fromhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
BELOW_ORDER = ORDER[:-1] + b"\x40"
NOT_SECRETS = [b"", bytes(32), ORDER, b"\xff" * 32, SECRET[1:], SECRET + b"\x00"]


def test_the_public_key_of_three_is_that_of_the_bip() -> None:
    assert schnorr.public_key(SECRET) == PUBLIC


def test_the_first_signature_of_the_bip() -> None:
    assert schnorr.sign(SECRET, MESSAGE, ENTROPY) == SIGNATURE
    assert schnorr.verify(PUBLIC, MESSAGE, SIGNATURE)


def test_entropy_changes_the_signature_and_not_its_truth() -> None:
    signature = schnorr.sign(SECRET, MESSAGE, b"\x01" * 32)
    assert signature != SIGNATURE
    assert schnorr.verify(PUBLIC, MESSAGE, signature)


@pytest.mark.parametrize("size_bytes", [0, 1, 31, 33, 64, 100_000])
def test_messages_have_any_size(size_bytes: int) -> None:
    message = b"m" * size_bytes
    signature = schnorr.sign(SECRET, message, ENTROPY)
    assert schnorr.verify(PUBLIC, message, signature)
    assert not schnorr.verify(PUBLIC, message + b"m", signature)


@pytest.mark.parametrize("position", [0, 31, 32, 63])
def test_a_changed_bit_is_seen(position: int) -> None:
    damaged = bytearray(SIGNATURE)
    damaged[position] ^= 1
    assert not schnorr.verify(PUBLIC, MESSAGE, bytes(damaged))
    assert not schnorr.verify(PUBLIC, b"\x01" + MESSAGE[1:], SIGNATURE)
    assert not schnorr.verify(schnorr.public_key(BELOW_ORDER), MESSAGE, SIGNATURE)


@pytest.mark.parametrize("signature", [b"", SIGNATURE[:-1], SIGNATURE + b"\x00", bytes(1_000)])
def test_signatures_of_another_size_are_wrong(signature: bytes) -> None:
    assert schnorr.verify(PUBLIC, MESSAGE, signature) is False


@pytest.mark.parametrize("public", [b"", PUBLIC[:-1], PUBLIC + b"\x00", b"\x02" + PUBLIC, NO_POINT, bytes(32)])
def test_what_is_no_public_key_signed_nothing(public: bytes) -> None:
    assert schnorr.is_public_key(public) is False
    assert schnorr.verify(public, MESSAGE, SIGNATURE) is False


def test_public_keys_are_known() -> None:
    assert schnorr.is_public_key(PUBLIC) is True


@pytest.mark.parametrize("secret", [bytes(31) + b"\x01", SECRET, BELOW_ORDER])
def test_secret_keys_are_known(secret: bytes) -> None:
    assert schnorr.is_secret_key(secret) is True
    assert schnorr.is_public_key(schnorr.public_key(secret))


@pytest.mark.parametrize("secret", NOT_SECRETS)
def test_what_is_no_secret_key_is_refused_and_not_shown(secret: bytes) -> None:
    assert schnorr.is_secret_key(secret) is False
    with pytest.raises(LocalError) as for_key:
        schnorr.public_key(secret)
    with pytest.raises(LocalError) as for_signature:
        schnorr.sign(secret, MESSAGE, ENTROPY)
    for caught in (for_key, for_signature):
        assert caught.value.code is ErrorCode.INVALID_ARGUMENT
        assert list(caught.value.facts) == ["wanted"]


@pytest.mark.parametrize("size_bytes", [0, 31, 33])
def test_entropy_of_another_size_is_refused(size_bytes: int) -> None:
    with pytest.raises(LocalError) as caught:
        schnorr.sign(SECRET, MESSAGE, bytes(size_bytes))
    assert caught.value.facts == {"entropy_bytes": size_bytes, "wanted_bytes": 32}
