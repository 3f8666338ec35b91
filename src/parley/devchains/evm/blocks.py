"""Blocks that were made: head, transactions, what each did, and the roots that bind all of it to the head.

transactions root    tree of index -> raw transaction
receipts root        tree of index -> kind || rlp(status, gas used so far, bloom, logs)
bloom                three bits of 2048 for each address and each topic of each log
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import rlp  # type: ignore[import-untyped]  # ships no types
from trie.hexary import HexaryTrie

from parley.devchains.evm.headers import BLOOM_BYTES, Header, encode_header, parse_header
from parley.devchains.evm.machine import Emitted, Outcome
from parley.ledgers.evm.packing import pack_uint256
from parley.ports.chain import Block, Log, Receipt
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = ["MinedBlock", "bloom_of", "encode_block", "may_hold", "parse_block", "receipts_root", "transactions_root"]

_LIST_BYTE: Final = 0xC0
_BLOOM_BITS: Final = 8 * BLOOM_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedBlock:
    """One block.

    Attributes:
        header: its head.
        block_hash: 32 bytes.
        raws: its transactions, signed.
        hashes: their names, in the same order.
        outcomes: what each did, in the same order.
    """

    header: Header
    block_hash: bytes
    raws: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    outcomes: tuple[Outcome, ...]

    def summary(self) -> Block:
        """Return it as the port says it."""
        return Block(
            number=self.header.number,
            block_hash=self.block_hash,
            parent_hash=self.header.parent_hash,
            timestamp_s=self.header.timestamp_s,
            base_fee_wei=self.header.base_fee_wei,
        )

    def logs(self) -> tuple[Log, ...]:
        """Return all events in order."""
        return tuple(log for index in range(len(self.outcomes)) for log in self.logs_of(index))

    def logs_of(self, index: int) -> tuple[Log, ...]:
        """Return the events of one transaction."""
        before = sum(len(outcome.logs) for outcome in self.outcomes[:index])
        return tuple(
            Log(
                address=log.address,
                topics=log.topics,
                data=log.data,
                block_number=self.header.number,
                block_hash=self.block_hash,
                transaction_hash=self.hashes[index],
                index=before + place,
            )
            for place, log in enumerate(self.outcomes[index].logs)
        )

    def receipt(self, index: int) -> Receipt:
        """Return the receipt of one transaction."""
        outcome = self.outcomes[index]
        return Receipt(
            transaction_hash=self.hashes[index],
            block_number=self.header.number,
            block_hash=self.block_hash,
            succeeded=outcome.succeeded,
            gas_used=outcome.gas_used,
            gas_price_wei=outcome.price_wei,
            contract=outcome.contract,
            logs=self.logs_of(index),
        )


class _StoredOutcome(msgspec.Struct, frozen=True, array_like=True):
    succeeded: bool
    gas_used: int
    price_wei: bytes  # may be larger than 64 bits
    contract: bytes | None
    logs: tuple[Emitted, ...]


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    header: bytes
    raws: tuple[bytes, ...]
    outcomes: tuple[_StoredOutcome, ...]


def encode_block(block: MinedBlock) -> bytes:
    """Lay out a block for the storage; the inverse of `parse_block`."""
    outcomes = tuple(
        _StoredOutcome(one.succeeded, one.gas_used, pack_uint256(one.price_wei), one.contract, one.logs)
        for one in block.outcomes
    )
    return msgspec.msgpack.encode(_Stored(encode_header(block.header), block.raws, outcomes))


def parse_block(raw: bytes) -> MinedBlock:
    """Read a block that this program stored."""
    stored = msgspec.msgpack.decode(raw, type=_Stored)
    return MinedBlock(
        header=parse_header(stored.header),
        block_hash=keccak256(stored.header),
        raws=stored.raws,
        hashes=tuple(keccak256(one) for one in stored.raws),
        outcomes=tuple(
            Outcome(
                succeeded=one.succeeded,
                gas_used=one.gas_used,
                price_wei=int.from_bytes(one.price_wei, "big"),
                contract=None if one.contract is None else Address(one.contract),
                logs=one.logs,
            )
            for one in stored.outcomes
        ),
    )


def bloom_of(logs: Iterable[Emitted]) -> bytes:
    """Return the filter that holds the addresses and topics of all these logs, 256 bytes.

    Source: Ethereum yellow paper §4.3.1.
    """
    bits = 0
    for log in logs:
        for part in (log.address, *log.topics):
            bits |= _bits_of(part)
    return bits.to_bytes(BLOOM_BYTES, "big")


def may_hold(bloom: bytes, address: bytes) -> bool:
    """Say whether a block with this filter may hold logs of a contract; False is certain."""
    wanted = _bits_of(address)
    return int.from_bytes(bloom, "big") & wanted == wanted


def transactions_root(raws: Sequence[bytes]) -> bytes:
    """Return the root that binds the transactions of a block, 32 bytes."""
    return _root(raws)


def receipts_root(raws: Sequence[bytes], outcomes: Sequence[Outcome]) -> bytes:
    """Return the root that binds what the transactions of a block did, 32 bytes."""
    items = []
    gas_used = 0
    for raw, outcome in zip(raws, outcomes, strict=True):
        gas_used += outcome.gas_used
        logs = [[log.address, list(log.topics), log.data] for log in outcome.logs]
        encoded: bytes = rlp.encode([int(outcome.succeeded), gas_used, bloom_of(outcome.logs), logs])
        items.append((b"" if raw[0] >= _LIST_BYTE else raw[:1]) + encoded)
    return _root(items)


def _root(items: Sequence[bytes]) -> bytes:
    tree = HexaryTrie({})
    for index, item in enumerate(items):
        tree[rlp.encode(index)] = item
    return bytes(tree.root_hash)


def _bits_of(part: bytes) -> int:
    digest = keccak256(part)
    bits = 0
    for place in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[place : place + 2], "big") % _BLOOM_BITS)
    return bits
