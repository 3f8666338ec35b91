from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parley.errors import ErrorCode, LocalError, UnavailableError
from parley.testing.processes import NodeProcess, stop_all

FAKE = """
import fcntl, json, os, pathlib, signal, sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if "--stubborn" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
note = pathlib.Path(words["--data-dir"]) / "node.json"
lock = note.with_name("lock").open("w")
fcntl.flock(lock, fcntl.LOCK_EX)
pid = int(words.get("--pid", os.getpid()))
print("words", json.dumps(words), "variables", sorted(name for name in os.environ if "PARLEY" in name), flush=True)
if "--end" in words:
    sys.exit(int(words["--end"]))
http = "http://127.0.0.1:5" if words["--http"].endswith(":0") else "http://" + words["--http"]
note.with_suffix(".new").write_text(json.dumps({"http": http, "pid": pid, "id": "00" * 32}))
note.with_suffix(".new").rename(note)
signal.pause()
"""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., NodeProcess]]:
    (tmp_path / "fake_node.py").write_text(FAKE)
    monkeypatch.setenv("PARLEY_HTTP", "must not be passed on")
    made: list[NodeProcess] = []

    def make_one(*arguments: str) -> NodeProcess:
        node = NodeProcess(
            "fake",
            tmp_path / "data",
            arguments,
            program=("fake_node",),
            environment={"PYTHONPATH": str(tmp_path), "PARLEY_NAME": "passed on"},
        )
        made.append(node)
        return node

    yield make_one
    for node in made:
        node.kill()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_it_runs_once_its_note_is_its_own(make: Callable[..., NodeProcess], tmp_path: Path) -> None:
    node = make("--flag", "on")
    assert (node.pid, node.exit_code, node.last_words()) == (None, None, [])
    node.start()
    wait_until(lambda: node.running() is not None)
    assert (node.url, node.exit_code) == ("http://127.0.0.1:5", None)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    [said] = node.last_words()
    assert '"--flag": "on"' in said
    assert said.endswith("variables ['PARLEY_NAME']")


def test_the_note_of_another_process_is_not_believed(make: Callable[..., NodeProcess]) -> None:
    node = make("--pid", str(os.getpid()))
    node.start()
    wait_until(node.directory.running_path.exists)
    assert node.running() is None
    with pytest.raises(LocalError) as caught:
        _ = node.url
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_one_that_ends_is_an_error(make: Callable[..., NodeProcess]) -> None:
    node = make("--end", "3")
    with pytest.raises(UnavailableError):
        node.running()
    node.start()
    wait_until(lambda: node.exit_code is not None)
    with pytest.raises(UnavailableError) as caught:
        node.running()
    assert dict(caught.value.facts) == {"node": "fake", "exit_code": 3}


def test_it_starts_again_at_the_port_that_it_had(make: Callable[..., NodeProcess]) -> None:
    node = make()
    node.start()
    wait_until(lambda: node.running() is not None)
    with pytest.raises(LocalError):
        node.start()
    first = node.pid
    node.kill()
    assert node.exit_code == -signal.SIGKILL
    node.start()
    wait_until(lambda: node.running() is not None)
    assert node.pid != first
    assert '"--http": "127.0.0.1:5"' in node.last_words(1)[0]
    assert json.loads(node.directory.running_path.read_text())["http"] == "http://127.0.0.1:5"


def test_all_are_stopped_the_stubborn_by_force(make: Callable[..., NodeProcess], tmp_path: Path) -> None:
    gentle, never = make(), make()
    gentle.start()
    wait_until(lambda: gentle.running() is not None)
    stop_all([gentle, never])
    assert (gentle.exit_code, never.exit_code) == (-signal.SIGTERM, None)
    stubborn = make("--stubborn", "yes")
    (tmp_path / "data" / "node.json").unlink()
    stubborn.start()
    wait_until(lambda: stubborn.running() is not None)
    stop_all([stubborn], grace_ms=1)
    assert stubborn.exit_code == -signal.SIGKILL
