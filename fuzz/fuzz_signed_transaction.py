"""Signed transactions of every kind: what is read has one form, and is named by its bytes."""

from __future__ import annotations

from parley.devchains.evm.transactions import parse_signed
from parley.primitives.hashing import keccak256

__all__ = ["fuzz_one"]

_CHAIN_ID = 31_337


def fuzz_one(data: bytes) -> None:
    """Read a transaction the way the embedded chain does when one is published."""
    one = parse_signed(data, _CHAIN_ID)
    if one.hash != keccak256(data) or one.raw != data:
        raise AssertionError("a transaction that was read has another name")
    if not 0 <= one.max_priority_fee_wei <= one.max_fee_wei or one.nonce >= 2**64 - 1 or one.gas >= 2**64:
        raise AssertionError("a transaction that was read is out of its ranges")
