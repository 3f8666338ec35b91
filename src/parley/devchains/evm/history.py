"""The blocks of one chain, and which of them are part of it now; a reorganisation changes the second only.

c || number        hash of the block with this number
b || hash          a block, also one that was left behind
t || hash          block and place of a transaction; believed only where the block is part of the chain
n || key           a node of a tree or code, forever
m || name          a setting of the chain, written once
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from parley.devchains.evm.blocks import MinedBlock, encode_block, parse_block
from parley.devchains.evm.headers import Header
from parley.devchains.evm.machine import Machine, State
from parley.devchains.evm.nodes import Nodes
from parley.devchains.evm.storage import Storage
from parley.errors import ErrorCode, LocalError

__all__ = ["History"]

_CACHED_BLOCKS: Final = 512
_ANCESTORS: Final = 256
_HASH_BYTES: Final = 32
_EVENTFUL: Final = b"\x01"
_QUIET: Final = b"\x00"


class History:
    """All blocks, the chain among them, and the state after each."""

    def __init__(self, storage: Storage, chain_id: int) -> None:
        """Take up what is stored; `is_empty` where that is nothing."""
        self._storage = storage
        self._nodes = Nodes(lambda key: storage.get(b"n" + key))
        self.machine = Machine(self._nodes, chain_id)
        self._chain: list[bytes] = []
        self._eventful: list[int] = []
        for _, value in storage.scan(b"c"):
            self._link(value[:_HASH_BYTES], is_eventful=value[_HASH_BYTES:] == _EVENTFUL)
        self._cached: OrderedDict[bytes, MinedBlock] = OrderedDict()
        self._head_state: tuple[bytes, State] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no first block yet."""
        return not self._chain

    @property
    def head(self) -> MinedBlock:
        """The newest block."""
        return self._block(self._chain[-1])

    def by_number(self, number: int) -> MinedBlock | None:
        """Return a block of the chain."""
        return self._block(self._chain[number]) if 0 <= number < len(self._chain) else None

    def by_hash(self, block_hash: bytes) -> MinedBlock | None:
        """Return a block of the chain; None also where it was left behind."""
        block = self.known(block_hash)
        return block if block is not None and self.is_part(block) else None

    def known(self, block_hash: bytes) -> MinedBlock | None:
        """Return a block, also one that was left behind."""
        return self._find(block_hash) if len(block_hash) == _HASH_BYTES else None

    def is_part(self, block: MinedBlock) -> bool:
        """Say whether a block is part of the chain now."""
        number = block.header.number
        return number < len(self._chain) and self._chain[number] == block.block_hash

    def with_events(self, first: int, last: int) -> Iterator[MinedBlock]:
        """Return the blocks of the chain that hold events, from one number to another, in order."""
        low, high = bisect_left(self._eventful, first), bisect_right(self._eventful, last)
        for number in self._eventful[low:high]:
            yield self._block(self._chain[number])

    def transaction(self, transaction_hash: bytes) -> tuple[MinedBlock, int] | None:
        """Return the block of the chain that holds a transaction, and its place there."""
        found = self._storage.get(b"t" + transaction_hash)
        if found is None:
            return None
        block = self.by_hash(found[:_HASH_BYTES])
        return None if block is None else (block, int.from_bytes(found[_HASH_BYTES:], "big"))

    def state(self, block: MinedBlock | None = None) -> State:
        """Return the state after a block of the chain, the head where none is named; for calls only."""
        block = block or self.head
        if self._head_state is not None and self._head_state[0] == block.block_hash:
            return self._head_state[1]
        state = self.machine.open(block.header, self.hashes_before(block.header.number))
        if block.block_hash == self._chain[-1]:
            self._head_state = (block.block_hash, state)
        return state

    def hashes_before(self, number: int) -> Iterator[bytes]:
        """Return the hashes of the blocks below a number, the newest first, as many as the machine may ask for."""
        newest_first = self._chain[max(0, number - _ANCESTORS) : number]
        newest_first.reverse()
        return iter(newest_first)

    def open_next(self, header: Header) -> State:
        """Return a state in which the block after the head is made."""
        return self.machine.open(header, self.hashes_before(header.number))

    def append(self, block: MinedBlock, *, put: Mapping[bytes, bytes], drop: Iterable[bytes] = ()) -> None:
        """Add a block to the head in one step, together with other changes of the storage."""
        number = block.header.number.to_bytes(8, "big")
        changes = dict(put)
        changes.update((b"n" + key, value) for key, value in self._nodes.take_fresh().items())
        changes[b"b" + block.block_hash] = encode_block(block)
        is_eventful = any(outcome.logs for outcome in block.outcomes)
        changes[b"c" + number] = block.block_hash + (_EVENTFUL if is_eventful else _QUIET)
        for place, transaction_hash in enumerate(block.hashes):
            changes[b"t" + transaction_hash] = block.block_hash + place.to_bytes(4, "big")
        self._storage.write(changes, drop)
        self._link(block.block_hash, is_eventful=is_eventful)
        self._remember(block)

    def forget_fresh(self) -> None:
        """Drop what a block that came to nothing has left."""
        self._nodes.take_fresh()

    def rewind(self, number: int, *, put: Mapping[bytes, bytes]) -> tuple[MinedBlock, ...]:
        """Let the chain end with an earlier block, in one step with other changes; return what is left behind."""
        left = tuple(self._block(block_hash) for block_hash in self._chain[number + 1 :])
        self._storage.write(put, [b"c" + block.header.number.to_bytes(8, "big") for block in left])
        del self._chain[number + 1 :]
        del self._eventful[bisect_right(self._eventful, number) :]
        return left

    def _link(self, block_hash: bytes, *, is_eventful: bool) -> None:
        if is_eventful:
            self._eventful.append(len(self._chain))
        self._chain.append(block_hash)

    def _block(self, block_hash: bytes) -> MinedBlock:
        block = self._find(block_hash)
        if block is None:
            raise LocalError(ErrorCode.WRONG_STATE, fault="the storage lacks a block of the chain")
        return block

    def _find(self, block_hash: bytes) -> MinedBlock | None:
        if (block := self._cached.get(block_hash)) is not None:
            return block
        raw = self._storage.get(b"b" + block_hash)
        if raw is None:
            return None
        block = parse_block(raw)
        self._remember(block)
        return block

    def _remember(self, block: MinedBlock) -> None:
        self._cached[block.block_hash] = block
        if len(self._cached) > _CACHED_BLOCKS:
            self._cached.popitem(last=False)
