"""Events followed over restarts and reorganisations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parley.adapters.evm.following import EventBatch, EventFollower, FollowingConfig
from parley.adapters.memory.store import MemoryStore
from parley.errors import ConflictError, ErrorCode, LocalError, PeerError, UnavailableError
from parley.primitives.ids import Address
from tests.unit.adapters.evm.memory_chain import (
    CONTRACT,
    TOPIC,
    LyingChain,
    MemoryChain,
    MovingChain,
    RestlessChain,
    forged,
)

OTHER = b"\x71" * 32
CONFIG = FollowingConfig(name="test", contract=CONTRACT, topics=(TOPIC,), reorg_blocks=4, span_blocks=10)


class Follower:
    """One follower with its store, which may be started again."""

    def __init__(self, chain: MemoryChain, config: FollowingConfig = CONFIG) -> None:
        self.chain, self.config, self.store = chain, config, MemoryStore()
        self.start()

    def start(self) -> None:
        """Start, as after `kill -9`."""
        self.inner = EventFollower(self.chain, self.store.documents, self.config)

    async def take(self) -> EventBatch:
        """Poll and acknowledge."""
        batch = await self.inner.poll()
        await self.inner.acknowledge(batch)
        return batch


async def test_events_come_once_in_the_order_of_the_chain() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC, TOPIC)
    chain.mine()
    chain.mine(TOPIC)
    batch = await follower.take()
    assert batch.added == chain.logs_of(1, 3)
    assert (batch.removed, batch.starts_anew, batch.is_caught_up, batch.block_number) == ((), False, True, 3)
    again = await follower.take()
    assert (again.added, again.removed, again.is_caught_up, again.block_number) == ((), (), True, 3)
    chain.mine(TOPIC)
    assert (await follower.take()).added == chain.logs_of(4)


async def test_other_events_and_other_contracts_are_not_told() -> None:
    chain = MemoryChain()
    chain.mine(OTHER)
    chain.mine(TOPIC, contract=Address(b"\xc1" * 20))
    assert (await Follower(chain).take()).added == ()
    everything = FollowingConfig(name="all", contract=CONTRACT)
    assert (await Follower(chain, everything).take()).added == chain.logs_of(1)


async def test_what_was_not_acknowledged_comes_again_also_after_a_restart() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC)
    first = await follower.inner.poll()
    assert await follower.inner.poll() == first
    follower.start()
    assert (await follower.inner.poll()).added == first.added == chain.logs_of(1)


async def test_a_restart_goes_on_behind_what_was_acknowledged() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC)
    await follower.take()
    follower.start()
    chain.mine(TOPIC)
    batch = await follower.take()
    assert (batch.added, batch.removed, batch.starts_anew) == (chain.logs_of(2), (), False)


async def test_a_long_chain_is_read_in_batches() -> None:
    chain = MemoryChain()
    for _ in range(25):
        chain.mine(TOPIC)
    follower = Follower(chain)
    batches = [await follower.take() for _ in range(3)]
    assert [batch.block_number for batch in batches] == [9, 19, 25]
    assert [batch.is_caught_up for batch in batches] == [False, False, True]
    assert sum((batch.added for batch in batches), ()) == chain.logs_of(*range(1, 26))


async def test_reading_begins_at_the_first_block() -> None:
    chain = MemoryChain()
    for _ in range(5):
        chain.mine(TOPIC)
    config = FollowingConfig(name="late", contract=CONTRACT, topics=(TOPIC,), first_block=4)
    assert (await Follower(chain, config).take()).added == chain.logs_of(4, 5)


async def test_a_chain_that_has_not_reached_the_first_block_has_nothing_yet() -> None:
    chain = MemoryChain()
    config = FollowingConfig(name="early", contract=CONTRACT, topics=(TOPIC,), first_block=3)
    follower = Follower(chain, config)
    batch = await follower.take()
    assert (batch.added, batch.block_number, batch.is_caught_up, batch.starts_anew) == ((), 2, True, False)
    for _ in range(3):
        chain.mine(TOPIC)
    batch = await follower.take()
    assert (batch.added, batch.starts_anew) == (chain.logs_of(3), False)


async def test_events_of_lost_blocks_are_removed_last_first_and_new_ones_added() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC)
    await follower.take()
    chain.mine(TOPIC, TOPIC)
    await follower.take()
    chain.mine(TOPIC)
    await follower.take()
    kept, lost = chain.logs_of(1), chain.logs_of(2, 3)
    chain.reorganise(2, [[TOPIC], [], [TOPIC]])
    batch = await follower.take()
    assert batch.removed == tuple(reversed(lost))
    assert batch.added == chain.logs_of(2, 4)
    assert not batch.starts_anew
    assert kept == chain.logs_of(1)
    assert (await follower.take()).removed == ()


async def test_what_was_not_polled_in_between_is_found_out_all_the_same() -> None:
    """The common block lies between two checkpoints; what is still there is told neither as removed nor as new."""
    chain = MemoryChain()
    follower = Follower(chain)
    for _ in range(3):
        chain.mine(TOPIC)
    await follower.take()
    kept, lost = chain.logs_of(1, 2), chain.logs_of(3)
    chain.reorganise(1, [[TOPIC]])
    batch = await follower.take()
    assert (batch.removed, batch.added) == (lost, chain.logs_of(3))
    assert kept == chain.logs_of(1, 2)


async def test_a_chain_that_got_shorter_loses_events() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    for _ in range(3):
        chain.mine(TOPIC)
        await follower.take()
    lost = chain.logs_of(2, 3)
    chain.reorganise(2, [])
    batch = await follower.take()
    assert (batch.removed, batch.added, batch.block_number) == (tuple(reversed(lost)), (), 1)
    chain.mine(TOPIC)
    assert (await follower.take()).added == chain.logs_of(2)


async def test_a_removal_survives_a_restart() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine()
    await follower.take()
    chain.mine(TOPIC)
    await follower.take()
    lost = chain.logs_of(2)
    follower.start()
    chain.reorganise(1, [[]])
    assert (await follower.inner.poll()).removed == lost


async def test_blocks_as_deep_as_promised_can_be_given_up() -> None:
    for depth in range(1, 5):
        chain = MemoryChain()
        follower = Follower(chain)
        for _ in range(20):
            chain.mine(TOPIC)
        await follower.take()
        await follower.take()
        await follower.take()
        lost = chain.logs_of(*range(21 - depth, 21))
        chain.reorganise(depth, [[TOPIC]] * depth)
        batch = await follower.take()
        assert not batch.starts_anew
        assert batch.removed == tuple(reversed(lost))
        assert batch.added == chain.logs_of(*range(21 - depth, 21))


async def test_a_reorganisation_that_is_too_deep_starts_anew() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    for _ in range(9):
        chain.mine(TOPIC)
        await follower.take()
    chain.reorganise(9, [[TOPIC]] * 12)
    batch = await follower.take()
    assert (batch.starts_anew, batch.removed, batch.is_caught_up) == (True, (), False)
    assert batch.added == chain.logs_of(*range(1, 10))
    rest = await follower.take()
    assert (rest.starts_anew, rest.added) == (False, chain.logs_of(10, 11, 12))


async def test_another_thing_under_the_same_name_starts_anew() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC, OTHER)
    await follower.take()
    follower.config = FollowingConfig(name="test", contract=CONTRACT, topics=(OTHER,))
    follower.start()
    batch = await follower.take()
    assert batch.starts_anew
    assert batch.added == chain.logs_of(1)[1:]
    assert not (await follower.take()).starts_anew


async def test_what_cannot_be_read_in_the_store_starts_anew() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC)
    await follower.take()
    await follower.store.documents.put("evm/following", "test", b"\x93no window")
    follower.start()
    batch = await follower.inner.poll()
    assert (batch.starts_anew, batch.added) == (True, chain.logs_of(1))


async def test_a_chain_that_moves_while_it_is_read_is_read_again() -> None:
    chain = RestlessChain()
    chain.mine(TOPIC)
    chain.times = 2
    batch = await Follower(chain).take()
    assert batch.added == chain.logs_of(1)
    chain.times = 3
    chain.mine(TOPIC)
    with pytest.raises(UnavailableError) as caught:
        await Follower(chain).take()
    assert caught.value.code is ErrorCode.BUSY


async def test_a_chain_that_leaves_the_common_block_while_it_is_read_is_read_again() -> None:
    """Else what is new below the common block would be missed: the end of the batch is of the new chain already."""
    chain = MovingChain()
    follower = Follower(chain)
    for _ in range(3):
        chain.mine(TOPIC)
        await follower.take()
    lost = chain.logs_of(2, 3)
    for _ in range(20):
        chain.mine()
    chain.depth, chain.new = 22, [[TOPIC]] * 22
    batch = await follower.take()
    assert batch.removed == tuple(reversed(lost))
    assert batch.added == chain.logs_of(*range(2, batch.block_number + 1))


async def test_a_chain_that_gets_shorter_while_it_is_read_is_read_again() -> None:
    chain = MovingChain()
    for _ in range(30):
        chain.mine(TOPIC)
    chain.depth = 25
    follower = Follower(chain)
    batch = await follower.take()
    assert batch.added == chain.logs_of(*range(1, 6))
    assert (batch.block_number, batch.is_caught_up) == (5, True)


@pytest.mark.parametrize(
    "fields",
    [{"address": Address(b"\xc2" * 20)}, {"topics": (OTHER,)}, {"topics": ()}, {"block_number": 7}],
)
async def test_events_that_were_not_asked_for_are_the_chains_fault(fields: dict[str, object]) -> None:
    chain = LyingChain()
    chain.mine(TOPIC)
    (honest,) = chain.logs_of(1)
    chain.lie = forged(honest, **fields)
    with pytest.raises(PeerError) as caught:
        await Follower(chain).take()
    assert caught.value.code is ErrorCode.NOT_ASKED_FOR


async def test_events_of_a_head_that_is_gone_are_read_again() -> None:
    chain = LyingChain()
    chain.mine(TOPIC)
    (honest,) = chain.logs_of(1)
    chain.lie = forged(honest, block_hash=b"\x0b" * 32)
    with pytest.raises(UnavailableError):
        await Follower(chain).take()


async def test_a_batch_that_was_overtaken_is_refused_and_a_repeated_one_is_harmless() -> None:
    chain = MemoryChain()
    follower = Follower(chain)
    old = await follower.inner.poll()
    chain.mine(TOPIC)
    new = await follower.take()
    await follower.inner.acknowledge(new)
    with pytest.raises(ConflictError) as caught:
        await follower.inner.acknowledge(old)
    assert caught.value.code is ErrorCode.WRONG_STATE


@pytest.mark.parametrize("after", ["poll", "restart"])
async def test_what_was_told_but_not_acknowledged_and_is_gone_voids_everything(after: str) -> None:
    """The owner may have acted on it before it was killed."""
    chain = MemoryChain()
    follower = Follower(chain)
    chain.mine(TOPIC)
    await follower.take()
    chain.mine(TOPIC)
    assert (await follower.inner.poll()).added == chain.logs_of(2)
    chain.reorganise(1, [[], [TOPIC]])
    if after == "restart":
        follower.start()
    batch = await follower.take()
    assert (batch.starts_anew, batch.added) == (True, chain.logs_of(1, 3))
    assert not (await follower.take()).starts_anew


async def test_followers_with_other_names_know_nothing_of_each_other() -> None:
    chain = MemoryChain()
    chain.mine(TOPIC)
    follower = Follower(chain)
    await follower.take()
    second = FollowingConfig(name="second", contract=CONTRACT, topics=(TOPIC,))
    other = EventFollower(chain, follower.store.documents, second)
    assert (await other.poll()).added == chain.logs_of(1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FollowingConfig(name="", contract=CONTRACT),
        lambda: FollowingConfig(name="n", contract=Address(b"")),
        lambda: FollowingConfig(name="n", contract=CONTRACT, topics=(b"",)),
        lambda: FollowingConfig(name="n", contract=CONTRACT, first_block=-1),
        lambda: FollowingConfig(name="n", contract=CONTRACT, first_block=2**64),
        lambda: FollowingConfig(name="n", contract=CONTRACT, reorg_blocks=0),
        lambda: FollowingConfig(name="n", contract=CONTRACT, reorg_blocks=4_001),
        lambda: FollowingConfig(name="n", contract=CONTRACT, span_blocks=0),
        lambda: FollowingConfig(name="n", contract=CONTRACT, span_blocks=10_001),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], FollowingConfig]) -> None:
    with pytest.raises(LocalError) as caught:
        make()
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
