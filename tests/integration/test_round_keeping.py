"""Rounds of the real contracts are begun by those who are paid, where nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parley.adapters.evm.parley_broker import ParleyBroker
from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.memory.store import MemoryStore
from parley.devchains.evm import ContractsConfig, Devchain, open_devchain
from parley.errors import ConfigError
from parley.ledgers.evm.addresses import checksum_text
from parley.lottery.livepeer_rules import LivepeerRules
from parley.node.config import load_config
from parley.node.devchain_serving import served_chain
from parley.node.gate_commands import GateRun, gate_order
from parley.node.gate_running import running_gate
from parley.node.round_keeping import RoundKeeping
from parley.ports.chain import Call
from parley.primitives.one_shot import SecretKey
from parley.testing.clock import VirtualClock
from tests.integration.loopback import serving
from tests.integration.test_gate_chain import rpc_of
from tests.onchain.broker_world import LivepeerChain

ETHER = 10**18
ROUND_BLOCKS = 6
CONFIRMATIONS = 2
PATIENCE_S = 60


@dataclass
class Keeper:
    """One account that begins rounds."""

    dev: Devchain
    account: int
    begun: int = 0
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        key = SecretKey(self.dev.accounts[self.account].secret)
        self.wallet = EvmWallet(self.dev.chain, key, self.store.documents, WalletConfig(final_blocks=CONFIRMATIONS))
        self.broker = ParleyBroker(self.dev.chain, self.dev.deployment.broker, VirtualClock())
        self.keeping = RoundKeeping(self.broker, self.wallet, final_blocks=CONFIRMATIONS, note_begun=self.note)

    def note(self) -> None:
        self.begun += 1

    async def turn(self) -> None:
        await self.wallet.tend()
        await self.keeping.turn()

    async def transactions(self) -> int:
        return await self.dev.chain.transaction_count(self.wallet.address)


@pytest.fixture
async def dev() -> AsyncIterator[Devchain]:
    opened = await open_devchain(contracts=ContractsConfig(round_blocks=ROUND_BLOCKS))
    await opened.chain.set_automatic(False)
    opened.chain.local.keepers.clear()
    yield opened
    await opened.chain.close()


async def test_one_account_begins_every_round_once(dev: Devchain) -> None:
    keeper = Keeper(dev, 4)
    first = (await keeper.broker.view()).creation_round.number
    for block in range(5 * ROUND_BLOCKS):
        if block % 4 == 0:
            keeper.restart()
        await keeper.turn()
        await dev.chain.mine()
    await keeper.turn()
    view = await keeper.broker.view()
    assert (view.creation_round.number - first, view.is_round_initialized) == (5, True)
    assert await keeper.transactions() == 5
    # A process that ended before it looked again has not counted.
    assert 1 <= keeper.begun <= 5


async def test_of_several_who_begin_a_round_one_does_and_the_others_go_on(dev: Devchain) -> None:
    keepers = [Keeper(dev, account) for account in (4, 5, 6)]
    first = (await keepers[0].broker.view()).creation_round.number
    for _ in range(4 * ROUND_BLOCKS):
        for keeper in keepers:
            await keeper.turn()
        await dev.chain.mine()
    for keeper in keepers:
        await keeper.turn()
    assert (await keepers[0].broker.view()).creation_round.number == first + 4
    assert sum(keeper.begun for keeper in keepers) == 4
    assert all([await keeper.transactions() <= 4 for keeper in keepers])


async def test_a_round_whose_beginning_a_reorganisation_took_away_is_begun_again(dev: Devchain) -> None:
    keeper = Keeper(dev, 4)
    await dev.chain.mine(ROUND_BLOCKS)
    await keeper.turn()
    await dev.chain.mine()
    assert await keeper.broker.round_to_begin() is None
    await dev.chain.mine(CONFIRMATIONS)
    await keeper.turn()
    await dev.chain.reorganise(CONFIRMATIONS + 1, is_keeping=False)
    assert await keeper.broker.round_to_begin() is not None
    # The wallet takes the act for done; what waits behind its nonce comes once that was used up.
    for _ in range(ROUND_BLOCKS - 1):
        await keeper.turn()
        await dev.chain.mine()
    assert await keeper.broker.round_to_begin() is None


async def test_a_gate_that_is_told_to_begins_the_rounds_in_which_it_is_paid(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        served_chain(contracts=ContractsConfig(round_blocks=ROUND_BLOCKS)) as served,
    ):
        devchain = served.devchain
        devchain.chain.local.keepers.clear()
        settings = {
            "data_dir": str(tmp_path),
            "http": "127.0.0.1:0",
            "chain.url": served.url,
            "chain.broker": checksum_text(devchain.deployment.broker),
            "chain.head_age_ms": 0,
            "lottery.poll_ms": 20,
            "lottery.begin_rounds": True,
        }
        config, _ = load_config(flags=settings, environment={})
        order = gate_order(GateRun(upstream="http://127.0.0.1:1", price=["20 gwei"]))
        async with running_gate(config, order) as running:
            assert running.payments is not None
            account = running.payments.account
            await devchain.send(devchain.accounts[5], Call(to=account, data=b"", value_wei=ETHER))
            broker = ParleyBroker(devchain.chain, devchain.deployment.broker, VirtualClock())
            first = (await broker.view()).creation_round.number
            for number in (first + 1, first + 2):
                await devchain.chain.mine(ROUND_BLOCKS)
                while (await broker.view()).creation_round.number < number:  # noqa: ASYNC110 - the chain has no event
                    await asyncio.sleep(0.02)
            # A person who is in a hurry finds it done, or does it.
            assert await running.payments.begin_round() == {"state": "begun already"}
        assert await devchain.chain.transaction_count(account) == 2


async def test_a_person_begins_a_round_once(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        served_chain(contracts=ContractsConfig(round_blocks=5 * ROUND_BLOCKS)) as served,
    ):
        devchain = served.devchain
        devchain.chain.local.keepers.clear()
        settings = {"data_dir": str(tmp_path), "http": "127.0.0.1:0", "chain.url": served.url, "chain.head_age_ms": 0}
        config, _ = load_config(flags=settings, environment={})
        order = gate_order(GateRun(upstream="http://127.0.0.1:1", price=["20 gwei"]))
        async with running_gate(config, order) as running:
            assert running.payments is not None
            await devchain.chain.mine(5 * ROUND_BLOCKS)
            begun = await running.payments.begin_round()
            assert isinstance(begun, dict)
            assert begun["state"] == "included"
            assert await running.payments.begin_round() == {"state": "begun already"}


async def test_rounds_of_a_broker_that_is_not_ours_are_not_begun(tmp_path: Path) -> None:
    world = await LivepeerChain.begin(LivepeerRules.BUILD_2026)
    async with asyncio.timeout(PATIENCE_S), serving(rpc_of(world.dev)) as url:
        settings = {
            "data_dir": str(tmp_path),
            "http": "127.0.0.1:0",
            "chain.url": url,
            "chain.broker": checksum_text(world.broker.address),
            "chain.profile": "livepeer-2026",
            "lottery.begin_rounds": True,
        }
        config, _ = load_config(flags=settings, environment={})
        with pytest.raises(ConfigError) as raised:
            async with running_gate(config, gate_order(GateRun(upstream="http://127.0.0.1:1", price=["20 gwei"]))):
                pass
    assert raised.value.facts["setting"] == "lottery.begin_rounds"
