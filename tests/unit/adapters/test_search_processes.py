"""Searches in other processes: the same answers, and a clear error when there is none."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from parley.adapters.search_processes import SearchProcesses, answer_lines
from parley.errors import UnavailableError
from parley.primitives.sha256_search import COUNTERS, HASHLIB, HexSearch, LinearSearch, Search

SEARCHES: tuple[Search, ...] = (
    LinearSearch(bytes(range(32)), 2**256 // 500),
    LinearSearch(b"", 2**256),
    HexSearch(b"john@example!", 2**246),
    HexSearch(b"", 1),
)


@pytest.fixture
def processes() -> Iterator[SearchProcesses]:
    opened = SearchProcesses()
    yield opened
    opened.close()


def saying(text: str) -> SearchProcesses:
    """Return a process that says one thing to everything."""
    program = f"import sys\nfor line in sys.stdin: print({text!r}, flush=True)"
    return SearchProcesses((sys.executable, "-c", program))


def test_it_finds_what_hashlib_finds_and_uses_one_process_again(processes: SearchProcesses) -> None:
    assert processes.name == "hashlib"
    for search in SEARCHES:
        for first in (0, 100, COUNTERS - 1_000):
            assert processes.find(search, first, 1_000) == HASHLIB.find(search, first, 1_000)
    assert len(processes._started) == 1


def test_after_closing_it_starts_anew(processes: SearchProcesses) -> None:
    assert processes.find(SEARCHES[2], 0, 200) == 149
    [process] = processes._started
    processes.close()
    assert process.returncode is not None
    assert processes.find(SEARCHES[2], 0, 200) == 149


def test_a_process_that_ended(processes: SearchProcesses) -> None:
    processes.find(SEARCHES[0], 0, 1)
    processes._started[0].kill()
    processes._started[0].wait()
    with pytest.raises(UnavailableError):
        processes.find(SEARCHES[0], 0, 1)


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(UnavailableError):
        SearchProcesses(("/nowhere/python",)).find(SEARCHES[0], 0, 1)


@pytest.mark.parametrize("text", ["", "maybe", "0", "5", "1000"])
def test_an_answer_that_is_wrong(text: str) -> None:
    processes = saying(text)
    with pytest.raises(UnavailableError):
        processes.find(HexSearch(b"", 1), 5, 10)
    processes.close()


def test_an_answer_that_was_not_asked_for() -> None:
    processes = saying("15")
    with pytest.raises(UnavailableError):
        processes.find(HexSearch(b"", 2**256), 5, 10)
    assert processes.find(HexSearch(b"", 2**256), 15, 1) == 15
    processes.close()


def test_the_lines() -> None:
    sink = io.StringIO()
    target = f"{2**246:x}"
    john = b"john@example!".hex()
    answer_lines(io.StringIO(f"hex {john} {target} 0 200\nhex {john} {target} 0 149\nlinear  1 0 3\n"), sink)
    assert sink.getvalue() == "149\nnone\nnone\n"
