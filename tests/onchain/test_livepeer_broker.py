"""The deployed broker through its adapter, on an embedded chain with the stand-in of both builds."""

from __future__ import annotations

import asyncio

import pytest

from parley.adapters.evm.broker_contract import NOT_NAMED
from parley.adapters.evm.brokers import ARBITRUM_ONE_BROKER, ARBITRUM_ONE_ID, BrokerProfile, open_broker
from parley.adapters.evm.livepeer_broker import LivepeerBroker
from parley.adapters.evm.parley_broker import ParleyBroker
from parley.errors import LocalError, PeerError, UnavailableError
from parley.ledgers.evm.packing import selector
from parley.lottery.livepeer_rules import LivepeerRules
from parley.lottery.params import CreationRound
from parley.lottery.rules import SenderState
from parley.ports.broker import Broker
from parley.ports.chain import Call, Reverted
from parley.primitives.ids import Address
from parley.testing.clock import VirtualClock
from tests.onchain.broker_world import UNLOCK, LivepeerChain, spoiled
from tests.onchain.evm import account

BUILDS = pytest.mark.parametrize("rules", list(LivepeerRules))
OLDER, NEWER = LivepeerRules.BUILD_2023, LivepeerRules.BUILD_2026


@BUILDS
async def test_a_view_is_what_the_contracts_say(rules: LivepeerRules) -> None:
    world = await LivepeerChain.begin(rules)
    broker: Broker = world.broker
    view, head = await broker.view(), await world.dev.chain.head()
    assert (view.chain_id, view.broker) == (31_337, broker.address)
    assert (view.block_number, view.block_hash) == (head.number, head.block_hash)
    assert view.creation_round == CreationRound(10, b"\x10" * 32)
    assert view.previous_round == CreationRound(9, b"\x09" * 32)
    assert view.is_round_initialized
    assert (view.ticket_validity_rounds, view.recipients) == (2, 1)


@BUILDS
async def test_the_periods_are_those_of_the_contract_whenever_they_change(rules: LivepeerRules) -> None:
    world = await LivepeerChain.begin(rules)
    periods = await world.broker.periods()
    assert (periods.unlock_rounds, periods.freeze_rounds, periods.ticket_validity_rounds) == (UNLOCK, None, 2)
    assert periods.outlast_tickets
    data = selector("setUnlockPeriod(uint256)") + (1).to_bytes(32, "big")
    assert (await world.dev.send(world.dev.accounts[8], Call(to=world.broker.address, data=data))).succeeded
    periods = await world.broker.periods()
    assert (periods.unlock_rounds, periods.outlast_tickets) == (1, False)


@BUILDS
async def test_a_recipient_is_one_as_long_as_it_is_active(rules: LivepeerRules) -> None:
    world = await LivepeerChain.begin(rules)
    first = world.recipients[0].address
    assert await world.broker.is_recipient(first)
    assert not await world.broker.is_recipient(world.recipients[1].address)
    await world.activate(first, is_active=False)
    assert not await world.broker.is_recipient(first)
    with pytest.raises(LocalError):
        await world.broker.is_recipient(Address(b"\x01" * 19))


async def test_a_round_without_a_hash_falls_back_to_the_one_before() -> None:
    world = await LivepeerChain.begin(OLDER)
    await world.set_round(11, bytes(32))
    view = await world.broker.view()
    assert view.creation_round == CreationRound(10, b"\x10" * 32)
    assert view.previous_round == CreationRound(9, b"\x09" * 32)
    assert view.is_round_initialized
    await world.fund(5_000, 0)
    assert isinstance(await world.broker.preflight(await world.winner(), world.sender.address), int)


async def test_two_rounds_without_a_hash_leave_nothing_to_pay_with() -> None:
    world = await LivepeerChain.begin(OLDER)
    await world.set_round(10, bytes(32))
    await world.set_round(11, bytes(32))
    with pytest.raises(UnavailableError):
        await world.broker.view()


async def test_a_round_that_is_not_initialised_is_told() -> None:
    world = await LivepeerChain.begin(OLDER)
    winner = await world.winner()
    await world.set_round(11, bytes(32), is_initialized=False)
    view = await world.broker.view()
    assert not view.is_round_initialized
    assert view.creation_round.number == 10
    refused = await world.broker.preflight(winner, world.sender.address)
    assert refused == Reverted("current round is not initialized")


