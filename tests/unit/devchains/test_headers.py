"""Heads of blocks: the encoding and hash of another implementation, the base fee of EIP-1559."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp  # type: ignore[import-untyped]  # ships no types
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_utils.crypto import keccak

from parley.devchains.evm.headers import (
    EMPTY_TRIE,
    EMPTY_UNCLES,
    Header,
    encode_header,
    next_base_fee_wei,
    parse_header,
)
from parley.errors import ErrorCode, LocalError
from parley.primitives.ids import Address

HEADER = Header(
    parent_hash=b"\x01" * 32,
    coinbase=Address(b"\x02" * 20),
    state_root=b"\x03" * 32,
    transactions_root=b"\x04" * 32,
    receipts_root=b"\x05" * 32,
    bloom=b"\x80" + bytes(254) + b"\x01",
    number=1_000,
    gas_limit=30_000_000,
    gas_used=21_000,
    timestamp_s=1_700_000_012,
    extra_data=b"\x07",
    mix_hash=b"\x06" * 32,
    base_fee_wei=10**9,
)


def test_constants_are_what_they_are_called() -> None:
    assert keccak(rlp.encode(b"")) == EMPTY_TRIE
    assert keccak(rlp.encode([])) == EMPTY_UNCLES


def test_another_implementation_hashes_the_same() -> None:
    other = CancunBlockHeader(
        difficulty=0,
        block_number=1_000,  # type: ignore[arg-type]  # its own kind of int
        gas_limit=30_000_000,
        timestamp=1_700_000_012,
        coinbase=b"\x02" * 20,  # type: ignore[arg-type]  # its own kind of bytes
        parent_hash=b"\x01" * 32,  # type: ignore[arg-type]  # as above
        state_root=b"\x03" * 32,  # type: ignore[arg-type]  # as above
        transaction_root=b"\x04" * 32,  # type: ignore[arg-type]  # as above
        receipt_root=b"\x05" * 32,  # type: ignore[arg-type]  # as above
        bloom=2**2047 + 1,
        gas_used=21_000,
        extra_data=b"\x07",
        mix_hash=b"\x06" * 32,  # type: ignore[arg-type]  # as above
        nonce=bytes(8),
        base_fee_per_gas=10**9,
    )
    assert HEADER.hash() == other.hash


def test_reading_is_the_inverse_of_writing() -> None:
    assert parse_header(encode_header(HEADER)) == HEADER


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", rlp.encode([b"x"] * 19), encode_header(HEADER)[:-1], rlp.encode(b"x" * 20)]
)
def test_what_was_not_written_here_is_refused(raw: bytes) -> None:
    with pytest.raises(LocalError) as caught:
        parse_header(raw)
    assert caught.value.code is ErrorCode.MALFORMED


# The target is half of the limit: 15,000,000.
@pytest.mark.parametrize(
    ("fee_wei", "gas_used", "wanted_wei"),
    [
        (1_000_000_000, 15_000_000, 1_000_000_000),
        (1_000_000_000, 30_000_000, 1_125_000_000),
        (1_000_000_000, 0, 875_000_000),
        (1_000_000_000, 18_000_000, 1_025_000_000),
        (1, 15_000_001, 2),
        (7, 0, 7),
        (8, 0, 7),
        (0, 0, 0),
    ],
)
def test_base_fee_moves_by_an_eighth_at_most(fee_wei: int, gas_used: int, wanted_wei: int) -> None:
    assert next_base_fee_wei(replace(HEADER, base_fee_wei=fee_wei, gas_used=gas_used)) == wanted_wei
