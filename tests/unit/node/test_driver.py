from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import pytest

from parley.adapters.memory.store import MemoryStore
from parley.adapters.system import SystemClock
from parley.errors import ErrorCode, PeerError
from parley.node.driver import Driver, JournaledDriver, OutputKey
from parley.primitives.instants import Instant

END_S = 10


class Counter:
    """Adds what it receives; refuses zero; says the sum, and "late" once when its alarm rings."""

    def __init__(self, alarm: Instant | None = None) -> None:
        self.total = 0
        self.alarm = alarm
        self.outputs: deque[str] = deque(["begun"])

    def receive(self, event: int, now: Instant) -> None:
        del now
        if event == 0:
            raise PeerError(ErrorCode.PROTOCOL_VIOLATION)
        self.total += event
        self.outputs.append(f"sum {self.total}")

    def handle_timeout(self, now: Instant) -> None:
        if self.alarm is not None and now >= self.alarm:
            self.alarm = None
            self.outputs.append("late")

    def next_timeout(self) -> Instant | None:
        return self.alarm

    def next_output(self) -> str | None:
        return self.outputs.popleft() if self.outputs else None


async def test_a_driver_performs_outputs_in_order_and_events_from_within() -> None:
    done: list[str] = []

    def perform(output: str) -> None:
        done.append(output)
        if output == "sum 1":
            driver.deliver(2)

    driver: Driver[int, str] = Driver(Counter(), SystemClock(), perform)
    driver.pump()
    driver.deliver(1)
    with pytest.raises(PeerError):
        driver.deliver(0)
    assert done == ["begun", "sum 1", "sum 3"]
    driver.stop()


async def test_a_driver_lets_time_act() -> None:
    clock, rung = SystemClock(), asyncio.Event()
    driver: Driver[int, str] = Driver(
        Counter(Instant(clock.now() + 5)), clock, lambda output: rung.set() if output == "late" else None
    )
    driver.pump()
    async with asyncio.timeout(END_S):
        await rung.wait()
    assert rung.is_set()


@dataclass
class Bench:
    """A journaled driver and what it performed."""

    driver: JournaledDriver[int, str]
    done: list[tuple[int, int, str]]


def journaled(store: MemoryStore, machine: Counter) -> Bench:
    done: list[tuple[int, int, str]] = []

    async def perform(key: OutputKey, output: str) -> None:
        assert (key.machine, key.run) == ("counter", 3)
        done.append((key.sequence, key.number, output))

    driver: JournaledDriver[int, str] = JournaledDriver(
        machine,
        name="counter",
        run=3,
        clock=SystemClock(),
        journal=store.journal,
        encode=lambda event: b"%d" % event,
        parse=int,
        perform=perform,
    )
    return Bench(driver, done)


async def test_a_journaled_driver_resumes_where_it_was_and_repeats_the_last_outputs() -> None:
    store, first = MemoryStore(), Counter()
    bench = journaled(store, first)
    await bench.driver.resume()
    await bench.driver.deliver(4)
    with pytest.raises(PeerError):
        await bench.driver.deliver(0)
    await bench.driver.deliver(5)
    assert bench.done == [(0, 0, "begun"), (0, 0, "sum 4"), (2, 0, "sum 9")]

    second = Counter()
    again = journaled(store, second)
    await again.driver.resume()
    assert second.total == first.total == 9
    assert again.done == [(2, 0, "sum 9")]
    await again.driver.deliver(1)
    assert again.done[-1] == (3, 0, "sum 10")


async def test_time_is_an_input_that_is_replayed_too() -> None:
    store, alarm = MemoryStore(), Instant(1)
    bench = journaled(store, Counter(alarm))
    await bench.driver.resume()
    await bench.driver.handle_timeout()
    await bench.driver.handle_timeout()
    assert [output for _, _, output in bench.done] == ["begun", "late"]
    again = journaled(store, Counter(alarm))
    await again.driver.resume()
    assert again.done == [(0, 0, "late")]


async def test_an_input_that_was_not_kept_was_not_seen() -> None:
    store, machine = MemoryStore(), Counter()
    bench = journaled(store, machine)
    await bench.driver.resume()
    await store.close()
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the class is checked below
        await bench.driver.deliver(4)
    assert getattr(caught.value, "code", None) is ErrorCode.SHUTTING_DOWN
    assert machine.total == 0
