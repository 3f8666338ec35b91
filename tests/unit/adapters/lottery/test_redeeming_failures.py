"""What a crash, a reorganisation or a silent chain does to winners on their way: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass, replace

import pytest

from parley.adapters.lottery.redemption_book import RedemptionBook
from parley.errors import ErrorCode, ParleyError, PeerError, Rejected, UnavailableError
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_records import RedemptionEnd, RedemptionRecord, act_name, winner_hash
from parley.lottery.views import ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.chain import Call, Reverted
from parley.ports.store import Document, Documents
from parley.ports.wallet import ActStatus
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import run_virtual
from parley.testing.wallet_model import ModelWallet
from tests.unit.adapters.lottery.redeeming_world import (
    CONFIG,
    ETHER,
    REDEEMER,
    SENDERS,
    RedeemingWorld,
    stands,
)

WAITING, SENT = RedemptionPhase.WAITING, RedemptionPhase.SENT
REDEEMED, EXPIRED, REFUSED = RedemptionPhase.REDEEMED, RedemptionPhase.EXPIRED, RedemptionPhase.REFUSED


@pytest.mark.parametrize("drops", [False, True])
async def test_a_reorganisation_before_the_confirmations_loses_nothing(*, drops: bool) -> None:
    world = RedeemingWorld()
    world.fund()
    world.broker.mine(5)
    winner = await world.won()
    await world.turns(2)
    assert world.credited_wei == ETHER
    world.broker.reorganise(2, drops=drops)
    assert world.credited_wei == 0
    await world.turns(6)
    assert (world.status(winner).phase, world.credited_wei, world.calls) == (REDEEMED, ETHER, 1)


async def test_a_reorganisation_that_takes_the_money_away_ends_in_a_refusal_and_another_try() -> None:
    world = RedeemingWorld()
    world.broker.mine(5)
    world.fund()
    winner = await world.won()
    await world.turns()
    world.broker.reorganise(2)  # the funding is lost, and the call is mined without it
    await world.turns(4)
    assert stands(world.status(winner)) == (WAITING, WaitReason.FUNDS_SHORT)
    assert world.status(winner).untrusted_reason == "transaction reverted"
    world.fund()
    await world.turns(8)
    status = world.status(winner)
    assert (status.phase, status.paid_wei, world.credited_wei) == (REDEEMED, ETHER, ETHER)
    assert status.cost_wei == (30_000 + 100_000) * 10**9


async def test_one_of_a_batch_that_is_refused_does_not_keep_the_others() -> None:
    world = RedeemingWorld()
    world.broker.mine(5)
    world.fund(0)
    world.broker.mine(1)
    world.fund(1)
    kept, lost = await world.won(0), await world.won(1)
    await world.turns()
    world.broker.reorganise(2)  # only the second funding is lost
    await world.turns(4)
    assert (world.status(kept).phase, world.status(lost).phase) == (REDEEMED, WAITING)
    assert world.status(lost).untrusted_reason == "deposit is empty and nothing is claimable"
    world.fund(1)
    await world.turns(8)
    assert (world.status(lost).phase, world.credited_wei) == (REDEEMED, 2 * ETHER)


async def test_a_restart_goes_on_with_what_was_sent() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    await world.turns(2)
    await world.restarted().load()
    assert world.redeemer.pending_wei(SENDERS[0]) == ETHER
    assert world.status(winner).phase is SENT
    await world.turns(3)
    assert (world.status(winner).phase, world.calls, world.credited_wei) == (REDEEMED, 1, ETHER)
    await world.restarted().load()
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, ETHER)
    await world.redeemer.load()
    assert len(world.redeemer.redemptions()) == 1


async def test_a_call_that_was_written_down_and_never_begun_is_begun_anew() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    await RedemptionBook(world.documents).keep_act("lottery/redeem/ghost", (winner_hash(winner),))
    await world.restarted().load()
    assert world.status(winner).phase is SENT
    await world.turns(5)
    assert (world.status(winner).phase, world.calls) == (REDEEMED, 1)
    assert await RedemptionBook(world.documents).acts() == {}


async def test_of_two_calls_that_name_a_winner_the_one_that_was_begun_counts() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    await world.turns()
    for name in ("lottery/redeem/!ghost", "lottery/redeem/~ghost"):
        await RedemptionBook(world.documents).keep_act(name, (winner_hash(winner),))
    world.restarted()
    await world.turns(4)
    assert (world.status(winner).phase, world.calls, world.status(winner).paid_wei) == (REDEEMED, 1, ETHER)


async def test_what_was_ended_before_a_crash_is_tidied_up() -> None:
    world = RedeemingWorld()
    winner = await world.won()
    book = RedemptionBook(world.documents)
    await book.keep_record(RedemptionRecord(winner=winner, end=RedemptionEnd.REDEEMED, paid_wei=5, ended_ms=Instant(7)))
    await world.redeemer.load()
    assert await book.winners() == {}
    world.redeemer.add(winner)
    assert world.redeemer.pending_wei(SENDERS[0]) == 0
    assert world.status(winner).phase is REDEEMED


async def test_a_call_of_ended_winners_only_is_forgotten() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    await world.turns(4)
    assert world.phases() == [REDEEMED]
    book = RedemptionBook(world.documents)
    name = act_name([(winner_hash(winner), 0)])
    await book.keep_act(name, (winner_hash(winner),))
    world.restarted()
    await world.turns()
    assert await book.acts() == {}


async def test_winners_of_a_call_of_which_a_document_was_lost_are_asked_about_one_by_one() -> None:
    world = RedeemingWorld()
    world.fund()
    kept, lost = await world.won(), await world.won()
    await world.turns()
    assert await world.documents.delete("lottery/winners", winner_hash(lost).hex())
    world.restarted()
    await world.turns(10)
    assert await RedemptionBook(world.documents).acts() == {}
    assert (world.status(kept).phase, world.status(kept).paid_wei) == (REDEEMED, None)
    assert (len(world.phases()), world.calls, world.credited_wei) == (1, 1, 2 * ETHER)


async def test_a_chain_that_does_not_answer_changes_nothing() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    await world.turns()
    world.broker.is_reachable = False
    with pytest.raises(UnavailableError):
        await world.redeemer.turn()
    assert world.status(winner).phase is SENT
    world.broker.is_reachable = True
    await world.turns(4)
    assert world.status(winner).phase is REDEEMED


class DeafBroker(ModelBroker):
    """A broker that does not answer about some tickets and some senders, or contradicts itself."""

    deaf_to: frozenset[bytes] = frozenset()
    denies_use = False

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        if sender in self.deaf_to:
            raise PeerError(ErrorCode.MALFORMED)
        return await super().sender_view(sender, recipient, signers)

    async def preflight(self, winner: Winner, redeemer: Address) -> int | Reverted:
        if winner_hash(winner) in self.deaf_to:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        return await super().preflight(winner, redeemer)

    async def is_used(self, ticket_hash: bytes) -> bool:
        if ticket_hash in self.deaf_to:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        return await super().is_used(ticket_hash) and not self.denies_use


async def test_questions_without_an_answer_hold_up_no_other_winner() -> None:
    deaf = DeafBroker()
    world = RedeemingWorld(broker=deaf)
    for sender in range(3):
        world.fund(sender)
    winners = [await world.won(sender) for sender in range(3)]
    deaf.deaf_to = frozenset({SENDERS[0], winner_hash(winners[1])})
    await world.turns(5)
    assert [world.status(winner).phase for winner in winners] == [WAITING, WAITING, REDEEMED]
    assert world.redeemer.failure is not None
    deaf.deaf_to = frozenset()
    await world.turns(5)
    assert world.phases() == [REDEEMED] * 3


async def test_a_refused_winner_whose_use_is_not_answered_is_tried_again() -> None:
    deaf = DeafBroker()
    world = RedeemingWorld(broker=deaf)
    winner = await world.won(win_prob=0)
    world.fund()
    deaf.deaf_to = frozenset({b""})
    await world.turns()
    assert world.status(winner).phase is REFUSED


async def test_a_call_is_not_done_with_while_the_chain_does_not_say_that_its_tickets_are_used() -> None:
    deaf = DeafBroker()
    world = RedeemingWorld(broker=deaf)
    world.fund()
    winner = await world.won()
    deaf.denies_use = True
    await world.turns(5)
    assert world.status(winner).phase is SENT
    deaf.denies_use = False
    deaf.deaf_to = frozenset({winner_hash(winner)})
    await world.turns()
    assert world.status(winner).phase is SENT
    deaf.deaf_to = frozenset()
    await world.turns()
    assert world.status(winner).phase is REDEEMED


class ForgetfulWallet(ModelWallet):
    """Begins an act and then does not say so."""

    async def act(self, name: str, call: Call, *, gas_limit: int | None = None) -> ActStatus | Rejected:
        await super().act(name, call, gas_limit=gas_limit)
        raise UnavailableError(ErrorCode.UNREACHABLE)


async def test_a_call_of_which_the_wallet_did_not_say_whether_it_began_is_not_made_twice() -> None:
    world = RedeemingWorld()
    world.fund()
    winner = await world.won()
    world.wallet = ForgetfulWallet(world.broker, REDEEMER, mines_at_once=False)
    world.restarted()
    await world.turns(5)
    assert (world.status(winner).phase, world.calls, world.credited_wei) == (REDEEMED, 1, ETHER)


class SilentBroker(ModelBroker):
    """Takes questions and never answers them."""

    asked: int = 0

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        self.asked += 1
        await asyncio.Event().wait()
        return await super().sender_view(sender, recipient, signers)


async def test_who_ends_while_questions_wait_for_their_turn_has_asked_none_of_them() -> None:
    broker = SilentBroker()
    world = RedeemingWorld(replace(CONFIG, questions_max=1), broker=broker)
    for sender in range(len(SENDERS)):
        world.fund(sender)
        await world.won(sender)
    turning = asyncio.create_task(world.redeemer.turn())
    while not broker.asked:  # noqa: ASYNC110  # nothing signals that the first question was put
        await asyncio.sleep(0)
    turning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turning
    del turning
    gc.collect()  # a coroutine that was made and never awaited would be an error of this test
    assert broker.asked == 1


class EndingBroker(ModelBroker):
    """Raises what it is told to, instead of saying what the chain is."""

    error: ParleyError | None = None

    async def view(self) -> ChainView:
        if self.error is not None:
            raise self.error
        return await super().view()


def test_it_runs_until_the_chain_is_closed() -> None:
    broker = EndingBroker()
    world = RedeemingWorld(broker=broker, mines_at_once=True)
    world.fund()

    async def live() -> None:
        running = asyncio.get_running_loop().create_task(world.redeemer.run())
        winner = await world.won()
        broker.is_reachable = False
        await asyncio.sleep(5)
        assert isinstance(world.redeemer.failure, UnavailableError)
        broker.is_reachable = True
        for _ in range(4):
            await asyncio.sleep(3)
            broker.mine()
        await asyncio.sleep(3)
        assert world.status(winner).phase is REDEEMED
        broker.error = UnavailableError(ErrorCode.SHUTTING_DOWN)
        await world.won()
        await running

    run_virtual(live(), world.clock)
    assert world.credited_wei == ETHER


def test_a_chain_that_answers_in_another_form_is_asked_again() -> None:
    broker = EndingBroker()
    world = RedeemingWorld(broker=broker)

    async def live() -> None:
        await world.won()
        broker.error = PeerError(ErrorCode.MALFORMED)
        running = asyncio.get_running_loop().create_task(world.redeemer.run())
        await asyncio.sleep(1)
        broker.error = UnavailableError(ErrorCode.SHUTTING_DOWN)
        await running

    run_virtual(live(), world.clock)
    assert isinstance(world.redeemer.failure, PeerError)
    assert world.clock.now() == 1_800_000_000_000 + CONFIG.poll_ms


def test_a_chain_that_is_slow_to_come_back_is_asked_when_it_says() -> None:
    broker = EndingBroker()
    world = RedeemingWorld(broker=broker)

    async def live() -> None:
        await world.won()
        broker.error = UnavailableError(ErrorCode.BUSY, retry_after_ms=60_000)
        running = asyncio.get_running_loop().create_task(world.redeemer.run())
        await asyncio.sleep(1)
        broker.error = UnavailableError(ErrorCode.SHUTTING_DOWN)
        await running

    run_virtual(live(), world.clock)
    assert world.clock.now() == 1_800_000_000_000 + 60_000


async def test_an_unreadable_winner_is_counted_and_left_alone() -> None:
    world = RedeemingWorld()
    await world.documents.put("lottery/winners", "00" * 32, b"?")
    await world.turns()
    assert (world.redeemer.unreadable, world.phases()) == (1, [])


class FinalWallet(ModelWallet):
    """Takes acts for final after the redeemer's confirmations; then, once, the chain loses as many blocks."""

    def __init__(self, broker: ModelBroker, address: Address, *, drops: bool, more_blocks: int = 0) -> None:
        super().__init__(broker, address, mines_at_once=False)
        self.final_blocks = CONFIG.confirmations
        self._drops = drops
        self._more_blocks = more_blocks
        self._is_done = False

    async def tend(self) -> None:
        await super().tend()
        if self._broker.done and not self._is_done:
            self._is_done = True
            self._broker.reorganise(CONFIG.confirmations + self._more_blocks, drops=self._drops)


