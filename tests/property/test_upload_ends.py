"""Whatever parts, completions, deletions, lapses and restarts meet, an upload has exactly one end."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from parley.errors import ErrorCode
from parley.ports.blobs import Stored
from parley.primitives.instants import Instant
from tests.unit.node.mail_parts import CONFIG, TICKET, Desk, code, message_id
from tests.unit.node.parts import NOW

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("part"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["complete", "delete", "sweep"]), st.just(0)),
        st.tuples(st.just("time"), st.integers(1, CONFIG.lease_ms)),
    ),
    min_size=1,
    max_size=12,
)
"""Waves of steps; those of one wave run at once, each begun after as many turns of the loop as drawn."""


async def act(desk: Desk, step: tuple[str, int], turns: int) -> tuple[str, object]:
    kind, number = step
    for _ in range(turns):
        await asyncio.sleep(0)
    match kind:
        case "part":
            return kind, await desk.put(f"block/{number}", b"%d" % number)
        case "complete":
            return kind, await desk.uploads.complete(TICKET)
        case "delete":
            return kind, await desk.uploads.delete(TICKET)
        case "time":
            desk.clock.moment = Instant(desk.clock.moment + number)
        case _:
            await desk.uploads.sweep()
            await desk.uploads.drop_orphans()
    return kind, None


def check(desk: Desk, outcomes: list[tuple[str, object]], acknowledged: set[str]) -> None:
    """Check that all answers tell of one end, and that the box agrees."""
    completed = any(kind == "complete" and outcome is None for kind, outcome in outcomes)
    deleted = any(kind == "delete" and outcome is None for kind, outcome in outcomes)
    assert not (completed and deleted)
    assert desk.messages() == ([message_id()] if completed else [])
    if completed:
        message = desk.mailbox.messages((b"\x02" * 32).hex())[0]
        assert acknowledged <= {part.name for part in message.parts}
    refusals = {code(outcome) for kind, outcome in outcomes if kind in {"complete", "delete"}} - {None}
    allowed = {ErrorCode.ALREADY_SPENT} if completed else {ErrorCode.EXPIRED}
    assert refusals <= allowed, (completed, deleted)
    assert len([end for end in desk.noted if end in {"complete", "delete", "lapse"}]) <= 1


@given(waves=st.lists(st.tuples(STEPS, st.lists(st.integers(0, 6), min_size=12, max_size=12)), min_size=1, max_size=4))
def test_an_upload_has_one_end(waves: list[tuple[list[tuple[str, int]], list[int]]]) -> None:
    async def run() -> None:
        desk = Desk()
        desk.give()
        await desk.put_header()
        outcomes: list[tuple[str, object]] = []
        acknowledged: set[str] = {"header"}
        for steps, turns in waves:
            done = await asyncio.gather(*(act(desk, step, turn) for step, turn in zip(steps, turns, strict=False)))
            outcomes += done
            for (kind, number), (_, outcome) in zip(steps, done, strict=True):
                if kind == "part" and isinstance(outcome, Stored):
                    acknowledged.add(f"block/{number}")
            check(desk, outcomes, acknowledged)
        last = await act(desk, ("complete", 0), 0)
        check(desk, [*outcomes, last], acknowledged)
        after = await desk.restarted()
        assert after.messages() == desk.messages()
        again = await act(after, ("complete", 0), 0)
        assert code(again[1]) is code(last[1])
        after.clock.moment = Instant(NOW + 10 * CONFIG.lease_cap_ms)
        await after.uploads.sweep()
        await after.uploads.drop_orphans()
        folders = {blob.name.partition("/")[0] for blob in await after.blobs.list()}
        assert folders == set(after.messages())

    asyncio.run(run())
