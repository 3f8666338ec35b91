"""A chain of blocks and events in memory, which answers calls as it is told to and counts them (an `EvmChain`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.ports.chain import Block, Call, Fees, Log, Receipt, Reverted
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = ["CONTRACT", "TOPIC", "MemoryChain"]

CONTRACT = Address(b"\xc0" * 20)
TOPIC = b"\x70" * 32


@dataclass(slots=True)
class MemoryChain:
    """Blocks with their events.

    Attributes:
        blocks: from number 0 on.
        events: of each block, by its hash.
        answers: what a call returns, by the data it is asked with.
        calls: all that was asked, in order.
        heads: how often the head was asked for.
        asked: set by the first call, or by the first question for the head.
        gate: where there is one, neither is answered before it is set.
        is_away: whether the head is not told.
    """

    blocks: list[Block] = field(default_factory=list)
    events: dict[bytes, tuple[Log, ...]] = field(default_factory=dict)
    answers: dict[bytes, bytes | Reverted | UnavailableError] = field(default_factory=dict)
    calls: list[tuple[Call, bytes | None]] = field(default_factory=list)
    heads: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None
    is_away: bool = False
    fork: int = 0

    def __post_init__(self) -> None:
        self.mine()

    def mine(self, *topics: bytes, contract: Address = CONTRACT) -> Block:
        """Make a block with one event for each topic."""
        number = len(self.blocks)
        parent = self.blocks[-1].block_hash if self.blocks else bytes(32)
        name = keccak256(parent, number.to_bytes(8, "big"), self.fork.to_bytes(8, "big"))
        block = Block(number=number, block_hash=name, parent_hash=parent, timestamp_s=12 * number, base_fee_wei=1)
        self.blocks.append(block)
        self.events[name] = tuple(
            Log(
                address=contract,
                topics=(topic,),
                data=number.to_bytes(2, "big") * 3,
                block_number=number,
                block_hash=name,
                transaction_hash=keccak256(name, topic),
                index=index,
            )
            for index, topic in enumerate(topics)
        )
        return block

    def reorganise(self, depth: int, new: Sequence[Sequence[bytes]]) -> None:
        """Replace the newest blocks by others, each with its events."""
        self.fork += 1
        del self.blocks[len(self.blocks) - depth :]
        for topics in new:
            self.mine(*topics)

    def logs_of(self, *numbers: int) -> tuple[Log, ...]:
        """Return the events of blocks."""
        return tuple(log for number in numbers for log in self.events[self.blocks[number].block_hash])

    async def chain_id(self) -> int:
        """Return 1."""
        return 1

    async def head(self) -> Block:
        """Return the newest block."""
        self.heads += 1
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.is_away:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        return self.blocks[-1]

    async def block(self, which: int | bytes) -> Block | None:
        """Return a block by number or by hash."""
        if isinstance(which, int):
            return self.blocks[which] if which < len(self.blocks) else None
        return next((block for block in self.blocks if block.block_hash == which), None)

    async def balance_wei(self, account: Address) -> int:
        """Return nothing."""
        del account
        return 0

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        """Return nothing."""
        del account, pending
        return 0

    async def code(self, account: Address) -> bytes:
        """Return nothing."""
        del account
        return b""

    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        """Answer as told, at blocks of the chain only."""
        self.calls.append((call, at))
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if at is not None and await self.block(at) is None:
            raise UnavailableError(ErrorCode.NOT_FOUND)
        answer = self.answers.get(call.data, b"")
        if isinstance(answer, UnavailableError):
            raise answer
        return answer

    async def estimate_gas(self, call: Call) -> int | Reverted:
        """Return a number."""
        del call
        return 21_000

    async def fees(self) -> Fees:
        """Return 3 wei per gas in all."""
        return Fees(base_fee_wei=1, priority_fee_wei=2)

    async def publish(self, raw: bytes) -> bytes | Rejected:
        """Take nothing."""
        del raw
        return Rejected(ErrorCode.MALFORMED)

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return nothing."""
        del transaction_hash
        return None

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        """Return events in order."""
        found = self.logs_of(*range(first_block, min(last_block, len(self.blocks) - 1) + 1))
        return tuple(log for log in found if log.address == contract and (not topics or log.topics[0] in topics))

    async def close(self) -> None:
        """Do nothing."""


class LyingChain(MemoryChain):
    """Answers questions for events with what was not asked for."""

    lie: Log | None = None

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        """Return events, and the lie among them."""
        honest = await MemoryChain.logs(self, contract, topics, first_block, last_block)
        return honest if self.lie is None else (*honest, self.lie)


class RestlessChain(MemoryChain):
    """Is reorganised whenever its events are asked for, as often as it is told to."""

    times: int = 0

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        """Return events that are of no chain any more."""
        found = await MemoryChain.logs(self, contract, topics, first_block, last_block)
        if self.times:
            self.times -= 1
            self.reorganise(1, [[TOPIC]])
        return found


class MovingChain(MemoryChain):
    """Is reorganised once, right after a question for a block by its number."""

    depth: int = 0
    new: Sequence[Sequence[bytes]] = ()

    async def head(self) -> Block:
        """Return the newest block, and where there is nothing to come instead, lose it."""
        found = await MemoryChain.head(self)
        self._move(only_when_shorter=True)
        return found

    async def block(self, which: int | bytes) -> Block | None:
        """Return a block; by its number, after the reorganisation."""
        if isinstance(which, int):
            self._move(only_when_shorter=False)
        return await MemoryChain.block(self, which)

    def _move(self, *, only_when_shorter: bool) -> None:
        depth = self.depth
        if depth and (not only_when_shorter or not self.new):
            self.depth = 0
            self.reorganise(depth, self.new)


def forged(log: Log, **fields: object) -> Log:
    """Return an event with other fields."""
    return replace(log, **fields)  # type: ignore[arg-type]  # a test names fields with their types
