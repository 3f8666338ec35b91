"""Requests that are paid by lottery tickets on real contracts: gate and till, and the winners that are redeemed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parley.adapters.evm.brokers import BrokerProfile, open_broker
from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.keystore import list_keys, open_key
from parley.adapters.lottery.purse import Purse
from parley.adapters.lottery.redemption_book import keep_winner
from parley.adapters.memory.store import MemoryStore
from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.devchains.evm import ContractsConfig, Devchain
from parley.devchains.evm.accounts import DevelopmentAccount
from parley.devchains.evm.rpc import RpcServer
from parley.devchains.evm.rpc_application import RpcApplication
from parley.errors import ConfigError, ConflictError, ErrorCode
from parley.gate import TicketGate
from parley.gate.lottery_auth import LotteryAuth
from parley.gate.lottery_budget import LotteryBudget
from parley.gate.lottery_forms import account_text, parse_offer
from parley.gate.till import LotteryTill
from parley.gate.x402 import REQUIRED_HEADER, SENDER_HEADER, parse_required
from parley.ledgers.evm.addresses import checksum_text
from parley.ledgers.evm.packing import selector
from parley.lottery.limits import SenderLimits
from parley.lottery.livepeer_rules import LivepeerRules
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.redemption_config import RedemptionConfig
from parley.node.config import load_config
from parley.node.devchain_serving import ServedChain, served_chain
from parley.node.gate_commands import GateRun, gate_order
from parley.node.gate_running import RunningGate, running_gate
from parley.ports.broker import Broker
from parley.ports.chain import Call
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from tests.integration.loopback import serving
from tests.onchain.broker_world import LivepeerChain

pytestmark = pytest.mark.slow

ETHER = 10**18
PRICE = "0.0001 ether"
REQUESTS = 60
PATIENCE_S = 120
PLENTY = SenderLimits(ticket_max_wei=ETHER, payment_max_wei=ETHER)


async def note(request: Request) -> Response:
    return JSONResponse({"path": request.url.path, "body": (await request.body()).decode()})


UPSTREAM = Starlette(routes=[Route("/{path:path}", note, methods=["GET", "POST"])])


@dataclass(frozen=True)
class Payer:
    """A sender with money on a chain."""

    purse: Purse
    broker: Broker
    chain_id: int

    def auth(self, requests: int) -> LotteryAuth:
        # What is redeemed at once ends its parameters for all, so some requests are paid twice.
        budget = LotteryBudget(request_wei=ETHER // 1_000, total_wei=3 * requests * ETHER // 10_000)
        return LotteryAuth(self.purse, budget, chain_id=self.chain_id, broker=self.broker.address)

    async def deposit_wei(self, recipient: Address) -> int:
        return (await self.broker.sender_view(self.purse.sender, recipient)).deposit_wei


@asynccontextmanager
async def chain() -> AsyncIterator[ServedChain]:
    async with served_chain(contracts=ContractsConfig(round_blocks=150)) as served:
        yield served


def rpc_of(devchain: Devchain) -> RpcApplication:
    rpc = RpcServer(devchain.chain.local, devchain.deployment, devchain.accounts)
    return RpcApplication(rpc, host_names=None)


@asynccontextmanager
async def payer(served: ServedChain) -> AsyncIterator[Payer]:
    devchain, clock = served.devchain, SystemClock()
    rich = devchain.accounts[3]
    connection = JsonRpcChain(served.url)
    broker = open_broker(BrokerProfile.PARLEY, connection, devchain.deployment.broker, clock, head_age_ms=50)
    await devchain.send(rich, broker.fund_call(deposit_wei=100 * ETHER, reserve_wei=100 * ETHER))
    purse = Purse(SecretKey(rich.secret), broker, MemoryStore().claims, SystemEntropy(), clock, limits=PLENTY)
    try:
        yield Payer(purse, broker, devchain.deployment.chain_id)
    finally:
        await purse.close()
        await connection.close()


async def buy(url: str, auth: httpx.Auth, requests: int) -> None:
    """Send requests, some of them at once; every one is answered by the server behind the gate."""
    async with httpx.AsyncClient(auth=auth, base_url=url, timeout=PATIENCE_S) as client:
        first = await client.post("/first", content=b"0")
        assert (first.status_code, [earlier.status_code for earlier in first.history]) == (200, [402])
        for start in range(1, requests, 8):
            numbers = range(start, min(start + 8, requests))
            answers = await asyncio.gather(*(client.post("/first", content=b"%d" % number) for number in numbers))
            assert [answer.status_code for answer in answers] == [200] * len(numbers)
            assert [answer.json()["body"] for answer in answers] == [str(number) for number in numbers]


def settings_of(served: ServedChain, folder: Path) -> dict[str, object]:
    return {
        "data_dir": str(folder),
        "http": "127.0.0.1:0",
        "chain.url": served.url,
        "chain.broker": checksum_text(served.devchain.deployment.broker),
        "chain.head_age_ms": 50,
        "lottery.redeem_gas": 100_000,
        "lottery.cost_multiplier": 4_000,
        "lottery.confirmations": 1,
        "lottery.waits_for_params": False,
        "lottery.worth_percent": 0,
        "lottery.poll_ms": 50,
    }


@asynccontextmanager
async def gate(served: ServedChain, folder: Path, upstream: str) -> AsyncIterator[RunningGate]:
    config, _ = load_config(flags=settings_of(served, folder), environment={})
    async with running_gate(config, gate_order(GateRun(upstream=upstream, price=[PRICE]))) as running:
        yield running


async def register(running: RunningGate, served: ServedChain) -> None:
    assert running.payments is not None
    outcome = await running.payments.register(1_000_000)
    assert isinstance(outcome, dict), outcome
    await served.devchain.next_round()


async def test_a_proxy_charges_for_a_server_and_its_winners_are_paid(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        chain() as served,
        payer(served) as sender,
        serving(UPSTREAM) as upstream,
        gate(served, tmp_path / "gate", upstream) as running,
    ):
        await register(running, served)
        assert running.parts is not None
        recipient = running.parts.wallet.address
        before_wei = await sender.deposit_wei(recipient)
        await buy(running.url, sender.auth(REQUESTS), REQUESTS)
        # A quarter of the tickets wins (gas costs next to nothing here): none does in one of thirty million runs.
        redeemer = running.parts.redeemer
        while not any(one.paid_wei for one in redeemer.redemptions()):
            await served.devchain.chain.mine()
            await asyncio.sleep(0.05)
        paid_wei = sum(one.paid_wei or 0 for one in redeemer.redemptions())
        assert before_wei - await sender.deposit_wei(recipient) > 0
        assert paid_wei <= before_wei


async def test_who_asks_a_gate_whose_account_is_not_registered_learns_just_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.timeout(PATIENCE_S), chain() as served, payer(served) as sender, serving(UPSTREAM) as upstream:
        async with gate(served, tmp_path / "gate", upstream) as running:
            assert running.parts is not None
            account = checksum_text(running.parts.wallet.address)
            assert f"{account} is not registered as a recipient" in caplog.text
            with pytest.raises(ConflictError) as raised:
                await buy(running.url, sender.auth(1), 1)
            assert raised.value.code is ErrorCode.NOT_REGISTERED
            # What the log says counts from the next round on, and the gate need not be started again for it.
            await register(running, served)
            await buy(running.url, sender.auth(1), 1)
        caplog.clear()
        async with gate(served, tmp_path / "gate", upstream):
            assert "not registered" not in caplog.text


async def test_where_funds_may_go_in_front_of_winners_neither_gate_nor_till_opens(tmp_path: Path) -> None:
    world = await LivepeerChain.begin(LivepeerRules.BUILD_2026)
    data = selector("setUnlockPeriod(uint256)") + (1).to_bytes(32, "big")
    assert (await world.dev.send(world.dev.accounts[8], Call(to=world.broker.address, data=data))).succeeded
    broker = checksum_text(world.broker.address)
    async with asyncio.timeout(PATIENCE_S), serving(rpc_of(world.dev)) as url:
        settings = {
            "data_dir": str(tmp_path / "gate"),
            "http": "127.0.0.1:0",
            "chain.url": url,
            "chain.broker": broker,
            "chain.profile": "livepeer-2026",
        }
        config, _ = load_config(flags=settings, environment={})
        with pytest.raises(ConfigError) as raised:
            async with running_gate(config, gate_order(GateRun(upstream="http://127.0.0.1:1", price=[PRICE]))):
                pass
        assert raised.value.facts["unlock_rounds"] == 1
        (tmp_path / "till").mkdir()
        till = LotteryTill(
            tmp_path / "till",
            chain_url=url,
            chain_id=31_337,
            broker=broker,
            passphrase="for a test",
            profile=BrokerProfile.LIVEPEER_2026,
        )
        with pytest.raises(ConfigError) as raised:
            await till.recipient()
        assert raised.value.facts["unlock_rounds"] == 1
        await till.close()
        # What was won before the owner of the broker changed it must not be lost with the sales.
        store = await SqliteStore.open(tmp_path / "till" / "parley.sqlite")
        await keep_winner(store.documents, await world.winner())
        await store.close()
        assert await till.recipient()
        async with serving(TicketGate(UPSTREAM, price=PRICE, till=till)) as shop, httpx.AsyncClient() as client:
            refused = await client.get(shop, headers={SENDER_HEADER: account_text(31_337, world.sender.address)})
        await till.close()
        (entry,) = parse_required(refused.headers[REQUIRED_HEADER].encode()).accepts
        assert parse_offer(entry).refused is ErrorCode.TICKET_REFUSED


async def test_a_till_takes_tickets_for_an_application_of_ones_own(tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), chain() as served, payer(served) as sender:
        till = LotteryTill(
            tmp_path,
            chain_url=served.url,
            chain_id=served.devchain.deployment.chain_id,
            broker=checksum_text(served.devchain.deployment.broker),
            passphrase="for a test",
            recipient=RecipientConfig(redeem_gas=100_000, cost_multiplier=4_000),
            redemption=RedemptionConfig(confirmations=1, poll_ms=50, worth_percent=0),
        )
        try:
            await take_part(served, tmp_path, await till.recipient())
            async with serving(TicketGate(UPSTREAM, price=PRICE, till=till)) as url:
                await buy(url, sender.auth(10), 10)
            recipient = await till.recipient()
        finally:
            await till.close()
        # The same folder, and so the same account, after the next start.
        assert await till.recipient() == recipient
        await till.close()
        await till.close()


async def take_part(served: ServedChain, folder: Path, account: Address) -> None:
    """Register a till's account as a recipient, with the key that the till made."""
    devchain = served.devchain
    (kept,) = list_keys(folder / "keys")
    assert kept.address == account
    await devchain.send(devchain.accounts[5], Call(to=account, data=b"", value_wei=10 * ETHER))
    await devchain.register(DevelopmentAccount(account, open_key(kept.path, "for a test").reveal()))
    await devchain.next_round()


