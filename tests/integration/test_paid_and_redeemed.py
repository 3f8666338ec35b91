"""Purse, desk and redeemer on one chain: what is paid is taken, what wins is redeemed, and the float comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.adapters.lottery.desk import Desk
from parley.adapters.lottery.purse import Purse
from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.memory import MemoryStore, SeededEntropy
from parley.errors import Rejected
from parley.lottery.limits import SenderLimits
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.refusals import Refused
from parley.lottery.verdicts import Fault, Receipt
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from parley.testing.wallet_model import ModelWallet

ETHER = 10**18
PRICE = Price(10**9)
RECIPIENT = Address(b"\x77" * 20)
REDEEMER = Address(b"\x78" * 20)
EXPECTED_WEI = 10**13
REDEEM_GAS = 150_000
LIMITS = SenderLimits(ticket_max_wei=10**15, payment_max_wei=ETHER)


class House:
    """One sender, one recipient, one redeemer."""

    def __init__(self, redemption: RedemptionConfig | None = None) -> None:
        self.broker = ModelBroker()
        self.broker.register(RECIPIENT)
        self.clock = VirtualClock(Instant(1_800_000_000_000))
        self.store = MemoryStore()
        self.redemption = redemption or RedemptionConfig(confirmations=2)
        self.purse = Purse(
            SecretKey(b"\xa1" * 32), self.broker, MemoryStore().claims, SeededEntropy(b"p"), self.clock, limits=LIMITS
        )
        self.broker.fund(self.purse.sender, deposit_wei=10 * ETHER, reserve_wei=10 * ETHER)
        self.started = 0
        self.credited_shares = 0

    async def open(self) -> None:
        """Start the recipient's process, or start it again."""
        self.started += 1
        self.redeemer = Redeemer(
            self.broker, ModelWallet(self.broker, REDEEMER), self.store.documents, self.clock, self.redemption
        )
        await self.redeemer.load()
        self.desk = Desk(
            SecretKey(b"\x05" * 32),
            RECIPIENT,
            self.broker,
            self.store.claims,
            self.store.documents,
            entropy=SeededEntropy(f"desk {self.started}".encode()),
            clock=self.clock,
            winnings=self.redeemer,
            config=RecipientConfig(cost_multiplier=1, redeem_gas=REDEEM_GAS),
        )

    async def quote(self) -> TicketParams:
        params = await self.desk.quote(self.purse.sender, EXPECTED_WEI, PRICE)
        if isinstance(params, Rejected):
            pytest.fail(str(params))
        return params

    async def pay(self, params: TicketParams, count: int) -> Receipt:
        payment = await self.purse.pay(params, PRICE, count)
        if not isinstance(payment, Payment):
            pytest.fail(str(payment))
        receipt = await self.desk.receive(payment)
        self.credited_shares += receipt.credited_shares
        return receipt

    async def redeem(self, blocks: int = 4) -> None:
        for _ in range(blocks):
            await self.redeemer.turn()
            self.broker.mine()
        await self.redeemer.turn()

    @property
    def paid_wei(self) -> int:
        return self.broker.state.credited_wei.get(RECIPIENT, 0)


async def test_all_that_wins_is_redeemed_once_and_the_float_comes_back() -> None:
    house = House()
    await house.open()
    params = await house.quote()
    receipts = [await house.pay(params, 50) for _ in range(6)]
    assert [receipt.taken for receipt in receipts] == [50] * 6
    assert house.credited_shares == 300 * params.face_value * params.win_prob
    won = sum(len(receipt.winners) for receipt in receipts)
    assert 5 < won < 50  # one of fifteen tickets, on average
    assert house.redeemer.pending_wei(house.purse.sender) == won * params.face_value
    await house.redeem()
    assert house.paid_wei == 0  # not before the parameters end
    house.broker.mine(40)
    await house.redeem(12)
    assert house.paid_wei == won * params.face_value
    assert house.redeemer.pending_wei(house.purse.sender) == 0


async def test_a_recipient_that_starts_again_redeems_what_it_took_before() -> None:
    house = House()
    await house.open()
    params = await house.quote()
    won = len((await house.pay(params, 200)).winners)
    await house.open()
    assert house.redeemer.pending_wei(house.purse.sender) == won * params.face_value
    again = await house.pay(params, 1)
    assert [verdict.fault for verdict in again.verdicts] == [Fault.FOREIGN_NONCE]
    assert (await house.pay(await house.quote(), 1)).taken == 1
    house.broker.mine(40)
    await house.redeem(12)
    assert house.paid_wei >= won * params.face_value > 0


async def test_a_commitment_that_is_redeemed_early_is_taken_no_more() -> None:
    house = House(RedemptionConfig(confirmations=2, waits_for_params=False))
    await house.open()
    params = await house.quote()
    first = await house.pay(params, 200)
    assert (first.taken, len(first.winners) > 0) == (200, True)
    after = await house.pay(params, 3)
    assert [verdict.fault for verdict in after.verdicts] == [Fault.REVEALED] * 3
    assert (after.tolerated, after.credited_wei) == (3, 0)
    await house.redeem()
    assert house.paid_wei == len(first.winners) * params.face_value
    assert (await house.pay(await house.quote(), 1)).taken == 1


async def test_what_one_side_refuses_the_other_would_have_refused_too() -> None:
    house = House()
    await house.open()
    params = await house.quote()
    for spoilt in (
        replace(params, recipient=REDEEMER),
        replace(params, win_prob=2**256 - 1),
        replace(params, expiration_block=house.broker.head_number),
    ):
        assert isinstance(await house.purse.pay(spoilt, PRICE, 1, recipient=RECIPIENT), Refused)
    house.broker.next_round()
    assert isinstance(await house.purse.pay(params, PRICE, 1), Refused)
    assert (await house.pay(await house.quote(), 1)).taken == 1
