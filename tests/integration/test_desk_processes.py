"""One recipient, one store, several processes: no ticket is taken twice, and no winner that was taken is lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock
from parley.lottery.wire import parse_winner
from tests.integration import desk_child
from tests.integration.desk_child import COMMITMENTS, NONCES

PROCESSES = 3
KILLS = 5

Ticket = tuple[int, int]


def start(path: Path, number: int, step: int, quoted_at: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", desk_child.__name__, path, str(number), str(step), str(quoted_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def hear(process: subprocess.Popen[str]) -> str:
    if process.stdout is None:
        pytest.fail("the process has no output")
    return process.stdout.readline().rstrip("\n")


def go(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.write("go\n")
        process.stdin.flush()


def read(lines: list[str]) -> tuple[list[Ticket], list[Ticket]]:
    """Return the tickets that were taken, and those of them that won, each as commitment and nonce."""
    taken, won = [], []
    for line in lines:
        commitment, _, rest = line.partition(" ")
        nonces, winners, _ = rest.split(";")
        taken += [(int(commitment), int(nonce)) for nonce in nonces.split(",") if nonce.strip()]
        won += [(int(commitment), int(nonce)) for nonce in winners.split(",") if nonce.strip()]
    return taken, won


def stored(path: Path) -> set[Ticket]:
    async def winners() -> set[Ticket]:
        store = await SqliteStore.open(path)
        documents = await store.documents.list("lottery/winners")
        await store.close()
        found = [parse_winner(document.value) for document in documents]
        return {(winner.params.seed >> 64, winner.signed.nonce) for winner in found}

    return asyncio.run(winners())


def test_processes_that_are_offered_the_same_tickets_take_each_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    quoted_at = SystemClock().now()
    children = [start(path, number, 30, quoted_at) for number in range(PROCESSES)]
    assert [hear(child) for child in children] == ["up"] * PROCESSES
    for child in children:
        go(child)
    said = [child.communicate(timeout=120)[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0] * PROCESSES
    taken, won = read([line for lines in said for line in lines])
    assert [ticket for ticket, times in Counter(taken).items() if times > 1] == []
    assert len(taken) > COMMITMENTS * NONCES // 2
    assert len(won) > 10
    assert stored(path) == set(won)


def test_a_process_that_is_killed_loses_no_winner_and_takes_no_ticket_again(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    quoted_at = SystemClock().now()
    taken: list[Ticket] = []
    won: list[Ticket] = []
    for life in range(KILLS):
        child = start(path, 1, 130 * life, quoted_at)
        assert hear(child) == "up"
        go(child)
        lines = [hear(child) for _ in range(8 + 9 * life)]
        child.send_signal(signal.SIGKILL)
        rest = child.communicate(timeout=60)[0]
        lines += [line for line in rest.splitlines() if line.endswith(";") and line.count(";") == 2]
        newly_taken, newly_won = read(lines)
        taken, won = taken + newly_taken, won + newly_won
    assert [ticket for ticket, times in Counter(taken).items() if times > 1] == []
    assert len(taken) > 300
    assert len(won) > 5
    # A winner may be written whose receipt nobody got any more; none is missing.
    assert set(won) <= stored(path)
