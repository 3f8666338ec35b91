"""One file, several processes: a key has one owner among all of them, and `kill -9` loses nothing."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from parley.adapters.sqlite import SqliteStore
from parley.ports.store import JournalEntry
from parley.protocol.claims import Replayed
from tests.integration import store_child
from tests.integration.store_child import LATER, NOW

PROCESSES = 4
KEYS = 60
ROUNDS = 20


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, store_child.__file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_racers(arguments: list[list[str]]) -> list[subprocess.Popen[str]]:
    """Start processes and return once all of them wait for a line."""
    racers = [start(*each) for each in arguments]
    assert [hear(racer) for racer in racers] == ["up"] * len(racers)
    return racers


def hear(process: subprocess.Popen[str]) -> str:
    if process.stdout is None:
        pytest.fail("the process has no output")
    return process.stdout.readline().rstrip("\n")


def tell(processes: list[subprocess.Popen[str]], line: str) -> None:
    for process in processes:
        if process.stdin is not None:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()


def finish(processes: list[subprocess.Popen[str]]) -> list[list[str]]:
    """Return the lines that each process still says, once all have ended well."""
    said = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    racers = start_racers([["open"]] * PROCESSES)
    for number in range(ROUNDS):
        path = tmp_path / f"{number}.sqlite3"
        tell(racers, str(path))
        assert [hear(racer) for racer in racers] == ["kept"] * PROCESSES
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM documents").fetchone() == (PROCESSES,)
    assert finish(racers) == [[]] * PROCESSES


def test_of_several_processes_one_claims_each_key(tmp_path: Path) -> None:
    path = str(tmp_path / "store.sqlite3")
    racers = start_racers([["race", path, f"owner {index}", f"{KEYS}"] for index in range(PROCESSES)])
    tell(racers, "go")
    outcomes = Counter(line for lines in finish(racers) for line in lines)
    assert outcomes == Counter(
        {f"{key} Applied": 1 for key in range(KEYS)} | {f"{key} Foreign": PROCESSES - 1 for key in range(KEYS)}
    )


def run_until_killed(path: Path, *, first: int, after: int) -> list[int]:
    """Kill a writer in the middle of its work; return all that it had acknowledged."""
    with start("write", str(path), f"{first}") as writer:
        acknowledged = [int(hear(writer)) for _ in range(after)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in iter(lambda: hear(writer), "")]
    assert writer.returncode == -signal.SIGKILL
    return acknowledged


async def find_lost(path: Path, numbers: list[int]) -> list[int]:
    """Return the numbers of which any of the three tables has no trace."""
    store = await SqliteStore.open(path)
    entries = set(await store.journal.entries("machine", 0))
    lost = []
    for number in numbers:
        kept = (
            await store.claims.claim(b"key %d" % number, b"owner", LATER, NOW) == Replayed(),
            JournalEntry(number, b"entry %d" % number) in entries,
            await store.documents.get("space", f"{number}") == b"value %d" % number,
        )
        if not all(kept):
            lost.append(number)
    await store.close()
    return lost


async def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    acknowledged: list[int] = []
    for after in (1, 25, 150):
        fresh = run_until_killed(path, first=max(acknowledged, default=0) + 1_000, after=after)
        assert len(fresh) >= after
        acknowledged += fresh
        assert await find_lost(path, acknowledged) == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
