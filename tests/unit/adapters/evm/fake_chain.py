"""A chain of transfers in memory: accounts, a pool of transactions, blocks made on demand, reorganisations."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from eth_utils.crypto import keccak

from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.ledgers.evm import transactions
from parley.ledgers.evm.transactions import Transaction, transaction_hash
from parley.ports.chain import Block, Call, Fees, Log, Receipt, Reverted
from parley.primitives.ids import Address

__all__ = ["CHAIN_ID", "GAS", "REFUSES", "FakeChain"]

CHAIN_ID = 31_337
GAS = 50_000
"""What every call takes."""
REFUSES = Address(b"\xee" * 20)
"""A contract that refuses every call."""
RICH_WEI = 10**21

parse_transaction = lru_cache(10_000)(transactions.parse_transaction)


@dataclass
class FakeBlock:
    """A block and what it holds."""

    block: Block
    raws: list[bytes] = field(default_factory=list)


class FakeChain:
    """A `parley.ports.chain.EvmChain`; nodes' rule for replacements is kept: both fees a tenth higher at least."""

    def __init__(self) -> None:
        self.base_fee_wei = 1_000
        self.priority_fee_wei = 100
        self.balances: dict[bytes, int] = {}
        self.pool: dict[tuple[bytes, int], bytes] = {}
        self.blocks = [
            FakeBlock(
                Block(
                    number=0,
                    block_hash=b"\x00" * 31 + b"\x01",
                    parent_hash=bytes(32),
                    timestamp_s=0,
                    base_fee_wei=1_000,
                )
            )
        ]
        self.is_silent = False
        self.is_full = False
        self.verdict: Rejected | None = None
        self.published: list[bytes] = []
        self._branch = 0

    def mine(self, count: int = 1) -> None:
        """Make blocks; what pays enough is in the first of them, by nonce."""
        for _ in range(count):
            parent = self.blocks[-1].block
            self._branch += 1
            seed = parent.block_hash + self._branch.to_bytes(8, "big")
            made = FakeBlock(
                Block(
                    number=parent.number + 1,
                    block_hash=keccak(seed),
                    parent_hash=parent.block_hash,
                    timestamp_s=12 * (parent.number + 1),
                    base_fee_wei=self.base_fee_wei,
                )
            )
            self.blocks.append(made)
            for key in sorted(() if self.is_full else self.pool):
                transaction, _ = parse_transaction(self.pool[key])
                if key[1] == self.used(key[0]) and transaction.max_fee_wei >= self.base_fee_wei:
                    made.raws.append(self.pool[key])
            for raw in made.raws:
                transaction, sender = parse_transaction(raw)
                del self.pool[bytes(sender), transaction.nonce]

    def reorganise(self, depth: int, *, keep_pool: bool = False) -> None:
        """Replace the newest blocks by empty ones; the lost transactions go back to the pool, or nowhere."""
        lost = [raw for block in self.blocks[-depth:] for raw in block.raws]
        del self.blocks[-depth:]
        waiting, self.pool = self.pool, {}
        self.mine(depth)
        self.pool = waiting
        if keep_pool:
            for raw in lost:
                transaction, sender = parse_transaction(raw)
                self.pool.setdefault((bytes(sender), transaction.nonce), raw)

    def included(self) -> list[Transaction]:
        """Return all transactions of the chain as it is now, in order."""
        return [parse_transaction(raw)[0] for block in self.blocks for raw in block.raws]

    def used(self, account: bytes) -> int:
        """Return how many nonces of an account are used."""
        return sum(parse_transaction(raw)[1] == account for block in self.blocks for raw in block.raws)

    def fill(self, raw: bytes) -> None:
        """Put a transaction of another wallet into the pool, whatever is there."""
        transaction, sender = parse_transaction(raw)
        self.pool[bytes(sender), transaction.nonce] = raw

    def _answer(self) -> None:
        if self.is_silent:
            raise UnavailableError(ErrorCode.UNREACHABLE)

    async def chain_id(self) -> int:
        self._answer()
        return CHAIN_ID

    async def head(self) -> Block:
        self._answer()
        return self.blocks[-1].block

    async def block(self, which: int | bytes) -> Block | None:
        self._answer()
        return next((made.block for made in self.blocks if which in {made.block.number, made.block.block_hash}), None)

    async def balance_wei(self, account: Address) -> int:
        self._answer()
        return self.balances.get(bytes(account), RICH_WEI)

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        self._answer()
        count = self.used(account)
        while pending and (bytes(account), count) in self.pool:
            count += 1
        return count

    async def code(self, account: Address) -> bytes:
        self._answer()
        return b"\x00" if account == REFUSES else b""

    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        del at
        self._answer()
        return Reverted("no such ticket") if call.to == REFUSES else b""

    async def estimate_gas(self, call: Call) -> int | Reverted:
        self._answer()
        return Reverted("no such ticket") if call.to == REFUSES else GAS

    async def fees(self) -> Fees:
        self._answer()
        return Fees(base_fee_wei=self.base_fee_wei, priority_fee_wei=self.priority_fee_wei)

    async def publish(self, raw: bytes) -> bytes | Rejected:
        self._answer()
        self.published.append(raw)
        if self.verdict is not None:
            return self.verdict
        transaction, sender = parse_transaction(raw)
        key, name = (bytes(sender), transaction.nonce), transaction_hash(raw)
        if any(raw in block.raws for block in self.blocks) or self.pool.get(key) == raw:
            return name
        if transaction.nonce < self.used(sender):
            return Rejected(ErrorCode.STALE_SEQUENCE)
        if transaction.value_wei + transaction.gas_limit * transaction.max_fee_wei > await self.balance_wei(sender):
            return Rejected(ErrorCode.QUOTA_EXCEEDED)
        held = self.pool.get(key)
        if held is not None:
            other, _ = parse_transaction(held)
            for new_wei, old_wei in (
                (transaction.max_fee_wei, other.max_fee_wei),
                (transaction.max_priority_fee_wei, other.max_priority_fee_wei),
            ):
                if new_wei <= old_wei or new_wei * 10 < old_wei * 11:
                    return Rejected(ErrorCode.PRICE_TOO_LOW)
        self.pool[key] = raw
        return name

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        self._answer()
        for made in self.blocks:
            for raw in made.raws:
                if keccak(raw) == transaction_hash:
                    return self._receipt(made.block, raw)
        return None

    def _receipt(self, block: Block, raw: bytes) -> Receipt:
        transaction, _ = parse_transaction(raw)
        name = keccak(raw)
        log = Log(
            address=transaction.to or Address(bytes(20)),
            topics=(b"\x07" * 32,),
            data=transaction.data,
            block_number=block.number,
            block_hash=block.block_hash,
            transaction_hash=name,
            index=0,
        )
        return Receipt(
            transaction_hash=name,
            block_number=block.number,
            block_hash=block.block_hash,
            succeeded=True,
            gas_used=GAS,
            gas_price_wei=min(transaction.max_fee_wei, block.base_fee_wei + transaction.max_priority_fee_wei),
            contract=None,
            logs=(log,),
        )

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        del contract, topics, first_block, last_block
        self._answer()
        return ()

    async def close(self) -> None:
        self.is_silent = True
