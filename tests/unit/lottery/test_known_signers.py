"""Whose keys are known, from which payment on, and for how many senders."""

from __future__ import annotations

import pytest

from parley.lottery.known_signers import KnownSigner, KnownSigners
from parley.primitives import ecdsa
from parley.primitives.hashing import sha256
from parley.primitives.ids import Address
from parley.primitives.known_keys import HAS_TABLES, KnownKey

pytestmark = pytest.mark.skipif(not HAS_TABLES, reason="built without the extension: nobody is known")

SENDER = Address(b"\x01" * 20)
PUBLIC, OTHER = (ecdsa.public_key(sha256(name)) for name in (b"one", b"other"))


def test_tables_are_made_at_the_second_payment() -> None:
    signers = KnownSigners()
    assert signers.find(SENDER) is None
    signers.note(SENDER, ecdsa.address_of(PUBLIC), PUBLIC)
    assert signers.find(SENDER) is None
    signers.note(SENDER, ecdsa.address_of(PUBLIC), PUBLIC)
    found = signers.find(SENDER)
    assert found is not None
    assert (found.address, found.key.public) == (ecdsa.address_of(PUBLIC), PUBLIC)
    assert signers.find(Address(b"\x02" * 20)) is None


def test_a_sender_whose_signers_take_turns_is_not_known() -> None:
    signers = KnownSigners()
    for public in (PUBLIC, OTHER) * 3:
        signers.note(SENDER, ecdsa.address_of(public), public)
        assert signers.find(SENDER) is None


def test_another_key_takes_the_place_of_the_first_at_its_second_payment() -> None:
    signers = KnownSigners()
    for public in (PUBLIC, PUBLIC, OTHER):
        signers.note(SENDER, ecdsa.address_of(public), public)
    found = signers.find(SENDER)
    assert found is not None
    assert found.key.public == PUBLIC
    signers.note(SENDER, ecdsa.address_of(OTHER), OTHER)
    found = signers.find(SENDER)
    assert found is not None
    assert found.key.public == OTHER


def test_who_paid_longest_ago_is_forgotten_first() -> None:
    signers, key = KnownSigners(), KnownKey(PUBLIC)
    senders = [Address(number.to_bytes(20, "big")) for number in range(257)]
    for sender in senders[:256]:
        signers.keep(sender, KnownSigner(ecdsa.address_of(PUBLIC), key))
    assert signers.find(senders[0]) is not None
    signers.keep(senders[256], KnownSigner(ecdsa.address_of(PUBLIC), key))
    assert signers.find(senders[0]) is not None
    assert signers.find(senders[1]) is None
    assert signers.find(senders[256]) is not None


def test_keys_seen_once_are_bounded_too() -> None:
    signers = KnownSigners()
    senders = [Address(number.to_bytes(20, "big")) for number in range(4_097)]
    for sender in senders:
        signers.note(sender, ecdsa.address_of(PUBLIC), PUBLIC)
    signers.note(senders[0], ecdsa.address_of(PUBLIC), PUBLIC)
    assert signers.find(senders[0]) is None
    signers.note(senders[4_096], ecdsa.address_of(PUBLIC), PUBLIC)
    assert signers.find(senders[4_096]) is not None
