"""What an honest recipient can lose to a sender that uses the chain against it: at most what it was told it risked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.errors import Rejected
from parley.lottery.params import CreationRound, TicketParams
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.rules import Periods
from parley.lottery.wire import Winner
from parley.primitives.ids import Address
from parley.testing.broker_acts import Funding, Order, Redemption
from parley.testing.broker_model import ModelBroker
from parley.testing.broker_state import Done
from parley.testing.byzantine_senders import Payer
from parley.testing.winners import make_winner
from tests.unit.lottery.desk_parts import PRICE, RECIPIENT, Shop

SYBIL = Address(b"\x5b" * 20)
SECRET = b"\xa1" * 32
FACE_WEI = 15 * 10**13
EXPECTED_WEI = 10**14  # two of three tickets win
CONFIG = RecipientConfig(cost_multiplier=1)


class Duel:
    """A sender with two recipients, itself behind one of them, against an honest desk."""

    def __init__(self, *, deposit_wei: int, reserve_wei: int, periods: Periods | None = None) -> None:
        self.shop = Shop(CONFIG)
        self.broker = ModelBroker() if periods is None else ModelBroker(periods)
        self.shop.broker = self.broker
        self.shop.desk = self.shop.start()
        for recipient in (RECIPIENT, SYBIL):
            self.broker.register(recipient)
        self.sender = Payer(SECRET)
        self.broker.fund(self.sender.address, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        self.params: TicketParams | None = None
        self.nonce = 0
        self.drained = 0
        self.highest_deposit_wei = deposit_wei
        self.won_wei = 0
        self.paid_wei = 0

    async def pay(self, tickets: int) -> None:
        """Pay with fresh parameters, where any are given, and with the last ones where not."""
        fresh = await self.shop.desk.quote(self.sender.address, EXPECTED_WEI, PRICE)
        if not isinstance(fresh, Rejected):
            self.params, self.nonce = fresh, 0
        if self.params is None:
            return
        nonces = range(self.nonce + 1, self.nonce + tickets + 1)
        self.nonce += tickets
        receipt = await self.shop.desk.receive(self.sender.pay(self.params, nonces, PRICE))
        self.won_wei += sum(winner.params.face_value for winner in receipt.winners)

    def drain(self, amount_wei: int) -> None:
        """Pay the deposit out to oneself, with a ticket that wins for certain."""
        number = self.broker.state.round_number
        made_in = CreationRound(number, self.broker.state.round_hashes[number])
        deposit_wei = self.broker.state.model.account(self.sender.address).deposit_wei
        if not deposit_wei:
            return
        self.drained += 1
        winner = make_winner(
            SECRET,
            SYBIL,
            made_in,
            face_value_wei=min(amount_wei, deposit_wei),
            nonce=self.drained,
        )
        assert isinstance(self.broker.state.perform(Redemption((winner,), is_batch=False), SYBIL, 0), Done)
        self.broker.mine()

    def fund(self, amount_wei: int) -> None:
        act = Funding(deposit_wei=amount_wei, reserve_wei=0)
        if isinstance(self.broker.state.perform(act, self.sender.address, amount_wei), Done):
            account = self.broker.state.model.account(self.sender.address)
            self.highest_deposit_wei = max(self.highest_deposit_wei, account.deposit_wei)
        self.broker.mine()

    def redeem(self, winners: Sequence[Winner] | None = None) -> None:
        """Redeem winners; one that the contract would pay nothing for stays."""
        for winner in list(self.shop.winnings.winners if winners is None else winners):
            credited = self.broker.state.credited_wei
            before_wei = credited.get(RECIPIENT, 0)
            done = self.broker.state.perform(Redemption((winner,), is_batch=False), RECIPIENT, 0)
            if isinstance(done, Done):
                self.paid_wei += credited[RECIPIENT] - before_wei
                self.shop.winnings.winners.remove(winner)
        self.broker.mine()


STEPS = st.lists(
    st.tuples(st.just("pay"), st.integers(1, 12))
    | st.tuples(st.just("drain"), st.integers(1, 40))
    | st.tuples(st.just("fund"), st.integers(1, 20))
    | st.tuples(st.just("redeem"), st.just(0)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(deposit=st.integers(0, 40), reserve=st.integers(0, 30), steps=STEPS)
def test_a_drained_deposit_costs_at_most_a_third_of_what_was_shown(
    deposit: int, reserve: int, steps: list[tuple[str, int]]
) -> None:
    """Amounts are in face values, and the honest recipient's share is half of the reserve."""

    async def run() -> Duel:
        duel = Duel(deposit_wei=deposit * FACE_WEI, reserve_wei=reserve * FACE_WEI)
        for what, amount in steps:
            if what == "pay":
                await duel.pay(amount)
            elif what == "drain":
                duel.drain(amount * FACE_WEI)
            elif what == "fund":
                duel.fund(amount * FACE_WEI)
            else:
                duel.redeem()
        duel.drain(10**30)
        duel.redeem()
        return duel

    duel = asyncio.run(run())
    assert duel.paid_wei <= duel.won_wei
    assert duel.won_wei - duel.paid_wei <= duel.highest_deposit_wei // 3


