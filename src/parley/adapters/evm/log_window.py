"""What a follower of events remembers: blocks that it has read to, and the events since the oldest of them.

    checkpoints   c0 ─────── c1 ── c2 ── c3 = read to here      each the number and the hash of a block
    events             e0 e1    e2    e3                        all of them behind c0

A chain that still holds c1 but not c2 was reorganised behind c1. What it has there now is read again and compared with
what is remembered: what is gone is removed, what is new is added. A chain that does not even hold c0 says nothing about
what became of older events, so everything starts anew. So it does where the block is gone to which the owner was told
of events that it never acknowledged: it may have acted on some that are not remembered here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from parley.ports.chain import Block, Log
from parley.primitives.ids import Address

__all__ = ["LogWindow", "compare_logs", "decode_window", "empty_window", "encode_window"]

_FORM: Final = 1
_ENCODED_MAX_BYTES: Final = 786_432
"""Three quarters of what a document of the store holds."""


@dataclass(frozen=True, slots=True)
class LogWindow:
    """What is remembered.

    Attributes:
        source: names what is followed, 32 bytes; a window of something else is of no use.
        checkpoints: number and hash of blocks, ascending; none at first.
        logs: all events behind the first checkpoint, in the order of the chain.
        offered: number and hash of the block to which the owner was told of events that it has not acknowledged; None
            where there are none.
    """

    source: bytes
    checkpoints: tuple[tuple[int, bytes], ...]
    logs: tuple[Log, ...]
    offered: tuple[int, bytes] | None = None

    def logs_behind(self, number: int) -> tuple[Log, ...]:
        """Return the events of later blocks than the one with this number."""
        return tuple(log for log in self.logs if log.block_number > number)

    def moved(
        self, kept_to: int | None, blocks: Sequence[Block], logs: Sequence[Log], *, reorg_blocks: int
    ) -> LogWindow:
        """Return the window once more was read.

        Args:
            kept_to: number of the checkpoint from which it was read; those behind it are void. None: all are.
            blocks: new checkpoints, ascending, the last of them where reading ended; none where nothing was read.
            logs: all events from `kept_to` to there.
            reorg_blocks: how far behind the newest checkpoint the oldest has to be.
        """
        kept = tuple(point for point in self.checkpoints if kept_to is not None and point[0] <= kept_to)
        points = kept + tuple((block.number, block.block_hash) for block in blocks)
        still = tuple(log for log in self.logs if kept_to is not None and log.block_number <= kept_to)
        behind = points[0][0] if points else 0
        window = LogWindow(self.source, points, tuple(log for log in (*still, *logs) if log.block_number > behind))
        reach = points[-1][0] - reorg_blocks if points else 0
        while len(window.checkpoints) > 1 and window.checkpoints[1][0] <= reach:
            window = window.without_oldest()
        return window

    def without_oldest(self) -> LogWindow:
        """Forget the oldest checkpoint, and the events up to the next one."""
        rest = self.checkpoints[1:]
        return replace(self, checkpoints=rest, logs=self.logs_behind(rest[0][0]) if rest else ())


def empty_window(source: bytes) -> LogWindow:
    """Return the window of a follower that has read nothing."""
    return LogWindow(source, (), ())


def compare_logs(old: Sequence[Log], new: Sequence[Log]) -> tuple[tuple[Log, ...], tuple[Log, ...]]:
    """Compare what was known of some blocks with what the chain has there now.

    Args:
        old: events that were told, in the order of the chain.
        new: events that it has now, in its order.

    Returns:
        Those that are gone, the last of them first, so that they are undone in turn; and those that are new.
    """
    then, now = {_name(log) for log in old}, {_name(log) for log in new}
    removed = tuple(log for log in reversed(old) if _name(log) not in now)
    return removed, tuple(log for log in new if _name(log) not in then)


def _name(log: Log) -> tuple[bytes, int]:
    return log.block_hash, log.index


class _StoredLog(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    index: int


class _StoredWindow(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    form: int
    source: bytes
    checkpoints: tuple[tuple[int, bytes], ...]
    logs: tuple[_StoredLog, ...]
    offered: tuple[int, bytes] | None


def encode_window(window: LogWindow) -> bytes:
    """Encode a window for the store; where it is too large, the oldest part is left out."""
    while True:
        logs = tuple(
            _StoredLog(
                log.address,
                log.topics,
                log.data,
                log.block_number,
                log.block_hash,
                log.transaction_hash,
                log.index,
            )
            for log in window.logs
        )
        raw = msgspec.msgpack.encode(_StoredWindow(_FORM, window.source, window.checkpoints, logs, window.offered))
        if len(raw) <= _ENCODED_MAX_BYTES or not window.checkpoints[1:]:
            return raw
        window = window.without_oldest()


def decode_window(raw: bytes, source: bytes) -> LogWindow | None:
    """Decode what was stored; None where it is of another form or of something else that was followed."""
    try:
        stored = msgspec.msgpack.decode(raw, type=_StoredWindow)
    except msgspec.MsgspecError:
        return None
    if stored.form != _FORM or stored.source != source:
        return None
    logs = tuple(
        Log(
            address=Address(log.address),
            topics=log.topics,
            data=log.data,
            block_number=log.block_number,
            block_hash=log.block_hash,
            transaction_hash=log.transaction_hash,
            index=log.index,
        )
        for log in stored.logs
    )
    return LogWindow(source, stored.checkpoints, logs, stored.offered)
