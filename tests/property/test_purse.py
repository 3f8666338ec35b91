"""Whatever is cancelled, killed or done at once: under one commitment no nonce is signed twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.adapters.lottery.purse import Purse
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryClaims, MemoryStore
from parley.lottery.batches import TicketBatch
from parley.lottery.limits import SenderLimits
from parley.lottery.params import CreationRound, Payment, TicketParams, payment_tickets
from parley.lottery.signing import sign_ticket
from parley.lottery.tickets import ticket_hash
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.protocol.claims import Outcome
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from tests.oracles.bip340 import N
from tests.unit.lottery.sender_parts import NOW, SENDER, SENDER_KEY, worth

LIMITS = SenderLimits(nonces_max=400, refresh_nonces=300, window_nonces=5)
TURNS = st.integers(0, 12)


class Fuse:
    """Counts the moments at which another task may run, and ends the task that waits at a chosen one."""

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self.has_blown = False

    async def burn(self) -> None:
        await asyncio.sleep(0)
        if self.length is None:
            return
        if self.length == 0:
            self.has_blown, self.length = True, None
            raise asyncio.CancelledError
        self.length -= 1


class FragileClaims:
    """Claims before and after whose effect the task may end."""

    def __init__(self, claims: MemoryClaims, fuse: Fuse) -> None:
        self._claims, self._fuse = claims, fuse

    async def claim(self, key: bytes, owner: bytes, expires_ms: Instant, now: Instant) -> Outcome:
        await self._fuse.burn()
        outcome = await self._claims.claim(key, owner, expires_ms, now)
        await self._fuse.burn()
        return outcome

    async def prune(self, now: Instant) -> int:
        return await self._claims.prune(now)


class FragileBroker(ModelBroker):
    """A chain that takes a moment to answer."""

    fuse = Fuse()

    async def view(self) -> ChainView:
        await self.fuse.burn()
        return await super().view()

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        await self.fuse.burn()
        return await super().sender_view(sender, recipient, signers)


class World:
    """One chain and one store, and as many processes of one sender as are started."""

    def __init__(self) -> None:
        self.broker = FragileBroker()
        self.broker.fund(SENDER, deposit_wei=10**18, reserve_wei=10**18)
        self.store = MemoryStore()
        self.started = 0
        self.signed: list[tuple[bytes, int]] = []

    def start(self, fuse: Fuse | None = None) -> Purse:
        """Start a process; nothing of an earlier one is in it."""
        self.started += 1
        self.broker.fuse = Fuse() if fuse is None else fuse
        return Purse(
            SecretKey(SENDER_KEY),
            self.broker,
            FragileClaims(self.store.claims, self.broker.fuse),
            SeededEntropy(b"process %d" % self.started),
            VirtualClock(NOW),
            limits=LIMITS,
        )

    async def params(self, number: int = 0) -> TicketParams:
        view = await self.broker.view()
        commitment = bytes([number + 1]) * 32
        return replace(
            worth(10**9),
            recipient_rand_hash=commitment,
            creation_round=view.creation_round,
            expiration_block=view.block_number + 40,
        )

    async def pay(self, purse: Purse, params: TicketParams, count: int) -> list[int]:
        payment = await purse.pay(params, count=count)
        assert isinstance(payment, Payment)
        taken = [signed.nonce for signed in payment.tickets]
        assert taken == sorted(set(taken))
        self.signed += [(params.recipient_rand_hash, nonce) for nonce in taken]
        return taken

    def check(self) -> None:
        twice = [name for name, times in Counter(self.signed).items() if times > 1]
        assert twice == []


@pytest.mark.parametrize("is_same_process", [True, False])
async def test_a_payment_that_ends_at_any_moment_costs_nonces_and_uses_none_twice(*, is_same_process: bool) -> None:
    """Ends the second payment of a process at each of its awaits in turn, before and after each effect."""
    for length in range(1_000):
        world, fuse = World(), Fuse()
        params = await world.params()
        first = world.start(fuse)
        before = await world.pay(first, params, 3)
        fuse.length = length
        try:
            during = await world.pay(first, params, 9)
        except asyncio.CancelledError:
            during = []
        fuse.length = None
        after = await world.pay(first if is_same_process else world.start(), params, 4)
        world.check()
        assert before[-1] < (during or after)[0] <= after[0]
        if not fuse.has_blown:
            break
    assert length == 10  # three looks of two questions, two claims with a moment before and after


@settings(max_examples=60, deadline=None)
@given(
    lives=st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(1, 12), TURNS), min_size=1, max_size=8
            ),
            st.integers(0, 60),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_tasks_of_several_processes_share_the_nonces_of_a_commitment(
    lives: list[tuple[list[tuple[int, int, int, int]], int]],
) -> None:
    """Three processes pay under two commitments, many tasks each; all die after some turns, and are started again."""

    async def pay_late(world: World, purse: Purse, number: int, count: int, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await world.pay(purse, await world.params(number), count)

    async def live() -> World:
        world = World()
        for steps, turns in lives:
            purses = [world.start() for _ in range(3)]
            tasks = [
                asyncio.create_task(pay_late(world, purses[process], number, count, turns_before))
                for process, number, count, turns_before in steps
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(one is None or isinstance(one, asyncio.CancelledError) for one in ended)
            for purse in purses:
                await purse.close()
        return world

    asyncio.run(live()).check()


@settings(max_examples=50, deadline=None)
@given(
    params=st.builds(
        TicketParams,
        recipient=st.binary(min_size=20, max_size=20).map(Address),
        face_value=st.integers(0, 2**256 - 1),
        win_prob=st.integers(0, 2**256 - 1),
        recipient_rand_hash=st.binary(min_size=32, max_size=32),
        seed=st.just(0),
        expiration_block=st.just(1),
    ),
    made_in=st.builds(
        CreationRound, number=st.integers(0, 2**63 - 1) | st.just(0), block_hash=st.binary(min_size=32, max_size=32)
    )
    | st.just(CreationRound(0, bytes(32))),
    nonces=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12),
    secret=st.integers(1, N - 1).map(lambda scalar: scalar.to_bytes(32, "big")),
)
def test_a_batch_has_the_hashes_and_signatures_of_its_tickets(
    params: TicketParams, made_in: CreationRound, nonces: list[int], secret: bytes
) -> None:
    batch = TicketBatch(params, made_in, SENDER, nonces, SecretKey(secret))
    batch.sign(0, batch.size)
    payment = Payment(SENDER, params=params, creation_round=made_in, tickets=batch.signed())
    tickets = payment_tickets(payment)
    assert [ticket.sender_nonce for ticket, _ in tickets] == nonces
    assert [signature for _, signature in tickets] == [sign_ticket(ticket, secret) for ticket, _ in tickets]
    assert len({ticket_hash(ticket) for ticket, _ in tickets}) == len(set(nonces))
