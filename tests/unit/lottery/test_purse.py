"""The purse on a broker in memory: what it hands out, and what it does when chain or store do not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from parley.adapters.lottery.headers import parse_payment_header, payment_header
from parley.adapters.lottery.purse import Purse
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.errors import ErrorCode, LocalError, UnavailableError
from parley.lottery.limits import SenderLimits
from parley.lottery.params import Payment, Price, TicketParams, payment_tickets
from parley.lottery.refusals import Reason, Refused
from parley.lottery.signing import recover_signer, sign_ticket
from parley.lottery.views import ChainView
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from parley.testing.strategies import TakingRecipient
from tests.unit.lottery.sender_parts import (
    FACE_VALUE_WEI,
    NOW,
    ONE_IN_255,
    OTHER,
    RECIPIENT,
    SENDER,
    SENDER_KEY,
    SIGNER,
    SIGNER_KEY,
)

PRICE = Price(per_unit_wei=1_200)


class Bench:
    """A funded sender, a recipient, and a store that outlives purses."""

    def __init__(self) -> None:
        self.broker = ModelBroker()
        self.broker.fund(SENDER, deposit_wei=10**18, reserve_wei=10**18)
        self.recipient = TakingRecipient(self.broker, RECIPIENT, SeededEntropy(b"recipient"))
        self.store = MemoryStore()
        self.clock = VirtualClock(NOW)
        self.purses = 0

    def purse(
        self, *, limits: SenderLimits | None = None, key: bytes = SENDER_KEY, sender: Address | None = None
    ) -> Purse:
        self.purses += 1
        entropy = SeededEntropy(b"purse %d" % self.purses)
        return Purse(SecretKey(key), self.broker, self.store.claims, entropy, self.clock, limits=limits, sender=sender)

    async def quote(self) -> TicketParams:
        view = await self.broker.view()
        return self.recipient.quote(view, face_value_wei=FACE_VALUE_WEI, win_prob=ONE_IN_255)


def paid(answer: Payment | Refused) -> Payment:
    assert isinstance(answer, Payment)
    return answer


def nonces(answer: Payment | Refused) -> list[int]:
    return [signed.nonce for signed in paid(answer).tickets]


def run(story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story(Bench()))


def test_a_payment_carries_params_round_price_and_good_signatures() -> None:
    async def story(bench: Bench) -> None:
        purse, params = bench.purse(), await bench.quote()
        payment = paid(await purse.pay(params, PRICE, 3, recipient=RECIPIENT))
        view = await bench.broker.view()
        assert (payment.sender, payment.params, payment.expected_price) == (SENDER, params, PRICE)
        assert payment.round == view.creation_round
        assert nonces(payment) == [1, 2, 3]
        assert [recover_signer(*ticket) for ticket in payment_tickets(payment)] == [SENDER] * 3
        assert parse_payment_header(payment_header(payment)) == payment
        await purse.close()

    run(story)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 20])
def test_batches_have_the_signatures_of_single_tickets(count: int) -> None:
    async def story(bench: Bench) -> None:
        purse = bench.purse()
        payment = paid(await purse.pay(await bench.quote(), PRICE, count))
        assert nonces(payment) == list(range(1, count + 1))
        for ticket, signature in payment_tickets(payment):
            assert signature == sign_ticket(ticket, SENDER_KEY)
        await purse.close()

    run(story)


def test_an_approved_signer_pays_from_the_senders_deposit() -> None:
    async def story(bench: Bench) -> None:
        purse, params = bench.purse(key=SIGNER_KEY, sender=SENDER), await bench.quote()
        refused = await purse.pay(params)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.SIGNER_NOT_APPROVED
        bench.broker.approve_signer(SENDER, SIGNER)
        payment = paid(await purse.pay(params))
        assert (payment.sender, purse.sender) == (SENDER, SENDER)
        assert recover_signer(*payment_tickets(payment)[0]) == SIGNER

    run(story)


def test_no_tickets_make_an_introduction() -> None:
    async def story(bench: Bench) -> None:
        purse = bench.purse()
        assert await purse.pay(await bench.quote(), PRICE, 0) == Payment(SENDER, expected_price=PRICE)
        assert purse.introduce() == Payment(SENDER)
        with pytest.raises(LocalError):
            await purse.pay(await bench.quote(), PRICE, -1)

    run(story)


def test_many_tasks_pay_at_once_under_one_commitment() -> None:
    async def story(bench: Bench) -> None:
        purse, params = bench.purse(), await bench.quote()
        payments = await asyncio.gather(*(purse.pay(params, PRICE, 1 + number % 3) for number in range(60)))
        taken = [nonce for payment in payments for nonce in nonces(payment)]
        assert len(taken) == 120
        assert sorted(taken) == list(range(1, 121))

    run(story)


def test_many_commitments_are_paid_under_at_once() -> None:
    async def story(bench: Bench) -> None:
        purse, quotes = bench.purse(), [await bench.quote() for _ in range(20)]
        payments = await asyncio.gather(*(purse.pay(params) for params in quotes * 2))
        taken = [(payment.params, nonces(payment)) for payment in map(paid, payments)]
        assert taken == [(params, [nonce]) for nonce in (1, 2) for params in quotes]

    run(story)


def test_a_new_purse_on_the_same_store_uses_no_nonce_of_the_old_one() -> None:
    async def story(bench: Bench) -> None:
        params = await bench.quote()
        assert nonces(await bench.purse().pay(params, count=2)) == [1, 2]
        assert nonces(await bench.purse().pay(params, count=2)) == [51, 52]

    run(story)


def test_purses_share_a_commitments_nonces_until_they_are_spent() -> None:
    async def story(bench: Bench) -> None:
        limits = SenderLimits(nonces_max=40, refresh_nonces=30, window_nonces=10)
        one, other, params = bench.purse(limits=limits), bench.purse(limits=limits), await bench.quote()
        assert nonces(await one.pay(params, count=10)) == list(range(1, 11))
        assert nonces(await other.pay(params, count=10)) == list(range(11, 21))
        assert not await other.wants_refresh(params)
        assert nonces(await one.pay(params, count=11)) == list(range(21, 32))
        assert await one.wants_refresh(params)
        refused = await other.pay(params, count=10)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.NONCES_SPENT

    run(story)


def test_params_are_judged_without_a_payment() -> None:
    async def story(bench: Bench) -> None:
        purse, params = bench.purse(), await bench.quote()
        assert await purse.check(params, 20) is None
        refused = await purse.check(params, recipient=OTHER)
        assert isinstance(refused, Refused)
        assert (refused.reason, purse.outstanding_wei) == (Reason.WRONG_RECIPIENT, 0)
        await purse.pay(params, count=5)
        assert purse.outstanding_wei == 5 * 10**12

    run(story)


def test_a_chain_or_a_store_that_does_not_answer_is_passed_on_and_nothing_is_taken() -> None:
    async def story(bench: Bench) -> None:
        purse, params = bench.purse(), await bench.quote()
        bench.broker.is_reachable = False
        for question in (purse.pay(params), purse.check(params), purse.wants_refresh(params)):
            with pytest.raises(UnavailableError) as caught:
                await question
            assert caught.value.code is ErrorCode.UNREACHABLE
        bench.broker.is_reachable = True
        assert nonces(await purse.pay(params)) == [1]
        await bench.store.close()
        assert nonces(await purse.pay(params, count=20)) == list(range(2, 22))
        with pytest.raises(UnavailableError):
            await purse.pay(await bench.quote())

    run(story)


def test_a_closed_purse_signs_nothing() -> None:
    async def story(bench: Bench) -> None:
        purse, params = bench.purse(), await bench.quote()
        await purse.pay(params, count=8)
        await purse.close()
        await purse.close()
        with pytest.raises(UnavailableError) as caught:
            await purse.pay(params)
        assert caught.value.code is ErrorCode.SHUTTING_DOWN

    run(story)


def test_only_a_secret_key_opens_a_purse() -> None:
    with pytest.raises(LocalError):
        Bench().purse(key=bytes(32))


class MovingBroker(ModelBroker):
    """A chain that goes on between two questions, as often as it is told."""

    moves = 0

    async def view(self) -> ChainView:
        view = await super().view()
        if self.moves:
            self.moves -= 1
            self.mine()
        return view


@pytest.mark.parametrize(("moves", "is_paid"), [(1, True), (2, True), (3, False)])
def test_a_block_between_two_looks_is_looked_past_a_few_times(moves: int, *, is_paid: bool) -> None:
    async def story(bench: Bench) -> None:
        broker = MovingBroker()
        broker.fund(SENDER, deposit_wei=10**18, reserve_wei=10**18)
        bench.broker = broker
        params = replace(await bench.quote(), recipient=RECIPIENT)
        limits = SenderLimits()
        purse = bench.purse(limits=limits)
        broker.moves = moves
        answer = await purse.pay(params)
        assert isinstance(answer, Payment) is is_paid
        if isinstance(answer, Refused):
            assert answer.reason is Reason.CHAIN_MOVED

    run(story)
