"""A sender's purse pays a recipient's desk, on one chain in memory and stores of their own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from parley.adapters.lottery.desk import Desk
from parley.adapters.lottery.headers import parse_payment_header, payment_header
from parley.adapters.lottery.purse import Purse
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.lottery.nonces import NonceRule
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.refusals import Reason, Refused
from parley.lottery.verdicts import Fault, Receipt
from parley.lottery.wire import Winner
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from tests.unit.lottery.sender_parts import NOW, RECIPIENT, SENDER, SENDER_KEY

EXPECTED_WEI = 10**12
PRICE = Price(per_unit_wei=1_200, units=7)


class Shelf:
    """Where winners lie that nobody redeems."""

    def __init__(self) -> None:
        self.winners: list[Winner] = []

    def add(self, winner: Winner) -> None:
        self.winners.append(winner)

    def pending_wei(self, sender: Address) -> int:
        return sum(winner.params.face_value for winner in self.winners if winner.sender == sender)

    def is_revealed(self, recipient_rand_hash: bytes) -> bool:
        return recipient_rand_hash == bytes(32)


class Shop:
    """One who pays and one who is paid."""

    def __init__(self, config: RecipientConfig | None = None) -> None:
        self.broker = ModelBroker()
        self.broker.register(RECIPIENT)
        self.broker.fund(SENDER, deposit_wei=10**20, reserve_wei=10**20)
        self.clock, self.shelf, self.started = VirtualClock(NOW), Shelf(), 0
        self.senders_store, self.recipients_store = MemoryStore(), MemoryStore()
        self.desk = Desk(
            SecretKey(b"\x05" * 32),
            RECIPIENT,
            self.broker,
            self.recipients_store.claims,
            self.recipients_store.documents,
            entropy=SeededEntropy(b"desk"),
            clock=self.clock,
            winnings=self.shelf,
            config=config,
        )

    def purse(self) -> Purse:
        self.started += 1
        entropy = SeededEntropy(b"purse %d" % self.started)
        return Purse(SecretKey(SENDER_KEY), self.broker, self.senders_store.claims, entropy, self.clock)

    async def quote(self) -> TicketParams:
        params = await self.desk.quote(SENDER, EXPECTED_WEI, PRICE)
        assert isinstance(params, TicketParams)
        return params

    async def hand_over(self, payment: Payment | Refused) -> Receipt:
        """Bring a payment over the wire."""
        assert isinstance(payment, Payment)
        return await self.desk.receive(parse_payment_header(payment_header(payment)))


@pytest.mark.parametrize("rule", list(NonceRule))
async def test_what_the_purse_signs_the_desk_takes_at_its_worth(rule: NonceRule) -> None:
    shop = Shop(RecipientConfig(nonce_rule=rule))
    purse, params = shop.purse(), await shop.quote()
    worth = 0
    for count in (1, 2, 7, 8, 10, 3):
        receipt = await shop.hand_over(await purse.pay(params, PRICE, count, recipient=RECIPIENT))
        assert (receipt.fault, receipt.taken) == (None, count)
        worth += receipt.credited_shares
    assert worth == 31 * params.face_value * params.win_prob
    # The probability is rounded up, so tickets are worth a little more than was asked for, and never less.
    assert 31 * EXPECTED_WEI <= purse.outstanding_wei <= 31 * EXPECTED_WEI + 1


async def test_payments_of_many_tasks_and_purses_are_taken_in_any_order() -> None:
    shop = Shop()
    purses, params = [shop.purse() for _ in range(3)], await shop.quote()

    async def pay(number: int) -> int:
        payment = await purses[number % 3].pay(params, PRICE, 1 + number % 4)
        for _ in range(-number % 5):
            await asyncio.sleep(0)
        receipt = await shop.hand_over(payment)
        assert receipt.fault is None
        return receipt.taken

    assert sum(await asyncio.gather(*(pay(number) for number in range(60)))) == 150


async def test_a_purse_after_a_crash_pays_on_under_the_same_params() -> None:
    shop = Shop()
    params = await shop.quote()
    for _ in range(3):
        receipt = await shop.hand_over(await shop.purse().pay(params, PRICE, 5))
        assert (receipt.fault, receipt.taken) == (None, 5)


async def test_both_sides_tell_a_quote_that_is_over() -> None:
    shop = Shop()
    purse, params = shop.purse(), await shop.quote()
    late = await purse.pay(params, PRICE)
    shop.broker.next_round()
    refused = await purse.pay(params, PRICE)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.ROUND_OVER
    assert (await shop.hand_over(late)).fault is Fault.ROUND_OVER
    fresh = await shop.quote()
    assert (await shop.hand_over(await purse.pay(fresh, PRICE))).fault is None
    shop.broker.mine(39)
    ended = await purse.pay(fresh, PRICE)
    assert isinstance(ended, Refused)
    assert ended.reason is Reason.PARAMS_EXPIRED


async def test_a_price_that_was_not_asked_for_is_no_price() -> None:
    shop = Shop()
    purse, params = shop.purse(), await shop.quote()
    cheaper = await purse.pay(params, replace(PRICE, per_unit_wei=1))
    assert (await shop.hand_over(cheaper)).fault is Fault.WRONG_COMMITMENT
