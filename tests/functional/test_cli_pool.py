"""Records through the command line: put, found far and near, watched, verified, taken away."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functional.program import PROGRAM, RunningNode, environment, parley, running_node

pytestmark = pytest.mark.functional

NASTY = "\x1b[2J\x1b]0;owned\x07 \u202e[red]x[/red]\n\u2028last"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    with running_node(tmp_path / "node") as running:
        yield running


def wait_until(is_so: Callable[[], bool], deadline_s: float = 60) -> None:
    """Look again until something is so."""
    end_s = time.monotonic() + deadline_s
    while not is_so():
        if time.monotonic() > end_s:
            pytest.fail("it did not happen in time")


def test_a_record_is_put_found_and_taken_away(node: RunningNode) -> None:
    assert node.parley("pool", "push", "swaps", "btc", "--message", "sell 1").code == 0
    found = node.parley("pool", "query", "swaps", "--deepness", "1", "--json")
    assert found.code == 0
    assert [(one["Keys"], one["Message"]) for one in found.document] == [(["swaps", "btc"], "sell 1")]
    assert node.parley("pool", "tree", "--json").document == [{"key": "swaps", "records": 1}]
    assert node.parley("pool", "status", "--json").document["records"] == 1
    assert node.parley("pool", "rm", "swaps", "btc").code == 0
    assert node.parley("pool", "query", "swaps", "--deepness", "1", "--json").document == []


def test_people_see_node_keys_message_age_and_completeness(node: RunningNode) -> None:
    node.parley("pool", "push", "swaps", "btc", "--message", "sell 1")
    lines = node.parley("pool", "query", "swaps").stdout.splitlines()
    assert lines[0].split("\t") == ["node", "keys", "message", "age"]
    assert lines[1].split("\t")[1:3] == ["swaps / btc", "sell 1"]
    assert lines[2].startswith("1 record")


def test_a_message_reaches_programs_exactly_and_terminals_harmlessly(node: RunningNode) -> None:
    assert node.parley("pool", "push", "k", "--message", "-", given=NASTY).code == 0
    found = node.parley("pool", "query", "k", "--json")
    assert found.document[0]["Message"] == NASTY
    assert found.stdout[:-1].isprintable()
    shown = node.parley("pool", "query", "k").stdout
    assert r"\x1b[2J\x1b]0;owned\x07 \u202e[red]x[/red]\n\u2028last" in shown
    assert shown.replace("\n", "").replace("\t", "").isprintable()


def test_a_push_may_come_from_a_pipe(node: RunningNode) -> None:
    assert node.parley("pool", "push", "k", "--message", "-", given="from a pipe\n").code == 0
    assert node.parley("pool", "query", "k", "--json").document[0]["Message"] == "from a pipe"


def test_what_the_node_refuses_has_a_name_and_a_way_on(node: RunningNode) -> None:
    refused = node.parley("pool", "rm", "nothing", "here", "--json")
    assert (refused.code, refused.stdout, refused.error["name"]) == (1, "", "NOT_FOUND")
    refused = node.parley("pool", "push", "k", "--message", "m", "--expiration", "2592000", "--json")
    assert (refused.code, refused.error["name"]) == (1, "LIFETIME_TOO_LONG")
    assert refused.error["next"] == "choose a shorter expiry"


def test_wrong_usage_is_two_and_changes_nothing(node: RunningNode) -> None:
    for arguments in (
        ("pool", "push", "k"),
        ("pool", "query"),
        ("pool", "query", "k", "--deepness", "0"),
        ("pool", "push", "k", "--record", "/nowhere/at/all.json"),
        ("peers", "add", "nonsense"),
    ):
        refused = node.parley(*arguments, "--json")
        assert (refused.code, refused.stdout) == (2, "")
        assert refused.error["next"]
    assert node.parley("pool", "status", "--json").document["records"] == 0


def test_a_record_is_found_at_a_peer_and_its_proof_holds(node: RunningNode, tmp_path: Path) -> None:
    with running_node(tmp_path / "far", "--peer", node.http) as far:
        node.parley("pool", "push", "swaps", "--message", "sell 2")

        def is_found() -> bool:
            return bool(far.parley("pool", "query", "swaps", "--deepness", "2", "--json").document)

        wait_until(is_found)
        assert far.parley("pool", "query", "swaps", "--deepness", "1", "--json").document == []
        peers = far.parley("peers", "ls", "--json").document
        assert [peer["address"] for peer in peers] == [node.http]
        assert node.http in far.parley("peers", "ls").stdout
        proven = far.parley("pool", "query", "swaps", "--deepness", "2", "--proofs", "--stats", "--json")
        assert proven.document["stats"]["answered"] == 1
        record = proven.document["Ok"][0]["Record"]
        assert record["author"] == node.id
        assert far.parley("pool", "push", "--record", "-", given=json.dumps(record)).code == 0
        assert len(far.parley("pool", "query", "swaps", "--deepness", "1", "--json").document) == 1
    (tmp_path / "proven.json").write_text(proven.stdout)
    assert parley("verify", str(tmp_path / "proven.json")).code == 0
    forged = {**record, "message": "sell 3"}
    verdict = parley("verify", "-", "--json", given=json.dumps(forged))
    assert (verdict.code, verdict.document["valid"]) == (1, False)


def test_a_watch_tells_what_appears_changes_and_goes(node: RunningNode) -> None:
    with subprocess.Popen(
        [*PROGRAM, "pool", "watch", "k", "--every", "0.1", "--count", "3", "--json", "--data-dir", str(node.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as watch:
        if watch.stdout is None or watch.stderr is None:
            pytest.fail("no pipes")
        steps = [
            (("push", "k", "--message", "one"), ("appeared", "one")),
            (("push", "k", "--message", "two"), ("changed", "two")),
            (("rm", "k"), ("gone", "two")),
        ]
        for arguments, expected in steps:
            assert node.parley("pool", *arguments).code == 0
            event = json.loads(watch.stdout.readline())
            assert (event["event"], event["Message"]) == expected
        assert watch.wait() == 0
        assert watch.stderr.read() == ""


def test_a_watch_ends_cleanly_at_ctrl_c(node: RunningNode) -> None:
    node.parley("pool", "push", "k", "--message", "one")
    # A shell ignores SIGINT for what it runs in the background, and children inherit that; a handler they do not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [*PROGRAM, "pool", "watch", "k", "--data-dir", str(node.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as watch:
        if watch.stdout is None or watch.stderr is None:
            pytest.fail("no pipes")
        assert watch.stdout.readline().startswith("+ appeared  k  one")
        watch.send_signal(2)
        assert watch.wait() == 0
        assert watch.stderr.read() == ""
