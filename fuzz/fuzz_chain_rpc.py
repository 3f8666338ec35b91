"""Answers of an Ethereum node that lies, and transactions of strangers: what is read has one meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.adapters.evm import rpc_values
from parley.adapters.evm.rpc_client import Refusal, parse_answer
from parley.adapters.evm.rpc_refusals import is_known_already, publishing_verdict, revert_of, unavailable
from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.reverts import revert_reason
from parley.ledgers.evm.transactions import parse_transaction
from parley.primitives.ids import Address

__all__ = ["fuzz_one"]

_HASH: Final = b"\xaa" * 32
_SHOP: Final = Address(b"\x5a" * 20)
_READERS: Final[tuple[Callable[[bytes], object], ...]] = (
    rpc_values.parse_quantity,
    rpc_values.parse_data,
    rpc_values.parse_hash,
    rpc_values.parse_block,
    lambda result: rpc_values.parse_receipt(result, _HASH),
    lambda result: rpc_values.parse_logs(result, _SHOP, (), 0, 100),
    lambda result: rpc_values.parse_fees(result, 1),
)


def fuzz_one(data: bytes) -> None:
    """Read `data` as a raw transaction, as what a contract reverted with, and as the answer to question 1."""
    _check(len(revert_reason(data)) <= 256, "a reason is longer than its limit")
    try:
        transaction, sender = parse_transaction(data)
    except PeerError:
        pass
    else:
        _check(len(sender) == 20 and transaction.nonce >= 0, "a transaction of nobody")
    answer = parse_answer(data, 1)
    if isinstance(answer, Refusal):
        is_known_already(answer)
        publishing_verdict(answer)
        reverted = revert_of(answer)
        _check(reverted is None or reverted.reason.isprintable(), "a reason that cannot be printed")
        _check(str(unavailable(answer)).isprintable(), "foreign words in an error")
        return
    if not [reader for reader in _READERS if _reads(reader, answer)]:
        raise PeerError(ErrorCode.MALFORMED)


def _reads(reader: Callable[[bytes], object], result: bytes) -> bool:
    try:
        reader(result)
    except PeerError:
        return False
    return True


def _check(holds: bool, message: str) -> None:  # noqa: FBT001 - what is checked
    if not holds:
        raise AssertionError(message)
