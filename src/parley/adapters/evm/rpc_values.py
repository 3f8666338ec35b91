"""The values of Ethereum's JSON-RPC, read strictly: what has another form is no answer.

    quantity    0x and hex digits without leading zeros: "0x0", "0x41"
    data        0x and an even number of hex digits
    hash        data of 32 bytes        address     data of 20 bytes

Fields that nothing here asks for are skipped: nodes of other chains have more of them.

Source: Ethereum execution-apis, "Ethereum JSON-RPC Specification".
"""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.addresses import parse_address
from parley.ports.chain import Block, Fees, Log, Receipt
from parley.primitives.ids import Address

__all__ = [
    "data_text",
    "parse_block",
    "parse_data",
    "parse_fees",
    "parse_hash",
    "parse_logs",
    "parse_quantity",
    "parse_receipt",
    "quantity_text",
]

DocumentT = TypeVar("DocumentT")

_UINT64_MAX: Final = 2**63 - 1
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HASH_BYTES: Final = 32
_TOPICS_MAX: Final = 4
_LOGS_MAX: Final = 100_000
_NULL: Final = b"null"

_Quantity = Annotated[str, Meta(min_length=3, max_length=66)]
_Hash = Annotated[str, Meta(min_length=66, max_length=66)]
_Account = Annotated[str, Meta(min_length=42, max_length=42)]


class _Block(msgspec.Struct, frozen=True, rename="camel"):
    number: _Quantity
    hash: _Hash
    parent_hash: _Hash
    timestamp: _Quantity
    base_fee_per_gas: _Quantity


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    address: _Account
    topics: Annotated[tuple[_Hash, ...], Meta(max_length=_TOPICS_MAX)]
    data: str
    block_number: _Quantity
    block_hash: _Hash
    transaction_hash: _Hash
    log_index: _Quantity
    removed: bool = False


class _Receipt(msgspec.Struct, frozen=True, rename="camel"):
    transaction_hash: _Hash
    block_number: _Quantity
    block_hash: _Hash
    status: _Quantity
    gas_used: _Quantity
    effective_gas_price: _Quantity
    logs: Annotated[tuple[_Log, ...], Meta(max_length=_LOGS_MAX)]
    contract_address: _Account | None = None


class _History(msgspec.Struct, frozen=True, rename="camel"):
    base_fee_per_gas: Annotated[tuple[_Quantity, ...], Meta(min_length=2, max_length=1_025)]
    reward: Annotated[tuple[tuple[_Quantity, ...], ...], Meta(max_length=1_024)] | None = None


def quantity_text(value: int) -> str:
    """Write a quantity; the inverse of `parse_quantity` but for the quotes."""
    return hex(value)


def data_text(raw: bytes) -> str:
    """Write data; the inverse of `parse_data` but for the quotes."""
    return "0x" + raw.hex()


def parse_quantity(raw: bytes) -> int:
    """Read a quantity below 2**256.

    Raises:
        PeerError: MALFORMED.
    """
    return _number(_decode(raw, str, "quantity"))


def parse_data(raw: bytes) -> bytes:
    """Read data of any size.

    Raises:
        PeerError: MALFORMED.
    """
    return _bytes(_decode(raw, str, "data"))


def parse_hash(raw: bytes) -> bytes:
    """Read a hash.

    Raises:
        PeerError: MALFORMED.
    """
    found = parse_data(raw)
    if len(found) != _HASH_BYTES:
        raise _malformed("hash")
    return found


def parse_block(raw: bytes) -> Block | None:
    """Read a block with the names of its transactions; None where there is none.

    Raises:
        PeerError: MALFORMED: another form, or a chain without base fees (EIP-1559).
    """
    if raw.strip() == _NULL:
        return None
    block = _decode(raw, _Block, "block")
    return Block(
        number=_small(block.number),
        block_hash=_bytes(block.hash),
        parent_hash=_bytes(block.parent_hash),
        timestamp_s=_small(block.timestamp),
        base_fee_wei=_number(block.base_fee_per_gas),
    )


