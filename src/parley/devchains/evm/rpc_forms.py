"""The values of Ethereum's JSON-RPC: how they are written, and how strictly they are read.

    quantity    "0x0", "0x41": hex digits without leading zeros          data    "0x", "0x00ff": whole bytes

Source: Ethereum execution-apis, "Ethereum JSON-RPC Specification".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from parley.devchains.evm.blocks import MinedBlock, bloom_of
from parley.devchains.evm.headers import Header, encode_header
from parley.devchains.evm.transactions import SignedTransaction
from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.addresses import checksum_text, parse_address
from parley.ports.chain import Call, Log
from parley.primitives.ids import Address

__all__ = [
    "block_document",
    "data_text",
    "log_document",
    "parse_account",
    "parse_call",
    "parse_data",
    "parse_hash",
    "parse_quantity",
    "quantity_text",
    "receipt_document",
    "transaction_document",
    "wrong",
]

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HASH_BYTES: Final = 32
_EXACT_MAX: Final = 2**53
_CALL_FIELDS: Final = frozenset(
    {
        "from", "to", "value", "data", "input", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas",
        "nonce", "type", "chainId", "accessList",
    }
)  # fmt: skip


def wrong(field: str, wanted: str) -> PeerError:
    """Return the refusal of a parameter that has another form."""
    return PeerError(ErrorCode.INVALID_PARAMS, field=field, wanted=wanted)


def quantity_text(value: int) -> str:
    """Write a quantity."""
    return hex(value)


def data_text(raw: bytes) -> str:
    """Write data."""
    return "0x" + raw.hex()


def parse_quantity(value: object, field: str) -> int:
    """Read a quantity below 2**256; a small JSON number is one too, as several tools send it.

    Raises:
        PeerError: INVALID_PARAMS.
    """
    if type(value) is int and 0 <= value < _EXACT_MAX:
        return value
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise wrong(field, "a quantity such as 0x41")
    return int(value, 16)


def parse_data(value: object, field: str) -> bytes:
    """Read data of any size.

    Raises:
        PeerError: INVALID_PARAMS.
    """
    if not isinstance(value, str) or _DATA.fullmatch(value) is None:
        raise wrong(field, "data such as 0x00ff")
    return bytes.fromhex(value[2:])


def parse_hash(value: object, field: str) -> bytes:
    """Read a hash.

    Raises:
        PeerError: INVALID_PARAMS.
    """
    raw = parse_data(value, field)
    if len(raw) != _HASH_BYTES:
        raise wrong(field, "32 bytes")
    return raw


def parse_account(value: object, field: str) -> Address:
    """Read an address.

    Raises:
        PeerError: INVALID_PARAMS: another form, or a wrong checksum.
    """
    if not isinstance(value, str):
        raise wrong(field, "an address")
    try:
        return parse_address(value)
    except PeerError as error:
        raise wrong(field, "an address") from error


def parse_call(value: object) -> tuple[Call, Mapping[str, Any]]:
    """Read what is to be called, and all fields as they came.

    Raises:
        PeerError: INVALID_PARAMS.
    """
    if not isinstance(value, dict) or not _CALL_FIELDS.issuperset(value):
        raise wrong("call", "an object of from, to, value, data, gas and fees")
    given = {name: field for name, field in value.items() if field is not None}
    data = [parse_data(given[name], name) for name in ("input", "data") if name in given]
    if len(set(data)) > 1:
        raise wrong("data", "the same as input")
    call = Call(
        to=parse_account(given["to"], "to") if "to" in given else None,
        data=data[0] if data else b"",
        value_wei=parse_quantity(given.get("value", "0x0"), "value"),
        sender=parse_account(given["from"], "from") if "from" in given else None,
    )
    return call, given


def block_document(block: MinedBlock, transactions: list[Any]) -> dict[str, Any]:
    """Write a block.

    Args:
        block: the block.
        transactions: hashes as text, or documents.
    """
    header = block.header
    size_bytes = len(encode_header(header)) + sum(len(raw) for raw in block.raws)
    return {
        "hash": data_text(block.block_hash),
        **_header_document(header),
        "size": quantity_text(size_bytes),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }


def _header_document(header: Header) -> dict[str, str]:
    return {
        "number": quantity_text(header.number),
        "parentHash": data_text(header.parent_hash),
        "sha3Uncles": data_text(header.uncles_hash),
        "miner": checksum_text(header.coinbase),
        "stateRoot": data_text(header.state_root),
        "transactionsRoot": data_text(header.transactions_root),
        "receiptsRoot": data_text(header.receipts_root),
        "logsBloom": data_text(header.bloom),
        "difficulty": quantity_text(header.difficulty),
        "totalDifficulty": quantity_text(0),
        "gasLimit": quantity_text(header.gas_limit),
        "gasUsed": quantity_text(header.gas_used),
        "timestamp": quantity_text(header.timestamp_s),
        "extraData": data_text(header.extra_data),
        "mixHash": data_text(header.mix_hash),
        "nonce": data_text(header.nonce),
        "baseFeePerGas": quantity_text(header.base_fee_wei),
        "withdrawalsRoot": data_text(header.withdrawals_root),
        "blobGasUsed": quantity_text(header.blob_gas_used),
        "excessBlobGas": quantity_text(header.excess_blob_gas),
        "parentBeaconBlockRoot": data_text(header.parent_beacon_root),
    }


def transaction_document(one: SignedTransaction, block: MinedBlock | None, place: int = 0) -> dict[str, Any]:
    """Write a transaction.

    Args:
        one: the transaction.
        block: what holds it; None while it waits.
        place: of it in the block.
    """
    price_wei = one.max_fee_wei if block is None else one.price_wei(block.header.base_fee_wei)
    v = one.y_parity + 35 + 2 * one.chain_id if one.kind == 0 else one.y_parity
    document: dict[str, Any] = {
        "blockHash": None if block is None else data_text(block.block_hash),
        "blockNumber": None if block is None else quantity_text(block.header.number),
        "transactionIndex": None if block is None else quantity_text(place),
        "hash": data_text(one.hash),
        "type": quantity_text(one.kind),
        "chainId": quantity_text(one.chain_id),
        "nonce": quantity_text(one.nonce),
        "from": checksum_text(one.sender),
        "to": None if one.to is None else checksum_text(one.to),
        "value": quantity_text(one.value_wei),
        "input": data_text(one.data),
        "gas": quantity_text(one.gas),
        "gasPrice": quantity_text(price_wei),
        "v": quantity_text(v),
        "r": quantity_text(one.r),
        "s": quantity_text(one.s),
    }
    if one.kind > 0:
        document["yParity"] = quantity_text(one.y_parity)
        document["accessList"] = [
            {"address": checksum_text(account), "storageKeys": [data_text(slot.to_bytes(32, "big")) for slot in slots]}
            for account, slots in one.access_list
        ]
    if one.kind == 2:  # noqa: PLR2004  # with two fees
        document["maxFeePerGas"] = quantity_text(one.max_fee_wei)
        document["maxPriorityFeePerGas"] = quantity_text(one.max_priority_fee_wei)
    return document


def receipt_document(one: SignedTransaction, block: MinedBlock, place: int) -> dict[str, Any]:
    """Write what a transaction did."""
    outcome = block.outcomes[place]
    return {
        "transactionHash": data_text(one.hash),
        "transactionIndex": quantity_text(place),
        "blockHash": data_text(block.block_hash),
        "blockNumber": quantity_text(block.header.number),
        "from": checksum_text(one.sender),
        "to": None if one.to is None else checksum_text(one.to),
        "cumulativeGasUsed": quantity_text(sum(each.gas_used for each in block.outcomes[: place + 1])),
        "gasUsed": quantity_text(outcome.gas_used),
        "effectiveGasPrice": quantity_text(outcome.price_wei),
        "contractAddress": None if outcome.contract is None else checksum_text(outcome.contract),
        "logs": [log_document(log, place) for log in block.logs_of(place)],
        "logsBloom": data_text(bloom_of(outcome.logs)),
        "type": quantity_text(one.kind),
        "status": quantity_text(int(outcome.succeeded)),
    }


def log_document(log: Log, place: int, *, is_removed: bool = False) -> dict[str, Any]:
    """Write an event.

    Args:
        log: the event.
        place: of its transaction in the block.
        is_removed: whether its block was left behind.
    """
    return {
        "address": checksum_text(log.address),
        "topics": [data_text(topic) for topic in log.topics],
        "data": data_text(log.data),
        "blockNumber": quantity_text(log.block_number),
        "blockHash": data_text(log.block_hash),
        "transactionHash": data_text(log.transaction_hash),
        "transactionIndex": quantity_text(place),
        "logIndex": quantity_text(log.index),
        "removed": is_removed,
    }
