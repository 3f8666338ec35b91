"""Whoever ends one upload, however often and from wherever, its ticket is spent on one message or on none."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration import spending_child
from tests.integration.spending_child import STORE_NAME, desk_at, end
from tests.unit.node.mail_parts import Desk, message_id

THREADS = 8
PROCESSES = 4
ENDS = st.sampled_from(["complete", "delete"])
REFUSALS = {
    "complete ALREADY_SPENT",
    "complete EXPIRED",  # it was deleted first
    "complete WRONG_STATE",  # another desk has just ended it and put its list of parts away
    "delete ALREADY_SPENT",
}


async def begin(folder: Path) -> None:
    async with desk_at(folder, 0) as desk:
        await desk.put_header()
        await desk.put("catalog", b"sealed")


def boxed(folder: Path) -> list[str]:
    """Return the keys of all messages in boxes, as they stand in the database."""
    with closing(sqlite3.connect(folder / STORE_NAME)) as connection:
        found = connection.execute("SELECT key FROM documents WHERE namespace = 'upload/boxes'").fetchall()
    return [key for (key,) in found]


async def check(folder: Path, outcomes: list[str]) -> None:
    """Check that all answers tell of one end, and that the box agrees, also after a restart."""
    done = {outcome for outcome in outcomes if outcome.endswith(" done")}
    assert len(done) == 1, outcomes
    assert set(outcomes) - done <= REFUSALS
    wanted = [message_id()] if done == {"complete done"} else []
    assert [key.partition("/")[2] for key in boxed(folder)] == wanted
    async with desk_at(folder, 99) as desk:
        after = await desk.restarted()
        assert after.messages() == wanted
        again = [await end(after, one) for one in ("complete", "delete")]
    assert again == (["complete done", "delete ALREADY_SPENT"] if wanted else ["complete EXPIRED", "delete done"])
    with closing(sqlite3.connect(folder / STORE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM claims").fetchone() == (1,)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), ENDS, st.integers(0, 6)), min_size=2, max_size=12))
def test_tasks_of_several_desks_spend_one_ticket_once(steps: list[tuple[int, str, int]]) -> None:
    """Three desks share a database; each task begins after as many turns of the loop as drawn."""

    async def act(desk: Desk, wanted: str, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await end(desk, wanted)

    async def race(folder: Path) -> None:
        await begin(folder)
        async with AsyncExitStack() as stack:
            desks = [await stack.enter_async_context(desk_at(folder, number + 1)) for number in range(3)]
            acts = (act(desks[number], wanted, turns) for number, wanted, turns in steps)
            outcomes = list(await asyncio.gather(*acts))
        await check(folder, outcomes)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(race(Path(folder)))


@pytest.mark.parametrize("wanted", [("complete",), ("delete",), ("complete", "delete")])
async def test_threads_with_one_database_spend_one_ticket_once(tmp_path: Path, wanted: tuple[str, ...]) -> None:
    await begin(tmp_path)
    start = Barrier(THREADS)

    async def run(number: int) -> str:
        async with desk_at(tmp_path, number + 1) as desk:
            await asyncio.to_thread(start.wait)
            return await end(desk, wanted[number % len(wanted)])

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(lambda number: asyncio.run(run(number)), range(THREADS)))
    await check(tmp_path, outcomes)


def in_processes(folder: Path, wanted: list[str]) -> list[str]:
    """Let several processes end the upload at once; return what came of each."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", spending_child.__name__, folder, f"{number + 1}", one],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for number, one in enumerate(wanted)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    outcomes = [child.communicate(timeout=60)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0] * len(children)
    return outcomes


@pytest.mark.parametrize("wanted", [("complete",), ("complete", "delete")])
async def test_processes_with_one_database_spend_one_ticket_once(tmp_path: Path, wanted: tuple[str, ...]) -> None:
    await begin(tmp_path)
    outcomes = in_processes(tmp_path, [wanted[number % len(wanted)] for number in range(PROCESSES)])
    await check(tmp_path, outcomes)
