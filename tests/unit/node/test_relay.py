"""Messages to other nodes: earned, uploaded, completed; at most once, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.upload.ticket_client import Offer, RemoteAnswer
from parley.errors import ConfigError, ErrorCode, PeerError, UnavailableError
from parley.node.mail_routes import RELAY_PURPOSE
from parley.node.outbox import ENDED_MS, Stage
from parley.node.relay import Relay
from parley.node.relay_config import RelayConfig
from parley.pool.addresses import Address
from parley.ports.blobs import Stored
from parley.primitives.instants import Instant
from parley.protocol.work import SPENT_GRACE_MS
from tests.unit.node.mail_parts import CONFIG, OTHER, RECIPIENT, Desk, code, message_id
from tests.unit.node.parts import NOW, SetClock

STATUSES: Mapping[ErrorCode, int] = {
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.EXPIRED: 410,
    ErrorCode.ALREADY_SPENT: 409,
    ErrorCode.WRONG_STATE: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.QUOTA_EXCEEDED: 507,
}


@dataclass
class OtherNode:
    """The recipient's node: real uploads behind a line that loses what the test says.

    Attributes:
        losses: one for each call, in order: "asked" loses the question, "answered" the answer; then nothing is lost.
        answers: by path, instead of the node's own.
    """

    desk: Desk = field(default_factory=Desk)
    losses: list[str] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    numbers: count[int] = field(default_factory=count)

    async def earn(self, route: Address, *, sender: bytes, recipient: bytes) -> Offer:
        assert route == OTHER
        self._lose("asked")
        ticket_id = self.desk.give(f"ticket {next(self.numbers)}", recipient=recipient)
        assert self.desk.tickets.given[ticket_id].sender == sender
        self._lose("answered")
        if self.losses:
            self.losses.pop(0)
        return Offer(ticket_id, is_valid=True, expires_ms=NOW + CONFIG.ticket_ms)

    async def call(
        self, method: str, url: Address, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> RemoteAnswer:
        assert (method, url) == ("POST", OTHER)
        self.calls.append(path)
        self._lose("asked")
        ticket = headers["X-Bitmaelum-Ticket"]
        if self.answers.get(path):
            return RemoteAnswer(self.answers[path].pop(0), b"")
        if path == "/incoming":
            outcome: object = await self.desk.uploads.complete(ticket)
        else:
            outcome = await self.desk.put(path.removeprefix("/incoming/"), body or b"", ticket)
        self._lose("answered")
        if self.losses:
            self.losses.pop(0)
        refusal = code(outcome)
        status = 200 if isinstance(outcome, Stored) else 202 if refusal is None else STATUSES[refusal]
        return RemoteAnswer(status, b"")

    def _lose(self, what: str) -> None:
        if self.losses and self.losses[0] == what:
            self.losses.pop(0)
            raise UnavailableError(ErrorCode.UNREACHABLE)


def relay_of(
    desk: Desk, other: OtherNode, config: RelayConfig | None = None, noted: list[Stage] | None = None
) -> Relay:
    return Relay(
        desk.outbox,
        desk.blobs,
        carrier=other,
        earner=other,
        clock=desk.clock,
        config=config or RelayConfig(),
        note=([] if noted is None else noted).append,
    )


async def sending(desk: Desk, name: str = "own") -> str:
    """Complete a message for the other node; return its id."""
    desk.give(name, purpose=RELAY_PURPOSE)
    await desk.put_header(name, route=OTHER)
    await desk.put("catalog", name.encode(), name)
    assert await desk.uploads.complete(name) is None
    return message_id(name)


def stage(desk: Desk, message: str) -> Stage:
    entry = desk.outbox.find(message)
    assert entry is not None
    return entry.stage


def delivered(other: OtherNode) -> int:
    return len(other.desk.messages())


async def test_a_message_is_brought_and_its_parts_are_dropped() -> None:
    desk, other, noted = Desk(), OtherNode(), list[Stage]()
    message = await sending(desk)
    await relay_of(desk, other, noted=noted).carry(message)
    assert stage(desk, message) is Stage.DELIVERED
    assert other.calls == ["/incoming/catalog", "/incoming/header", "/incoming"]
    assert await other.desk.read("ticket 0", "catalog") == b"own"
    assert (await desk.blobs.list(), noted) == ((), [Stage.DELIVERED])
    await relay_of(desk, other).carry(message)
    assert delivered(other) == 1


async def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    desk, other = Desk(), OtherNode(losses=["", "", "", "answered"])
    message = await sending(desk)
    relay = relay_of(desk, other)
    await relay.carry(message)
    entry = desk.outbox.find(message)
    assert entry is not None
    assert (entry.stage, entry.attempts, entry.reason, delivered(other)) == (Stage.COMPLETING, 1, "UNREACHABLE", 1)
    await relay.carry(message)
    assert (stage(desk, message), delivered(other)) == (Stage.DELIVERED, 1)


async def test_what_may_have_been_delivered_is_not_sent_again() -> None:
    desk, other = Desk(), OtherNode(losses=["", "", "", "answered"])
    message = await sending(desk)
    await relay_of(desk, other).carry(message)
    other.desk.clock.moment = Instant(NOW + CONFIG.ticket_ms + SPENT_GRACE_MS)
    await other.desk.uploads.sweep()  # the other node has forgotten the ticket
    after = await desk.restarted()
    await relay_of(after, other).carry(message)
    assert (stage(after, message), delivered(other)) == (Stage.UNKNOWN, 1)


async def test_a_ticket_that_is_lost_before_the_end_is_replaced() -> None:
    desk, other = Desk(), OtherNode(answers={"/incoming/header": [410], "/incoming": [404]})
    message = await sending(desk)
    relay = relay_of(desk, other)
    for _ in range(2):
        await relay.carry(message)
        assert stage(desk, message) is Stage.WAITING
    await relay.carry(message)
    assert (stage(desk, message), delivered(other)) == (Stage.DELIVERED, 1)
    assert len(other.desk.tickets.given) == 3


async def test_a_full_box_is_tried_again_later() -> None:
    desk, other = Desk(), OtherNode(answers={"/incoming": [507]})
    message = await sending(desk)
    relay = relay_of(desk, other)
    await relay.carry(message)
    assert stage(desk, message) is Stage.EARNED
    await relay.carry(message)
    assert (stage(desk, message), delivered(other)) == (Stage.DELIVERED, 1)
    assert len(other.desk.tickets.given) == 1


async def test_what_the_other_node_never_takes_fails_at_once() -> None:
    desk, other, noted = Desk(), OtherNode(answers={"/incoming/header": [413]}), list[Stage]()
    message = await sending(desk)
    await relay_of(desk, other, noted=noted).carry(message)
    assert (stage(desk, message), noted) == (Stage.FAILED, [Stage.FAILED])
    assert await desk.blobs.list() == ()


async def test_attempts_have_a_limit_and_wait_longer_each_time() -> None:
    desk, other = Desk(), OtherNode(losses=["asked"] * 9)
    config = RelayConfig(attempts_max=4, backoff_ms=2_000, backoff_cap_ms=5_000)
    message = await sending(desk)
    waits = []
    for _ in range(4):
        await relay_of(desk, other, config).carry(message)
        entry = desk.outbox.find(message)
        assert entry is not None
        waits.append(entry.due_ms - NOW)
    assert (waits, stage(desk, message)) == ([2_000, 4_000, 5_000, 0], Stage.FAILED)


async def test_attempts_that_end_in_doubt_do_not_fail() -> None:
    desk, other = Desk(), OtherNode(losses=["", "", "", "asked"])
    message = await sending(desk)
    await relay_of(desk, other, RelayConfig(attempts_max=1)).carry(message)
    assert (stage(desk, message), delivered(other)) == (Stage.UNKNOWN, 0)


class Expensive:
    """Asks for more than there is."""

    async def earn(self, route: Address, *, sender: bytes, recipient: bytes) -> Offer:
        del route, sender, recipient
        raise PeerError(ErrorCode.TOO_EXPENSIVE)


async def test_a_price_above_the_budget_is_not_paid() -> None:
    desk, other = Desk(), OtherNode()
    message = await sending(desk)
    relay = Relay(
        desk.outbox, desk.blobs, carrier=other, earner=Expensive(), clock=desk.clock, config=RelayConfig(attempts_max=2)
    )
    await relay.carry(message)
    assert stage(desk, message) is Stage.WAITING
    await relay.carry(message)
    assert (stage(desk, message), other.calls) == (Stage.FAILED, [])


async def test_ended_entries_are_forgotten_after_a_day() -> None:
    desk, other = Desk(), OtherNode()
    message = await sending(desk)
    await relay_of(desk, other).carry(message)
    assert await desk.outbox.sweep(Instant(NOW + ENDED_MS - 1)) == 0
    assert await desk.outbox.sweep(Instant(NOW + ENDED_MS)) == 1
    assert desk.outbox.entries() == ()


class YieldingClock(SetClock):
    """A clock that lets others run before it goes on."""

    async def sleep_until(self, moment: Instant) -> None:
        await asyncio.sleep(0)
        await super().sleep_until(moment)


async def test_the_relay_carries_whatever_is_due() -> None:
    desk, other = Desk(clock=YieldingClock()), OtherNode(losses=["asked", "asked"])
    messages = [await sending(desk, name) for name in ("one", "two")]
    ended: asyncio.Queue[Stage] = asyncio.Queue()
    relay = Relay(
        desk.outbox,
        desk.blobs,
        carrier=other,
        earner=other,
        clock=desk.clock,
        config=RelayConfig(),
        note=ended.put_nowait,
    )
    running = asyncio.create_task(relay.run())
    assert [await ended.get() for _ in messages] == [Stage.DELIVERED] * 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert delivered(other) == 2


@given(
    losses=st.lists(st.sampled_from(["", "asked", "answered"]), max_size=14),
    restarts=st.sets(st.integers(0, 12)),
    forgets=st.sets(st.integers(0, 12), max_size=2),
)
def test_a_message_arrives_at_most_once(losses: list[str], restarts: set[int], forgets: set[int]) -> None:
    async def run() -> None:
        desk, other = Desk(), OtherNode(losses=list(losses))
        message = await sending(desk)
        for attempt in range(15):
            if attempt in restarts:
                desk = await desk.restarted()
                other.desk = await other.desk.restarted()
            if attempt in forgets:
                other.desk.clock.moment = Instant(other.desk.clock.moment + CONFIG.ticket_ms + SPENT_GRACE_MS)
                await other.desk.uploads.sweep()
            await relay_of(desk, other).carry(message)
        found = delivered(other)
        match stage(desk, message):
            case Stage.DELIVERED:
                assert found == 1
            case Stage.UNKNOWN:
                assert found <= 1
            case _:
                pytest.fail("fifteen attempts end it")
        if not forgets:
            assert found == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    "settings_of", [{"tries_max": 0}, {"attempts_max": 0}, {"backoff_ms": 9}, {"backoff_ms": 99, "backoff_cap_ms": 98}]
)
def test_limits_have_ranges(settings_of: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        RelayConfig(**settings_of)


def test_the_recipient_is_the_one_of_the_other_node() -> None:
    assert OtherNode().desk.known >= {RECIPIENT}


async def test_a_part_that_is_gone_ends_the_message() -> None:
    desk, other = Desk(), OtherNode()
    message = await sending(desk)
    await desk.blobs.delete(message)
    await relay_of(desk, other).carry(message)
    entry = desk.outbox.find(message)
    assert entry is not None
    assert (entry.stage, entry.reason, other.calls) == (Stage.FAILED, "NOT_FOUND", [])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_busy_node_is_asked_again_with_the_same_ticket(status: int) -> None:
    desk, other = Desk(), OtherNode(answers={"/incoming/catalog": [status], "/incoming": [status]})
    message = await sending(desk)
    relay = relay_of(desk, other)
    for wanted in (Stage.EARNED, Stage.COMPLETING, Stage.DELIVERED):
        await relay.carry(message)
        assert stage(desk, message) is wanted
    assert (len(other.desk.tickets.given), delivered(other)) == (1, 1)


async def test_an_unknown_message_is_nothing_to_carry() -> None:
    desk, other = Desk(), OtherNode()
    await relay_of(desk, other).carry("unknown")
    assert (desk.outbox.entries(), other.calls) == ((), [])
