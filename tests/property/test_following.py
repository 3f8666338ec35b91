"""Whatever a chain does and whenever its follower is killed: who obeys the batches knows what the chain holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.evm.following import EventBatch, EventFollower, FollowingConfig
from parley.adapters.memory.store import MemoryStore
from parley.ports.chain import Log
from tests.unit.adapters.evm.memory_chain import CONTRACT, TOPIC, MemoryChain

OTHER = b"\x71" * 32
BLOCK = st.lists(st.sampled_from([TOPIC, TOPIC, OTHER]), max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.lists(BLOCK, max_size=6)),
        st.tuples(st.just("reorganise"), st.integers(1, 6), st.lists(BLOCK, max_size=8)),
        st.sampled_from([("take",), ("take",), ("act",), ("kill",), ("act and kill",)]),
    ),
    max_size=25,
)


class Owner:
    """Keeps what it is told, on disk: nothing of it is lost when it is killed."""

    def __init__(self) -> None:
        self.held: dict[tuple[bytes, int], Log] = {}

    def obey(self, batch: EventBatch) -> None:
        """Do what a batch says."""
        if batch.starts_anew:
            self.held.clear()
        for log in batch.removed:
            self.held.pop((log.block_hash, log.index), None)
        for log in batch.added:
            self.held[log.block_hash, log.index] = log


@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 4), STEPS)
async def test_the_owner_knows_what_the_chain_holds(
    reorg_blocks: int, span_blocks: int, first_block: int, steps: list[tuple[object, ...]]
) -> None:
    chain, store, owner = MemoryChain(), MemoryStore(), Owner()
    config = FollowingConfig(
        name="owner",
        contract=CONTRACT,
        topics=(TOPIC,),
        first_block=first_block,
        reorg_blocks=reorg_blocks,
        span_blocks=span_blocks,
    )
    follower = EventFollower(chain, store.documents, config)
    for step in steps:
        match step:
            case ("mine", list(blocks)):
                for topics in blocks:
                    chain.mine(*topics)
            case ("reorganise", int(depth), list(blocks)):
                chain.reorganise(min(depth, len(chain.blocks) - 1), blocks)
            case ("kill",):
                follower = EventFollower(chain, store.documents, config)
            case (name,):
                batch = await follower.poll()
                owner.obey(batch)
                if name == "take":
                    await follower.acknowledge(batch)
                if name == "act and kill":
                    follower = EventFollower(chain, store.documents, config)
            case _:
                raise AssertionError(step)
    for _ in range(len(chain.blocks) + 1):
        batch = await follower.poll()
        owner.obey(batch)
        await follower.acknowledge(batch)
    assert batch.is_caught_up
    wanted = [log for log in chain.logs_of(*range(len(chain.blocks))) if log.topics == (TOPIC,)]
    assert sorted(owner.held.values(), key=lambda log: (log.block_number, log.index)) == [
        log for log in wanted if log.block_number >= first_block
    ]
