"""The broker in memory: what its views say, what acts do, and what a reorganisation takes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.params import CreationRound, SignedNonce, TicketParams
from parley.lottery.redemption_records import winner_ticket
from parley.lottery.rules import SenderState
from parley.lottery.signing import sign_ticket
from parley.lottery.tickets import ticket_hash
from parley.lottery.wire import Winner
from parley.ports.broker import Broker, Redeemed
from parley.ports.chain import Reverted
from parley.ports.wallet import Included, Waiting, Wallet
from parley.primitives.ids import Address
from parley.testing.broker_acts import parse_act
from parley.testing.broker_model import ModelBroker
from parley.testing.wallet_model import ModelWallet

# The first public test key of development chains.
SENDER_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
SENDER = Address(bytes.fromhex("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"))
RECIPIENT, OTHER = Address(b"\x11" * 20), Address(b"\x12" * 20)
RAND = 5
ALWAYS = 2**256 - 1


def make_winner(broker: ModelBroker, nonce: int = 1, *, face_value: int = 70, made_in: int | None = None) -> Winner:
    number = broker.state.round_number if made_in is None else made_in
    unsigned = Winner(
        params=TicketParams(
            recipient=RECIPIENT,
            face_value=face_value,
            win_prob=ALWAYS,
            recipient_rand_hash=recipient_rand_hash(RAND),
            seed=1,
            expiration_block=41,
        ),
        sender=SENDER,
        creation_round=CreationRound(number, broker.state.round_hashes[number]),
        signed=SignedNonce(nonce, bytes(65)),
        recipient_rand=RAND,
    )
    return replace(unsigned, signed=SignedNonce(nonce, sign_ticket(winner_ticket(unsigned), SENDER_KEY)))


def funded(deposit_wei: int = 100, reserve_wei: int = 40) -> ModelBroker:
    broker = ModelBroker(batch_max=3)
    broker.register(RECIPIENT)
    broker.fund(SENDER, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
    return broker


def test_views_are_of_one_block_and_follow_rounds() -> None:
    broker: Broker = (model := ModelBroker())

    async def check() -> None:
        first = await broker.view()
        assert (first.block_number, first.creation_round.number, first.previous_round) == (1, 1, None)
        model.mine(3)
        model.next_round()
        second = await broker.view()
        assert (second.block_number, second.creation_round.number) == (5, 2)
        assert second.previous_round == first.creation_round
        assert second.block_hash != first.block_hash
        assert second.creation_round.block_hash not in {first.creation_round.block_hash, bytes(32)}
        model.next_round(2, is_initialized=False)
        late = await broker.view()
        assert (late.is_round_initialized, late.creation_round) == (False, second.creation_round)
        model.initialize_round()
        begun = await broker.view()
        assert (begun.is_round_initialized, begun.creation_round.number, begun.previous_round) == (True, 4, None)

    asyncio.run(check())


def test_a_senders_money_is_seen_as_the_recipient_could_claim_it() -> None:
    broker = funded()
    broker.register(OTHER)
    broker.approve_signer(SENDER, OTHER)
    broker.unlock(SENDER)

    async def check() -> None:
        seen = await broker.sender_view(SENDER, RECIPIENT, frozenset({OTHER, RECIPIENT}))
        assert (seen.deposit_wei, seen.reserve_wei, seen.claimable_wei) == (100, 40, 20)
        assert (seen.state, seen.withdraw_round, seen.signers) == (SenderState.UNLOCKING, 3, frozenset({OTHER}))
        assert (await broker.sender_view(SENDER, None)).claimable_wei == 0
        broker.unregister(OTHER)
        assert (await broker.sender_view(SENDER, RECIPIENT)).claimable_wei == 40

    asyncio.run(check())


def test_a_batch_pays_what_it_can_and_names_what_it_refuses() -> None:
    broker = funded()
    wallet = ModelWallet(broker, OTHER)

    async def check() -> None:
        winners = [make_winner(broker, 1), make_winner(broker, 1), make_winner(broker, 2)]
        included = await wallet.act("first", broker.redeem_call(winners))
        assert isinstance(included, Included)
        names = [ticket_hash(winner_ticket(winner)) for winner in winners]
        assert broker.redeemed(winners, included.receipt) == (
            Redeemed(ticket_hash=names[0], paid_wei=70),
            Redeemed(ticket_hash=names[1], paid_wei=0, refusal="ticket is used"),
            Redeemed(ticket_hash=names[2], paid_wei=70),
        )
        assert (broker.state.credited_wei, await broker.is_used(names[2])) == ({RECIPIENT: 140}, True)
        assert await broker.preflight(winners[0], OTHER) == Reverted("ticket is used")
        with pytest.raises(LocalError):
            broker.redeem_call([])

    asyncio.run(check())


def test_a_call_that_would_be_refused_is_not_begun_and_one_that_is_refused_later_reverts() -> None:
    broker = funded()
    wallet: Wallet = ModelWallet(broker, OTHER, mines_at_once=False)

    async def check() -> None:
        winner = make_winner(broker)
        call = broker.redeem_call([winner])
        assert await broker.preflight(winner, OTHER) == 100_000
        for name in ("one", "two"):
            assert isinstance(await wallet.act(name, call), Waiting)
        broker.mine()
        done, late = await wallet.status("one"), await wallet.status("two")
        assert isinstance(done, Included)
        assert isinstance(late, Included)
        assert (done.receipt.succeeded, late.receipt.succeeded, done.confirmations) == (True, False, 1)
        assert broker.redeemed([winner], late.receipt)[0].refusal == "transaction reverted"
        refused = await wallet.act("three", call)
        assert refused == Rejected(ErrorCode.REVERTED, {"reason": "ticket is used"})
        assert await wallet.status("three") is None

    asyncio.run(check())


def test_an_act_is_sent_once_and_outlives_the_wallet_and_a_reorganisation() -> None:
    broker = funded()
    call = broker.fund_call(deposit_wei=5, reserve_wei=2)

    async def check() -> None:
        wallet = ModelWallet(broker, SENDER)
        first = await wallet.act("fund", call)
        assert isinstance(first, Included)
        again = ModelWallet(broker, SENDER)
        assert await again.act("fund", call) == first
        assert (await broker.sender_view(SENDER, None)).deposit_wei == 105
        broker.reorganise(1)
        assert isinstance(await again.status("fund"), Waiting)
        assert (await broker.sender_view(SENDER, None)).deposit_wei == 100
        broker.mine()
        broker.reorganise(2, drops=True)
        broker.mine()
        assert isinstance(await again.status("fund"), Waiting)
        await again.tend()
        broker.mine()
        assert isinstance(await again.status("fund"), Included)
        assert (await broker.sender_view(SENDER, None)).deposit_wei == 105
        with pytest.raises(LocalError):
            broker.reorganise(broker.head_number)
        await again.close()

    asyncio.run(check())


def test_orders_move_the_senders_money() -> None:
    broker = funded()

    async def check() -> None:
        wallet = ModelWallet(broker, SENDER, balance_wei=10**18)
        assert isinstance(await wallet.act("unlock", broker.unlock_call()), Included)
        assert isinstance(await wallet.act("cancel", broker.cancel_unlock_call()), Included)
        assert isinstance(await wallet.act("again", broker.unlock_call()), Included)
        early = await wallet.act("early", broker.withdraw_call())
        assert early == Rejected(ErrorCode.REVERTED, {"reason": "funds are not unlocked"})
        broker.next_round(2)
        assert isinstance(await wallet.act("withdraw", broker.withdraw_call()), Included)
        assert (await broker.sender_view(SENDER, None)).deposit_wei == 0
        assert broker.state.balances_wei[SENDER] == 10**18 + 140 - 4 * 40_000 * 10**9

    asyncio.run(check())


def test_what_costs_too_much_is_not_begun() -> None:
    broker = funded()

    async def check() -> None:
        wallet = ModelWallet(broker, SENDER, balance_wei=40_000 * 10**9 + 4)
        too_poor = await wallet.act("fund", broker.fund_call(deposit_wei=5, reserve_wei=0))
        assert too_poor == Rejected(ErrorCode.FUNDS_TOO_LOW, {"needed_wei": 40_000 * 10**9 + 5})
        wallet.max_gas_price_wei = 10**9 - 1
        too_dear = await wallet.act("unlock", broker.unlock_call())
        assert too_dear == Rejected(ErrorCode.TOO_EXPENSIVE, {"gas_price_wei": 10**9})

    asyncio.run(check())


def test_a_chain_that_is_told_not_to_answer_does_not() -> None:
    broker = funded()
    broker.is_reachable = False

    async def check() -> None:
        for question in (broker.view(), broker.sender_view(SENDER, None), broker.is_used(bytes(32))):
            with pytest.raises(UnavailableError):
                await question

    asyncio.run(check())


def test_what_the_contract_would_refuse_cannot_be_done_by_hand() -> None:
    broker = funded(deposit_wei=10)
    asyncio.run(ModelWallet(broker, OTHER).act("redeem", broker.redeem_call([make_winner(broker)])))
    with pytest.raises(LocalError, match="reserve is frozen"):
        broker.fund(SENDER, deposit_wei=1)
    with pytest.raises(LocalError):
        parse_act(b"\x09")


def test_a_wallet_tends_to_its_own_acts_and_sends_none_twice() -> None:
    broker = funded()
    assert (broker.address, broker.batch_max) == (Address(b"\xb0" * 20), 3)

    async def check() -> None:
        mine = ModelWallet(broker, SENDER, mines_at_once=False)
        other = ModelWallet(broker, OTHER, mines_at_once=False)
        assert (mine.address, other.address) == (SENDER, OTHER)
        assert isinstance(await mine.act("fund", broker.fund_call(deposit_wei=1, reserve_wei=0)), Waiting)
        assert isinstance(await other.act("fund", broker.fund_call(deposit_wei=2, reserve_wei=0)), Waiting)
        broker.pending.clear()
        for _ in range(2):
            await mine.tend()
        assert [waiting.sender for waiting in broker.pending] == [SENDER]
        broker.mine()
        await mine.tend()
        assert broker.pending == []
        assert isinstance(await mine.status("fund"), Included)
        assert isinstance(await other.status("fund"), Waiting)

    asyncio.run(check())


def test_a_call_pays_what_it_says() -> None:
    broker = funded()
    call = replace(broker.fund_call(deposit_wei=5, reserve_wei=2), value_wei=6)
    refused = asyncio.run(ModelWallet(broker, SENDER).act("fund", call))
    assert refused == Rejected(ErrorCode.REVERTED, {"reason": "value is not deposit plus reserve"})
