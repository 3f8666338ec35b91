"""The checks of chains find the faults that they are there to find: each fault is one that an adapter once had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from parley.devchains.evm import ChainConfig, EmbeddedChain, development_accounts
from parley.errors import ErrorCode, LocalError, Rejected
from parley.ledgers.evm.transactions import transaction_hash
from parley.ports.chain import Block, Call, EvmChain, Fees, Log, Receipt, Reverted
from parley.primitives.ids import Address
from parley.testing.chain_conformance import check_chain


class Faulty:
    """A right chain; what is wrong is written over it."""

    def __init__(self) -> None:
        self.inside = EmbeddedChain(ChainConfig(is_automatic=False))

    async def chain_id(self) -> int:
        return await self.inside.chain_id()

    async def head(self) -> Block:
        return await self.inside.head()

    async def block(self, which: int | bytes) -> Block | None:
        return await self.inside.block(which)

    async def balance_wei(self, account: Address) -> int:
        return await self.inside.balance_wei(account)

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        return await self.inside.transaction_count(account, pending=pending)

    async def code(self, account: Address) -> bytes:
        return await self.inside.code(account)

    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        return await self.inside.call(call, at=at)

    async def estimate_gas(self, call: Call) -> int | Reverted:
        return await self.inside.estimate_gas(call)

    async def fees(self) -> Fees:
        return await self.inside.fees()

    async def publish(self, raw: bytes) -> bytes | Rejected:
        return await self.inside.publish(raw)

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        return await self.inside.receipt(transaction_hash)

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        return await self.inside.logs(contract, topics, first_block, last_block)

    async def close(self) -> None:
        await self.inside.close()


class Rig:
    """A chain that may be faulty, over one that is not."""

    def __init__(self, chain: Faulty) -> None:
        self.chain: EvmChain = chain
        self.keys: Sequence[bytes] = tuple(account.secret for account in development_accounts(3))
        self._inside = chain.inside

    async def mine(self, count: int = 1) -> None:
        await self._inside.mine(count)

    async def reorganise(self, depth: int) -> None:
        await self._inside.reorganise(depth, is_keeping=False)


class KnowsEveryHash(Faulty):
    async def block(self, which: int | bytes) -> Block | None:
        return await super().block(which) or await super().head()


class CountsWhatWaits(Faulty):
    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        del pending
        return await super().transaction_count(account, pending=True)


class RefusesRepeats(Faulty):
    def __init__(self) -> None:
        super().__init__()
        self._seen: set[bytes] = set()

    async def publish(self, raw: bytes) -> bytes | Rejected:
        if raw in self._seen:
            return Rejected(ErrorCode.STALE_SEQUENCE)
        self._seen.add(raw)
        return await super().publish(raw)


class TakesAll(Faulty):
    async def publish(self, raw: bytes) -> bytes | Rejected:
        await super().publish(raw)
        return transaction_hash(raw)


class SaysOnlyThatItIsRefused(Faulty):
    async def publish(self, raw: bytes) -> bytes | Rejected:
        answer = await super().publish(raw)
        return Rejected(ErrorCode.MALFORMED) if isinstance(answer, Rejected) else answer


class ForgetsTheBlockOfACall(Faulty):
    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        del at
        return await super().call(call)


class ForgetsTheSenderOfACall(Faulty):
    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        return await super().call(replace(call, sender=None), at=at)


class HidesReasons(Faulty):
    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        answer = await super().call(call, at=at)
        return Reverted("") if isinstance(answer, Reverted) else answer


class EstimatesTooLittle(Faulty):
    async def estimate_gas(self, call: Call) -> int | Reverted:
        answer = await super().estimate_gas(call)
        return answer if isinstance(answer, Reverted) else answer - 1


class TellsThePresentBaseFee(Faulty):
    async def fees(self) -> Fees:
        return replace(await super().fees(), base_fee_wei=(await super().head()).base_fee_wei)


class AlwaysSucceeds(Faulty):
    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        receipt = await super().receipt(transaction_hash)
        return None if receipt is None else replace(receipt, succeeded=True)


class KeepsLostReceipts(Faulty):
    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[bytes, Receipt | None] = {}

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        found = await super().receipt(transaction_hash)
        self._kept[transaction_hash] = found or self._kept.get(transaction_hash)
        return self._kept[transaction_hash]


class IgnoresTopics(Faulty):
    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        del topics
        return await super().logs(contract, (), first_block, last_block)


class LeavesOutTheLastBlock(Faulty):
    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        found = await super().logs(contract, topics, first_block, last_block)
        return tuple(log for log in found if log.block_number < last_block)


class StaysOpen(Faulty):
    async def close(self) -> None:
        """Go on as before."""


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (KnowsEveryHash, "what is not there yet is no block"),
        (CountsWhatWaits, "nor is its nonce used"),
        (RefusesRepeats, "the same is taken while it waits"),
        (TakesAll, "a nonce is used once"),
        (SaysOnlyThatItIsRefused, "a nonce is used once"),
        (ForgetsTheBlockOfACall, "a call sees the state after its block"),
        (ForgetsTheSenderOfACall, "a call has a sender and a value"),
        (HidesReasons, "a refusal has its reason"),
        (EstimatesTooLittle, "a transfer has its price"),
        (TellsThePresentBaseFee, "the base fee is the next block's"),
        (AlwaysSucceeds, "it failed"),
        (KeepsLostReceipts, "a lost receipt is none"),
        (IgnoresTopics, "logs are found by their first topic, in order"),
        (LeavesOutTheLastBlock, "a range holds its ends alone"),
        (StaysOpen, "a closed chain answers no more"),
    ],
)
async def test_a_fault_is_found_and_its_rule_is_named(fault: type[Faulty], rule: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Rig]:
        chain = fault()
        yield Rig(chain)
        await chain.inside.close()

    with pytest.raises(LocalError) as caught:
        await check_chain(make)
    assert caught.value.facts["rule"] == rule
