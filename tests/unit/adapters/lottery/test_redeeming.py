"""From a winner in the store to money in the fee pool, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from parley.adapters.lottery.redemption_book import RedemptionBook, keep_winner
from parley.errors import ErrorCode, LocalError
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_records import winner_hash
from parley.lottery.rules import Periods, Refusal
from parley.lottery.wire import Winner
from parley.ports.chain import Reverted
from parley.primitives.ids import Address
from parley.testing.broker_model import ModelBroker
from tests.unit.adapters.lottery.redeeming_world import (
    CONFIG,
    ETHER,
    RECIPIENT,
    SENDERS,
    RedeemingWorld,
    stands,
)

WAITING, SENT = RedemptionPhase.WAITING, RedemptionPhase.SENT
REDEEMED, EXPIRED, REFUSED = RedemptionPhase.REDEEMED, RedemptionPhase.EXPIRED, RedemptionPhase.REFUSED


async def test_a_winner_becomes_money_and_is_done_with_after_its_confirmations() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    await world.turns()
    assert world.status(winner).phase is SENT
    assert world.redeemer.pending_wei(SENDERS[0]) == ETHER
    await world.turns(2)
    assert (world.status(winner).phase, world.status(winner).confirmations) == (SENT, 2)
    await world.turns()
    status = world.status(winner)
    assert (status.phase, status.paid_wei, status.ended_ms) == (REDEEMED, ETHER, 1_800_000_000_000)
    assert status.cost_wei == 100_000 * 10**9
    assert world.credited_wei == ETHER
    assert world.redeemer.pending_wei(SENDERS[0]) == 0
    assert await RedemptionBook(world.documents).winners() == {}
    assert await RedemptionBook(world.documents).acts() == {}


async def test_winners_of_several_senders_go_together_and_share_the_gas() -> None:
    world = RedeemingWorld()
    for sender in range(3):
        world.fund(sender)
        for _ in range(2):
            await world.won(sender)
    await world.turns(5)
    assert world.phases() == [REDEEMED] * 6
    assert world.calls == 1
    assert [item.cost_wei for item in world.redeemer.redemptions()] == [400_000 * 10**9 // 6] * 6
    assert world.credited_wei == 6 * ETHER


async def test_more_winners_than_one_call_holds_go_in_several() -> None:
    world = RedeemingWorld(batch_max=2)
    world.fund()
    for _ in range(5):
        await world.won()
    await world.turns(5)
    assert (world.phases(), world.calls) == ([REDEEMED] * 5, 3)


async def test_a_winner_waits_until_its_parameters_end_and_says_whether_it_is_revealed() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won(expiration_block=world.broker.head_number + 3)
    commitment = winner.params.recipient_rand_hash
    for _ in range(3):
        await world.turns()
        assert stands(world.status(winner)) == (WAITING, WaitReason.PARAMS_IN_USE)
        assert not world.redeemer.is_revealed(commitment)
    await world.turns()
    assert world.status(winner).phase is SENT


async def test_a_number_revealed_while_its_parameters_hold_is_known_as_such_until_they_end() -> None:
    world = RedeemingWorld(replace(CONFIG, waits_for_params=False))
    world.fund()
    winner = await world.won(expiration_block=world.broker.head_number + 3)
    await world.turns()
    assert world.status(winner).phase is SENT
    assert world.redeemer.is_revealed(winner.params.recipient_rand_hash)
    await world.restarted().load()
    assert world.redeemer.is_revealed(winner.params.recipient_rand_hash)
    await world.turns(5)
    assert world.redeemer.is_revealed(winner.params.recipient_rand_hash)  # the end may be taken back
    await world.won()
    await world.turns(2)
    assert not world.redeemer.is_revealed(winner.params.recipient_rand_hash)


async def test_a_sender_that_is_short_is_waited_for_and_holds_up_nobody() -> None:
    world = RedeemingWorld()
    world.fund(0, deposit_wei=ETHER // 2)
    world.fund(1)
    short, other = await world.won(0), await world.won(1)
    await world.turns(5)
    assert stands(world.status(short)) == (WAITING, WaitReason.FUNDS_SHORT)
    assert world.status(other).phase is REDEEMED
    world.fund(0)
    await world.turns(5)
    assert (world.status(short).phase, world.status(short).paid_wei) == (REDEEMED, ETHER)


async def test_one_deposit_is_not_counted_on_by_two_winners() -> None:
    world = RedeemingWorld()
    world.fund(deposit_wei=3 * ETHER // 2)
    await world.won()
    await world.won()
    await world.turns(6)
    assert world.phases() == [WAITING, REDEEMED]
    assert world.credited_wei == ETHER
    world.broker.next_round()
    await world.turns(6)
    assert world.phases() == [REDEEMED, REDEEMED]  # in the last round what is left is taken
    assert world.credited_wei == 3 * ETHER // 2


async def test_the_larger_winner_waits_while_smaller_ones_are_paid() -> None:
    world = RedeemingWorld()
    world.fund(deposit_wei=ETHER)
    large, small = await world.won(face_value_wei=2 * ETHER), await world.won(face_value_wei=ETHER)
    await world.turns(5)
    assert stands(world.status(large)) == (WAITING, WaitReason.FUNDS_SHORT)
    assert world.status(small).phase is REDEEMED


async def test_a_frozen_reserve_pays_our_part_at_once() -> None:
    world = RedeemingWorld()
    world.fund(deposit_wei=ETHER, reserve_wei=2 * ETHER)
    world.broker.register(Address(b"\x77" * 20))
    first, second = await world.won(face_value_wei=3 * ETHER // 2), await world.won(face_value_wei=ETHER)
    await world.turns(8)
    assert (world.status(first).paid_wei, world.status(second).paid_wei) == (3 * ETHER // 2, ETHER // 2)


async def test_a_recipient_that_is_not_registered_counts_on_the_deposit_alone() -> None:
    world = RedeemingWorld()
    world.fund(deposit_wei=ETHER // 2, reserve_wei=10 * ETHER)
    world.broker.unregister(RECIPIENT)
    winner = await world.won()
    await world.turns(2)
    assert stands(world.status(winner)) == (WAITING, WaitReason.FUNDS_SHORT)
    world.broker.register(RECIPIENT)
    await world.turns(4)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, ETHER)


async def test_a_sender_that_withdraws_as_soon_as_it_can_finds_nothing_left_of_what_was_won() -> None:
    world = RedeemingWorld(
        broker=ModelBroker(Periods(unlock_rounds=3, freeze_rounds=3, ticket_validity_rounds=3)), mines_at_once=True
    )
    world.fund(0, deposit_wei=ETHER)
    world.fund(1, deposit_wei=ETHER)
    world.broker.unlock(SENDERS[0])
    world.broker.next_round(2)
    winner, stays = await world.won(0, expiration_block=10**6), await world.won(1, expiration_block=10**6)
    await world.turns()
    assert stands(world.status(stays)) == (WAITING, WaitReason.PARAMS_IN_USE)
    world.broker.next_round()
    assert world.broker.state.model.withdraw(SENDERS[0], world.broker.state.round_number) is Refusal.EMPTY
    await world.turns(3)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, ETHER)
    assert world.redeemer.is_revealed(winner.params.recipient_rand_hash)


async def test_dear_gas_is_waited_out() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    world.broker.gas_price_wei = 10**13
    await world.turns(2)
    assert stands(world.status(winner)) == (WAITING, WaitReason.GAS_DEAR)
    world.broker.gas_price_wei = 10**9
    await world.turns(4)
    assert world.status(winner).phase is REDEEMED


async def test_a_winner_that_the_contract_refuses_is_shown_with_the_reason_and_tried_until_it_expires() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won(win_prob=0)
    await world.turns(5)
    assert (world.status(winner).phase, world.calls) == (REFUSED, 0)
    assert world.status(winner).untrusted_reason == "ticket did not win"
    assert world.redeemer.pending_wei(SENDERS[0]) == ETHER
    world.broker.next_round(2)
    await world.turns(4)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (EXPIRED, None)
    assert world.redeemer.pending_wei(SENDERS[0]) == 0


async def test_nothing_is_tried_in_a_round_that_has_not_begun() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    world.broker.next_round(is_initialized=False)
    await world.turns()
    assert stands(world.status(winner)) == (WAITING, WaitReason.ROUND_NOT_BEGUN)
    world.broker.initialize_round()
    await world.turns(4)
    assert world.status(winner).phase is REDEEMED


async def test_what_somebody_else_redeemed_is_paid_and_costs_us_nothing() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    other = RedeemingWorld()
    other.broker, other.wallet = world.broker, world.wallet
    await keep_winner(other.documents, winner)
    await other.restarted().turn()
    world.broker.mine()
    await world.turns(6)
    status = world.status(winner)
    assert (status.phase, status.paid_wei, status.cost_wei) == (REDEEMED, None, 0)
    assert (world.calls, world.credited_wei) == (1, ETHER)


async def test_a_wallet_that_cannot_pay_for_the_gas_is_named() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    world.broker.state.balances_wei[world.wallet.address] = 0
    await world.turns(2)
    assert stands(world.status(winner)) == (WAITING, WaitReason.WALLET_SHORT)
    assert await RedemptionBook(world.documents).acts() == {}
    world.broker.state.balances_wei[world.wallet.address] = ETHER
    await world.turns(5)
    assert world.status(winner).phase is REDEEMED


async def test_a_winner_counts_from_the_moment_it_is_added() -> None:
    world = RedeemingWorld()
    winner = world.made()
    with pytest.raises(LocalError) as caught:
        world.redeemer.add(winner)
    assert caught.value.code is ErrorCode.WRONG_STATE
    await world.redeemer.load()
    for _ in range(2):
        world.redeemer.add(winner)
        assert world.redeemer.pending_wei(SENDERS[0]) == ETHER
    assert world.redeemer.pending_wei(SENDERS[1]) == 0


async def test_those_that_have_not_ended_come_first_by_deadline_then_the_latest() -> None:
    world = RedeemingWorld()
    world.fund(deposit_wei=2 * ETHER)
    first = await world.won()
    await world.turns(5)
    world.clock.advance(1_000)
    second = await world.won()
    await world.turns(5)
    third = await world.won()
    world.broker.next_round()
    fourth = await world.won()
    await world.turns()
    wanted = [winner_hash(winner) for winner in (third, fourth, second, first)]
    assert [item.ticket_hash for item in world.redeemer.redemptions()] == wanted


class CountingBroker(ModelBroker):
    """Counts how many questions are under way at once."""

    now = 0
    most = 0

    async def preflight(self, winner: Winner, redeemer: Address) -> int | Reverted:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return await super().preflight(winner, redeemer)


async def test_no_more_questions_are_asked_at_once_than_the_owner_allows() -> None:
    broker = CountingBroker()
    world = RedeemingWorld(replace(CONFIG, questions_max=2), broker=broker)
    world.fund()
    for _ in range(6):
        await world.won()
    await world.turns()
    assert broker.most == 2
