"""Takes lottery tickets for upload tickets: the answer to `parley.upload.methods.IsPaid`.

A challenge that was paid is not paid again: asked once more with the same payment, the answer is the same and no
ticket is taken. Of tickets that were taken and did not do, the challenge has credit; who pays the rest is let in. Both
are known in memory alone: who had paid and was not let in yet when the process was killed pays once more.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, Protocol, TypeVar
from weakref import WeakValueDictionary

from parley.errors import PeerError
from parley.lottery.params import PRICE_OF_A_WEI, Payment
from parley.lottery.verdicts import Receipt
from parley.lottery.wire import parse_payment
from parley.lottery.worth import SHARES_PER_WEI
from parley.primitives.ids import ChallengeId
from parley.upload.methods import IsPaid

__all__ = ["PaymentAnswers", "TakesTickets"]

_CHALLENGES_MAX: Final = 10_000
_HALF_A_WEI: Final = SHARES_PER_WEI // 2

ValueT = TypeVar("ValueT")


class TakesTickets(Protocol):
    """Takes tickets (`parley.node.payments_door.PaymentsDoor`, `parley.adapters.lottery.desk.Desk`)."""

    async def receive(self, payment: Payment) -> Receipt:
        """Judge a payment and take its tickets."""


class PaymentAnswers:
    """Answers whether a challenge is paid, by taking what was presented for it."""

    def __init__(self, till: TakesTickets) -> None:
        """Answer by this till."""
        self._till = till
        self._shares: OrderedDict[ChallengeId, int] = OrderedDict()
        self._paid: OrderedDict[ChallengeId, bytes] = OrderedDict()
        self._turns: WeakValueDictionary[ChallengeId, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, question: object) -> bool:
        """Take what is presented, and say whether the challenge is paid with it.

        Raises:
            UnavailableError: chain or store did not answer; the tickets may have been taken.
        """
        if not isinstance(question, IsPaid):
            return False
        turn = self._turns.setdefault(question.challenge_id, asyncio.Lock())
        async with turn:
            return await self._is_paid(question)

    async def _is_paid(self, question: IsPaid) -> bool:
        if self._paid.get(question.challenge_id) == question.payment:
            return True
        try:
            payment = parse_payment(question.payment)
        except PeerError:
            return False
        if payment.expected_price != PRICE_OF_A_WEI:
            return False
        receipt = await self._till.receive(payment)
        shares = self._shares.pop(question.challenge_id, 0) + receipt.credited_shares
        if shares + _HALF_A_WEI < question.amount_wei * SHARES_PER_WEI:
            if shares:
                _put(self._shares, question.challenge_id, shares)
            return False
        _put(self._paid, question.challenge_id, question.payment)
        return True


def _put(held: OrderedDict[ChallengeId, ValueT], key: ChallengeId, value: ValueT) -> None:
    held[key] = value
    if len(held) > _CHALLENGES_MAX:
        held.popitem(last=False)
