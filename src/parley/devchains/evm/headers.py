"""Heads of blocks after the rules of Cancun: their twenty fields, their hash, and the base fee of the next one.

    hash      = keccak256(rlp(fields))
    base fee  = parent's, moved by up to an eighth towards what the parent's gas asks for (EIP-1559)

Source: Ethereum yellow paper §4.4, EIP-1559, EIP-3675, EIP-4399, EIP-4895, EIP-4844, EIP-4788.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import rlp  # type: ignore[import-untyped]  # ships no types

from parley.errors import ErrorCode, LocalError
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = ["BLOOM_BYTES", "EMPTY_TRIE", "EMPTY_UNCLES", "Header", "encode_header", "next_base_fee_wei", "parse_header"]

EMPTY_TRIE: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Root of a tree without entries: keccak256(rlp(b""))."""

EMPTY_UNCLES: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
"""Hash of no uncles: keccak256(rlp([]))."""

BLOOM_BYTES: Final = 256
"""Size of a filter of logs."""

_NO_WORD: Final = bytes(32)
_POST_MERGE_NONCE: Final = bytes(8)
_ELASTICITY: Final = 2
_FEE_CHANGE_DENOMINATOR: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The head of one block; the order of the fields is that of the encoding.

    Attributes:
        parent_hash: 32 bytes; zeros for the first block.
        uncles_hash: always that of no uncles.
        coinbase: who gets the priority fees, 20 bytes.
        state_root: 32 bytes, after the block.
        transactions_root: 32 bytes.
        receipts_root: 32 bytes.
        bloom: 256 bytes.
        difficulty: always 0.
        number: >= 0.
        gas_limit: of all transactions together.
        gas_used: by all transactions together.
        timestamp_s: seconds since 1970.
        extra_data: at most 32 bytes.
        mix_hash: 32 bytes; what the machine answers as PREVRANDAO.
        nonce: always 8 zeros.
        base_fee_wei: per gas.
        withdrawals_root: always that of none.
        blob_gas_used: always 0.
        excess_blob_gas: always 0.
        parent_beacon_root: always zeros.
    """

    parent_hash: bytes
    uncles_hash: bytes = EMPTY_UNCLES
    coinbase: Address
    state_root: bytes
    transactions_root: bytes = EMPTY_TRIE
    receipts_root: bytes = EMPTY_TRIE
    bloom: bytes = bytes(BLOOM_BYTES)
    difficulty: int = 0
    number: int
    gas_limit: int
    gas_used: int = 0
    timestamp_s: int
    extra_data: bytes = b""
    mix_hash: bytes = _NO_WORD
    nonce: bytes = _POST_MERGE_NONCE
    base_fee_wei: int
    withdrawals_root: bytes = EMPTY_TRIE
    blob_gas_used: int = 0
    excess_blob_gas: int = 0
    parent_beacon_root: bytes = _NO_WORD

    def hash(self) -> bytes:
        """Return the hash that names the block, 32 bytes."""
        return keccak256(encode_header(self))


def encode_header(header: Header) -> bytes:
    """Lay out a header; the inverse of `parse_header`."""
    encoded: bytes = rlp.encode([_item(getattr(header, field.name)) for field in fields(header)])
    return encoded


def parse_header(raw: bytes) -> Header:
    """Read a header that this program wrote.

    Raises:
        LocalError: MALFORMED: it did not.
    """
    try:
        items = rlp.decode(raw)
    except rlp.exceptions.DecodingError as error:
        raise LocalError(ErrorCode.MALFORMED, value="header") from error
    names = [field.name for field in fields(Header)]
    if not isinstance(items, list) or len(items) != len(names):
        raise LocalError(ErrorCode.MALFORMED, value="header")
    values: dict[str, Any] = {
        name: int.from_bytes(item, "big") if name in _NUMBERS else item for name, item in zip(names, items, strict=True)
    }
    return Header(**values)


_NUMBERS: Final = frozenset(field.name for field in fields(Header) if field.type == "int")


def _item(value: bytes | int) -> bytes:
    """Return a field's bytes; a number stands without leading zeros."""
    return value if isinstance(value, bytes) else value.to_bytes((value.bit_length() + 7) // 8, "big")


def next_base_fee_wei(parent: Header) -> int:
    """Return what one gas costs in the block after `parent`, before what its maker gets.

    Source: EIP-1559, "Specification".
    """
    target = parent.gas_limit // _ELASTICITY
    fee_wei = parent.base_fee_wei
    if parent.gas_used > target:
        return fee_wei + max(fee_wei * (parent.gas_used - target) // target // _FEE_CHANGE_DENOMINATOR, 1)
    return fee_wei - fee_wei * (target - parent.gas_used) // target // _FEE_CHANGE_DENOMINATOR
