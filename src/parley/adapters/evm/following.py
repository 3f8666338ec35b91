"""Events of a contract followed over restarts and reorganisations.

    poll()         what was removed and what was added since the last batch that was acknowledged
    acknowledge()  writes down how far the owner has come; what is not acknowledged comes again

So each event reaches the owner at least once, in the order of the chain, also over `kill -9`. An event whose block the
chain gives up is told as removed, with all its fields. This cannot be told where the chain gives up more blocks than
are remembered, or is another chain altogether, or gives up a block of which the owner was told but which it has not
acknowledged: then the batch says that it starts anew, and all that was ever told is void.

What a contract holds is better asked (`parley.ports.broker`) than added up from its events; events say when to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from parley.adapters.evm.log_window import LogWindow, compare_logs, decode_window, empty_window, encode_window
from parley.errors import ConflictError, ErrorCode, LocalError, PeerError, UnavailableError
from parley.ports.chain import Block, EvmChain, Log
from parley.ports.store import Documents, check_name
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["EventBatch", "EventFollower", "FollowingConfig"]

_NAMESPACE: Final = "evm/following"
_SPAN_MAX_BLOCKS: Final = 10_000
_REORG_MAX_BLOCKS: Final = 4_000
_UINT64_MAX: Final = 2**64 - 1
_TRIES: Final = 3
_TOPIC_BYTES: Final = 32
_SOURCE_TAG: Final = "parley/evm/following"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingConfig:
    """What is followed.

    Attributes:
        name: of the follower, 1..255 bytes of UTF-8; its place in the store.
        contract: whose events, 20 bytes.
        topics: any of these first topics, 32 bytes each; all events where empty.
        first_block: number of the first block to look at, 0 <= number < 2**64: that of the contract's creation, or
            a later one.
        reorg_blocks: how many blocks a chain may give up so that the removed events can be told, 1..4,000.
        span_blocks: how many blocks of a chain one batch covers at most, 1..10,000; more where a reorganisation
            reaches over more.
    """

    name: str
    contract: Address
    topics: tuple[bytes, ...] = ()
    first_block: int = 0
    reorg_blocks: int = 128
    span_blocks: int = 2_000

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LocalError: INVALID_ARGUMENT, with the name of the field.
        """
        check_name(self.name)
        _check(len(self.contract) == ADDRESS_BYTES, "contract")
        _check(all(len(topic) == _TOPIC_BYTES for topic in self.topics), "topics")
        _check(0 <= self.first_block <= _UINT64_MAX, "first_block")
        _check(1 <= self.reorg_blocks <= _REORG_MAX_BLOCKS, "reorg_blocks")
        _check(1 <= self.span_blocks <= _SPAN_MAX_BLOCKS, "span_blocks")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """What happened since the last batch that was acknowledged.

    Attributes:
        starts_anew: all that was ever told is void, and `added` begins at the first block again.
        removed: events whose blocks are part of the chain no more, the last of them first.
        added: events in the order of the chain.
        block_number: of the block that was read to; one less than the first block where the chain is shorter.
        is_caught_up: whether this was the head; otherwise poll again at once.
        before: what the follower remembered.
        after: what it remembers once this is acknowledged.
    """

    starts_anew: bool
    removed: tuple[Log, ...]
    added: tuple[Log, ...]
    block_number: int
    is_caught_up: bool
    before: LogWindow
    after: LogWindow


