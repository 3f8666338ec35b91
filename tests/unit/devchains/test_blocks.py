"""Blocks: roots and filters as another implementation has them, and what is stored is read again."""

from __future__ import annotations

from dataclasses import replace

import rlp  # type: ignore[import-untyped]  # ships no types
from eth.db.trie import _make_trie_root_and_nodes
from eth_bloom.bloom import BloomFilter

from parley.devchains.evm.blocks import (
    MinedBlock,
    bloom_of,
    encode_block,
    may_hold,
    parse_block,
    receipts_root,
    transactions_root,
)
from parley.devchains.evm.headers import EMPTY_TRIE, Header
from parley.devchains.evm.machine import Emitted, Outcome
from parley.ports.chain import Log, Receipt
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

CONTRACT, OTHER = Address(b"\xaa" * 20), Address(b"\xbb" * 20)
TOPIC = b"\x01" * 32
FIRST = Outcome(
    succeeded=True,
    gas_used=50_000,
    price_wei=2**70,
    contract=None,
    logs=(Emitted(CONTRACT, (TOPIC,), b"a"), Emitted(CONTRACT, (), b"b")),
)
SECOND = Outcome(succeeded=False, gas_used=21_000, price_wei=1, contract=None, logs=())
THIRD = Outcome(succeeded=True, gas_used=60_000, price_wei=2, contract=OTHER, logs=(Emitted(OTHER, (), b""),))
RAWS = (b"\x02first", b"\xc1\x05", b"\x01third")
OUTCOMES = (FIRST, SECOND, THIRD)


def block() -> MinedBlock:
    header = Header(
        parent_hash=bytes(32),
        coinbase=Address(bytes(20)),
        state_root=b"\x03" * 32,
        number=9,
        gas_limit=30_000_000,
        timestamp_s=100,
        base_fee_wei=7,
    )
    return MinedBlock(
        header=header,
        block_hash=header.hash(),
        raws=RAWS,
        hashes=tuple(keccak256(raw) for raw in RAWS),
        outcomes=OUTCOMES,
    )


def test_filter_is_that_of_another_implementation() -> None:
    other = BloomFilter.from_iterable([CONTRACT, TOPIC])
    assert int.from_bytes(bloom_of(FIRST.logs), "big") == int(other)


def test_filter_never_denies_what_it_holds() -> None:
    bloom = bloom_of(FIRST.logs)
    assert may_hold(bloom, CONTRACT)
    assert not may_hold(bloom, OTHER)
    assert not may_hold(bytes(256), CONTRACT)


def test_root_of_transactions_is_that_of_another_implementation() -> None:
    many = tuple(keccak256(bytes([number])) for number in range(200))
    assert transactions_root(many) == _make_trie_root_and_nodes(many)[0]
    assert transactions_root(()) == EMPTY_TRIE


def test_root_of_receipts_binds_all_that_was_done() -> None:
    logs = [[CONTRACT, [TOPIC], b"a"], [CONTRACT, [], b"b"]]
    receipts = (
        b"\x02" + rlp.encode([1, 50_000, bloom_of(FIRST.logs), logs]),
        rlp.encode([b"", 71_000, bytes(256), []]),
        b"\x01" + rlp.encode([1, 131_000, bloom_of(THIRD.logs), [[OTHER, [], b""]]]),
    )
    assert receipts_root(RAWS, OUTCOMES) == _make_trie_root_and_nodes(receipts)[0]


def test_reading_is_the_inverse_of_writing() -> None:
    assert parse_block(encode_block(block())) == block()


def test_block_is_named_by_its_head_alone() -> None:
    other = replace(block(), raws=(), hashes=(), outcomes=())
    assert parse_block(encode_block(other)).block_hash == block().block_hash


def test_logs_are_counted_through_the_block() -> None:
    hashes = [keccak256(raw) for raw in RAWS]
    at = {"block_number": 9, "block_hash": block().block_hash}
    assert block().logs() == (
        Log(address=CONTRACT, topics=(TOPIC,), data=b"a", transaction_hash=hashes[0], index=0, **at),  # type: ignore[arg-type]  # a number and bytes
        Log(address=CONTRACT, topics=(), data=b"b", transaction_hash=hashes[0], index=1, **at),  # type: ignore[arg-type]  # as above
        Log(address=OTHER, topics=(), data=b"", transaction_hash=hashes[2], index=2, **at),  # type: ignore[arg-type]  # as above
    )


def test_receipt_says_what_one_transaction_did() -> None:
    assert block().receipt(1) == Receipt(
        transaction_hash=keccak256(RAWS[1]),
        block_number=9,
        block_hash=block().block_hash,
        succeeded=False,
        gas_used=21_000,
        gas_price_wei=1,
        contract=None,
        logs=(),
    )
    assert [log.index for log in block().receipt(2).logs] == [2]
