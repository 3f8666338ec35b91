"""The installed program as separate processes: nodes that run, and commands that end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Done", "RunningNode", "environment", "parley", "running_node"]

PROGRAM = (sys.executable, "-m", "parley")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:  # noqa: ANN401  # any JSON
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, Any]:
        """What the one JSON document on stderr says is wrong."""
        error: dict[str, Any] = json.loads(self.stderr)["error"]
        return error


def environment() -> dict[str, str]:
    """Return this process's variables without those that set the program up."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "_PARLEY_"))}


def parley(*arguments: str, data_dir: Path | None = None, given: str = "") -> Done:
    """Run a command to its end."""
    where = () if data_dir is None else ("--data-dir", str(data_dir))
    done = subprocess.run(
        [*PROGRAM, *arguments, *where], input=given, capture_output=True, text=True, check=False, env=environment()
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass
class RunningNode:
    """A node in a process of its own."""

    data_dir: Path
    process: subprocess.Popen[str]
    http: str
    id: str

    def parley(self, *arguments: str, given: str = "") -> Done:
        """Run a command on this node."""
        return parley(*arguments, data_dir=self.data_dir, given=given)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait()


@contextmanager
def running_node(data_dir: Path, *arguments: str) -> Iterator[RunningNode]:
    """Run a node on a free port of the loopback interface; its log stays beside its directory."""
    log = data_dir.with_suffix(".log")
    with (
        log.open("a", encoding="utf-8") as errors,
        subprocess.Popen(
            [*PROGRAM, "node", "run", "--http", "127.0.0.1:0", "--data-dir", str(data_dir), "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(),
        ) as process,
    ):
        try:
            line = "" if process.stdout is None else process.stdout.readline()
            if not line:
                raise RuntimeError(log.read_text(encoding="utf-8"))
            started = json.loads(line)
            yield RunningNode(data_dir, process, started["http"], started["id"])
        finally:
            process.kill()
