"""One deposit, one store, several processes: no nonce is signed twice, not by two at once nor after `kill -9`."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.integration import purse_child

PROCESSES = 3
PAYMENTS = 120
KILLS = 6


def start(path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", purse_child.__name__, path, str(count)],
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


def spent(lines: list[str]) -> list[tuple[int, int]]:
    """Return commitment and nonce of each ticket."""
    numbers = [[int(word) for word in line.split()] for line in lines]
    return [(commitment, nonce) for commitment, *nonces in numbers for nonce in nonces]


def check(tickets: list[tuple[int, int]]) -> None:
    assert [ticket for ticket, times in Counter(tickets).items() if times > 1] == []


def test_processes_that_pay_at_once_share_the_nonces(tmp_path: Path) -> None:
    children = [start(tmp_path / "store.sqlite3", PAYMENTS) for _ in range(PROCESSES)]
    assert [hear(child) for child in children] == ["up"] * PROCESSES
    for child in children:
        go(child)
    said = [child.communicate(timeout=60)[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0] * PROCESSES
    assert [len(lines) for lines in said] == [PAYMENTS] * PROCESSES
    tickets = [ticket for lines in said for ticket in spent(lines)]
    assert len(tickets) == PROCESSES * 2 * PAYMENTS
    check(tickets)


def test_a_process_that_is_killed_takes_its_nonces_along(tmp_path: Path) -> None:
    tickets: list[tuple[int, int]] = []
    for life in range(KILLS):
        child = start(tmp_path / "store.sqlite3", 100_000)
        assert hear(child) == "up"
        go(child)
        lines = [hear(child) for _ in range(5 + 7 * life)]
        child.send_signal(signal.SIGKILL)
        rest = child.communicate(timeout=60)[0]
        # What stands in the pipe was handed out too; its last line may be cut.
        lines += rest.splitlines()[:-1] if not rest.endswith("\n") else rest.splitlines()
        here = spent(lines)
        highest = {
            commitment: max((nonce for of, nonce in tickets if of == commitment), default=0) for commitment in (0, 1)
        }
        assert all(nonce > highest[commitment] for commitment, nonce in here)
        tickets += here
    assert len(tickets) > 100
    check(tickets)
