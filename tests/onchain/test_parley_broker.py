"""Our broker through its adapter, on an embedded chain with the real contracts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.adapters.evm.broker_contract import NOT_NAMED, TRANSACTION_REVERTED
from parley.adapters.evm.parley_broker import ParleyBroker
from parley.devchains.evm import open_devchain
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.ledgers.evm.packing import selector
from parley.lottery.params import CreationRound
from parley.lottery.rules import SenderState
from parley.ports.broker import Broker, Redeemed
from parley.ports.chain import Call, Reverted
from parley.primitives.ids import Address
from parley.testing.clock import VirtualClock
from tests.onchain.broker_world import FREEZE, ROUND_BLOCKS, UNLOCK, ParleyChain, spoiled, winner_of
from tests.onchain.evm import account
from tests.onchain.tickets import RoundTicket


def ticket_hash_of(winner_nonce: int, world: ParleyChain, made_in: CreationRound, face_value: int = 1_000) -> bytes:
    return RoundTicket(
        recipient=world.recipients[0].address,
        sender=world.sender.address,
        face_value=face_value,
        nonce=winner_nonce,
        creation_round=made_in.number,
        creation_hash=made_in.block_hash,
    ).hash()


async def ask(world: ParleyChain, contract: Address, signature: str, argument: int | None = None) -> int:
    """Ask a contract for a word, without the adapter."""
    data = selector(signature) + (b"" if argument is None else argument.to_bytes(32, "big"))
    answer = await world.dev.chain.call(Call(to=contract, data=data))
    assert isinstance(answer, bytes)
    return int.from_bytes(answer, "big")


async def test_it_is_a_broker() -> None:
    world = await ParleyChain.begin()
    broker: Broker = world.broker
    assert broker.address == world.dev.deployment.broker
    assert broker.batch_max == 32


async def test_the_periods_are_those_of_the_contract() -> None:
    world = await ParleyChain.begin()
    periods = await world.broker.periods()
    assert (periods.unlock_rounds, periods.freeze_rounds, periods.ticket_validity_rounds) == (UNLOCK, FREEZE, 2)
    assert periods.outlast_tickets


async def test_a_recipient_is_one_from_the_round_after_its_registration_on() -> None:
    world = await ParleyChain.begin()
    late = world.recipients[2]
    assert await world.broker.is_recipient(world.recipients[0].address)
    assert not await world.broker.is_recipient(world.stranger.address)
    await world.dev.register(late)
    assert not await world.broker.is_recipient(late.address)
    await world.dev.next_round()
    assert await world.broker.is_recipient(late.address)
    with pytest.raises(LocalError):
        await world.broker.is_recipient(Address(b"\x01" * 19))


async def test_a_view_is_what_the_contracts_say_at_the_head() -> None:
    world = await ParleyChain.begin()
    view, head = await world.broker.view(), await world.dev.chain.head()
    rounds = world.dev.deployment.rounds
    number = await ask(world, rounds, "currentRound()")
    assert number == 2
    assert (view.chain_id, view.broker) == (31_337, world.dev.deployment.broker)
    assert (view.block_number, view.block_hash) == (head.number, head.block_hash)
    for made_in, expected in [(view.creation_round, 2), (view.previous_round, 1)]:
        assert made_in is not None
        assert made_in.number == expected
        stored = await ask(world, rounds, "blockHashForRound(uint256)", expected)
        assert int.from_bytes(made_in.block_hash, "big") == stored != 0
    assert view.is_round_initialized
    assert (view.ticket_validity_rounds, view.recipients) == (2, 2)
    assert view.gas_price_wei == (await world.dev.chain.fees()).gas_price_wei


async def test_a_round_that_nobody_initialised_yet_is_told() -> None:
    world = await ParleyChain.begin()
    world.dev.chain.local.keepers.clear()
    await world.dev.chain.mine(ROUND_BLOCKS)
    view = await world.broker.view()
    assert not view.is_round_initialized
    assert view.creation_round.number == 2
    world.dev.chain.local.keepers.clear()
    await world.dev.chain.mine(ROUND_BLOCKS)
    await world.dev.send(world.stranger, Call(to=world.dev.deployment.rounds, data=selector("initializeRound()")))
    late = await world.broker.view()
    assert late.is_round_initialized
    # round 3 has no hash, so no ticket of it is under way
    assert (late.creation_round.number, late.previous_round) == (4, None)


async def test_before_the_first_round_there_is_nothing_to_pay_with() -> None:
    dev = await open_devchain()
    dev.chain.local.keepers.clear()
    await dev.chain.reorganise(1, is_keeping=False)  # the block that began the first round
    broker = ParleyBroker(dev.chain, dev.deployment.broker, VirtualClock())
    with pytest.raises(UnavailableError) as caught:
        await broker.view()
    assert caught.value.code is ErrorCode.WRONG_STATE
    # a failure is not kept
    due = await broker.round_to_begin()
    assert due is not None
    assert due.number == 1
    await dev.send(dev.accounts[0], due.call)
    assert (await broker.view()).creation_round.number == 1
    assert await broker.round_to_begin() is None


async def test_a_recipient_registers_with_the_least_stake() -> None:
    world = await ParleyChain.begin()
    call = await world.broker.register_call(250_000)
    assert (call.to, call.value_wei) == (world.dev.deployment.recipients, 1)
    await world.dev.send(world.recipients[2], call)
    await world.dev.next_round()
    assert (await world.broker.view()).recipients == 3
    for commission in (-1, 1_000_001):
        with pytest.raises(LocalError):
            await world.broker.register_call(commission)


async def test_who_is_unknown_is_unlocked_and_has_nothing() -> None:
    world = await ParleyChain.begin()
    view = await world.broker.sender_view(world.stranger.address, world.recipients[0].address)
    assert view.block_hash == (await world.dev.chain.head()).block_hash
    assert (view.state, view.deposit_wei, view.reserve_wei, view.claimable_wei) == (SenderState.UNLOCKED, 0, 0, 0)


async def test_a_funded_sender_is_seen_by_each_recipient_with_its_part() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 901)
    registered, unregistered = world.recipients[0].address, world.recipients[2].address
    view = await world.broker.sender_view(world.sender.address, registered)
    assert (view.sender, view.state, view.withdraw_round) == (world.sender.address, SenderState.LOCKED, 0)
    assert (view.deposit_wei, view.reserve_wei, view.claimable_wei) == (5_000, 901, 450)
    assert (await world.broker.sender_view(world.sender.address, unregistered)).claimable_wei == 0
    assert (await world.broker.sender_view(world.sender.address, None)).claimable_wei == 0


async def test_deposit_and_reserve_are_funded_alone_too() -> None:
    world = await ParleyChain.begin()
    await world.fund(7, 0)
    await world.fund(0, 8)
    view = await world.broker.sender_view(world.sender.address, None)
    assert (view.deposit_wei, view.reserve_wei) == (7, 8)


async def test_an_unlock_is_begun_ended_and_completed() -> None:
    world = await ParleyChain.begin()
    await world.fund(500, 0)
    sender = world.sender.address
    await world.dev.send(world.sender, world.broker.unlock_call())
    unlocking = await world.broker.sender_view(sender, None)
    assert (unlocking.state, unlocking.withdraw_round) == (SenderState.UNLOCKING, 2 + UNLOCK)
    await world.dev.send(world.sender, world.broker.cancel_unlock_call())
    locked = await world.broker.sender_view(sender, None)
    assert (locked.state, locked.withdraw_round) == (SenderState.LOCKED, 0)
    await world.dev.send(world.sender, world.broker.unlock_call())
    await world.dev.next_round(UNLOCK)
    unlocked = await world.broker.sender_view(sender, None)
    assert unlocked.state is SenderState.UNLOCKED
    before_wei = await world.dev.chain.balance_wei(sender)
    receipt = await world.dev.send(world.sender, world.broker.withdraw_call())
    paid_wei = await world.dev.chain.balance_wei(sender) - before_wei + receipt.gas_used * receipt.gas_price_wei
    assert paid_wei == 500
    assert (await world.broker.sender_view(sender, None)).deposit_wei == 0


async def test_a_freeze_and_the_share_that_is_left_are_seen() -> None:
    world = await ParleyChain.begin()
    await world.fund(100, 1_000)
    receipt = await world.redeem([await world.winner(face_value=400)])
    assert receipt.succeeded
    sender, one, two = world.sender.address, world.recipients[0].address, world.recipients[1].address
    view = await world.broker.sender_view(sender, one)
    assert (view.state, view.deposit_wei, view.reserve_wei) == (SenderState.FROZEN, 0, 700)
    assert (view.claimable_wei, (await world.broker.sender_view(sender, two)).claimable_wei) == (200, 500)
    await world.dev.next_round(FREEZE)
    assert (await world.broker.sender_view(sender, one)).state is SenderState.UNLOCKED


async def test_signers_are_those_of_the_round_for_new_tickets() -> None:
    world = await ParleyChain.begin()
    signer, revoked, other = (world.dev.accounts[number].address for number in (5, 6, 7))
    for key in (signer, revoked):
        await world.dev.send(world.sender, world.broker.approve_signer_call(key))
    await world.dev.send(world.sender, world.broker.revoke_signer_call(revoked))
    asked = frozenset({signer, revoked, other})
    now = await world.broker.sender_view(world.sender.address, None, asked)
    assert now.signers == {signer, revoked}
    await world.dev.next_round()
    later = await world.broker.sender_view(world.sender.address, None, asked)
    assert later.signers == {signer}
    assert (await world.broker.sender_view(world.sender.address, None)).signers == frozenset()


async def test_a_winner_is_tried_redeemed_and_used() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    winner = await world.winner()
    name = ticket_hash_of(1, world, winner.creation_round)
    gas = await world.broker.preflight(winner, world.stranger.address)
    assert isinstance(gas, int)
    assert not await world.broker.is_used(name)
    receipt = await world.redeem([winner], gas=gas)
    assert receipt.succeeded
    assert world.broker.redeemed([winner], receipt) == (Redeemed(ticket_hash=name, paid_wei=1_000),)
    assert await world.broker.is_used(name)
    assert await world.fees_wei(0, winner.creation_round.number) == 1_000
    assert await world.broker.preflight(winner, world.stranger.address) == Reverted("ticket is used")


async def test_a_winner_of_an_approved_signer_is_redeemed() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    signer = world.dev.accounts[5]
    made_in = (await world.broker.view()).creation_round
    winner = winner_of(world.sender, world.recipients[0].address, made_in, signer=signer)
    assert await world.broker.preflight(winner, signer.address) == Reverted("invalid signature over ticket hash")
    await world.dev.send(world.sender, world.broker.approve_signer_call(signer.address))
    assert isinstance(await world.broker.preflight(winner, signer.address), int)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"face_value": 999}, "invalid signature over ticket hash"),
        ({"win_prob": 0}, "invalid signature over ticket hash"),
        ({"recipient": Address(bytes(20))}, "ticket recipient is null address"),
        ({"recipient_rand_hash": b"\x01" * 32}, "recipientRand does not match recipientRandHash"),
    ],
)
async def test_a_refusal_is_told_before_it_costs_anything(fields: dict[str, object], reason: str) -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    winner = spoiled(await world.winner(), **fields)
    assert await world.broker.preflight(winner, world.stranger.address) == Reverted(reason)


async def test_the_other_refusals_are_told_as_well() -> None:
    world = await ParleyChain.begin()
    made_in = (await world.broker.view()).creation_round
    to, me = world.recipients[0].address, world.stranger.address
    loser = winner_of(world.sender, to, made_in, win_prob=0)
    elsewhere = winner_of(world.sender, to, replace(made_in, block_hash=b"\x07" * 32))
    assert await world.broker.preflight(loser, me) == Reverted("ticket did not win")
    assert await world.broker.preflight(elsewhere, me) == Reverted("creationRoundHash is not that of creationRound")
    unfunded = await world.winner()
    assert await world.broker.preflight(unfunded, me) == Reverted("deposit is empty and nothing is claimable")
    nobody = await world.winner(recipient=2)
    assert await world.broker.preflight(nobody, me) == Reverted("deposit is empty and recipient not registered")
    await world.fund(5_000, 0)
    await world.dev.next_round(2)
    assert await world.broker.preflight(unfunded, me) == Reverted("ticket is expired")


async def test_what_is_paid_short_is_read_from_the_events() -> None:
    world = await ParleyChain.begin()
    await world.fund(100, 1_000)
    winner = await world.winner(face_value=5_000)
    receipt = await world.redeem([winner])
    (redeemed,) = world.broker.redeemed([winner], receipt)
    assert (redeemed.paid_wei, redeemed.refusal) == (600, "")


async def test_a_winner_of_nothing_is_redeemed_for_nothing() -> None:
    world = await ParleyChain.begin()
    await world.fund(100, 0)
    paid, empty = await world.winner(nonce=1, face_value=60), await world.winner(nonce=2, face_value=0)
    receipt = await world.redeem([paid, empty])
    assert [redeemed.paid_wei for redeemed in world.broker.redeemed([paid, empty], receipt)] == [60, 0]
    assert [redeemed.refusal for redeemed in world.broker.redeemed([paid, empty], receipt)] == ["", ""]


async def test_a_batch_is_read_ticket_by_ticket_in_the_calls_order() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    first, second = await world.winner(nonce=1), await world.winner(nonce=2, face_value=70)
    forged = spoiled(await world.winner(nonce=3), face_value=2_000)
    winners = [forged, first, second, first]
    receipt = await world.redeem(winners)
    outcomes = world.broker.redeemed(winners, receipt)
    assert [outcome.paid_wei for outcome in outcomes] == [0, 1_000, 70, 0]
    assert [outcome.refusal for outcome in outcomes] == [
        "invalid signature over ticket hash",
        "",
        "",
        "ticket is used",
    ]
    made_in = first.creation_round
    assert outcomes[1].ticket_hash == outcomes[3].ticket_hash == ticket_hash_of(1, world, made_in)
    assert outcomes[2].ticket_hash == ticket_hash_of(2, world, made_in, 70)


async def test_a_whole_batch_of_32_is_redeemed() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    winners = [await world.winner(nonce=nonce, face_value=10) for nonce in range(1, 33)]
    outcomes = world.broker.redeemed(winners, await world.redeem(winners))
    assert sum(outcome.paid_wei for outcome in outcomes) == 320
    with pytest.raises(LocalError) as caught:
        world.broker.redeem_call([*winners, await world.winner(nonce=33)])
    assert caught.value.facts == {"winners": 33, "maximum": 32}
    with pytest.raises(LocalError):
        world.broker.redeem_call([])


async def test_a_transaction_that_failed_paid_nobody() -> None:
    world = await ParleyChain.begin()
    winner = await world.winner()
    receipt = await world.redeem([winner], gas=300_000)
    assert not receipt.succeeded
    (outcome,) = world.broker.redeemed([winner], receipt)
    assert (outcome.paid_wei, outcome.refusal) == (0, TRANSACTION_REVERTED)


async def test_events_of_other_tickets_and_of_other_contracts_count_for_nobody() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    redeemed, waiting = await world.winner(nonce=1), await world.winner(nonce=2)
    receipt = await world.redeem([redeemed])
    (outcome,) = world.broker.redeemed([waiting], receipt)
    assert (outcome.paid_wei, outcome.refusal) == (0, NOT_NAMED)
    moved = tuple(replace(log, address=Address(account(7))) for log in receipt.logs)
    (forged,) = world.broker.redeemed([redeemed], replace(receipt, logs=moved))
    assert (forged.paid_wei, forged.refusal) == (0, NOT_NAMED)


async def test_what_is_no_broker_is_found_out() -> None:
    world = await ParleyChain.begin()
    for address in (Address(account(1)), world.dev.deployment.rounds):
        nothing = ParleyBroker(world.dev.chain, address, VirtualClock())
        with pytest.raises(PeerError) as caught:
            await nothing.view()
        assert caught.value.code is ErrorCode.MALFORMED
        with pytest.raises(PeerError):
            await nothing.sender_view(world.sender.address, None)


async def test_arguments_out_of_range_are_refused() -> None:
    world = await ParleyChain.begin()
    with pytest.raises(LocalError):
        ParleyBroker(world.dev.chain, Address(bytes(19)), VirtualClock())
    with pytest.raises(LocalError):
        ParleyBroker(world.dev.chain, Address(bytes(20)), VirtualClock(), head_age_ms=-1)
    with pytest.raises(LocalError):
        await world.broker.sender_view(Address(b""), None)
    with pytest.raises(LocalError):
        await world.broker.sender_view(world.sender.address, Address(b""))
    with pytest.raises(LocalError):
        await world.broker.is_used(bytes(31))
    with pytest.raises(LocalError):
        world.broker.fund_call(deposit_wei=0, reserve_wei=0)


async def test_a_reorganisation_is_seen_at_once() -> None:
    world = await ParleyChain.begin()
    await world.fund(5_000, 0)
    before = await world.broker.view()
    assert (await world.broker.sender_view(world.sender.address, None)).deposit_wei == 5_000
    await world.dev.chain.reorganise(1, is_keeping=False)
    after = await world.broker.view()
    assert after.block_number == before.block_number
    assert after.block_hash != before.block_hash
    assert (await world.broker.sender_view(world.sender.address, None)).deposit_wei == 0


async def test_the_head_may_be_as_old_as_allowed() -> None:
    world = await ParleyChain.begin(head_age_ms=1_000)
    old = await world.broker.view()
    await world.dev.chain.mine()
    assert await world.broker.view() is old
    world.clock.advance(999)
    assert await world.broker.view() is old
    world.clock.advance(1)
    assert (await world.broker.view()).block_number == old.block_number + 1


async def test_a_head_that_is_gone_is_asked_for_again() -> None:
    world = await ParleyChain.begin(head_age_ms=1_000)
    await world.fund(5_000, 0)
    old = await world.broker.view()
    await world.dev.chain.reorganise(1)
    view = await world.broker.sender_view(world.sender.address, None)
    assert view.block_hash == (await world.dev.chain.head()).block_hash != old.block_hash


async def test_a_chain_that_is_closed_says_so() -> None:
    world = await ParleyChain.begin()
    await world.dev.chain.close()
    with pytest.raises(UnavailableError) as caught:
        await world.broker.view()
    assert caught.value.code is ErrorCode.SHUTTING_DOWN
