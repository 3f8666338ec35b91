"""What the adapters say of a chain is what the executable models compute, over random histories of acts."""

from __future__ import annotations

import random

import pytest

from parley.errors import LocalError
from parley.lottery.broker import BrokerModel
from parley.lottery.calls import winner_redemption
from parley.lottery.livepeer_rules import LivepeerModel, LivepeerRefusal, LivepeerRules, LivepeerView
from parley.lottery.params import CreationRound
from parley.lottery.rules import Periods, Refusal, RoundView, SenderState, claimable_wei, sender_state
from parley.lottery.wire import Winner
from parley.ports.chain import Call, Reverted
from tests.onchain.broker_world import FREEZE, ROUND_BLOCKS, UNLOCK, LivepeerChain, ParleyChain, spoiled, winner_of
from tests.onchain.tickets import ALWAYS

ACTS = 40
ZERO_HASH = bytes(32)


class OurRun:
    """Our broker and its model, with the same acts done to both."""

    def __init__(self, world: ParleyChain, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        periods = Periods(unlock_rounds=UNLOCK, freeze_rounds=FREEZE, ticket_validity_rounds=2)
        self.model = BrokerModel(periods)
        self.signer = world.dev.accounts[5]
        self.winners: list[Winner] = []
        self.hashes = {1: ZERO_HASH}

    async def round(self) -> RoundView:
        made_in = (await self.world.broker.view()).creation_round
        self.hashes[made_in.number] = made_in.block_hash
        return RoundView(number=made_in.number, recipients=frozenset(one.address for one in self.world.recipients[:2]))

    async def tell(self, call: Call, refusal: object) -> None:
        """Have the sender do what the model did."""
        said = ""
        try:
            assert (await self.world.dev.send(self.world.sender, call)).succeeded
        except LocalError as error:
            said = str(error.facts["reason"])
        assert said == (refusal.value if isinstance(refusal, Refusal) else "")

    async def act(self) -> None:
        if not (await self.world.dev.chain.head()).number % ROUND_BLOCKS:
            await self.world.dev.chain.mine()  # so that the next block, which holds the act, is of the round seen now
        sender, number = self.world.sender.address, (await self.round()).number
        broker = self.world.broker
        match self.dice.randrange(9):
            case 0 | 1:
                deposit_wei, reserve_wei = self.dice.randrange(2_000), self.dice.randrange(1, 2_000)
                refusal = self.model.fund(sender, number, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
                await self.tell(broker.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei), refusal)
            case 2:
                await self.tell(broker.unlock_call(), self.model.unlock(sender, number))
            case 3:
                await self.tell(broker.cancel_unlock_call(), self.model.cancel_unlock(sender, number))
            case 4:
                await self.tell(broker.withdraw_call(), self.model.withdraw(sender, number))
            case 5:
                call = broker.approve_signer_call(self.signer.address)
                await self.tell(call, self.model.approve_signer(sender, self.signer.address))
            case 6:
                call = broker.revoke_signer_call(self.signer.address)
                await self.tell(call, self.model.revoke_signer(sender, self.signer.address, number))
            case 7:
                await self.world.dev.next_round()
            case _:
                await self.redeem()

    def chosen(self, made_in: CreationRound) -> Winner:
        """Make a winner, now and then a loser, a forgery, or one of before."""
        if self.winners and self.dice.random() < 0.2:
            return self.dice.choice(self.winners)
        winner = winner_of(
            self.world.sender,
            self.dice.choice(self.world.recipients).address,
            made_in,
            face_value=self.dice.randrange(0, 1_500),
            nonce=len(self.winners),
            win_prob=self.dice.choice([ALWAYS, ALWAYS, 0]),
            signer=self.dice.choice([self.world.sender, self.world.sender, self.signer]),
        )
        self.winners.append(winner)
        return spoiled(winner, face_value=7) if self.dice.random() < 0.1 else winner

    async def redeem(self) -> None:
        view = await self.round()
        made_in = CreationRound(view.number, self.hashes[view.number])
        batch = [self.chosen(made_in) for _ in range(self.dice.randrange(1, 5))]
        tried = await self.world.broker.preflight(batch[0], self.world.stranger.address)
        if len(batch) == 1 and isinstance(tried, Reverted):
            assert self.paid(batch[0], view) == Refusal(tried.reason)
            return
        outcomes = self.world.broker.redeemed(batch, await self.world.redeem(batch))
        for place, (winner, outcome) in enumerate(zip(batch, outcomes, strict=True)):
            paid = self.paid(winner, view)
            assert (outcome.paid_wei, outcome.refusal) == ((0, paid.value) if isinstance(paid, Refusal) else (paid, ""))
            assert place or isinstance(tried, Reverted) == isinstance(paid, Refusal)
        for outcome in outcomes:
            assert await self.world.broker.is_used(outcome.ticket_hash) == (outcome.ticket_hash in self.model.used)

    def paid(self, winner: Winner, view: RoundView) -> int | Refusal:
        one = winner_redemption(winner)
        round_hash = self.hashes.get(one.ticket.creation_round, ZERO_HASH)
        return self.model.redeem(one.ticket, one.signature, one.recipient_rand, view=view, round_hash=round_hash)

    async def compare(self) -> None:
        """Look at the sender with the eyes of each recipient, and with its own."""
        sender, view = self.world.sender.address, await self.round()
        account = self.model.account(sender)
        for one in (*self.world.recipients, None):
            recipient = None if one is None else one.address
            seen = await self.world.broker.sender_view(sender, recipient, frozenset({self.signer.address}))
            share_wei = 0 if recipient is None else claimable_wei(account, recipient, view)
            assert (seen.deposit_wei, seen.reserve_wei) == (account.deposit_wei, account.reserve_remaining_wei)
            assert (seen.claimable_wei, seen.withdraw_round) == (share_wei, account.withdraw_round)
            assert seen.state is sender_state(account, view.number, self.model.periods)
            assert bool(seen.signers) == self.model.may_sign(sender, self.signer.address, view.number)


@pytest.mark.parametrize("seed", range(3))
async def test_our_broker_is_its_model(seed: int) -> None:
    run = OurRun(await ParleyChain.begin(), seed)
    for _ in range(ACTS):
        await run.act()
        await run.compare()


class LivepeerRun:
    """The stand-in of the deployed broker and its model, with the same acts done to both."""

    def __init__(self, world: LivepeerChain, rules: LivepeerRules, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.model = LivepeerModel(rules, unlock_rounds=UNLOCK)
        self.number, self.pool_size = 10, 1
        self.active = {world.recipients[0].address}
        self.nonce = 0

    @property
    def view(self) -> LivepeerView:
        active = frozenset(bytes(one) for one in self.active)
        return LivepeerView(round_number=self.number, active=active, registered=active, pool_size=self.pool_size)

    async def tell(self, call: Call, refusal: object) -> None:
        """Have the sender do what the model did."""
        said = ""
        try:
            assert (await self.world.dev.send(self.world.sender, call)).succeeded
        except LocalError as error:
            said = str(error.facts["reason"])
        assert said == (refusal.value if isinstance(refusal, LivepeerRefusal) else "")

    async def act(self) -> None:
        sender, broker, view = self.world.sender.address, self.world.broker, self.view
        match self.dice.randrange(8):
            case 0 | 1:
                deposit_wei, reserve_wei = self.dice.randrange(2_000), self.dice.randrange(1, 2_000)
                refusal = self.model.fund(sender, view, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
                await self.tell(broker.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei), refusal)
            case 2:
                await self.tell(broker.unlock_call(), self.model.unlock(sender, view))
            case 3:
                await self.tell(broker.cancel_unlock_call(), self.model.cancel_unlock(sender, view))
            case 4:
                await self.tell(broker.withdraw_call(), self.model.withdraw(sender, view))
            case 5:
                self.number += 1
                await self.world.set_round(self.number, self.number.to_bytes(32, "big"))
            case 6:
                self.pool_size = self.dice.randrange(0, 5)
                await self.world.tell("setPoolSize(uint256)", ["uint256"], self.pool_size)
            case _:
                await self.redeem()

    async def redeem(self) -> None:
        made_in = (await self.world.broker.view()).creation_round
        self.nonce += 1
        winner = winner_of(
            self.world.sender,
            self.dice.choice(self.world.recipients[:2]).address,
            made_in,
            face_value=self.dice.randrange(0, 1_500),
            nonce=self.nonce,
        )
        one = winner_redemption(winner)
        paid = self.model.redeem(
            one.ticket, one.signature, one.recipient_rand, view=self.view, round_hash=made_in.block_hash
        )
        tried = await self.world.broker.preflight(winner, self.world.sender.address)
        if isinstance(paid, LivepeerRefusal):
            assert tried == Reverted(paid.value)
            return
        assert isinstance(tried, int)
        (outcome,) = self.world.broker.redeemed([winner], await self.world.redeem([winner]))
        assert (outcome.paid_wei, outcome.refusal) == (paid, "")

    async def compare(self) -> None:
        """Look at the sender with the eyes of each recipient, and with its own."""
        sender = self.world.sender.address
        account = self.model.account(sender)
        for one in (*self.world.recipients[:2], None):
            recipient = None if one is None else one.address
            seen = await self.world.broker.sender_view(sender, recipient)
            share = 0 if recipient is None else self.model.claimable_wei(sender, recipient, self.view)
            assert seen.claimable_wei == (0 if isinstance(share, LivepeerRefusal) else share)
            assert (seen.deposit_wei, seen.reserve_wei) == (account.deposit_wei, account.reserve_wei)
            assert seen.withdraw_round == account.withdraw_round
            is_complete = 0 < account.withdraw_round <= self.number
            is_empty = not account.deposit_wei + account.reserve_wei and not account.withdraw_round
            assert (seen.state is SenderState.UNLOCKED) == (is_complete or is_empty)
            assert (seen.state is SenderState.UNLOCKING) == (account.withdraw_round > self.number)
            assert seen.state is not SenderState.FROZEN


@pytest.mark.parametrize("rules", list(LivepeerRules))
@pytest.mark.parametrize("seed", range(2))
async def test_the_deployed_broker_is_its_model(rules: LivepeerRules, seed: int) -> None:
    run = LivepeerRun(await LivepeerChain.begin(rules), rules, seed)
    for _ in range(ACTS):
        await run.act()
        await run.compare()
