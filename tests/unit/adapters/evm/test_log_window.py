"""What a follower remembers: bounded, complete behind its first checkpoint, and the same after the store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.evm.log_window import LogWindow, compare_logs, decode_window, empty_window, encode_window
from parley.ports.chain import Block, Log
from parley.primitives.ids import Address

SOURCE = b"\x50" * 32


def block(number: int, fork: int = 0) -> Block:
    name = number.to_bytes(16, "big") + fork.to_bytes(16, "big")
    return Block(number=number, block_hash=name, parent_hash=bytes(32), timestamp_s=0, base_fee_wei=0)


def log(number: int, index: int = 0, fork: int = 0, data: bytes = b"d") -> Log:
    return Log(
        address=Address(b"\xc0" * 20),
        topics=(b"\x01" * 32, b"\x02" * 32),
        data=data,
        block_number=number,
        block_hash=block(number, fork).block_hash,
        transaction_hash=b"\x03" * 32,
        index=index,
    )


def points(window: LogWindow) -> list[int]:
    return [number for number, _ in window.checkpoints]


def numbers(logs: tuple[Log, ...]) -> list[int]:
    return [one.block_number for one in logs]


def test_a_window_moves_on_and_forgets_what_cannot_be_reorganised() -> None:
    window = empty_window(SOURCE)
    for number in range(10):
        last = points(window)[-1] if window.checkpoints else None
        window = window.moved(last, [block(number)], [log(number)], reorg_blocks=3)
    assert points(window) == [6, 7, 8, 9]
    assert numbers(window.logs) == [7, 8, 9]
    assert window.checkpoints[0] == (6, block(6).block_hash)


def test_events_before_the_first_checkpoint_are_not_kept() -> None:
    read = [log(number) for number in range(100)]
    window = empty_window(SOURCE).moved(None, [block(90), block(99)], read, reorg_blocks=9)
    assert (points(window), numbers(window.logs)) == ([90, 99], list(range(91, 100)))


def test_what_was_read_behind_the_common_block_is_replaced() -> None:
    window = empty_window(SOURCE).moved(None, [block(0), block(5)], [log(3), log(5)], reorg_blocks=9)
    moved = window.moved(0, [block(6, fork=1)], [log(3), log(6, fork=1)], reorg_blocks=9)
    assert moved.checkpoints == ((0, block(0).block_hash), (6, block(6, fork=1).block_hash))
    assert moved.logs == (log(3), log(6, fork=1))
    assert window.moved(None, [], [], reorg_blocks=9) == empty_window(SOURCE)


def test_logs_behind_a_number_are_of_later_blocks() -> None:
    window = LogWindow(SOURCE, (), (log(1), log(2), log(3)))
    assert numbers(window.logs_behind(1)) == [2, 3]
    assert numbers(window.logs_behind(3)) == []


def test_comparing_tells_what_is_gone_last_first_and_what_is_new() -> None:
    old = (log(1), log(2, 0), log(2, 1), log(3))
    new = (log(1), log(2, 0, fork=1), log(3, fork=1))
    assert compare_logs(old, new) == ((log(3), log(2, 1), log(2, 0)), (log(2, 0, fork=1), log(3, fork=1)))
    assert compare_logs(old, old) == ((), ())
    assert compare_logs((), new) == ((), new)


@given(
    st.lists(st.tuples(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32)), max_size=5),
    st.lists(st.builds(log, st.integers(0, 2**32), st.integers(0, 9), st.integers(0, 9), st.binary(max_size=99))),
)
def test_a_window_survives_the_store(checkpoints: list[tuple[int, bytes]], logs: list[Log]) -> None:
    offered = checkpoints[0] if checkpoints else None
    window = LogWindow(SOURCE, tuple(checkpoints), tuple(logs), offered)
    assert decode_window(encode_window(window), SOURCE) == window


def test_a_window_of_something_else_is_of_no_use() -> None:
    raw = encode_window(LogWindow(SOURCE, ((1, b"\x01" * 32),), ()))
    assert decode_window(raw, b"\x51" * 32) is None
    assert decode_window(b"", SOURCE) is None
    assert decode_window(raw + b"\x00", SOURCE) is None
    newer = b"\x95\x02" + raw[2:]
    assert raw[:2] == b"\x95\x01"
    assert decode_window(newer, SOURCE) is None


def test_a_window_that_is_too_large_for_a_document_loses_its_oldest_part() -> None:
    logs = tuple(log(number, data=bytes(100_000)) for number in range(1, 13))
    offered = (13, b"\x0d" * 32)
    window = LogWindow(SOURCE, tuple((number, bytes(32)) for number in range(13)), logs, offered)
    raw = encode_window(window)
    kept = decode_window(raw, SOURCE)
    assert len(raw) <= 786_432
    assert kept is not None
    assert kept.offered == offered
    assert points(kept) == [5, 6, 7, 8, 9, 10, 11, 12]
    assert numbers(kept.logs) == [6, 7, 8, 9, 10, 11, 12]


def test_one_block_that_is_too_large_is_left_out_with_all_before_it() -> None:
    window = LogWindow(SOURCE, ((0, bytes(32)), (1, bytes(32))), (log(1, data=bytes(2_000_000)),))
    kept = decode_window(encode_window(window), SOURCE)
    assert kept is not None
    assert (points(kept), kept.logs) == ([1], ())
