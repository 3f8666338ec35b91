from __future__ import annotations

from parley.pool.verified import VerifiedRecords
from parley.primitives import schnorr
from parley.testing.stamps import is_stamped, stamp


def test_a_good_signature_is_checked_once() -> None:
    asked: list[bytes] = []

    def verify(public: bytes, message: bytes, signature: bytes) -> bool:
        asked.append(public)
        return is_stamped(public, message, signature)

    verified = VerifiedRecords(verify)
    for _ in range(3):
        assert verified.verify(b"key", b"message", stamp(b"key", b"message"))
    assert asked == [b"key"]


def test_a_bad_signature_is_checked_each_time_and_nothing_near_a_good_one_passes() -> None:
    verified = VerifiedRecords(is_stamped)
    good = stamp(b"key", b"message")
    assert verified.verify(b"key", b"message", good)
    for _ in range(2):
        assert not verified.verify(b"key", b"other", good)
        assert not verified.verify(b"kez", b"message", good)
        assert not verified.verify(b"key", b"message", bytes(64))


def test_it_is_bounded_and_forgets_the_oldest() -> None:
    asked: list[bytes] = []

    def verify(_public: bytes, message: bytes, _signature: bytes) -> bool:
        asked.append(message)
        return True

    verified = VerifiedRecords(verify, entries_max=2)
    for message in (b"1", b"2", b"3", b"3", b"2", b"1"):
        assert verified.verify(b"key", message, b"")
    assert asked == [b"1", b"2", b"3", b"1"]


def test_the_signature_is_bip340_unless_said_otherwise() -> None:
    secret, message = bytes(31) + b"\x03", bytes(32)
    public, signature = schnorr.public_key(secret), schnorr.sign(secret, message, bytes(32))
    verified = VerifiedRecords()
    assert verified.verify(public, message, signature)
    assert not verified.verify(public, b"\x01" * 32, signature)