class EventFollower:
    """Follows the events of one contract; for one owner in one process."""

    def __init__(self, chain: EvmChain, documents: Documents, config: FollowingConfig) -> None:
        """Follow from where the last process with this name has stopped, or from the first block.

        Args:
            chain: what is followed.
            documents: where it is written down how far the owner has come.
            config: what is followed.
        """
        self._chain = chain
        self._documents = documents
        self._config = config
        self._source = tagged_hash(_SOURCE_TAG, config.contract, encode_uint(config.first_block, 8), *config.topics)
        self._window: LogWindow | None = None
        self._is_void = False

    async def poll(self) -> EventBatch:
        """Return what is new; the same again until it is acknowledged.

        Raises:
            UnavailableError: the chain or the store does not answer, or the chain changes faster than it is read.
            PeerError: the chain answers with events that were not asked for.
        """
        window = await self._known()
        for _ in range(_TRIES):
            batch = await self._read(window)
            if batch is not None:
                return await self._offered(batch)
        raise UnavailableError(ErrorCode.BUSY, tries=_TRIES, fault="the chain changes while it is read")

    async def _offered(self, batch: EventBatch) -> EventBatch:
        """Write down what the owner is about to be told, so that it is known should the chain give it up."""
        if not batch.added or batch.starts_anew or batch.before.offered == batch.after.checkpoints[-1]:
            return batch
        before = replace(batch.before, offered=batch.after.checkpoints[-1])
        await self._documents.put(_NAMESPACE, self._config.name, encode_window(before))
        self._window = before
        return replace(batch, before=before)

    async def acknowledge(self, batch: EventBatch) -> None:
        """Write down that all of a batch is done with.

        Raises:
            ConflictError: WRONG_STATE: a batch that another one has overtaken.
            UnavailableError: the store does not answer; the batch comes again, or this one may be repeated.
        """
        window = await self._known()
        if window == batch.after:
            return
        if window != batch.before:
            raise ConflictError(ErrorCode.WRONG_STATE, block_number=batch.block_number)
        await self._documents.put(_NAMESPACE, self._config.name, encode_window(batch.after))
        self._window = batch.after
        self._is_void = False

    async def _known(self) -> LogWindow:
        if self._window is None:
            raw = await self._documents.get(_NAMESPACE, self._config.name)
            known = None if raw is None else decode_window(raw, self._source)
            # somebody followed under this name, but what was told then cannot be known any more
            self._is_void = raw is not None and known is None
            self._window = known or empty_window(self._source)
        return self._window

    async def _read(self, window: LogWindow) -> EventBatch | None:
        """Read once; None where the chain changed in between."""
        head = await self._chain.head()
        is_lost = self._is_void or (window.offered is not None and await self._chain.block(window.offered[1]) is None)
        common = None if is_lost else await self._common(window)
        ancestor = None if common is None else common[0]
        starts_anew = is_lost or (ancestor is None and bool(window.checkpoints))
        first = self._config.first_block if ancestor is None else ancestor + 1
        # what is remembered behind the common block has to be compared as a whole, at most 8,000 blocks
        remembered = window.checkpoints[-1][0] if ancestor is not None else 0
        last = min(head.number, max(first + self._config.span_blocks - 1, remembered))
        blocks = await self._checkpoints(head, first, last, is_first=ancestor is None)
        if blocks is None:
            return None
        logs = await self._logs(first, last) if blocks else ()
        if blocks and not await self._still_holds(common, blocks[-1], logs):
            return None
        known = () if ancestor is None else window.logs_behind(ancestor)
        removed, added = compare_logs(known, logs)
        after = window.moved(ancestor, blocks, logs, reorg_blocks=self._config.reorg_blocks)
        return EventBatch(
            starts_anew=starts_anew,
            removed=removed,
            added=added,
            block_number=max(last, first - 1),
            is_caught_up=last == head.number or head.number < first,
            before=window,
            after=after,
        )

    async def _common(self, window: LogWindow) -> tuple[int, bytes] | None:
        """Return number and hash of the newest checkpoint that the chain still holds."""
        for number, block_hash in reversed(window.checkpoints):
            if await self._chain.block(block_hash) is not None:
                return number, block_hash
        return None

    async def _checkpoints(self, head: Block, first: int, last: int, *, is_first: bool) -> list[Block] | None:
        """Return the block at the end, and where it is needed one before it, as far as a reorganisation may reach."""
        if last < first:
            return []
        end = head if last == head.number else await self._chain.block(last)
        if end is None:
            return None
        if last - first >= self._config.reorg_blocks:
            number = last - self._config.reorg_blocks
        elif is_first:
            number = max(first - 1, 0)  # the first block of all has no events
        else:
            return [end]
        earlier = await self._chain.block(number)
        return None if earlier is None else [earlier, end] if number < last else [end]

    async def _logs(self, first: int, last: int) -> tuple[Log, ...]:
        logs = await self._chain.logs(self._config.contract, self._config.topics, first, last)
        for log in logs:
            wanted_topic = not self._config.topics or log.topics[:1] in {(topic,) for topic in self._config.topics}
            if log.address != self._config.contract or not first <= log.block_number <= last or not wanted_topic:
                raise PeerError(ErrorCode.NOT_ASKED_FOR, block_number=log.block_number, index=log.index)
        return logs

    async def _still_holds(self, common: tuple[int, bytes] | None, end: Block, logs: Sequence[Log]) -> bool:
        """Say whether all was read from one chain: where it began and where it ended are still part of it."""
        if any(log.block_number == end.number and log.block_hash != end.block_hash for log in logs):
            return False
        if common is not None and await self._chain.block(common[1]) is None:
            return False
        return await self._chain.block(end.block_hash) is not None


def _check(holds: bool, name: str) -> None:  # noqa: FBT001 - the outcome of one comparison
    if not holds:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name)
