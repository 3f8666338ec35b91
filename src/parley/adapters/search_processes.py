"""hashlib on several cores: an engine whose searches run in processes of their own.

hashlib keeps the interpreter lock over small inputs, so threads do not help it. Each process is this module, run
as a program; it is told one search per line and answers with one line:

    FORM DATA TARGET FIRST TRIES    linear or hex; hexadecimal, may be empty; hexadecimal; decimal; decimal
    COUNTER                         decimal, or "none"

It ends when its input does, so none outlives the program that started it, however that ends. The standard library's
pools are not used because they run the user's main program a second time, which a short script is not made for.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import Final, TextIO, assert_never

from parley.errors import ErrorCode, UnavailableError
from parley.primitives.sha256_search import HASHLIB, HexSearch, LinearSearch, Search

__all__ = ["SearchProcesses", "answer_lines", "main"]

_NONE: Final = "none"
_LINEAR: Final = "linear"
_HEX: Final = "hex"


class SearchProcesses:
    """Searches for as many callers at a time as there are threads that call; each has a process to itself."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "parley.adapters.search_processes")) -> None:
        """Start nothing yet.

        Args:
            command: runs `main`.
        """
        self._command = tuple(command)
        self._idle: deque[subprocess.Popen[str]] = deque()
        self._started: list[subprocess.Popen[str]] = []
        self._lock = Lock()

    @property
    def name(self) -> str:
        """Return "hashlib"."""
        return "hashlib"

    def find(self, search: Search, first: int, tries: int) -> int | None:
        """Search in a process that is free, or a new one; see `parley.primitives.sha256_search.Engine`.

        Raises:
            UnavailableError: the process could not be started, or ended, or answers nonsense.
        """
        try:
            process = self._take()
            counter = _ask(process, search, first, tries)
        except (OSError, ValueError) as error:
            raise UnavailableError(ErrorCode.UNREACHABLE, fault="a process for searching") from error
        self._idle.append(process)
        if counter is not None and not (first <= counter < first + tries and search.is_good(counter)):
            raise UnavailableError(ErrorCode.UNREACHABLE, fault="a process for searching is wrong")
        return counter

    @property
    def are_running(self) -> bool:
        """Whether any process was started that was not ended yet."""
        return bool(self._started)

    def close(self) -> None:
        """End the processes; nobody may be searching."""
        with self._lock:
            processes, self._started = self._started, []
            self._idle.clear()
        for process in processes:
            process.kill()
            process.communicate()

    def _take(self) -> subprocess.Popen[str]:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        process = subprocess.Popen(  # noqa: S603  # this interpreter, with fixed arguments
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="ascii",
        )
        with self._lock:
            self._started.append(process)
        return process


def _ask(process: subprocess.Popen[str], search: Search, first: int, tries: int) -> int | None:
    """Send one search and wait for the answer.

    Raises:
        OSError: the process has ended.
        ValueError: what it says is no answer, or it was closed.
    """
    if process.stdin is None or process.stdout is None:
        raise BrokenPipeError
    match search:
        case LinearSearch(data, target):
            line = f"{_LINEAR} {data.hex()} {target:x} {first} {tries}\n"
        case HexSearch(data, target):
            line = f"{_HEX} {data.hex()} {target:x} {first} {tries}\n"
        case _:
            assert_never(search)
    process.stdin.write(line)
    process.stdin.flush()
    answer = process.stdout.readline().removesuffix("\n")
    return None if answer == _NONE else int(answer)


def answer_lines(source: TextIO, sink: TextIO) -> None:
    """Answer each line until there are no more."""
    for line in source:
        form, data, target, first, tries = line.removesuffix("\n").split(" ")
        kind = HexSearch if form == _HEX else LinearSearch
        found = HASHLIB.find(kind(bytes.fromhex(data), int(target, 16)), int(first), int(tries))
        sink.write(f"{_NONE if found is None else found}\n")
        sink.flush()


def main() -> None:
    """Answer what comes in, until the starting program closes it; an interrupt is for that one to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer_lines(sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
