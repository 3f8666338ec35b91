"""Lottery tickets for upload tickets: taken once for a challenge, and never for nothing."""

from __future__ import annotations

import asyncio

import pytest

from parley.errors import UnavailableError
from parley.lottery.params import PRICE_OF_A_WEI, Payment, Price, TicketParams
from parley.lottery.wire import encode_payment
from parley.node.payment_answers import PaymentAnswers
from parley.primitives.ids import ChallengeId
from parley.upload.methods import IsPaid
from tests.unit.gate.lottery_stage import LotteryStage

FIRST, SECOND = ChallengeId(b"1" * 16), ChallengeId(b"2" * 16)
WORTH_WEI = 10**9


class Till:
    """A desk with a sender that has money, and the answers that a ticket office would get."""

    def __init__(self) -> None:
        self.stage = LotteryStage()
        self.answers = PaymentAnswers(self.stage.desk)

    async def params(self) -> TicketParams:
        quoted = await self.stage.desk.quote(self.stage.sender, WORTH_WEI, PRICE_OF_A_WEI)
        assert isinstance(quoted, TicketParams)
        return quoted

    async def tickets(self, count: int, price: Price | None = PRICE_OF_A_WEI) -> bytes:
        payment = await self.stage.purse.pay(await self.params(), price, count)
        assert isinstance(payment, Payment)
        return encode_payment(payment)

    async def ask(self, payment: bytes, amount_wei: int, challenge: ChallengeId = FIRST) -> bool:
        return await self.answers(IsPaid(challenge, amount_wei, payment))


async def test_enough_is_paid_and_stays_paid() -> None:
    till = Till()
    payment = await till.tickets(3)
    assert await till.ask(payment, 3 * WORTH_WEI)
    assert await till.ask(payment, 3 * WORTH_WEI)


async def test_one_payment_pays_one_challenge() -> None:
    till = Till()
    payment = await till.tickets(1)
    assert await till.ask(payment, WORTH_WEI)
    assert not await till.ask(payment, WORTH_WEI, SECOND)


async def test_what_is_missing_can_be_paid_later() -> None:
    till = Till()
    first = await till.tickets(2)
    assert not await till.ask(first, 3 * WORTH_WEI)
    assert not await till.ask(first, 3 * WORTH_WEI)
    assert not await till.ask(await till.tickets(1), 3 * WORTH_WEI, SECOND)
    assert await till.ask(await till.tickets(1), 3 * WORTH_WEI)


async def test_many_at_once_are_taken_once() -> None:
    till = Till()
    payment = await till.tickets(1)
    assert await asyncio.gather(*(till.ask(payment, WORTH_WEI) for _ in range(5))) == [True] * 5


@pytest.mark.parametrize("payment", [b"", b"x", b"\x00" * 100])
async def test_what_is_no_payment_pays_nothing(payment: bytes) -> None:
    assert not await Till().ask(payment, 1)


async def test_another_price_than_the_quoted_one_pays_nothing() -> None:
    till = Till()
    for price in (None, Price(2, 1)):
        assert not await till.ask(await till.tickets(1, price), WORTH_WEI)


async def test_a_question_of_another_kind_is_not_paid() -> None:
    assert not await Till().answers("paid?")


async def test_while_the_chain_is_away_nobody_says_paid() -> None:
    till = Till()
    payment = await till.tickets(1)
    till.stage.broker.is_reachable = False
    with pytest.raises(UnavailableError):
        await till.ask(payment, WORTH_WEI)
    till.stage.broker.is_reachable = True
    assert await till.ask(payment, WORTH_WEI)
