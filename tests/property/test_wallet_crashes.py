"""A wallet does each act once, whatever is killed, lost, reorganised or sent by others in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.memory import MemoryStore
from parley.adapters.memory.store import MemoryDocuments
from parley.errors import Rejected
from parley.ledgers.evm.transactions import Transaction, sign_transaction
from parley.ports.chain import Block, Call, Fees, Receipt, Reverted
from parley.ports.store import Document
from parley.ports.wallet import Included
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from tests.unit.adapters.evm.fake_chain import CHAIN_ID, FakeChain

SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ACCOUNT = Address(bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266"))
SHOP = Address(b"\x5a" * 20)
CONFIG = WalletConfig(fee_cap_wei=10**12, patience_blocks=2, final_blocks=6, memory_blocks=10_000)
NAMES = ("a", "b", "c")


class Killed(BaseException):
    """The process ends here; nothing that it holds in memory is left."""


@dataclass
class Fate:
    """When the process is killed: at which question to chain or store, and before or after its effect."""

    countdown: int = -1
    is_after: bool = False

    async def of(self, question: Callable[[], Awaitable[object]]) -> object:
        """Ask, or be killed."""
        self.countdown -= 1
        if self.countdown == 0 and not self.is_after:
            raise Killed
        answer = await question()
        if self.countdown == 0:
            raise Killed
        return answer


class MortalDocuments:
    """Documents at whose every call the process may be killed."""

    def __init__(self, inner: MemoryDocuments, fate: Fate) -> None:
        self._inner, self._fate = inner, fate

    async def get(self, namespace: str, key: str) -> bytes | None:
        return await self._fate.of(lambda: self._inner.get(namespace, key))  # type: ignore[return-value]  # passed through

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        await self._fate.of(lambda: self._inner.put(namespace, key, value))

    async def delete(self, namespace: str, key: str) -> bool:
        return await self._fate.of(lambda: self._inner.delete(namespace, key))  # type: ignore[return-value]  # as above

    async def list(self, namespace: str) -> tuple[Document, ...]:
        return await self._fate.of(lambda: self._inner.list(namespace))  # type: ignore[return-value]  # as above


class MortalChain(FakeChain):
    """A chain at whose every answer the process may be killed."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = Fate()

    async def head(self) -> Block:
        return await self.fate.of(super().head)  # type: ignore[return-value]  # passed through

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        ask = super().transaction_count
        return await self.fate.of(lambda: ask(account, pending=pending))  # type: ignore[return-value]  # as above

    async def estimate_gas(self, call: Call) -> int | Reverted:
        ask = super().estimate_gas
        return await self.fate.of(lambda: ask(call))  # type: ignore[return-value]  # as above

    async def fees(self) -> Fees:
        return await self.fate.of(super().fees)  # type: ignore[return-value]  # as above

    async def publish(self, raw: bytes) -> bytes | Rejected:
        ask = super().publish
        return await self.fate.of(lambda: ask(raw))  # type: ignore[return-value]  # as above

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        ask = super().receipt
        return await self.fate.of(lambda: ask(transaction_hash))  # type: ignore[return-value]  # as above


