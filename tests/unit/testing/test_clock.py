from __future__ import annotations

import asyncio

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.instants import Instant
from parley.testing.clock import VirtualClock, run_virtual
from parley.testing.conformance import check_clock

START = Instant(1_800_000_000_000)
HOUR_MS = 3_600_000


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(START)
    assert (clock.now(), clock.now()) == (START, START)
    clock.advance(0)
    assert clock.now() == START
    clock.advance(1_500)
    assert clock.now() == START + 1_500


def test_microseconds_add_up_to_milliseconds() -> None:
    clock = VirtualClock(START)
    for _ in range(3):
        clock.advance_us(400)
    assert clock.now() == START + 1
    assert clock.passed_us() == 1_200


@pytest.mark.parametrize("duration_ms", [-1, -HOUR_MS])
def test_time_does_not_run_backwards(duration_ms: int) -> None:
    clock = VirtualClock(START)
    with pytest.raises(LocalError):
        clock.advance(duration_ms)
    assert clock.now() == START


def test_the_clock_obeys_its_port() -> None:
    clock = VirtualClock(START)
    run_virtual(check_clock(lambda: clock), clock)
    assert clock.now() == START + 2


def test_sleepers_wake_in_the_order_of_their_moments_at_exactly_them() -> None:
    clock = VirtualClock(START)
    woke: list[tuple[int, int]] = []

    async def sleep(after_ms: int) -> None:
        await clock.sleep_until(Instant(START + after_ms))
        woke.append((after_ms, clock.now() - START))

    async def main() -> None:
        await asyncio.gather(*(sleep(after_ms) for after_ms in (30, 10, HOUR_MS, 20, 10)))

    run_virtual(main(), clock)
    assert woke == [(10, 10), (10, 10), (20, 20), (30, 30), (HOUR_MS, HOUR_MS)]


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    clock = VirtualClock(START)

    async def main() -> None:
        await clock.sleep_until(START)
        await clock.sleep_until(Instant(START - 5))

    run_virtual(main(), clock)
    assert clock.now() == START


def test_the_timers_of_asyncio_are_virtual_too() -> None:
    clock = VirtualClock(START)
    seen: list[int] = []

    async def main() -> str:
        asyncio.get_running_loop().call_later(7, lambda: seen.append(clock.now() - START))
        await asyncio.sleep(10)
        seen.append(clock.now() - START)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(86_400):
                await asyncio.get_running_loop().create_future()
        return "done"

    assert run_virtual(main(), clock) == "done"
    assert seen == [7_000, 10_000]
    assert clock.now() == START + 10_000 + 86_400_000


def test_sleepers_and_timers_share_one_time() -> None:
    clock = VirtualClock(START)
    order: list[str] = []

    async def by_loop() -> None:
        await asyncio.sleep(0.015)
        order.append("loop")

    async def by_clock(after_ms: int) -> None:
        await clock.sleep_until(Instant(START + after_ms))
        order.append(f"clock {after_ms}")

    async def main() -> None:
        await asyncio.gather(by_clock(20), by_loop(), by_clock(10))

    run_virtual(main(), clock)
    assert order == ["clock 10", "loop", "clock 20"]


def test_what_is_cancelled_is_not_waited_for() -> None:
    clock = VirtualClock(START)

    async def main() -> None:
        sleeper = asyncio.create_task(clock.sleep_until(Instant(START + HOUR_MS)))
        await asyncio.sleep(0.001)
        assert clock.next_wake() == START + HOUR_MS
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        assert clock.next_wake() is None

    run_virtual(main(), clock)
    assert clock.now() == START + 1


def test_moving_the_clock_by_hand_wakes_sleepers_of_any_loop() -> None:
    clock = VirtualClock(START)

    async def main() -> list[bool]:
        sleeper = asyncio.create_task(clock.sleep_until(Instant(START + 50)))
        await asyncio.sleep(0)
        clock.advance(49)
        await asyncio.sleep(0)
        before = sleeper.done()
        clock.advance(1)
        await sleeper
        return [before, sleeper.done()]

    assert asyncio.run(main()) == [False, True]


def test_waiting_for_what_cannot_come_is_an_error_and_not_a_hanging_test() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(LocalError) as caught:
        run_virtual(main(), VirtualClock(START))
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_what_the_coroutine_raises_is_raised() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError

    with pytest.raises(LookupError):
        run_virtual(main(), VirtualClock(START))


def test_a_queue_between_tasks_needs_no_time() -> None:
    clock = VirtualClock(START)
    got: list[int] = []

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)

        async def produce() -> None:
            for number in range(5):
                await queue.put(number)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            for _ in range(5):
                got.append(await queue.get())  # noqa: PERF401  # each waits for the producer

    run_virtual(main(), clock)
    assert got == [0, 1, 2, 3, 4]
    assert clock.now() == START