@BUILDS
async def test_a_sender_is_seen_by_each_recipient_with_its_share(rules: LivepeerRules) -> None:
    world = await LivepeerChain.begin(rules)
    await world.tell("setPoolSize(uint256)", ["uint256"], 4)
    await world.fund(5_000, 1_000)
    sender, active, other = world.sender.address, world.recipients[0].address, world.recipients[1].address
    view = await world.broker.sender_view(sender, active, frozenset({other}))
    assert (view.deposit_wei, view.reserve_wei, view.claimable_wei) == (5_000, 1_000, 250)
    assert (view.state, view.withdraw_round, view.signers) == (SenderState.LOCKED, 0, frozenset())
    assert (await world.broker.sender_view(sender, other)).claimable_wei == 0
    assert (await world.broker.sender_view(sender, None)).claimable_wei == 0


async def test_who_is_unknown_is_unlocked() -> None:
    world = await LivepeerChain.begin(OLDER)
    view = await world.broker.sender_view(world.recipients[1].address, None)
    assert (view.state, view.deposit_wei, view.reserve_wei) == (SenderState.UNLOCKED, 0, 0)


async def test_a_share_below_what_was_claimed_is_nothing() -> None:
    world = await LivepeerChain.begin(OLDER)
    await world.fund(0, 1_000)
    receipt = await world.redeem([await world.winner(face_value=900)])
    assert receipt.succeeded
    sender, active = world.sender.address, world.recipients[0].address
    assert (await world.broker.sender_view(sender, active)).claimable_wei == 100
    # the pool grows, so that a share is 250 now, and the contract panics
    await world.tell("setPoolSize(uint256)", ["uint256"], 4)
    assert (await world.broker.sender_view(sender, active)).claimable_wei == 0


async def test_an_unlock_stays_complete_until_it_is_cancelled() -> None:
    world = await LivepeerChain.begin(OLDER)
    await world.fund(500, 0)
    sender = world.sender.address
    await world.dev.send(world.sender, world.broker.unlock_call())
    unlocking = await world.broker.sender_view(sender, None)
    assert (unlocking.state, unlocking.withdraw_round) == (SenderState.UNLOCKING, 10 + UNLOCK)
    await world.set_round(12, b"\x12" * 32)
    assert (await world.broker.sender_view(sender, None)).state is SenderState.UNLOCKED
    assert await world.broker.preflight(await world.winner(), sender) == Reverted("sender is unlocked")
    await world.dev.send(world.sender, world.broker.cancel_unlock_call())
    assert (await world.broker.sender_view(sender, None)).state is SenderState.LOCKED
    await world.dev.send(world.sender, world.broker.unlock_call())
    await world.set_round(14, b"\x14" * 32)
    receipt = await world.dev.send(world.sender, world.broker.withdraw_call())
    assert receipt.succeeded
    empty = await world.broker.sender_view(sender, None)
    assert (empty.deposit_wei, empty.withdraw_round, empty.state) == (0, 14, SenderState.UNLOCKED)


@BUILDS
async def test_a_winner_is_tried_redeemed_and_used(rules: LivepeerRules) -> None:
    world = await LivepeerChain.begin(rules)
    await world.fund(5_000, 0)
    winner = await world.winner()
    gas = await world.broker.preflight(winner, world.sender.address)
    assert isinstance(gas, int)
    receipt = await world.redeem([winner], gas=gas)
    (redeemed,) = world.broker.redeemed([winner], receipt)
    assert (redeemed.paid_wei, redeemed.refusal) == (1_000, "")
    assert await world.broker.is_used(redeemed.ticket_hash)
    assert not await world.broker.is_used(b"\x01" * 32)
    assert await world.broker.preflight(winner, world.sender.address) == Reverted("ticket is used")


@pytest.mark.parametrize(
    ("rules", "refusal", "paid_wei"),
    [
        (OLDER, None, 600),
        (NEWER, "sender deposit and reserve insufficient to cover ticket face value", 0),
    ],
)
async def test_what_is_not_covered_is_paid_short_or_refused_by_the_year(
    rules: LivepeerRules, refusal: str | None, paid_wei: int
) -> None:
    world = await LivepeerChain.begin(rules)
    await world.fund(200, 400)
    winner = await world.winner(face_value=5_000)
    tried = await world.broker.preflight(winner, world.sender.address)
    if refusal is not None:
        assert tried == Reverted(refusal)
        return
    (redeemed,) = world.broker.redeemed([winner], await world.redeem([winner]))
    assert redeemed.paid_wei == paid_wei