def test_a_small_deposit_that_is_drained_costs_nothing() -> None:
    """The deposit is too small to be relied on, so what is taken is within the share of the reserve."""

    async def run() -> Duel:
        duel = Duel(deposit_wei=2 * FACE_WEI, reserve_wei=20 * FACE_WEI)
        for _ in range(10):
            await duel.pay(10)
        duel.drain(10**30)
        duel.redeem()
        return duel

    duel = asyncio.run(run())
    assert duel.won_wei == duel.paid_wei == 10 * FACE_WEI


def test_a_large_deposit_that_is_drained_costs_what_exceeds_the_share() -> None:
    """The deposit of 30 face values is relied on until ten are pending; the share bears one of them."""

    async def run() -> Duel:
        duel = Duel(deposit_wei=30 * FACE_WEI, reserve_wei=2 * FACE_WEI)
        for _ in range(10):
            await duel.pay(10)
        duel.drain(10**30)
        duel.redeem()
        return duel

    duel = asyncio.run(run())
    assert duel.won_wei == 11 * FACE_WEI
    assert duel.paid_wei == FACE_WEI
    assert duel.won_wei - duel.paid_wei == duel.highest_deposit_wei // 3


@settings(max_examples=80, deadline=None)
@given(
    more_rounds=st.integers(0, 2),
    validity=st.integers(1, 3),
    steps=st.lists(st.sampled_from(["pay", "unlock", "cancel", "withdraw", "round"]), min_size=1, max_size=30),
)
def test_no_withdrawal_comes_before_the_last_moment_of_a_redemption(
    more_rounds: int, validity: int, steps: list[str]
) -> None:
    """The sender withdraws as early as it can; the recipient redeems as late as it can, and is paid in full.

    That holds where the broker's unlock period is no shorter than its ticket validity period: who takes tickets looks.
    """

    async def run() -> Duel:
        periods = Periods(unlock_rounds=validity + more_rounds, freeze_rounds=validity, ticket_validity_rounds=validity)
        duel = Duel(deposit_wei=10**6 * FACE_WEI, reserve_wei=20 * FACE_WEI, periods=periods)
        for step in [*steps, *(["withdraw", "round"] * 4)]:
            state = duel.broker.state
            if step == "pay":
                await duel.pay(4)
            elif step == "round":
                duel.redeem(
                    [
                        winner
                        for winner in duel.shop.winnings.winners
                        if winner.creation_round.number + validity - 1 <= state.round_number
                    ]
                )
                duel.broker.next_round()
            else:
                state.perform(Order("cancel unlock" if step == "cancel" else step), duel.sender.address, 0)
                duel.broker.mine()
        return duel

    duel = asyncio.run(run())
    assert duel.shop.winnings.winners == []
    assert duel.paid_wei == duel.won_wei
