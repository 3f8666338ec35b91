"""Brokers behind a node: what JSON-RPC carries is what the chain itself says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from parley.adapters.evm.brokers import ParleyBroker
from parley.adapters.evm.following import EventFollower, FollowingConfig
from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.reading import ChainReader
from parley.adapters.memory.store import MemoryStore
from parley.devchains.evm import ContractsConfig, Devchain
from parley.errors import PeerError
from parley.lottery.events import BROKER_TOPICS, DepositFunded, ReserveFunded, parse_event
from parley.lottery.rules import SenderState
from parley.node.devchain_serving import served_chain
from parley.ports.chain import EvmChain, Reverted
from parley.primitives.ids import Address
from parley.testing.clock import VirtualClock
from tests.onchain.broker_world import winner_of


@dataclass(slots=True)
class Stage:
    """One chain, seen from inside and from outside."""

    dev: Devchain
    far: EvmChain

    def broker(self, chain: EvmChain) -> ParleyBroker:
        """Speak to the broker over a chain."""
        return ParleyBroker(chain, self.dev.deployment.broker, VirtualClock())


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    contracts = ContractsConfig(round_blocks=8, minimum_stake_wei=1)
    async with served_chain(contracts=contracts) as served:
        dev = served.devchain
        await dev.register(dev.accounts[1])
        await dev.next_round()
        far = JsonRpcChain(served.url)
        try:
            yield Stage(dev, far)
        finally:
            await far.close()


async def test_views_agree_from_inside_and_from_outside(stage: Stage) -> None:
    sender, recipient, signer = (stage.dev.accounts[number].address for number in (0, 1, 5))
    near, far = stage.broker(stage.dev.chain), stage.broker(stage.far)
    await stage.dev.send(stage.dev.accounts[0], near.fund_call(deposit_wei=700, reserve_wei=300))
    await stage.dev.send(stage.dev.accounts[0], near.approve_signer_call(signer))
    inside, outside = await near.view(), await far.view()
    assert outside.block_hash == (await stage.dev.chain.head()).block_hash
    # a node proposes a fee of its own
    assert replace(outside, gas_price_wei=inside.gas_price_wei) == inside
    asked = frozenset({signer, recipient})
    seen = await far.sender_view(sender, recipient, asked)
    assert seen == await near.sender_view(sender, recipient, asked)
    assert (seen.deposit_wei, seen.reserve_wei, seen.claimable_wei) == (700, 300, 300)
    assert seen.signers == frozenset({signer})
    assert seen.state is SenderState.LOCKED


async def test_the_number_that_contracts_see_is_carried(stage: Stage) -> None:
    reader, head = ChainReader(stage.far, VirtualClock()), await stage.far.head()
    seen = await reader.number_seen_by_contracts(at=head.block_hash)
    assert seen - head.number in {0, 1}


async def test_a_winner_is_refused_tried_and_redeemed(stage: Stage) -> None:
    far = stage.broker(stage.far)
    sender, redeemer = stage.dev.accounts[0], stage.dev.accounts[9]
    made_in = (await far.view()).creation_round
    winner = winner_of(sender, stage.dev.accounts[1].address, made_in)
    refused = await far.preflight(winner, redeemer.address)
    assert refused == Reverted("deposit is empty and nothing is claimable")
    await stage.dev.send(sender, far.fund_call(deposit_wei=5_000, reserve_wei=0))
    gas = await far.preflight(winner, redeemer.address)
    assert isinstance(gas, int)
    sent = await stage.dev.send(redeemer, far.redeem_call([winner]), gas=gas)
    receipt = await stage.far.receipt(sent.transaction_hash)
    assert receipt == sent
    (redeemed,) = far.redeemed([winner], sent)
    assert (redeemed.paid_wei, redeemed.refusal) == (1_000, "")
    assert await far.is_used(redeemed.ticket_hash)


async def test_events_are_followed_from_outside(stage: Stage) -> None:
    sender = stage.dev.accounts[0]
    near = stage.broker(stage.dev.chain)
    config = FollowingConfig(name="far", contract=near.address, topics=BROKER_TOPICS)
    follower = EventFollower(stage.far, MemoryStore().documents, config)
    await stage.dev.send(sender, near.fund_call(deposit_wei=7, reserve_wei=8))
    batch = await follower.poll()
    await follower.acknowledge(batch)
    told = [parse_event(log.topics, log.data) for log in batch.added]
    assert told == [DepositFunded(sender.address, 7), ReserveFunded(sender.address, 8)]
    await stage.dev.chain.reorganise(1, is_keeping=False)
    gone = await follower.poll()
    assert gone.removed == tuple(reversed(batch.added))


async def test_what_is_no_broker_is_found_out(stage: Stage) -> None:
    with pytest.raises(PeerError):
        await ParleyBroker(stage.far, Address(b"\x0a" * 20), VirtualClock()).view()
