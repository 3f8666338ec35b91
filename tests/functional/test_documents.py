"""Every shell command of the README and the tutorial is run as it stands, but for ports, which are made free ones."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.functional

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30
PORT = re.compile(r"127\.0\.0\.1:(74\d\d|8545)")
CHAIN = "127.0.0.1:8545"


def shell_blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Terminal:
    """Runs the commands of a document in one folder; `node run` goes to the background."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: dict[str, int] = {}
        self.nodes: list[subprocess.Popen[bytes]] = []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}

    def own_ports(self, command: str) -> str:
        def own(match: re.Match[str]) -> str:
            return f"127.0.0.1:{self.ports.setdefault(match[1], free_port())}"

        return PORT.sub(own, command)

    def run(self, command: str) -> str:
        command = self.own_ports(command)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("#")[0].strip().partition("=")
            self.environment[name] = value
            return ""
        if command.startswith("parley chain dev"):
            self.start_chain(command)
            return ""
        if command.startswith("parley node run"):
            self.start_node(command.removesuffix("&"))
            return ""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, (command, done.stderr.decode())
        return done.stdout.decode()

    def start_node(self, command: str) -> None:
        words = shlex.split(command, comments=True)
        if "--http" not in words:
            words += ["--http", self.own_ports("127.0.0.1:7420")]
        words[0] = str(Path(sys.executable).parent / "parley")
        node = subprocess.Popen(words, cwd=self.folder, env=self.environment, stderr=subprocess.DEVNULL)
        self.nodes.append(node)
        note = self.folder / words[words.index("--data-dir") + 1] / "node.json"
        self.wait_for(note.exists)

    def start_chain(self, command: str) -> None:
        words = shlex.split(command, comments=True)
        words[0] = str(Path(sys.executable).parent / "parley")
        port = self.own_ports(CHAIN).rpartition(":")[2]
        self.nodes.append(
            subprocess.Popen([*words, "--port", port], cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL)
        )

        def answers() -> bool:
            with socket.socket() as caller:
                return caller.connect_ex(("127.0.0.1", int(port))) == 0

        self.wait_for(answers)

    def recipients(self, directory: str) -> int:
        status = json.loads(self.run(f"parley lottery status --data-dir {directory} --json"))
        recipients = status["recipients"]
        assert isinstance(recipients, int)
        return recipients

    def wait_for(self, condition: object) -> None:
        assert callable(condition)
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)

    def links_of(self, directory: str) -> int:
        peers = json.loads(self.run(f"parley peers ls --data-dir {directory} --json"))
        return sum(peer["phase"] == "linked" for peer in peers)

    def close(self) -> None:
        for node in self.nodes:
            node.send_signal(signal.SIGTERM)
        for node in self.nodes:
            node.wait(DEADLINE_S)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


def commands(block: str) -> list[str]:
    """Split a block into commands: a line that leaves a quote open goes on with the next."""
    found: list[str] = []
    waiting = ""
    for line in block.splitlines():
        waiting = f"{waiting}\n{line}" if waiting else line
        if waiting.count("'") % 2 == 0:
            found.append(waiting.strip())
            waiting = ""
    return found


def test_the_readme_tells_the_truth(terminal: Terminal) -> None:
    demo, test, node, rpc, letter, payment = shell_blocks("README.md")
    for target, wanted in ((demo, "parley demo"), (test, "pytest")):
        planned = subprocess.run(
            ["make", "--dry-run", target.split()[1]], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert target.startswith("make ")
        assert wanted in planned.stdout
    answers = [terminal.run(command) for command in commands(node)]
    assert "amount_sat" in answers[-1]
    (call,) = commands(rpc)
    entry = json.loads(terminal.run(call))["result"]["Ok"][0]
    assert (entry["Keys"], entry["Message"]) == (["swap", "btc", "sell"], '{"amount_sat": 100000}')
    assert "Does the offer stand?" in [terminal.run(command) for command in commands(letter)][-1]
    *before, pay, winners = commands(payment)
    for command in before:
        terminal.run(command)
    terminal.wait_for(lambda: terminal.recipients("payer") == 1)
    assert "100 payments, 100 tickets" in terminal.run(pay)
    assert "ticket" in terminal.run(winners) or "no winners yet" in terminal.run(winners)


def test_the_tutorial_tells_the_truth(terminal: Terminal) -> None:
    nodes, peers, offer, look, proofs, change = shell_blocks("docs/tutorial/three-wallets.md")
    for command in commands(nodes):
        terminal.run(command)
    terminal.wait_for(lambda: terminal.links_of("bob") == 2 and terminal.links_of("carol") == 1)
    terminal.wait_for(lambda: terminal.links_of("alice") == 1)
    assert "linked" in terminal.run(peers)
    terminal.run(offer.strip())
    nothing, found = (terminal.run(command) for command in commands(look))
    assert "offer-1" not in nothing
    assert "offer-1" in found
    assert "2 of 2 requests to other nodes were answered" in found
    assert "1 of 1 records verify" in [terminal.run(command) for command in commands(proofs)][-1]
    removed = [terminal.run(command) for command in commands(change)][-1]
    assert "offer-1" not in removed