class World:
    """A chain, a store, and process after process of one wallet."""

    def __init__(self) -> None:
        self.chain = MortalChain()
        self.store = MemoryStore()
        self.promised: set[str] = set()
        self.reorganised = 0
        self.restart()

    def restart(self) -> None:
        """Start the next process."""
        self.chain.fate = Fate()
        documents = MortalDocuments(self.store.documents, self.chain.fate)
        self.wallet = EvmWallet(self.chain, SecretKey(SECRET), documents, CONFIG)

    async def act(self, name: str) -> None:
        """Ask for an act; what is answered is promised."""
        status = await self.wallet.act(name, Call(to=SHOP, data=name.encode()))
        assert not isinstance(status, Rejected)
        self.promised.add(name)

    async def surviving(self, work: Awaitable[None]) -> None:
        """Do something; where it is killed, go on with a new process."""
        try:
            await work
        except Killed:
            self.restart()

    def fill_foreign(self) -> None:
        """Let another wallet of the account use the next nonce."""
        transaction = Transaction(
            chain_id=CHAIN_ID,
            nonce=self.chain.used(ACCOUNT),
            max_priority_fee_wei=10**9,
            max_fee_wei=10**9,
            gas_limit=21_000,
            to=SHOP,
            data=b"foreign",
        )
        self.chain.fill(sign_transaction(transaction, SECRET))

    def befall(self, step: str, number: int) -> None:
        """Let something happen on the chain."""
        match step:
            case "mine":
                self.chain.mine(number)
            case "drop":
                self.chain.pool.clear()
            case "base fee":
                self.chain.base_fee_wei = number
            case "foreign":
                self.fill_foreign()
            case _:
                # In all, no more than what makes an act final: beyond that nothing is promised.
                depth = min(number, len(self.chain.blocks) - 1, CONFIG.final_blocks - 2 - self.reorganised)
                if depth > 0:
                    self.reorganised += depth
                    self.chain.reorganise(depth, keep_pool=step.endswith("keeping"))

    async def settle(self) -> None:
        """Let things take their course."""
        self.restart()
        self.chain.base_fee_wei = 1_000
        for _ in range(40):
            await self.wallet.tend()
            self.chain.mine()

    async def check(self) -> None:
        """Check that what was promised is done, nothing is done twice, and no nonce is left out."""
        included = self.chain.included()
        done = [transaction.data.decode() for transaction in included if transaction.data not in {b"foreign", b""}]
        assert len(done) == len(set(done))
        assert self.promised <= set(done)
        assert [transaction.nonce for transaction in included] == list(range(len(included)))
        for name in done:
            assert isinstance(await self.wallet.status(name), Included)


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("killed_at", range(1, 11))
async def test_killed_at_each_question_of_an_act(killed_at: int, is_after: bool) -> None:  # noqa: FBT001 - a case
    world = World()
    world.chain.fate.countdown, world.chain.fate.is_after = killed_at, is_after
    await world.surviving(world.act("a"))
    world.restart()
    await world.act("b")
    await world.act("a")
    await world.settle()
    await world.check()
    assert {transaction.data for transaction in world.chain.included()} == {b"a", b"b"}


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("blocks", [0, 1, 3, 7])
@pytest.mark.parametrize("killed_at", range(1, 14))
async def test_killed_at_each_question_of_tending(killed_at: int, blocks: int, is_after: bool) -> None:  # noqa: FBT001 - a case
    world = World()
    await world.act("a")
    await world.act("b")
    if blocks == 3:
        world.chain.base_fee_wei = 10_000
    world.chain.mine(blocks)
    world.restart()
    world.chain.fate.countdown, world.chain.fate.is_after = killed_at, is_after
    await world.surviving(world.wallet.tend())
    await world.settle()
    await world.check()


STEPS = st.one_of(
    st.tuples(st.just("act"), st.sampled_from(NAMES)),
    st.tuples(st.just("mine"), st.integers(1, 3)),
    st.tuples(st.just("tend"), st.just(0)),
    st.tuples(st.just("reorganise"), st.integers(1, CONFIG.final_blocks - 2)),
    st.tuples(st.just("reorganise keeping"), st.integers(1, CONFIG.final_blocks - 2)),
    st.tuples(st.just("drop"), st.just(0)),
    st.tuples(st.just("base fee"), st.sampled_from((500, 1_000, 5_000, 50_000))),
    st.tuples(st.just("foreign"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("kill"), st.integers(1, 20)),
)


async def _play(steps: list[tuple[str, str | int]], *, is_after: bool) -> None:
    world = World()
    for step, argument in steps:
        match step, argument:
            case "act", str(name):
                await world.surviving(world.act(name))
            case "tend", _:
                await world.surviving(world.wallet.tend())
            case "restart", _:
                world.restart()
            case "kill", int(countdown):
                world.chain.fate.countdown, world.chain.fate.is_after = countdown, is_after
            case _, int(number):
                world.befall(step, number)
    await world.settle()
    await world.check()


@given(st.lists(STEPS, max_size=30), st.booleans())
def test_each_act_is_done_once_whatever_happens(steps: list[tuple[str, str | int]], is_after: bool) -> None:  # noqa: FBT001 - drawn
    asyncio.run(_play(steps, is_after=is_after))
