"""Nothing that was won is lost, and nothing is paid for twice: over random histories with crashes at every await.

The history: winners of three senders, money that comes and goes, blocks, rounds, reorganisations within the
confirmations and some below them, gas that is dear, a chain that does not answer, and processes that are killed before
or after any one effect. The chain obeys the rules of the broker's model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from parley.adapters.lottery.redemption_book import RedemptionBook
from parley.adapters.memory.store import MemoryStore
from parley.errors import Rejected, UnavailableError
from parley.lottery.redemption_events import RedemptionPhase
from parley.lottery.redemption_records import winner_hash
from parley.lottery.rules import SenderState, sender_state
from parley.lottery.wire import Winner
from parley.ports.chain import Call
from parley.ports.store import Document, Documents
from parley.ports.wallet import ActStatus
from parley.primitives.ids import Address
from parley.testing.broker_model import ModelBroker
from parley.testing.wallet_model import ModelWallet
from tests.unit.adapters.lottery.redeeming_world import CONFIG, ETHER, REDEEMER, SENDERS, RedeemingWorld

ResultT = TypeVar("ResultT")
RIVAL = Address(b"\x0c" * 20)
LOST = "blocks that were final were lost"


class Killed(BaseException):
    """The process is gone; nothing of ours may catch it."""


@dataclass
class Fate:
    """When the process is killed: before or after the effect of one of its next calls."""

    calls_left: int | None = None
    is_after: bool = False

    async def meet(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        if self.calls_left is None:
            return await work()
        self.calls_left -= 1
        if self.calls_left > 0:
            return await work()
        self.calls_left = None
        if self.is_after:
            await work()
        raise Killed


@dataclass
class MortalDocuments:
    """A store that survives its process."""

    inner: Documents
    fate: Fate

    async def get(self, namespace: str, key: str) -> bytes | None:
        return await self.inner.get(namespace, key)

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        await self.fate.meet(lambda: self.inner.put(namespace, key, value))

    async def delete(self, namespace: str, key: str) -> bool:
        return await self.fate.meet(lambda: self.inner.delete(namespace, key))

    async def list(self, namespace: str) -> tuple[Document, ...]:
        return await self.fate.meet(lambda: self.inner.list(namespace))


class MortalWallet(ModelWallet):
    """A wallet whose acts survive its process."""

    def __init__(self, broker: ModelBroker, address: Address, fate: Fate) -> None:
        super().__init__(broker, address, mines_at_once=False)
        self.loses_blocks = 0
        self._fate = fate

    async def act(self, name: str, call: Call, *, gas_limit: int | None = None) -> ActStatus | Rejected:
        inner = super().act
        return await self._fate.meet(lambda: inner(name, call, gas_limit=gas_limit))

    async def tend(self) -> None:
        await self._fate.meet(super().tend)
        if self.loses_blocks:
            # What was final a moment ago is part of the chain no more.
            self._broker.reorganise(self.loses_blocks, drops=True)
            self.loses_blocks = 0


@dataclass
class History:
    """One world, played step by step."""

    config: Any = field(default_factory=lambda: replace(CONFIG, retry_blocks=1))

    def __post_init__(self) -> None:
        self.fate = Fate()
        self.kept = MemoryStore().documents
        self.world = RedeemingWorld(self.config, batch_max=3, documents=self.kept)
        self.wallet = MortalWallet(self.world.broker, REDEEMER, self.fate)
        self.wallet.final_blocks = self.config.confirmations
        self.world.wallet = self.wallet
        self.world.documents = MortalDocuments(self.kept, self.fate)
        self.world.restarted()
        self.world.broker.mine(self.config.confirmations)
        self.winners: list[Winner] = []
        self.seen: set[str] = set()
        self.rival = ModelWallet(self.world.broker, RIVAL, mines_at_once=False)
        self.rivalled: set[bytes] = set()
        self.spendable_wei = self.balance_wei
        self.ended = (0, 0)

    @property
    def balance_wei(self) -> int:
        return self.world.broker.state.balances_wei[REDEEMER]

    async def step(self, kind: str, number: int) -> None:
        match kind:
            case "win":
                await self.win(number)
            case "fund":
                self.fund(number % 3, (1 + number % 7) * ETHER // 2, number % 2 * ETHER)
            case "turn":
                await self.turn()
            case "lose":
                await self.lose(number % 3)
            case "kill":
                await self.turn(number % 20)
            case "gas":
                self.world.broker.gas_price_wei = (10**9, 10**13)[number % 2]
            case "rival":
                await self.redeem_elsewhere(number)
            case "silence":
                self.world.broker.is_reachable = bool(number % 2)
            case _:
                self.let_the_chain(kind, number)

    def let_the_chain(self, kind: str, number: int) -> None:
        broker = self.world.broker
        match kind:
            case "unlock":
                broker.unlock(SENDERS[number % 3])
            case "mine":
                broker.mine(1 + number % 3)
            case "round":
                broker.next_round(is_initialized=bool(number % 4))
            case "begin":
                broker.initialize_round()
            case _:
                broker.reorganise(1 + number % (self.config.confirmations - 1), drops=bool(number % 2))

    async def win(self, number: int) -> None:
        winner = await self.world.won(
            number % 3,
            face_value_wei=(1 + number % 4) * ETHER,
            expiration_block=self.world.broker.head_number + (number % 5) * (number % 2),
            win_prob=0 if number % 11 == 0 else 2**256 - 1,
        )
        self.winners.append(winner)
        if number % 2:
            await self.world.redeemer.load()
            self.world.redeemer.add(winner)

    async def lose(self, more_blocks: int) -> None:
        """Let the chain lose so many blocks that it changes what the wallet took for final, but not what has ended."""
        depth = self.config.confirmations + more_blocks
        if self.world.broker.head_number - self.ended[1] > more_blocks and self.world.broker.head_number > depth:
            self.wallet.loses_blocks = depth
            self.seen.add(LOST)
        await self.turn()
        self.wallet.loses_blocks = 0

    async def redeem_elsewhere(self, number: int) -> None:
        """Let somebody else redeem a winner, as anybody may who has seen it."""
        if not self.winners or not self.world.broker.is_reachable:
            return
        winner = self.winners[number % len(self.winners)]
        call = self.world.broker.redeem_call([winner])
        if not isinstance(await self.rival.act(f"{winner_hash(winner).hex()}/{number}", call), Rejected):
            self.rivalled.add(winner_hash(winner))
            self.seen.add("redeemed elsewhere")

    def fund(self, sender: int, deposit_wei: int, reserve_wei: int) -> None:
        model, number = self.world.broker.state.model, self.world.broker.state.round_number
        if sender_state(model.account(SENDERS[sender]), number, model.periods) is not SenderState.FROZEN:
            self.world.fund(sender, deposit_wei=deposit_wei, reserve_wei=reserve_wei)

    async def turn(self, kill: int | None = None) -> None:
        self.fate.calls_left = None if kill is None else 1 + kill % 10
        self.fate.is_after = kill is not None and kill >= 10
        try:
            await self.world.redeemer.turn()
        except UnavailableError:
            self.seen.add("the chain did not answer")
        except Killed:
            self.seen.add("killed after an effect" if self.fate.is_after else "killed before an effect")
            self.world.restarted()
            self.ended = (-1, self.world.broker.head_number)  # what it has written just now, nobody knows
        self.fate.calls_left = None
        count = sum(item.ended_ms is not None for item in self.world.redeemer.redemptions())
        if count != self.ended[0]:
            self.ended = (count, self.world.broker.head_number)

    async def settle(self) -> set[bytes]:
        """Let everybody pay and everything come to its end; return the tickets that could be paid."""
        broker = self.world.broker
        broker.is_reachable, broker.gas_price_wei = True, 10**9
        broker.initialize_round()
        for sender in range(3):
            self.fund(sender, 1_000 * ETHER, 0)
        state = broker.state
        good = {
            winner_hash(winner)
            for winner in self.winners
            if winner.params.win_prob
            and winner.creation_round.number >= state.round_number - 1
            and state.round_hashes.get(winner.creation_round.number) == winner.creation_round.block_hash
            and state.model.account(winner.sender).deposit_wei >= 100 * ETHER
        }
        for blocks in (1, 1, 80, 1, 1, 1, 1, 80, 1, 1, 1, 1):
            await self.turn()
            broker.mine(blocks)
        # A reorganisation may have taken back the rounds in which some were made.
        last_round = max((winner.creation_round.number for winner in self.winners), default=0) + 2
        broker.next_round(max(3, last_round - broker.state.round_number))
        for blocks in (80, 1, 1, 80, 1, 1, 1, 1):
            await self.turn()
            broker.mine(blocks)
        return good


KINDS = (
    *("win", "win", "win", "win", "fund", "fund", "fund", "unlock", "rival", "mine", "mine", "round", "begin"),
    *("reorganise", "lose", "gas", "silence", "turn", "turn", "turn", "turn", "turn", "kill", "kill", "kill"),
)
steps = st.tuples(st.sampled_from(KINDS), st.integers(0, 40))


async def play(script: list[tuple[str, int]]) -> set[str]:
    history = History()
    for kind, number in script:
        await history.step(kind, number)
        check_pending(history)
    good = await history.settle()
    await history.world.restarted().load()
    check_the_end(history, good)
    assert await RedemptionBook(history.kept).acts() == {}
    assert await RedemptionBook(history.kept).winners() == {}
    return history.seen


def check_pending(history: History) -> None:
    redeemer = history.world.redeemer
    for sender in SENDERS:
        waiting = [item for item in redeemer.redemptions() if item.ended_ms is None and item.sender == sender]
        assert redeemer.pending_wei(sender) == sum(item.face_value_wei for item in waiting)


def check_the_end(history: History, good: set[bytes]) -> None:
    world, ended = history.world, history.world.redeemer.redemptions()
    used = world.broker.state.model.used
    assert {item.ticket_hash for item in ended} == {winner_hash(winner) for winner in history.winners}
    for item in ended:
        assert item.phase is (RedemptionPhase.REDEEMED if item.ticket_hash in used else RedemptionPhase.EXPIRED)
        assert item.ticket_hash in used or item.ticket_hash not in good
        # What our calls paid is known; so no winner was in a second call of ours.
        is_ours = item.ticket_hash in used and item.ticket_hash not in history.rivalled
        assert item.paid_wei is not None or not is_ours
    history.seen |= {item.phase.value for item in ended} | {"refused once" for item in ended if item.untrusted_reason}
    if LOST in history.seen:
        return  # what calls cost and paid was noted for good, and the chain has forgotten some of it
    paid_wei, won_wei = sum(item.paid_wei or 0 for item in ended), sum(item.face_value_wei for item in ended)
    assert paid_wei <= world.credited_wei <= won_wei
    assert history.rivalled or paid_wei == world.credited_wei
    spent_wei, shown_wei = history.spendable_wei - history.balance_wei, sum(item.cost_wei for item in ended)
    assert 0 <= spent_wei - shown_wei <= 3 * world.calls  # what is lost by sharing the gas among the winners of a call


@given(script=st.lists(steps, min_size=15, max_size=60))
@settings(deadline=None)
def test_whatever_happens_every_winner_ends_as_the_chain_says_and_is_paid_once(script: list[tuple[str, int]]) -> None:
    for seen in sorted(asyncio.run(play(script))):
        event(seen)


BEFORE = [("fund", 6), ("win", 12), ("win", 6), ("fund", 7), ("win", 10)]
WHILE_SENDING = [*BEFORE, ("kill", -1)]
WHILE_CONCLUDING = [*BEFORE, ("turn", 0), ("mine", 2), ("kill", -1)]


@pytest.mark.parametrize("script", [WHILE_SENDING, WHILE_CONCLUDING], ids=["sending", "concluding"])
@pytest.mark.parametrize("place", range(20))
def test_a_process_may_be_killed_before_and_after_any_effect(script: list[tuple[str, int]], place: int) -> None:
    seen = asyncio.run(play([(kind, place if number < 0 else number) for kind, number in script]))
    assert "redeemed" in seen
    assert place % 10 >= 4 or f"killed {'after' if place >= 10 else 'before'} an effect" in seen
