"""What the functions for EVM chains lay out and refuse; addresses and digests are in tests/vectors/test_evm.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.addresses import NULL_ADDRESS, checksum_text
from parley.ledgers.evm.messages import hash_digest, message_digest
from parley.ledgers.evm.packing import UINT256_MAX, bytes_tail, check_uint256, pack_address, pack_uint256, selector
from parley.primitives.ids import Address


def test_words_are_right_aligned() -> None:
    assert pack_uint256(0x0102).hex() == "00" * 30 + "0102"
    assert pack_uint256(UINT256_MAX) == b"\xff" * 32
    assert pack_address(Address(b"\x01" * 20)).hex() == "00" * 12 + "01" * 20


@pytest.mark.parametrize(("size_bytes", "words"), [(0, 1), (1, 2), (32, 2), (33, 3), (65, 4)])
def test_dynamic_bytes_fill_whole_words(size_bytes: int, words: int) -> None:
    tail = bytes_tail(b"\xaa" * size_bytes)
    assert tail == size_bytes.to_bytes(32, "big") + b"\xaa" * size_bytes + bytes(32 * (words - 1) - size_bytes)


def test_a_selector_is_the_known_one() -> None:
    assert selector("transfer(address,uint256)").hex() == "a9059cbb"
    assert selector("withdraw()").hex() == "3ccfd60b"


def test_a_hash_is_signed_as_the_message_of_its_32_bytes() -> None:
    assert hash_digest(b"\x5a" * 32) == message_digest(b"\x5a" * 32)
    assert hash_digest(b"\x5a" * 32) != message_digest(b"5a" * 32)


def test_the_null_address_is_zeros() -> None:
    assert checksum_text(NULL_ADDRESS) == "0x" + "0" * 40


@pytest.mark.parametrize(
    "call",
    [
        lambda: pack_uint256(-1),
        lambda: pack_uint256(2**256),
        lambda: pack_address(Address(bytes(19))),
        lambda: checksum_text(Address(bytes(21))),
        lambda: hash_digest(bytes(31)),
        lambda: check_uint256("name", -1),
        lambda: check_uint256("name", 2**256),
        lambda: check_uint256("name", True),  # noqa: FBT003 - a bool is what is tried
    ],
)
def test_what_has_no_word_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(LocalError) as caught:
        call()
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