def parse_receipt(raw: bytes, transaction_hash: bytes) -> Receipt | None:
    """Read a receipt; None where there is none.

    Args:
        raw: JSON.
        transaction_hash: of the transaction that was asked about, 32 bytes.

    Raises:
        PeerError: MALFORMED: another form, of another transaction, or with logs of another place.
    """
    if raw.strip() == _NULL:
        return None
    receipt = _decode(raw, _Receipt, "receipt")
    succeeded = {"0x0": False, "0x1": True}.get(receipt.status)
    logs = tuple(_log(log) for log in receipt.logs)
    created = None if receipt.contract_address is None else _account(receipt.contract_address)
    block_number, block_hash = _small(receipt.block_number), _bytes(receipt.block_hash)
    places = {(log.transaction_hash, log.block_number, log.block_hash) for log in logs}
    if (
        succeeded is None
        or _bytes(receipt.transaction_hash) != transaction_hash
        or not places <= {(transaction_hash, block_number, block_hash)}
    ):
        raise _malformed("receipt")
    return Receipt(
        transaction_hash=transaction_hash,
        block_number=block_number,
        block_hash=block_hash,
        succeeded=succeeded,
        gas_used=_small(receipt.gas_used),
        gas_price_wei=_number(receipt.effective_gas_price),
        contract=created if succeeded else None,
        logs=logs if succeeded else (),
    )


def parse_logs(
    raw: bytes, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
) -> tuple[Log, ...]:
    """Read the logs that were asked for.

    Args:
        raw: JSON.
        contract: whose logs were asked for, 20 bytes.
        topics: any of these first topics was asked for; all logs where empty.
        first_block: number, inclusive.
        last_block: number, inclusive.

    Returns:
        The logs in the order of the chain, each once, none that the node says to be removed.

    Raises:
        PeerError: MALFORMED: another form. NOT_ASKED_FOR: another contract, topic or block.
    """
    documents = _decode(raw, tuple[_Log, ...], "logs")
    logs = [_log(document) for document in documents if not document.removed]
    for log in logs:
        is_wanted = not topics or log.topics[:1] in {(topic,) for topic in topics}
        if log.address != contract or not is_wanted or not first_block <= log.block_number <= last_block:
            raise PeerError(ErrorCode.NOT_ASKED_FOR, value="log")
    logs.sort(key=lambda log: (log.block_number, log.index))
    if len({(log.block_number, log.index) for log in logs}) != len(logs):
        raise _malformed("logs")
    return tuple(logs)


def parse_fees(raw: bytes, priority_fee_min_wei: int) -> Fees:
    """Read what gas costs from a history of fees with one percentile of rewards.

    Args:
        raw: JSON.
        priority_fee_min_wei: what is offered at least.

    Raises:
        PeerError: MALFORMED.
    """
    history = _decode(raw, _History, "fees")
    rewards = sorted(_number(rewards[0]) for rewards in history.reward or () if rewards)
    usual_wei = rewards[len(rewards) // 2] if rewards else 0
    return Fees(
        base_fee_wei=_number(history.base_fee_per_gas[-1]),
        priority_fee_wei=max(usual_wei, priority_fee_min_wei),
    )


def _decode(raw: bytes, kind: type[DocumentT], name: str) -> DocumentT:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _malformed(name) from None


def _number(text: str) -> int:
    if _QUANTITY.fullmatch(text) is None:
        raise _malformed("quantity")
    return int(text, 16)


def _small(text: str) -> int:
    value = _number(text)
    if value > _UINT64_MAX:
        raise _malformed("quantity")
    return value


def _bytes(text: str) -> bytes:
    if _DATA.fullmatch(text) is None:
        raise _malformed("data")
    return bytes.fromhex(text[2:])


def _account(text: str) -> Address:
    return parse_address(text.lower())


def _log(log: _Log) -> Log:
    return Log(
        address=_account(log.address),
        topics=tuple(_bytes(topic) for topic in log.topics),
        data=_bytes(log.data),
        block_number=_small(log.block_number),
        block_hash=_bytes(log.block_hash),
        transaction_hash=_bytes(log.transaction_hash),
        index=_small(log.log_index),
    )


def _malformed(name: str) -> PeerError:
    return PeerError(ErrorCode.MALFORMED, value=name, form="JSON-RPC of Ethereum")
