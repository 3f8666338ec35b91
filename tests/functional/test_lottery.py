"""Real nodes and a real chain process: deposits, payments, winners, crashes; what is won is paid, and paid once."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from parley.errors import ErrorCode
from tests.functional.nodes import STILL_GRAPH, Node, Nodes, wait_until
from tests.functional.program import Done, parley

pytestmark = pytest.mark.functional

TICKETS = 100_000
IN_ONE_PAYMENT = 100
WORTH_WEI = 3 * 10**13
REDEEMED_TOPIC = "0xc389eb51ed006dbf2528507f010efdf5225ea596e1e1741d74f550dab1925ee7"
"""Of WinningTicketRedeemed(address,address,uint256,uint256,uint256,uint256,bytes)."""
SPREAD = 5
"""Standard deviations that the number of winners may lie from the expectation: one run in a million is farther off."""


class Chain:
    """A chain process of its own."""

    def __init__(self, path: Path, *, block_s: str) -> None:
        words = ["chain", "dev", "--port", "0", "--data-dir", str(path), "--block-time", block_s, "--json"]
        self.process = subprocess.Popen([sys.executable, "-m", "parley", *words], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline() or "{}")
        self.url: str = said["rpc"]
        self.broker: str = said["contracts"]["broker"]

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401  # any JSON
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310  # our own process
        with urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            return json.load(answer)["result"]

    def block(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    started = Chain(tmp_path / "chain", block_s="0.2")
    yield started
    started.stop()


def settings(chain: Chain, **lottery: object) -> str:
    told = {
        "confirmations": 2,
        "poll_ms": 200,
        "ticket_max_wei": 10**15,
        "payment_max_wei": 10**18,
        "gas_price_floor_wei": 10**9,  # a winner is worth 150,000 gas a hundred times: 0.015 ether
        **lottery,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    return "\n".join([STILL_GRAPH, "[chain]", f'url = "{chain.url}"', "[lottery]", *lines])


def cli(node: Node, *words: str) -> Any:  # noqa: ANN401  # any JSON
    done = run(node, *words)
    assert done.code == 0, done.stderr
    return done.document


def run(node: Node, *words: str) -> Done:
    return parley("lottery", *words, "--json", data_dir=node.directory.path)


def settled(node: Node) -> bool:
    """Say whether every winner has ended."""
    counts: dict[str, int] = cli(node, "redeem")
    return sum(counts.values()) == counts.get("redeemed", 0) + counts.get("expired", 0)


def open_shop(nodes: Nodes, chain: Chain, *, deposit: str, reserve: str, **lottery: object) -> tuple[Node, Node]:
    """Start one who pays and one who is paid, with the money in place and the recipient registered."""
    payer = nodes.add("payer", settings=settings(chain))
    shop = nodes.add("shop", settings=settings(chain, **lottery))
    assert cli(shop, "register")["state"] == "included"
    assert cli(payer, "fund", deposit, "--reserve", reserve)["state"] == "included"
    wait_until(lambda: cli(payer, "status")["recipients"] == 1, "the shop is registered in the present round")
    return payer, shop


def test_a_wallet_pays_and_takes_its_money_back(nodes: Nodes, chain: Chain) -> None:
    payer, shop = open_shop(nodes, chain, deposit="2 ether", reserve="1 ether")
    quoted = cli(payer, "quote", shop.url, "--worth", "1000 gwei")
    assert quoted["would_pay"] is True
    assert int(quoted["worth_wei"]) == pytest.approx(10**12, abs=1)
    paid = cli(payer, "pay", shop.url, "--requests", "40", "--tickets", "5", "--worth", "1000 gwei")
    assert (paid["requests"], paid["tickets"] >= 200, paid["ended"]) == (40, True, "")
    taken = cli(shop, "status")["taken"]
    assert taken["tickets"] == paid["tickets"]
    assert int(taken["expected_wei"]) == pytest.approx(paid["tickets"] * 10**12, abs=paid["tickets"])
    wait_until(lambda: settled(shop), "every winner has ended")
    assert cli(payer, "unlock")["state"] == "included"
    withdraw_round = cli(payer, "status")["sender"]["withdraw_round"]
    wait_until(lambda: cli(payer, "status")["round"] >= withdraw_round - 1, "the last round before the withdrawal")
    assert run(payer, "pay", shop.url).code == 1
    assert cli(payer, "cancel-unlock")["state"] == "included"
    assert cli(payer, "pay", shop.url)["requests"] == 1
    assert cli(payer, "unlock")["state"] == "included"
    assert run(payer, "withdraw").code == 1
    round_number = cli(payer, "status")["sender"]["withdraw_round"]
    wait_until(lambda: cli(payer, "status")["round"] >= round_number, "the round of the withdrawal has begun")
    assert cli(payer, "withdraw")["state"] == "included"
    sender = cli(payer, "status")["sender"]
    assert (sender["deposit_wei"], sender["reserve_wei"]) == ("0", "0")


def test_a_payment_above_what_was_agreed_to_is_not_made(nodes: Nodes, chain: Chain) -> None:
    payer, shop = open_shop(nodes, chain, deposit="1 ether", reserve="1 ether")
    refused = run(payer, "pay", shop.url, "--worth", "2000000 gwei")
    assert refused.code == 1
    assert cli(shop, "status")["taken"]["tickets"] == 0
    assert cli(payer, "status")["given"]["tickets"] == 0


def test_a_letter_to_a_stranger_is_paid_for(nodes: Nodes, chain: Chain) -> None:
    taking = "[upload]\nfloor_units = 64\nwei_per_unit = 10000000000\nmethods = ['payment']\n"
    payer = nodes.add("payer", settings=settings(chain) + "\n[relay]\npay_max_wei = 10000000000000\n")
    shop = nodes.add("shop", settings=settings(chain) + "\n" + taking)
    assert cli(shop, "register")["state"] == "included"
    assert cli(payer, "fund", "1 ether", "--reserve", "1 ether")["state"] == "included"
    wait_until(lambda: cli(payer, "status")["recipients"] == 1, "the shop is registered in the present round")
    contact = parley("inbox", "address", "--json", data_dir=shop.directory.path).document["contact"]
    sent = parley("send", contact, "--message", "paid for", "--wait", "--json", data_dir=payer.directory.path)
    assert sent.code == 0, sent.stderr
    [letter] = parley("inbox", "list", "--json", data_dir=shop.directory.path).document
    assert letter["text"] == "paid for"
    taken = cli(shop, "status")["taken"]
    assert taken["tickets"] == 1
    assert int(taken["expected_wei"]) >= 64 * 10**10


@pytest.mark.parametrize(
    "words",
    [
        ("fund", "1"),
        ("fund", "-1 ether"),
        ("fund", "0.0000000000000000001 ether"),
        ("fund", "0 wei"),
        ("reserve", "many ether"),
        ("pay", "ftp://127.0.0.1:1"),
        ("pay", "http://127.0.0.1:1", "--worth", "0 wei"),
        ("pay", "http://127.0.0.1:1", "--tickets", "501"),
        ("quote", "nonsense"),
        ("withdraw",),
        ("cancel-unlock",),
        ("register", "--commission", "1000001"),
    ],
)
def test_wrong_words_change_nothing_and_are_told(wallet: Node, words: tuple[str, ...]) -> None:
    done = run(wallet, *words)
    assert done.code in {1, 2}
    assert json.loads(done.stderr)
    assert cli(wallet, "status")["sender"]["deposit_wei"] == "0"


@pytest.fixture(scope="module")
def wallet(shared_nodes: Nodes) -> Node:
    """Start a node with the chain inside of it."""
    return shared_nodes.add("wallet", settings=f"{STILL_GRAPH}[chain]\nblock_ms = 100\n")


def test_every_command_is_a_method_of_the_owner(nodes: Nodes) -> None:
    node = nodes.add("alone", settings=f"{STILL_GRAPH}[chain]\nblock_ms = 100\n")
    assert node.owner("lottery_status", {}).ok["chain_id"] == 31_337
    assert node.owner("lottery_fund", {"deposit": "1 ether"}).ok["state"] == "included"
    assert node.owner("lottery_reserve", {"amount": "2 ether"}).ok["state"] == "included"
    assert node.owner("lottery_register", {}).ok["state"] == "included"
    assert node.owner("lottery_begin_round", {}).ok == {"state": "begun already"}
    assert node.owner("lottery_winners", {}).ok == []
    assert node.owner("lottery_redeem", {}).ok == {}
    assert node.owner("lottery_cancel_unlock", {}).code == ErrorCode.REVERTED
    assert node.owner("lottery_unlock", {}).ok["state"] == "included"
    assert node.owner("lottery_withdraw", {}).code == ErrorCode.REVERTED
    assert node.owner("lottery_quote", {"url": "http://127.0.0.1:1"}).code == ErrorCode.UNREACHABLE
    assert node.owner("lottery_pay", {"url": "nonsense"}).code == ErrorCode.INVALID_ARGUMENT


def test_the_chain_inside_a_node_keeps_its_money_over_a_crash(nodes: Nodes) -> None:
    node = nodes.add("alone", settings=f"{STILL_GRAPH}[chain]\nblock_ms = 100\n")
    assert cli(node, "fund", "3 ether", "--reserve", "2 ether")["state"] == "included"
    before = cli(node, "status")
    node.kill()
    nodes.start(node)
    after = cli(node, "status")
    assert after["sender"] == before["sender"]
    assert after["sender"]["deposit_wei"] == str(3 * 10**18)
    assert after["account"] == before["account"]


@pytest.mark.slow
def test_a_hundred_thousand_tickets_are_paid_as_expected_and_every_winner_once(nodes: Nodes, chain: Chain) -> None:
    payer, shop = open_shop(nodes, chain, deposit="200 ether", reserve="200 ether")
    kills = 0
    while (given := cli(payer, "status")["given"]["tickets"]) < TICKETS:
        requests = min(250, -(-(TICKETS - given) // IN_ONE_PAYMENT))
        words = ["--requests", str(requests), "--tickets", str(IN_ONE_PAYMENT), "--worth", f"{WORTH_WEI} wei"]
        data_dir = ["--data-dir", str(payer.directory.path)]
        paying = subprocess.Popen(
            [sys.executable, "-m", "parley", "lottery", "pay", shop.url, *words, *data_dir, "--json"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if kills < 2:
            time.sleep(2)
            shop.kill()
            kills += 1
            nodes.start(shop)
        paying.wait(timeout=300)
    wait_until(lambda: settled(shop), "every winner has ended")
    winners = cli(shop, "winners", "--limit", "1000")
    logs = chain.ask("eth_getLogs", {"address": chain.broker, "fromBlock": "0x0", "topics": [REDEEMED_TOPIC]})
    check_winners(winners, logs, given)


def check_winners(winners: list[Mapping[str, Any]], logs: list[Mapping[str, Any]], given: int) -> None:
    face_value_wei = int(winners[0]["face_value_wei"])
    chance = WORTH_WEI / face_value_wei
    expected, deviation = given * chance, math.sqrt(given * chance * (1 - chance))
    assert abs(len(winners) - expected) < SPREAD * deviation + IN_ONE_PAYMENT * 64 * chance
    assert {winner["state"] for winner in winners} == {"redeemed"}
    assert len({winner["ticket"] for winner in winners}) == len(winners) == len(logs)
    keys = {(log["topics"][1], log["topics"][2], log["data"]) for log in logs}
    assert len(keys) == len(logs)
    assert sum(int(winner["paid_wei"]) for winner in winners) == sum(int(one["face_value_wei"]) for one in winners)
