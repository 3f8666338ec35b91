"""Real nodes as processes of their own, on the loopback interface, each in a directory of its own.

    node = NodeProcess("A", Path("/tmp/x/A"), ("--peer", url))
    node.start()
    while (running := node.running()) is None: ...      # poll, with a deadline
    node.kill()

Nothing here waits for a node to do anything: whoever starts nodes decides how to poll.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from parley.errors import ConfigError, ErrorCode, LocalError, UnavailableError
from parley.node.data_directory import DataDirectory, RunningNode

__all__ = ["LIAR_MODULE", "NodeProcess", "stop_all"]

LIAR_MODULE: Final = "parley.testing.liar"
"""What to start instead of a node to have one that lies."""

_NODE: Final = ("parley", "node", "run")
_POLL_S: Final = 0.01
_MS_PER_SECOND: Final = 1_000


class NodeProcess:
    """One node; it may be started again after it has ended.

    Attributes:
        name: for people.
        directory: the node's data directory.
        log_path: what the process wrote, on both streams.
    """

    def __init__(
        self,
        name: str,
        data_dir: Path,
        arguments: Sequence[str] = (),
        *,
        program: Sequence[str] = _NODE,
        environment: Mapping[str, str] | None = None,
        log_path: Path | None = None,
    ) -> None:
        """Describe a node; nothing is started yet.

        Args:
            name: for people.
            data_dir: its directory, made when it starts.
            arguments: of `parley node run`, beside --data-dir and --http.
            program: what `python -m` runs, a module and its first words.
            environment: variables beside those of this process; PARLEY_* of this process are left out.
            log_path: where to write what the process says on both streams; None: `node.log` in its directory.
        """
        self.name = name
        self.directory = DataDirectory(data_dir)
        self.log_path = data_dir / "node.log" if log_path is None else log_path
        self._arguments = tuple(arguments)
        self._program = tuple(program)
        self._environment = dict(environment or {})
        self._http = "127.0.0.1:0"
        self._process: subprocess.Popen[bytes] | None = None
        self._running: RunningNode | None = None

    @property
    def pid(self) -> int | None:
        """The process, None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended, minus the signal's number when a signal ended it; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def url(self) -> str:
        """Where the running node is reached.

        Raises:
            LocalError: WRONG_STATE: `running` has not seen it yet.
        """
        if self._running is None:
            raise LocalError(ErrorCode.WRONG_STATE, node=self.name, wanted="running")
        return self._running.http

    def start(self) -> None:
        """Start the process, at a free port; when it ran before, at the port that it had.

        Raises:
            LocalError: WRONG_STATE: it runs already.
        """
        if self._process is not None and self._process.poll() is None:
            raise LocalError(ErrorCode.WRONG_STATE, node=self.name, pid=self._process.pid)
        path = self.directory.path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._running is not None:
            self._http = self._running.http.removeprefix("http://")
            self._running = None
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        words = (*self._program, "--data-dir", str(path), "--http", self._http, *self._arguments)
        with self.log_path.open("ab") as log:
            # A session of its own: Ctrl-C is for whoever started it, who then stops it.
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                (sys.executable, "-m", *words),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**kept, **self._environment},
                start_new_session=True,
            )

    def running(self) -> RunningNode | None:
        """Return how to reach the node; None as long as it does not answer yet.

        Raises:
            UnavailableError: UNREACHABLE: the process has ended.
        """
        if self._process is None or self._process.poll() is not None:
            code = self.exit_code
            raise UnavailableError(ErrorCode.UNREACHABLE, node=self.name, exit_code="none" if code is None else code)
        if self._running is None:
            with contextlib.suppress(ConfigError):
                noted = self.directory.read_running()
                self._running = noted if noted.pid == self._process.pid else None
        return self._running

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process as a crash would, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def last_words(self, lines: int = 5) -> list[str]:
        """Return the end of the log."""
        with contextlib.suppress(OSError):
            return self.log_path.read_text("utf-8", errors="replace").splitlines()[-lines:]
        return []


def stop_all(nodes: Iterable[NodeProcess], *, grace_ms: int = 6_000) -> None:
    """Ask all nodes to stop and wait until they are gone; kill those that are not gone in time.

    Args:
        nodes: running or not.
        grace_ms: how long they may take together; a node gives its callers three seconds of it.
    """
    waiting = [node for node in nodes if node.pid is not None]
    for node in waiting:
        node.signal(signal.SIGTERM)
    deadline_s = time.monotonic() + grace_ms / _MS_PER_SECOND
    while any(node.exit_code is None for node in waiting) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    for node in waiting:
        node.kill()
