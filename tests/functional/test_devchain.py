"""The program `parley chain dev`: what it prints, what tools can do with it, and what a crash leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from tests.functional.program import PROGRAM, environment, parley

pytestmark = pytest.mark.functional

SINK = "0x00000000000000000000000000000000000000AA"
DEADLINE_S = 30


@dataclass
class RunningChain:
    """A chain in a process of its own."""

    process: subprocess.Popen[str]
    said: dict[str, Any]

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401  # any JSON
        """Ask as a tool does."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.said["rpc"], body, {"Content-Type": "application/json"})  # noqa: S310  # our own
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310  # our own
            document = json.load(answer)
        assert "result" in document, document
        return document["result"]

    def transfer(self, nonce: int) -> str:
        """Sign a transfer with another implementation, publish it, and return its name."""
        fields = {
            "nonce": nonce,
            "gas": 21_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "to": SINK,
            "value": 1,
            "chainId": self.said["chain_id"],
            "type": 2,
        }
        signed = Account.sign_transaction(fields, self.said["accounts"][0]["secret"])
        name = "0x" + bytes(signed.hash).hex()
        assert self.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()) == name
        return name


@contextmanager
def running_chain(*arguments: str, data_dir: Path | None = None) -> Iterator[RunningChain]:
    """Start a chain, and end it with the block."""
    where = () if data_dir is None else ("--data-dir", str(data_dir))
    words = [*PROGRAM, "chain", "dev", "--port", "0", "--json", *arguments, *where]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            assert process.stdout is not None
            yield RunningChain(process, json.loads(process.stdout.readline()))
        finally:
            process.kill()


def test_it_says_where_it_is_and_stops_when_told() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running_chain("--accounts", "2") as chain:
            assert chain.said["chain_id"] == 31_337
            assert [one["address"] for one in chain.said["accounts"]] == [
                "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
                "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            ]
            assert chain.ask("parley_deployment") == chain.said["contracts"]
            assert int(chain.ask("eth_getBalance", chain.said["accounts"][1]["address"]), 16) == 10**22
            chain.transfer(0)
            chain.process.send_signal(number)
            assert chain.process.wait(DEADLINE_S) == 0


def test_it_warns_people_of_the_keys(tmp_path: Path) -> None:
    words = [*PROGRAM, "chain", "dev", "--port", "0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("stop with"):
                process.send_signal(signal.SIGINT)
        text = "".join(lines)
    assert process.returncode == 0
    assert "Everybody knows these keys" in text
    assert str(tmp_path) in text


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    with running_chain(data_dir=tmp_path) as chain:
        mined = [chain.transfer(nonce) for nonce in range(3)]
        waiting = chain.transfer(4)  # behind a gap
        head = chain.ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003  # the method's
        chain.process.kill()
        chain.process.wait()
    with running_chain(data_dir=tmp_path) as chain:
        assert chain.ask("eth_getBlockByNumber", "latest", False) == head  # noqa: FBT003  # the method's
        assert all(chain.ask("eth_getTransactionReceipt", name)["status"] == "0x1" for name in mined)
        assert chain.ask("eth_getTransactionByHash", waiting)["blockHash"] is None
        chain.transfer(3)
        assert chain.ask("eth_getTransactionReceipt", waiting)["status"] == "0x1"
        assert int(chain.ask("eth_getBalance", SINK), 16) == 5


def test_two_processes_do_not_share_a_chain(tmp_path: Path) -> None:
    with running_chain(data_dir=tmp_path):
        done = parley("chain", "dev", "--port", "0", "--json", data_dir=tmp_path)
    assert done.code == 1
    assert done.error["facts"]["reason"] == "another process runs this chain"


def test_port_that_is_taken_and_other_wishes_are_refused(tmp_path: Path) -> None:
    with running_chain("--round-blocks", "7", data_dir=tmp_path) as chain:
        port = chain.said["rpc"].rpartition(":")[2]
        done = parley("chain", "dev", "--port", port, "--json")
        assert (done.code, done.error["code"]) == (1, 5002)
    done = parley("chain", "dev", "--port", "0", "--round-blocks", "8", "--json", data_dir=tmp_path)
    assert (done.code, done.error["facts"]["setting"]) == (1, "contracts")
    file = tmp_path / "file"
    file.write_text("no folder", encoding="utf-8")
    assert parley("chain", "dev", "--port", "0", "--json", data_dir=file / "inside").error["code"] == 5003


def test_blocks_come_by_the_clock() -> None:
    with running_chain("--block-time", "1") as chain:
        number = int(chain.ask("eth_blockNumber"), 16)
        name = chain.transfer(0)
        deadline_s = time.monotonic() + DEADLINE_S
        while (receipt := chain.ask("eth_getTransactionReceipt", name)) is None:
            assert time.monotonic() < deadline_s
        assert int(receipt["blockNumber"], 16) > number
        while int(chain.ask("eth_blockNumber"), 16) <= int(receipt["blockNumber"], 16):  # an empty one
            assert time.monotonic() < deadline_s