@pytest.mark.parametrize(("rules", "refusal"), [(OLDER, None), (NEWER, "transcoder must be active")])
async def test_a_recipient_that_is_registered_only_is_paid_by_the_year(
    rules: LivepeerRules, refusal: str | None
) -> None:
    world = await LivepeerChain.begin(rules)
    await world.fund(5_000, 0)
    await world.activate(world.recipients[1].address, is_active=False)
    tried = await world.broker.preflight(await world.winner(recipient=1), world.sender.address)
    assert isinstance(tried, int) if refusal is None else tried == Reverted(refusal)


@BUILDS
async def test_the_share_can_be_short_of_what_the_build_takes(rules: LivepeerRules) -> None:
    """A winner within the reserve but beyond the share is used up; the view shows it before."""
    world = await LivepeerChain.begin(rules)
    await world.tell("setPoolSize(uint256)", ["uint256"], 4)
    await world.fund(0, 1_000)
    winner = await world.winner(face_value=1_000)
    view = await world.broker.sender_view(world.sender.address, world.recipients[0].address)
    assert view.deposit_wei + view.claimable_wei == 250
    assert isinstance(await world.broker.preflight(winner, world.sender.address), int)
    (redeemed,) = world.broker.redeemed([winner], await world.redeem([winner]))
    assert (redeemed.paid_wei, redeemed.refusal) == (250, "")


async def test_a_batch_is_judged_by_its_events() -> None:
    world = await LivepeerChain.begin(OLDER, batch_max=16)
    await world.fund(5_000, 0)
    first, second = await world.winner(nonce=1), await world.winner(nonce=2, face_value=70)
    forged = spoiled(await world.winner(nonce=3), face_value=2_000)
    winners = [forged, first, second, first]
    receipt = await world.redeem(winners, gas=2_000_000)
    outcomes = world.broker.redeemed(winners, receipt)
    assert [outcome.paid_wei for outcome in outcomes] == [0, 1_000, 70, 0]
    assert [outcome.refusal for outcome in outcomes] == [NOT_NAMED, "", "", NOT_NAMED]


async def test_a_batch_that_runs_out_of_gas_inside_succeeds_all_the_same() -> None:
    """Why one call redeems one winner here unless somebody sets the gas."""
    world = await LivepeerChain.begin(OLDER, batch_max=2)
    await world.fund(5_000, 0)
    winners = [await world.winner(nonce=1), await world.winner(nonce=2)]
    receipt = await world.redeem(winners, gas=120_000)
    assert receipt.succeeded
    assert [outcome.refusal for outcome in world.broker.redeemed(winners, receipt)] == ["", NOT_NAMED]
    assert (await LivepeerChain.begin(OLDER)).broker.batch_max == 1


async def test_many_who_ask_at_a_time_share_one_answer() -> None:
    world = await LivepeerChain.begin(OLDER)
    await world.fund(5_000, 0)
    views = await asyncio.gather(*(world.broker.view() for _ in range(20)))
    assert all(view is views[0] for view in views)


async def test_our_broker_is_no_livepeer_broker() -> None:
    world = await LivepeerChain.begin(OLDER)
    wrong = LivepeerBroker(world.dev.chain, world.dev.deployment.broker, VirtualClock())
    with pytest.raises(PeerError):
        await wrong.view()
    with pytest.raises(PeerError):
        await wrong.sender_view(world.sender.address, None)


@pytest.mark.parametrize("batch_max", [0, 17])
async def test_a_batch_out_of_range_is_refused(batch_max: int) -> None:
    world = await LivepeerChain.begin(OLDER)
    with pytest.raises(LocalError) as caught:
        LivepeerBroker(world.dev.chain, world.broker.address, VirtualClock(), batch_max=batch_max)
    assert caught.value.facts["batch_max"] == batch_max


async def test_a_profile_opens_the_broker_that_speaks_it() -> None:
    world = await LivepeerChain.begin(OLDER)
    kinds = {
        "parley": ParleyBroker,
        "livepeer-2023": LivepeerBroker,
        "livepeer-2026": LivepeerBroker,
    }
    for text, kind in kinds.items():
        broker = open_broker(BrokerProfile(text), world.dev.chain, Address(account(1)), VirtualClock())
        assert isinstance(broker, kind)
        assert broker.address == account(1)


def test_the_deployed_broker_is_known_by_its_address() -> None:
    assert ARBITRUM_ONE_ID == 42161
    assert ARBITRUM_ONE_BROKER.hex() == "a8bb618b1520e284046f3dfc448851a1ff26e41b"
