"""Where a recipient is paid: chain, store, threads and processes around the judgement."""

from __future__ import annotations

import asyncio

import pytest

from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.lottery.known_signers import KnownSigners
from parley.lottery.params import Payment
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.verdicts import Fault, Reaction
from parley.lottery.views import SenderView
from parley.primitives.ids import Address
from parley.primitives.known_keys import HAS_TABLES
from parley.testing.broker_model import ModelBroker
from parley.testing.byzantine_senders import Payer, flipped_v
from tests.unit.lottery.desk_parts import ETHER, PRICE, RECIPIENT, Shop, faults

LIKELY = RecipientConfig(cost_multiplier=1)
"""A face value of 1.5e14 wei; tickets worth 10**14 wei win two times of three."""


class CountingBroker(ModelBroker):
    """Counts the keys that it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[frozenset[Address]] = []

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        self.asked.append(signers)
        return await super().sender_view(sender, recipient, signers)


class MovingBroker(ModelBroker):
    """Mines a block at each look at a sender, as many times as told."""

    moves = 0

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        if self.moves:
            self.moves -= 1
            self.mine()
        return await super().sender_view(sender, recipient, signers)


def use(shop: Shop, broker: ModelBroker) -> None:
    """Put the desk on another chain with the same accounts."""
    broker.register(RECIPIENT)
    broker.fund(shop.anna.address, deposit_wei=100 * ETHER, reserve_wei=100 * ETHER)
    shop.broker = broker
    shop.desk = shop.start()


async def test_a_payment_under_a_quote_is_taken_once() -> None:
    shop = Shop()
    payment = await shop.pay(range(1, 6))
    receipt = await shop.desk.receive(payment)
    assert (receipt.taken, receipt.credited_wei, receipt.rejected()) == (5, 5 * 10**12, None)
    assert faults(await shop.desk.receive(payment)) == [Fault.NONCE_SEEN] * 5
    assert shop.desk.recipient == RECIPIENT


async def test_quotes_are_fresh_each_time() -> None:
    shop = Shop()
    assert len({(await shop.quote()).seed for _ in range(10)}) == 10


async def test_who_has_no_money_gets_no_quote() -> None:
    refusal = await Shop().desk.quote(Address(b"\x99" * 20), 10**12, PRICE)
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.FUNDS_TOO_LOW


async def test_a_negative_expected_value_is_our_mistake() -> None:
    with pytest.raises(LocalError):
        await Shop().desk.quote(Address(b"\x99" * 20), -1, PRICE)


async def test_a_payment_without_tickets_asks_no_store() -> None:
    shop = Shop()
    await shop.store.close()
    assert (await shop.desk.receive(Payment(shop.anna.address))).verdicts == ()


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 1_000])
async def test_payments_of_every_size_are_judged_alike(count: int) -> None:
    shop = Shop()
    payment = await shop.pay(range(1, count + 1))
    middle = count // 2
    spoilt = [signed.signature for signed in payment.tickets]
    spoilt[middle] = bytes(65)
    receipt = await shop.desk.receive(shop.anna.signed(payment, spoilt))
    assert faults(receipt) == [Fault.BAD_SIGNATURE if place == middle else None for place in range(count)]


# Winners.


async def test_winners_are_written_and_counted_on_before_the_receipt() -> None:
    shop = Shop(LIKELY)
    receipt = await shop.desk.receive(await shop.pay(range(1, 41), 10**14))
    assert 10 < len(receipt.winners) < 40
    assert {winner.signed.nonce for winner in await shop.written()} == {
        winner.signed.nonce for winner in receipt.winners
    }
    assert tuple(shop.winnings.winners) == receipt.winners
    assert shop.winnings.pending_wei(shop.anna.address) == len(receipt.winners) * 15 * 10**13


async def test_every_winner_that_is_written_is_paid_by_the_broker() -> None:
    shop = Shop(LIKELY)
    await shop.desk.receive(await shop.pay(range(1, 41), 10**14))
    for winner in await shop.written():
        assert isinstance(await shop.broker.preflight(winner, RECIPIENT), int)


async def test_a_winner_is_counted_while_it_is_being_written() -> None:
    shop = Shop(LIKELY)
    params = await shop.quote(10**14)
    shop.documents.door.clear()
    paying = asyncio.create_task(shop.desk.receive(shop.anna.pay(params, range(1, 21), PRICE)))
    await shop.documents.reached.wait()
    assert not paying.done()
    assert shop.desk._pending_wei(shop.anna.address) == len(shop.desk._unsaved) * params.face_value
    shop.documents.door.set()
    assert len((await paying).winners) == len(await shop.written())
    assert shop.desk._pending_wei(shop.anna.address) == shop.winnings.pending_wei(shop.anna.address)


async def test_who_hangs_up_does_not_stop_the_writing_of_a_winner() -> None:
    shop = Shop(LIKELY)
    payment = await shop.pay(range(1, 21), 10**14)
    shop.documents.door.clear()
    paying = asyncio.create_task(shop.desk.receive(payment))
    await shop.documents.reached.wait()
    won = len(shop.desk._unsaved)
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    assert await shop.written() == []
    shop.documents.door.set()
    await asyncio.gather(*shop.desk._saved_tasks)
    assert len(await shop.written()) == won


async def test_writing_that_is_ended_with_the_loop_is_taken_up_again() -> None:
    shop = Shop(LIKELY)
    payment = await shop.pay(range(1, 21), 10**14)
    shop.documents.door.clear()
    paying = asyncio.create_task(shop.desk.receive(payment))
    await shop.documents.reached.wait()
    for task in shop.desk._saved_tasks:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    won = len(shop.desk._unsaved)
    shop.documents.door.set()
    await shop.desk.close()
    assert len(await shop.written()) == won > 5


async def test_a_store_that_fails_takes_nothing_more_until_all_is_written() -> None:
    shop = Shop(LIKELY)
    params = await shop.quote(10**14)
    shop.documents.fails = 2
    for nonces in (range(1, 21), range(21, 22)):
        with pytest.raises(UnavailableError):
            await shop.desk.receive(shop.anna.pay(params, nonces, PRICE))
    assert await shop.written() == []
    won = len(shop.desk._unsaved)
    assert (await shop.desk.receive(Payment(shop.anna.address))).verdicts == ()
    assert len(await shop.written()) == won > 5
    assert shop.desk._unsaved == {}
    receipt = await shop.desk.receive(shop.anna.pay(params, [20, 21], PRICE))
    assert faults(receipt) == [Fault.NONCE_SEEN, None]  # the first was taken; the second never looked at


async def test_closing_writes_what_is_left() -> None:
    shop = Shop(LIKELY)
    shop.documents.fails = 1
    with pytest.raises(UnavailableError):
        await shop.desk.receive(await shop.pay(range(1, 21), 10**14))
    await shop.desk.close()
    await shop.desk.close()
    assert len(await shop.written()) > 5


# The chain.


async def test_a_chain_that_does_not_answer_is_said_so() -> None:
    shop = Shop()
    payment = await shop.pay([1])
    shop.broker.is_reachable = False
    with pytest.raises(UnavailableError):
        await shop.desk.receive(payment)
    shop.broker.is_reachable = True
    assert (await shop.desk.receive(payment)).taken == 1


async def test_chain_and_money_are_seen_at_one_block() -> None:
    shop = Shop()
    broker = MovingBroker()
    use(shop, broker)
    broker.moves = 2
    params = await shop.quote()
    assert params.expiration_block == broker.head_number + 40
    broker.moves = 3
    with pytest.raises(UnavailableError):
        await shop.desk.receive(shop.anna.pay(params, [1], PRICE))


async def test_parameters_end_with_their_block_and_with_their_round() -> None:
    shop = Shop()
    params = await shop.quote()
    shop.broker.mine(39)
    assert (await shop.desk.receive(shop.anna.pay(params, [1], PRICE))).taken == 1
    shop.broker.mine()
    late = await shop.desk.receive(shop.anna.pay(params, [2], PRICE))
    assert (faults(late), late.reaction) == ([Fault.PARAMS_EXPIRED], Reaction.REFRESH)
    params = await shop.quote()
    shop.broker.next_round()
    assert faults(await shop.desk.receive(shop.anna.pay(params, [1], PRICE))) == [Fault.ROUND_OVER]


async def test_a_revealed_commitment_is_refused_within_the_grace() -> None:
    shop = Shop()
    params = await shop.quote()
    shop.winnings.revealed.add(params.recipient_rand_hash)
    receipt = await shop.desk.receive(shop.anna.pay(params, [1], PRICE))
    assert (faults(receipt), receipt.tolerated, receipt.credited_wei) == ([Fault.REVEALED], 1, 0)


async def test_a_commitment_that_is_revealed_while_it_is_judged_is_refused() -> None:
    class RevealingClaims:
        """Reveals the commitment while a window is claimed."""

        def __init__(self, shop: Shop) -> None:
            self.shop, self.commitment = shop, b""

        async def claim(self, key: bytes, owner: bytes, expires_ms: object, now: object) -> object:
            self.shop.winnings.revealed.add(self.commitment)
            return await self.shop.store.claims.claim(key, owner, expires_ms, now)  # type: ignore[arg-type]  # as they came

        async def prune(self, now: object) -> int:
            raise NotImplementedError

    shop = Shop()
    claims = RevealingClaims(shop)
    shop.claims = claims  # type: ignore[assignment]  # its moments are passed on as they came
    shop.desk = shop.start()
    params = await shop.quote()
    claims.commitment = params.recipient_rand_hash
    assert faults(await shop.desk.receive(shop.anna.pay(params, [1], PRICE))) == [Fault.REVEALED]


# Signers.


async def test_an_approved_signer_is_asked_about_once_and_followed_at_each_block() -> None:
    shop = Shop()
    broker = CountingBroker()
    use(shop, broker)
    agent = Payer(b"\xa2" * 32, sender=shop.anna.address)
    broker.approve_signer(shop.anna.address, agent.address)
    params = await shop.quote()
    broker.asked.clear()
    for nonce in (1, 2, 3):
        assert (await shop.desk.receive(agent.pay(params, [nonce], PRICE))).taken == 1
    known = frozenset({agent.address})
    # Each payment looks before and after its waits; the first asks about the key in between.
    assert broker.asked == [frozenset(), known, frozenset(), known, known, known, known]
    broker.state.model.revoke_signer(shop.anna.address, agent.address, broker.state.round_number)
    broker.next_round()
    params = await shop.quote()
    assert faults(await shop.desk.receive(agent.pay(params, [1], PRICE))) == [Fault.WRONG_SIGNER]


async def test_a_sender_that_is_known_is_judged_as_strictly() -> None:
    shop = Shop()
    params = await shop.quote()
    agent = Payer(b"\xa2" * 32, sender=shop.anna.address)
    shop.broker.approve_signer(shop.anna.address, agent.address)
    for nonce in range(4):
        assert (await shop.desk.receive(shop.anna.pay(params, [nonce], PRICE))).taken == 1
    good = shop.anna.pay(params, [4, 5], PRICE)
    twins = [flipped_v(good.tickets[0].signature), good.tickets[1].signature]
    assert faults(await shop.desk.receive(shop.anna.signed(good, twins))) == [Fault.WRONG_SIGNER, None]
    # Another key's tickets are recovered, and taken if the chain says so.
    assert faults(await shop.desk.receive(agent.pay(params, [6, 4], PRICE))) == [None, None]
    assert faults(await shop.desk.receive(shop.anna.pay(params, [6, 7], PRICE))) == [Fault.NONCE_SEEN, None]


class FullMemory(KnownSigners):
    """Has no room for another key."""

    def note(self, sender: Address, signer: Address, public: bytes) -> None:
        raise MemoryError(sender, signer, public)


async def test_a_winner_is_kept_before_anything_else_may_fail() -> None:
    shop = Shop(LIKELY)
    shop.desk._keys = FullMemory()
    params = await shop.quote(expected_wei=10**14)
    with pytest.raises(MemoryError):
        await shop.desk.receive(shop.anna.pay(params, range(12), PRICE))
    assert len(await shop.written()) > 0
    assert {winner.signed.nonce for winner in await shop.written()} <= set(range(12))


async def test_tickets_that_are_worth_nothing_make_nobody_known() -> None:
    shop = Shop()
    for expected_wei, is_known in ((0, False), (10**9, True)):
        params = await shop.quote(expected_wei=expected_wei)
        for nonce in range(3):
            assert (await shop.desk.receive(shop.anna.pay(params, [nonce], PRICE))).taken == 1
        assert (shop.desk._keys.find(shop.anna.address) is not None) is (is_known and HAS_TABLES)


async def test_strangers_keys_cost_few_questions_per_block() -> None:
    shop = Shop(RecipientConfig(signer_questions=2))
    broker = CountingBroker()
    use(shop, broker)
    params = await shop.quote()
    broker.asked.clear()
    strangers = [Payer(bytes([number]) * 32, sender=shop.anna.address) for number in range(1, 6)]
    seen = [faults(await shop.desk.receive(stranger.pay(params, [1], PRICE)))[0] for stranger in strangers]
    assert seen == [Fault.WRONG_SIGNER] * 2 + [Fault.TOO_MANY_SIGNERS] * 3
    assert sum(bool(signers) for signers in broker.asked) == 2
    broker.mine()
    assert faults(await shop.desk.receive(strangers[4].pay(params, [1], PRICE))) == [Fault.WRONG_SIGNER]


async def test_no_more_signers_of_a_sender_are_remembered_than_it_could_need() -> None:
    shop = Shop(RecipientConfig(signer_questions=1_000))
    agents = [Payer(bytes([0, number]) * 16, sender=shop.anna.address) for number in range(1, 31)]
    params = await shop.quote()
    for agent in agents:
        shop.broker.approve_signer(shop.anna.address, agent.address)
    for nonce, agent in enumerate(agents, 1):
        assert (await shop.desk.receive(agent.pay(params, [nonce], PRICE))).taken == 1
    assert len(shop.desk._known_signers(shop.anna.address)) == 16


async def test_signers_that_were_revoked_make_room_for_others() -> None:
    shop = Shop(RecipientConfig(signer_questions=1_000))
    for generation in range(3):
        agents = [Payer(bytes([generation + 1, number]) * 16, sender=shop.anna.address) for number in range(16)]
        params = await shop.quote()
        for agent in agents:
            shop.broker.approve_signer(shop.anna.address, agent.address)
        for nonce, agent in enumerate(agents, 1):
            assert (await shop.desk.receive(agent.pay(params, [nonce], PRICE))).taken == 1
        assert shop.desk._known_signers(shop.anna.address) == {agent.address for agent in agents}
        model = shop.broker.state.model
        for agent in agents:
            model.revoke_signer(shop.anna.address, agent.address, shop.broker.state.round_number)
        shop.broker.next_round()
        await shop.quote()
        assert shop.desk._signers == {}


async def test_of_senders_with_signers_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.adapters.lottery.desk._SENDERS_KNOWN", 2)
    shop = Shop()
    senders = [Payer(bytes([number]) * 32) for number in (1, 2, 3)]
    for sender in senders:
        agent = Payer(b"\xa2" * 32, sender=sender.address)
        shop.broker.fund(sender.address, deposit_wei=ETHER, reserve_wei=ETHER)
        shop.broker.approve_signer(sender.address, agent.address)
        assert (await shop.desk.receive(agent.pay(await shop.quote(payer=agent), [1], PRICE))).taken == 1
    assert list(shop.desk._signers) == [sender.address for sender in senders[1:]]


# Processes on one store.


async def test_after_a_restart_no_nonce_of_a_window_in_use_is_taken_again() -> None:
    shop = Shop()
    params = await shop.quote()
    payment = shop.anna.pay(params, [1, 2], PRICE)
    assert (await shop.desk.receive(payment)).taken == 2
    shop.desk = shop.start()
    again = await shop.desk.receive(shop.anna.pay(params, [2, 3, 1_023], PRICE))
    assert (faults(again), again.reaction) == ([Fault.FOREIGN_NONCE] * 3, Reaction.REFRESH)
    assert (await shop.desk.receive(shop.anna.pay(params, [1_024], PRICE))).taken == 1


async def test_two_processes_take_windows_of_their_own() -> None:
    shop = Shop()
    one, two = shop.desk, shop.start()
    params = await shop.quote()
    assert (await one.receive(shop.anna.pay(params, [1], PRICE))).taken == 1
    assert (await two.receive(shop.anna.pay(params, [1_024], PRICE))).taken == 1
    assert faults(await one.receive(shop.anna.pay(params, [1_024, 2], PRICE))) == [Fault.FOREIGN_NONCE, None]
    assert faults(await two.receive(shop.anna.pay(params, [1_025, 2], PRICE))) == [None, Fault.FOREIGN_NONCE]


async def test_a_window_is_claimed_for_two_days() -> None:
    shop = Shop()
    params = await shop.quote()
    assert (await shop.desk.receive(shop.anna.pay(params, [1], PRICE))).taken == 1
    claims = shop.store.claims._held
    assert [claim.expires_ms - shop.clock.now() for claim in claims.values()] == [48 * 3_600_000] * 4