async def test_a_till_on_another_chain_than_was_said_does_not_open(tmp_path: Path) -> None:
    async with chain() as served:
        till = LotteryTill(tmp_path, chain_url=served.url, chain_id=1, broker="0x" + "11" * 20, passphrase="for a test")
        with pytest.raises(ConfigError) as raised:
            await till.recipient()
    assert raised.value.facts["setting"] == "chain_id"


def test_a_till_without_an_address_or_a_passphrase_is_refused(tmp_path: Path) -> None:
    for broker, passphrase in (("0x12", "x"), ("0x" + "11" * 20, "")):
        with pytest.raises(ConfigError):
            LotteryTill(tmp_path, chain_url="http://127.0.0.1:1", chain_id=1, broker=broker, passphrase=passphrase)


async def test_a_gate_of_work_needs_no_chain(tmp_path: Path) -> None:
    config, _ = load_config(flags={"data_dir": str(tmp_path), "http": "127.0.0.1:0"}, environment={})
    async with serving(UPSTREAM) as upstream:
        order = gate_order(GateRun(upstream=upstream, units=["/dear=1"]))
        async with running_gate(config, order) as running, httpx.AsyncClient(base_url=running.url) as client:
            assert running.parts is None
            assert (await client.get("/free")).json()["path"] == "/free"
            assert (await client.get("/dear")).status_code == 402


async def test_a_gate_of_money_without_a_chain_does_not_start(tmp_path: Path) -> None:
    config, _ = load_config(flags={"data_dir": str(tmp_path), "http": "127.0.0.1:0"}, environment={})
    with pytest.raises(ConfigError) as raised:
        async with running_gate(config, gate_order(GateRun(upstream="http://127.0.0.1:1", price=["1 gwei"]))):
            pass
    assert raised.value.facts["setting"] == "chain.url"