def losing_world(*, drops: bool, more_blocks: int = 0) -> RedeemingWorld:
    world = RedeemingWorld(batch_max=2)
    world.broker.mine(5)
    world.wallet = FinalWallet(world.broker, REDEEMER, drops=drops, more_blocks=more_blocks)
    world.restarted()
    for sender in range(2):
        world.fund(sender)
    world.broker.mine(3)
    return world


@pytest.mark.parametrize("more_blocks", [0, 2])
async def test_a_call_that_is_lost_at_the_very_depth_of_its_confirmations_is_made_again(more_blocks: int) -> None:
    world = losing_world(drops=True, more_blocks=more_blocks)
    winners = [await world.won(0), await world.won(1)]
    await world.turns(4)
    assert (world.calls, world.credited_wei) == (1, 0)
    assert [world.status(winner).phase for winner in winners] == [SENT, SENT]
    # It may be a node that lags: only what stands for as many blocks is believed.
    await world.turns(CONFIG.confirmations - 2)
    assert world.calls == 1
    await world.turns(6)
    assert [world.status(winner).phase for winner in winners] == [REDEEMED, REDEEMED]
    assert [world.status(winner).paid_wei for winner in winners] == [ETHER, ETHER]
    assert (world.calls, world.credited_wei) == (2, 2 * ETHER)
    # Of the call that the chain forgot nothing was paid.
    assert [world.status(winner).cost_wei for winner in winners] == [160_000 * 10**9 // 2] * 2
    assert await RedemptionBook(world.documents).acts() == {}


async def test_a_lost_call_that_comes_back_is_made_once() -> None:
    world = losing_world(drops=False)
    winner = await world.won()
    await world.turns(8)
    assert (world.status(winner).phase, world.status(winner).paid_wei) == (REDEEMED, ETHER)
    assert (world.calls, world.credited_wei) == (1, ETHER)


async def test_a_winner_of_a_lost_call_whose_time_is_over_expires() -> None:
    world = losing_world(drops=True)
    winner = await world.won()
    await world.turns(4)
    world.broker.next_round(2)
    await world.turns(8)
    assert (world.status(winner).phase, world.redeemer.pending_wei(SENDERS[0])) == (EXPIRED, 0)


@dataclass
class DyingDocuments:
    """A store of which one process reaches only so many writes; what it did not reach is not written."""

    inner: Documents
    writes_left: int

    def _write(self) -> None:
        if self.writes_left == 0:
            raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)
        self.writes_left -= 1

    async def get(self, namespace: str, key: str) -> bytes | None:
        return await self.inner.get(namespace, key)

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        self._write()
        await self.inner.put(namespace, key, value)

    async def delete(self, namespace: str, key: str) -> bool:
        self._write()
        return await self.inner.delete(namespace, key)

    async def list(self, namespace: str) -> tuple[Document, ...]:
        return await self.inner.list(namespace)


@pytest.mark.parametrize("writes", [0, 1, 2])
async def test_a_process_that_is_killed_while_it_gives_up_a_lost_call_makes_it_again_once(writes: int) -> None:
    world = losing_world(drops=True)
    winners = [await world.won(0), await world.won(1)]
    await world.turns(5)
    kept = world.documents
    world.documents = DyingDocuments(kept, writes)
    world.restarted()
    for _ in range(CONFIG.confirmations):
        with contextlib.suppress(UnavailableError):
            await world.redeemer.turn()
        world.broker.mine()
    assert world.calls == 1
    world.documents = kept
    world.restarted()
    await world.turns(10)
    assert [world.status(winner).phase for winner in winners] == [REDEEMED, REDEEMED]
    assert (world.calls, world.credited_wei) == (2, 2 * ETHER)
