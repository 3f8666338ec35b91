"""One opening for all who ask: cancelled requests, failures that are remembered, and what a stranger learns of them."""

from __future__ import annotations

import asyncio

import pytest

from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from parley.gate.opening import SharedOpening
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.x402 import PaymentSignature, Requirement
from parley.primitives.instants import Instant
from parley.protocol.work import Registry
from parley.testing.clock import VirtualClock
from tests.unit.gate.stage import START, Stage, problem_of


class Door:
    """What is opened; it counts, waits if it is told to, and fails if it is told to."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self.failure: Exception | None = None
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.clock = VirtualClock(START)
        self.shared = SharedOpening(self.open, self.clock)

    async def open(self) -> Door:
        self.opened += 1
        await self.may_open.wait()
        if self.failure is not None:
            raise self.failure
        return self

    async def close(self) -> None:
        self.closed += 1


async def settled_tasks() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_goes_away_neither_ends_nor_doubles_the_opening() -> None:
    door = Door()
    door.may_open.clear()
    first, second = (asyncio.create_task(door.shared.get()) for _ in range(2))
    await settled_tasks()
    first.cancel()
    await settled_tasks()
    third = asyncio.create_task(door.shared.get())
    door.may_open.set()
    assert await second is await third is door
    assert first.cancelled()
    assert (door.opened, door.closed) == (1, 0)


async def test_closing_waits_for_the_opening_and_the_next_opens_after_it() -> None:
    door = Door()
    door.may_open.clear()
    asking = asyncio.create_task(door.shared.get())
    await settled_tasks()
    closing = asyncio.create_task(door.shared.close())
    await settled_tasks()
    assert not closing.done()
    door.may_open.set()
    await closing
    await asking
    assert (door.opened, door.closed) == (1, 1)
    await door.shared.close()
    assert await door.shared.get() is door
    assert (door.opened, door.closed) == (2, 1)


async def test_a_wrong_setting_stays_wrong_until_it_is_closed() -> None:
    door = Door()
    door.failure = ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase")
    for _ in range(3):
        with pytest.raises(ConfigError) as raised:
            await door.shared.get()
        assert dict(raised.value.facts) == {"setting": "passphrase"}
        door.clock.advance(3_600_000)
    assert door.opened == 1
    door.failure = None
    await door.shared.close()
    assert await door.shared.get() is door


@pytest.mark.parametrize(
    "failure",
    [UnavailableError(ErrorCode.UNREACHABLE, retry_after_ms=10), PeerError(ErrorCode.MALFORMED), OSError(5, "disk")],
)
async def test_what_does_not_answer_is_asked_again_after_some_seconds(failure: Exception) -> None:
    door = Door()
    door.failure = failure
    for wait_ms in (0, 1_000, 3_999):
        door.clock.advance(wait_ms)
        with pytest.raises(UnavailableError) as raised:
            await door.shared.get()
        assert raised.value.code is ErrorCode.UNREACHABLE
    assert (door.opened, raised.value.retry_after_ms) == (1, 1)
    door.clock.advance(1)
    door.failure = None
    assert await door.shared.get() is door
    assert door.opened == 2


class LateWay:
    """A way to pay that opens with its first use."""

    name = "late"
    network = "test:late"

    def __init__(self, door: Door) -> None:
        self._door = door

    def check_price(self, price: int) -> None:
        pass

    async def offer(self, charge: Charge, now: Instant) -> tuple[Requirement, ...]:
        del charge, now
        await self._door.shared.get()
        return ()

    async def settle(self, payment: PaymentSignature, charge: Charge, now: Instant) -> Settled | Repeated | Rejected:
        del payment, charge, now
        await self._door.shared.get()
        return Rejected(ErrorCode.ALREADY_SPENT)


async def test_a_stranger_learns_nothing_of_a_wrong_setting() -> None:
    door = Door()
    door.failure = ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path="/secret/place")
    stage = Stage(schemes=(LateWay(door),), price_units={"/search": 1})
    assert (await stage.ask()).status_code == 402  # work is still a way to pay
    answer = await Stage(schemes=(LateWay(door),), methods=Registry(())).ask()
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert problem_of(answer)["facts"] == {}
