"""`parley demo` tells its whole story, its figures are what the story says, and it leaves nothing behind."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.functional.nodes import wait_until

pytestmark = [pytest.mark.functional, pytest.mark.slow]

NODES = {"A": ["B", "D"], "B": ["A", "C"], "C": ["B", "D"], "D": ["A", "C", "E"], "E": ["D"]}
OFFERS_PER_NODE = 64
ADVERTS_PER_NODE = 10


@contextmanager
def demo(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the demo with a place of its own for what it writes; it is killed in the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "parley", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(directory)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def is_answering(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def check_nothing_left(directory: Path, pids: set[int]) -> None:
    assert list(directory.iterdir()) == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def pids_of(directory: Path) -> set[int]:
    """Return the processes of the nodes that run now, by their own notes."""
    return {json.loads(note.read_text())["pid"] for note in directory.glob("*/*/node.json")}


def check_figures(figures: dict[str, Any]) -> None:
    assert {node["name"]: node["links"] for node in figures["nodes"]} == NODES
    assert len({node["id"] for node in figures["nodes"]}) == len(NODES)
    assert figures["book"]["by_node"] == dict.fromkeys(NODES, OFFERS_PER_NODE + ADVERTS_PER_NODE)
    assert (figures["book"]["offers"], figures["book"]["adverts"]) == (320, 50)
    assert figures["adverts_found"] == 50
    reached = ["B", "ABC", "ABCD", "ABCDE"]
    for query, names, asked, duplicates, hops in zip(
        figures["queries"], reached, (0, 2, 4, 6), ({0}, {0}, {1}, {1, 2}), (0, 1, 2, 3), strict=True
    ):
        assert (query["deepness"], query["nodes"]) == (hops + 1, list(names))
        assert query["records"] == query["verified"] == OFFERS_PER_NODE * len(names)
        assert (query["asked"], query["answered"], query["refused"], query["timed_out"]) == (asked, asked, 0, 0)
        # Deeper down it is a race: D's copy for C may come before B's, and is then answered, not a duplicate.
        assert query["duplicates"] in duplicates
        assert query["hops"] == hops


def check_liar(liar: dict[str, Any]) -> None:
    assert liar["phases"] == ["linked", "banned", "banned"]
    assert liar["reasons"] == [{"expired": 1}, *[{"bad_signature": 1, "expired": 1}] * 2]
    assert liar["blamed"] == [liar["address"]]
    for query in liar["queries"]:
        assert query["records"] == query["verified"] == 320
    assert [query["asked"] for query in liar["queries"]] == [7, 7, 6]
    assert [query["refused"] for query in liar["queries"]] == [1, 1, 0]


def check_killed(killed: dict[str, Any]) -> None:
    assert killed["node"] == "A"
    query = killed["query"]
    assert query["nodes"] == ["B", "C", "D", "E"]
    assert query["records"] == query["verified"] == 4 * OFFERS_PER_NODE
    assert query["answered"] + query["refused"] + query["timed_out"] == query["asked"]
    assert query["refused"] >= 1


def check_payments(payments: dict[str, Any]) -> None:
    assert (payments["payer"], payments["recipient"]) == ("B", "D")
    assert payments["requests"] >= 10_000
    assert payments["redeemed"] == payments["winners"] >= 1
    # A ticket is worth 10**13 wei and a winner 10**16, but for the rounding up of win probabilities.
    assert int(payments["expected_wei"]) == pytest.approx(payments["requests"] * 10**13)
    assert int(payments["paid_wei"]) == payments["winners"] * 10**16
    assert 1 <= payments["transactions"] <= payments["winners"]


def check_letter(letter: dict[str, Any]) -> None:
    assert (letter["sender"], letter["recipient"]) == ("B", "E")
    assert letter["texts"] == ["Does your offer of 1,000 MWC stand? I have the BTC here."]
    assert letter["earned"] == {"pow": 1}
    assert letter["is_readable_at_node"] is False
    assert letter["contact"].startswith("parley:")


def test_the_story_in_numbers(tmp_path: Path) -> None:
    with demo(tmp_path, "--once", "--json") as process:
        stdout, stderr = process.communicate()
        assert process.returncode == 0, stderr
        assert stderr == ""
    figures = json.loads(stdout)
    check_figures(figures)
    check_liar(figures["liar"])
    check_letter(figures["letter"])
    check_payments(figures["payments"])
    check_killed(figures["killed"])
    assert not any(is_answering(node["http"]) for node in figures["nodes"])
    check_nothing_left(tmp_path, set())


def test_the_story_in_words(tmp_path: Path) -> None:
    with demo(tmp_path, "--once") as process:
        stdout, stderr = process.communicate()
        assert process.returncode == 0, stderr
        assert stderr == ""
    lines = stdout.splitlines()
    acts = [line[:2] for line in lines if line[:1].isdigit() and line[1:2] == "."]
    assert acts == ["1.", "2.", "3.", "4.", "5.", "6.", "7."]
    assert "3\tA B C D\t256\t4\t1\t2" in stdout
    assert "4\tA B C D E\t320\t6\t" in stdout
    assert "Nobody else was blamed" in stdout
    assert "--data-dir" not in stdout, "what is about to go is not offered"
    check_nothing_left(tmp_path, set())


def test_it_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    """The page is there, and the commands that are offered work as they stand."""
    with demo(tmp_path) as process:
        assert process.stdout is not None
        lines = list(itertools.takewhile(lambda line: "until Ctrl-C" not in line, process.stdout))
        [page] = [line.split()[-1] for line in lines if "web page" in line]
        assert is_answering(page)
        offered = [shlex.split(line) for line in lines if "--data-dir" in line]
        done = [subprocess.run(words, capture_output=True, text=True, check=False) for words in offered]
        assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 3
        query, push, peers = (one.stdout for one in done)
        assert "SwapOffer_" in query
        assert "done" in push
        assert "bad_signature 1" in peers
        pids = pids_of(tmp_path)
        assert len(pids) == 6, "the liar's too, and the note of the node that was killed"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
        assert (process.returncode, stderr) == (0, "")
        assert "Stopping" in stdout
    assert not is_answering(page)
    check_nothing_left(tmp_path, pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_can_be_interrupted_while_it_is_told(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path) as process:
        wait_until(lambda: bool(pids_of(tmp_path)), "a node runs")
        pids = pids_of(tmp_path)
        process.send_signal(number)
        process.communicate()
        assert process.returncode == 1
    check_nothing_left(tmp_path, pids)
