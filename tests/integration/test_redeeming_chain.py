"""Winners become money at the real contracts, with the real wallet, through reorganisations and restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.lottery.redemption_book import RedemptionBook
from parley.adapters.memory.store import MemoryStore
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_records import winner_hash
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.wire import Winner
from parley.primitives.one_shot import SecretKey
from parley.testing.clock import VirtualClock
from tests.integration.redeeming_chain import CONFIG, ETHER, Payers, open_payers

REDEEMED, REFUSED, EXPIRED = RedemptionPhase.REDEEMED, RedemptionPhase.REFUSED, RedemptionPhase.EXPIRED


class World:
    """The chain, a store that survives, and a redeemer that does not."""

    def __init__(self, payers: Payers) -> None:
        self.payers = payers
        self.chain = payers.dev.chain
        self.documents = MemoryStore().documents
        self.restart()

    def restart(self) -> None:
        key = SecretKey(self.payers.dev.accounts[9].secret)
        self.wallet = EvmWallet(self.chain, key, self.documents, WalletConfig(final_blocks=CONFIG.confirmations))
        self.redeemer = Redeemer(self.payers.broker, self.wallet, self.documents, VirtualClock(), CONFIG)

    async def turns(self, count: int) -> None:
        for _ in range(count):
            await self.redeemer.turn()
            await self.chain.mine()

    def status(self, winner: Winner) -> RedemptionStatus:
        [found] = [item for item in self.redeemer.redemptions() if item.ticket_hash == winner_hash(winner)]
        return found

    async def is_used(self, winner: Winner) -> bool:
        return await self.payers.broker.is_used(winner_hash(winner))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    payers = await open_payers(is_automatic=False)
    yield World(payers)
    await payers.dev.chain.close()


async def test_winners_of_several_senders_are_paid_in_one_call(world: World) -> None:
    for sender in (1, 2, 3):
        await world.payers.fund(sender, deposit_wei=10 * ETHER)
    winners = [await world.payers.won(world.documents, sender) for sender in (1, 2, 3)]
    before_wei = await world.chain.balance_wei(world.payers.dev.accounts[9].address)
    await world.turns(5)
    assert [world.status(winner).phase for winner in winners] == [REDEEMED] * 3
    assert [world.status(winner).paid_wei for winner in winners] == [ETHER] * 3
    assert await world.payers.credited_wei() == 3 * ETHER
    spent_wei = before_wei - await world.chain.balance_wei(world.payers.dev.accounts[9].address)
    assert 0 <= spent_wei - sum(world.status(winner).cost_wei for winner in winners) < 3
    assert await world.chain.transaction_count(world.payers.dev.accounts[9].address) == 1


async def test_one_that_the_contract_refuses_keeps_nobody_and_is_shown_with_the_reason(world: World) -> None:
    await world.payers.fund(1, deposit_wei=10 * ETHER)
    loser = await world.payers.won(world.documents, 1, win_prob=0)
    winner = await world.payers.won(world.documents, 1)
    await world.turns(5)
    assert world.status(winner).phase is REDEEMED
    assert (world.status(loser).phase, world.status(loser).untrusted_reason) == (REFUSED, "ticket did not win")
    await world.payers.dev.next_round(2)
    await world.turns(4)
    assert world.status(loser).phase is EXPIRED


@pytest.mark.parametrize("is_keeping", [True, False])
async def test_a_reorganisation_loses_nothing(world: World, *, is_keeping: bool) -> None:
    await world.payers.fund(1, deposit_wei=10 * ETHER)
    winner = await world.payers.won(world.documents, 1)
    await world.turns(2)
    assert await world.is_used(winner)
    await world.chain.reorganise(2, is_keeping=is_keeping)
    await world.turns(6)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, ETHER)
    assert await world.payers.credited_wei() == ETHER
    assert await world.chain.transaction_count(world.payers.dev.accounts[9].address) == 1


@pytest.mark.parametrize("is_keeping", [True, False])
async def test_a_reorganisation_of_what_was_final_loses_nothing_that_has_not_ended(
    world: World, *, is_keeping: bool
) -> None:
    await world.payers.fund(1, deposit_wei=10 * ETHER)
    winner = await world.payers.won(world.documents, 1)
    await world.turns(3)
    # The wallet takes the call for done; before the redeemer looks, the chain has lost it.
    await world.wallet.tend()
    await world.chain.reorganise(CONFIG.confirmations, is_keeping=is_keeping)
    assert await world.is_used(winner) is is_keeping
    await world.turns(10)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, ETHER)
    assert await world.is_used(winner)
    assert await world.payers.credited_wei() == ETHER
    assert await world.chain.transaction_count(world.payers.dev.accounts[9].address) == 1
    assert await RedemptionBook(world.documents).acts() == {}


async def test_a_restart_goes_on_with_what_was_sent(world: World) -> None:
    await world.payers.fund(1, deposit_wei=10 * ETHER)
    winner = await world.payers.won(world.documents, 1)
    await world.redeemer.turn()
    world.restart()
    await world.turns(1)
    assert (world.status(winner).phase, world.status(winner).confirmations) == (RedemptionPhase.SENT, 0)
    await world.turns(4)
    assert world.status(winner).phase is REDEEMED
    assert await world.chain.transaction_count(world.payers.dev.accounts[9].address) == 1
    assert await RedemptionBook(world.documents).acts() == {}


async def test_a_short_deposit_is_waited_for_then_a_part_of_the_reserve_is_taken(world: World) -> None:
    await world.payers.fund(1, deposit_wei=ETHER // 2, reserve_wei=ETHER // 4)
    winner = await world.payers.won(world.documents, 1)
    await world.turns(3)
    assert (world.status(winner).phase, world.status(winner).reason) == (
        RedemptionPhase.WAITING,
        WaitReason.FUNDS_SHORT,
    )
    await world.payers.dev.next_round()
    await world.turns(5)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, 3 * ETHER // 4)
    assert await world.payers.credited_wei() == 3 * ETHER // 4


async def test_two_redeemers_of_one_winner_pay_for_gas_twice_and_are_paid_once(world: World) -> None:
    await world.payers.fund(1, deposit_wei=10 * ETHER)
    winner = await world.payers.won(world.documents, 1)
    other = MemoryStore().documents
    await other.put(
        "lottery/winners", winner_hash(winner).hex(), (await world.documents.list("lottery/winners"))[0].value
    )
    key = SecretKey(world.payers.dev.accounts[8].secret)
    rival = Redeemer(world.payers.broker, EvmWallet(world.chain, key, other), other, VirtualClock(), CONFIG)
    await rival.turn()
    await world.turns(8)
    for _ in range(4):
        await rival.turn()
        await world.chain.mine()
    found = [world.status(winner), *rival.redemptions()]
    assert [item.phase for item in found] == [REDEEMED, REDEEMED]
    assert sorted(item.paid_wei or 0 for item in found) == [0, ETHER]
    assert await world.payers.credited_wei() == ETHER
