"""The events of the real contracts, followed over a reorganisation and read as values."""

from __future__ import annotations

from parley.adapters.evm.following import EventFollower, FollowingConfig
from parley.adapters.memory.store import MemoryStore
from parley.lottery.calls import winner_redemption
from parley.lottery.events import (
    BROKER_TOPICS,
    NEW_ROUND_TOPIC,
    DepositFunded,
    NewRound,
    ReserveClaimed,
    ReserveFrozen,
    ReserveFunded,
    SignerApproved,
    SignerRevoked,
    TicketRefused,
    Unlock,
    UnlockCancelled,
    WinningTicketRedeemed,
    WinningTicketTransfer,
    Withdrawal,
    parse_event,
)
from parley.lottery.livepeer_rules import LivepeerRules
from parley.lottery.tickets import ticket_hash
from parley.ports.chain import EvmChain, Log
from parley.primitives.ids import Address
from tests.onchain.broker_world import FREEZE, UNLOCK, LivepeerChain, ParleyChain, spoiled
from tests.onchain.tickets import RAND


def follower_of(chain: EvmChain, contract: Address, topics: tuple[bytes, ...] = BROKER_TOPICS) -> EventFollower:
    config = FollowingConfig(name="events", contract=contract, topics=topics)
    return EventFollower(chain, MemoryStore().documents, config)


async def news(follower: EventFollower) -> list[object]:
    """Take what is new, as values."""
    batch = await follower.poll()
    await follower.acknowledge(batch)
    assert not batch.removed
    return [parse_event(log.topics, log.data) for log in batch.added]


async def test_each_act_of_a_sender_is_read_as_what_it_did() -> None:
    world = await ParleyChain.begin()
    follower = follower_of(world.dev.chain, world.broker.address)
    sender, one, two = world.sender.address, world.recipients[0].address, world.recipients[1].address
    assert await news(follower) == []
    await world.fund(300, 1_000)
    assert await news(follower) == [DepositFunded(sender, 300), ReserveFunded(sender, 1_000)]
    for call in (world.broker.unlock_call(), world.broker.cancel_unlock_call()):
        await world.dev.send(world.sender, call)
    assert await news(follower) == [Unlock(sender, 2, 2 + UNLOCK), UnlockCancelled(sender)]
    for call in (world.broker.approve_signer_call(two), world.broker.revoke_signer_call(two)):
        await world.dev.send(world.sender, call)
    assert await news(follower) == [SignerApproved(sender, two), SignerRevoked(sender, two, 2)]
    winner = await world.winner(face_value=400)
    forged = spoiled(await world.winner(nonce=2), face_value=1)
    await world.redeem([winner, forged])
    assert await news(follower) == [
        ReserveFrozen(sender, 2, 2),
        ReserveClaimed(sender, one, 100),
        WinningTicketTransfer(sender, one, 400),
        WinningTicketRedeemed(winner_redemption(winner).ticket, RAND),
        TicketRefused(ticket_hash(winner_redemption(forged).ticket), "invalid signature over ticket hash"),
    ]
    await world.dev.next_round(FREEZE)
    await world.dev.send(world.sender, world.broker.withdraw_call())
    assert await news(follower) == [Withdrawal(sender, 0, 900)]


async def test_the_deployed_brokers_events_are_read_alike() -> None:
    world = await LivepeerChain.begin(LivepeerRules.BUILD_2026)
    follower = follower_of(world.dev.chain, world.broker.address)
    sender, one = world.sender.address, world.recipients[0].address
    await world.fund(300, 1_000)
    winner = await world.winner(face_value=400)
    await world.redeem([winner])
    await world.dev.send(world.sender, world.broker.unlock_call())
    assert await news(follower) == [
        ReserveFunded(sender, 1_000),
        DepositFunded(sender, 300),
        ReserveClaimed(sender, one, 100),
        WinningTicketTransfer(sender, one, 400),
        WinningTicketRedeemed(winner_redemption(winner).ticket, RAND),
        Unlock(sender, 10, 10 + UNLOCK),
    ]


async def test_rounds_are_followed_at_their_own_contract() -> None:
    world = await ParleyChain.begin()
    follower = follower_of(world.dev.chain, world.dev.deployment.rounds, (NEW_ROUND_TOPIC,))
    first, second = await news(follower)
    view = await world.broker.view()
    assert view.previous_round is not None
    assert first == NewRound(1, view.previous_round.block_hash)
    assert second == NewRound(2, view.creation_round.block_hash)


async def test_a_redemption_that_the_chain_gave_up_is_told() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    follower = follower_of(world.dev.chain, world.broker.address)
    await news(follower)
    winner = await world.winner()
    await world.redeem([winner])
    batch = await follower.poll()
    await follower.acknowledge(batch)
    told: tuple[Log, ...] = batch.added
    assert len(told) == 2
    await world.dev.chain.reorganise(1, is_keeping=False)
    gone = await follower.poll()
    assert (gone.removed, gone.added) == (tuple(reversed(told)), ())
    name = ticket_hash(winner_redemption(winner).ticket)
    assert not await world.broker.is_used(name)
    await world.redeem([winner])
    # the batch that was not acknowledged yet comes again, with what is new
    again = await follower.poll()
    assert again.removed == gone.removed
    assert [log.topics for log in again.added] == [log.topics for log in told]
    assert await world.broker.is_used(name)
