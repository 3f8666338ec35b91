from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from parley.adapters.memory import SeededEntropy
from parley.errors import ConfigError, ErrorCode, ParleyError, PeerError, Rejected, UnavailableError
from parley.lottery.params import Payment, TicketParams
from parley.lottery.verdicts import Receipt
from parley.node.payments_door import PaymentsDoor
from parley.node.supervise import Supervisor
from parley.primitives.ids import Address

SENDER = Address(b"\x01" * 20)


class Opened:
    """What stands for open payments."""

    def __init__(self) -> None:
        self.started = 0
        self.closed = 0

    def start(self, supervisor: Supervisor) -> None:
        del supervisor
        self.started += 1

    async def quote(self, sender: Address, worth_wei: int) -> TicketParams | Rejected:
        del sender, worth_wei
        return Rejected(ErrorCode.FUNDS_TOO_LOW)

    async def receive(self, payment: Payment) -> Receipt:
        return Receipt(sender=payment.sender)

    async def close(self) -> None:
        self.closed += 1


class World:
    """A door, and what opening it comes to."""

    def __init__(self, keys: Path) -> None:
        self.supervisor = Supervisor(SeededEntropy(b"door"))
        self.opened = Opened()
        self.openings = 0
        self.failures: list[ParleyError | OSError] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.door = PaymentsDoor(self.open, self.supervisor, keys)  # type: ignore[arg-type]  # stands for payments

    async def open(self) -> Opened:
        self.openings += 1
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return self.opened


async def test_strangers_open_nothing_where_the_owner_never_did(tmp_path: Path) -> None:
    world = World(tmp_path / "keys")
    assert await world.door.quote(SENDER, 1) == Rejected(ErrorCode.NOT_FOUND)
    with pytest.raises(ParleyError) as caught:
        await world.door.receive(Payment(SENDER))
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert world.openings == 0


async def test_a_folder_that_cannot_be_used_is_a_failure_like_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.failures = [FileExistsError(17, "a file where a folder should be")]
    with pytest.raises(ConfigError) as caught:
        await world.door.get()
    assert (caught.value.code, caught.value.facts) == (ErrorCode.DATA_DIR_UNUSABLE, {"errno": 17})
    assert world.door.failure is caught.value
    await world.door.keep_open()
    assert world.door.failure is None


async def test_strangers_are_not_told_that_our_chain_talks_nonsense(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.failures = [PeerError(ErrorCode.MALFORMED, field="answer")]
    with pytest.raises(UnavailableError) as caught:
        await world.door.receive(Payment(SENDER))
    assert (caught.value.code, caught.value.facts) == (ErrorCode.BUSY, {})


async def test_who_goes_away_neither_ends_the_opening_nor_begins_another(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.gate.clear()
    gone = asyncio.create_task(world.door.get())
    await asyncio.sleep(0)
    others = [asyncio.create_task(world.door.get()) for _ in range(3)]
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    world.gate.set()
    found: list[object] = list(await asyncio.gather(*others))
    assert found == [world.opened] * 3
    assert (world.openings, world.opened.started) == (1, 1)


async def test_strangers_are_told_nothing_of_what_is_wrong_and_cost_no_second_opening(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.failures = [ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase", path="/secret/keys/0x12.json")]
    for _ in range(3):
        with pytest.raises(UnavailableError) as caught:
            await world.door.quote(SENDER, 1)
        assert (caught.value.code, dict(caught.value.facts)) == (ErrorCode.BUSY, {})
    assert world.openings == 1
    held: object = await world.door.get()
    assert held is world.opened, "the owner tries again"
    assert await world.door.quote(SENDER, 1) == Rejected(ErrorCode.FUNDS_TOO_LOW)


async def test_the_owner_is_told_what_is_wrong(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.failures = [ConfigError(ErrorCode.CONFIG_INVALID, setting="passphrase")]
    failures: list[object] = [world.door.failure]
    with pytest.raises(ConfigError) as caught:
        await world.door.get()
    assert caught.value.facts["setting"] == "passphrase"
    failures.append(world.door.failure)
    await world.door.get()
    assert [*failures, world.door.failure] == [None, caught.value, None]


async def test_a_node_whose_chain_is_away_goes_on_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.node.payments_door._FIRST_PAUSE_S", 0.001)
    world = World(tmp_path)
    world.failures = [UnavailableError(ErrorCode.UNREACHABLE) for _ in range(3)]
    await world.door.keep_open()
    assert world.openings == 4
    held: object = world.door.opened
    assert held is world.opened


async def test_what_is_opened_while_the_node_stops_is_closed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.gate.clear()
    opening = asyncio.create_task(world.door.get())
    await asyncio.sleep(0)
    closing = asyncio.create_task(world.door.close())
    await asyncio.sleep(0)
    world.gate.set()
    await closing
    with pytest.raises(UnavailableError) as caught:
        await opening
    assert caught.value.code is ErrorCode.SHUTTING_DOWN
    assert (world.opened.closed, world.opened.started) == (1, 0)
    with pytest.raises(UnavailableError):
        await world.door.get()
