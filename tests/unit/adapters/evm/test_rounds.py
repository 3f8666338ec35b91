"""Which round tickets are made in, by which number parameters expire, and what can be claimed."""

from __future__ import annotations

import pytest

from parley.adapters.evm.reading import ChainReader
from parley.adapters.evm.rounds import check_address, read_claimable, read_expiry_number, read_rounds
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.ledgers.evm.packing import selector
from parley.lottery.params import CreationRound
from parley.ports.chain import Reverted
from parley.primitives.ids import Address
from parley.testing.clock import VirtualClock
from tests.unit.adapters.evm.memory_chain import CONTRACT, MemoryChain

NUMBER = bytes.fromhex("4360005260206000f3")
HOLDER, CLAIMANT = Address(b"\x01" * 20), Address(b"\x02" * 20)


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def hash_of(number: int) -> bytes:
    return bytes([number + 1]) * 32


def made(current: int, last: int, *with_hash: int) -> tuple[MemoryChain, ChainReader]:
    """Make a chain whose rounds have hashes or none."""
    chain = MemoryChain()
    chain.answers[selector("currentRound()")] = word(current)
    chain.answers[selector("lastInitializedRound()")] = word(last)
    for number in range(max(last - 3, 0), last + 1):
        stored = hash_of(number) if number in with_hash else bytes(32)
        chain.answers[selector("blockHashForRound(uint256)") + word(number)] = stored
    return chain, ChainReader(chain, VirtualClock())


@pytest.mark.parametrize(
    ("last", "with_hash", "creation", "previous"),
    [
        (5, (5, 4, 3), 5, 4),
        (5, (5, 3), 5, None),
        (5, (4, 3), 4, 3),
        (5, (4,), 4, None),
        (1, (1,), 1, None),
        (1, (0,), 0, None),
        (0, (0,), 0, None),
    ],
)
async def test_tickets_are_made_in_the_newest_round_with_a_hash_or_the_one_before(
    last: int, with_hash: tuple[int, ...], creation: int, previous: int | None
) -> None:
    chain, reader = made(last, last, *with_hash)
    read = await read_rounds(reader, CONTRACT, chain.blocks[0].block_hash)
    assert read.creation_round == CreationRound(creation, hash_of(creation))
    assert read.previous_round == (None if previous is None else CreationRound(previous, hash_of(previous)))
    assert (read.current, read.is_initialized) == (last, True)


async def test_a_round_that_is_ahead_of_the_last_initialised_one_is_told() -> None:
    chain, reader = made(6, 5, 5, 4)
    read = await read_rounds(reader, CONTRACT, chain.blocks[0].block_hash)
    assert (read.current, read.is_initialized) == (6, False)
    assert read.creation_round == CreationRound(5, hash_of(5))


@pytest.mark.parametrize(("last", "with_hash"), [(5, ()), (5, (3, 2)), (0, ()), (1, ())])
async def test_without_a_hash_nothing_can_be_made(last: int, with_hash: tuple[int, ...]) -> None:
    chain, reader = made(last, last, *with_hash)
    with pytest.raises(UnavailableError) as caught:
        await read_rounds(reader, CONTRACT, chain.blocks[0].block_hash)
    assert caught.value.code is ErrorCode.WRONG_STATE


async def test_a_round_beyond_the_wire_is_refused() -> None:
    chain, reader = made(2**63, 5, 5)
    with pytest.raises(PeerError):
        await read_rounds(reader, CONTRACT, chain.blocks[0].block_hash)


@pytest.mark.parametrize(
    ("head", "seen", "later", "numbers"),
    [
        (7, 7, 8, (7, 8)),
        (7, 8, 9, (7, 8)),
        (7, 3, 4, (3, 4)),
        (7, 19_000_000, 19_000_000, (19_000_000, 19_000_000)),
    ],
)
async def test_parameters_expire_by_the_number_that_contracts_see(
    head: int, seen: int, later: int, numbers: tuple[int, int]
) -> None:
    chain = MemoryChain()
    for _ in range(head):
        chain.mine()
    reader = ChainReader(chain, VirtualClock())
    chain.answers[NUMBER] = word(seen)
    first = await read_expiry_number(reader, chain.blocks[-1])
    chain.answers[NUMBER] = word(later)
    second = await read_expiry_number(reader, chain.mine())
    assert (first, second) == numbers


async def test_a_chain_with_one_layer_is_found_out_once() -> None:
    chain = MemoryChain(answers={NUMBER: word(0)})
    reader = ChainReader(chain, VirtualClock())
    for _ in range(3):
        await read_expiry_number(reader, chain.mine() if chain.calls else chain.blocks[0])
    assert len(chain.calls) == 1


async def test_what_can_be_claimed_is_asked_for_a_claimant_only_and_nothing_where_the_contract_panics() -> None:
    question = selector("claimableReserve(address,address)") + bytes(12) + HOLDER + bytes(12) + CLAIMANT
    chain = MemoryChain(answers={question: word(55)})
    reader, at = ChainReader(chain, VirtualClock()), chain.blocks[0].block_hash
    assert await read_claimable(reader, CONTRACT, HOLDER, CLAIMANT, at) == 55
    assert await read_claimable(reader, CONTRACT, HOLDER, None, at) == 0
    assert len(chain.calls) == 1
    chain.answers[question] = Reverted("")
    assert await read_claimable(reader, CONTRACT, HOLDER, CLAIMANT, at) == 0


@pytest.mark.parametrize("size_bytes", [0, 19, 21, 32])
def test_an_address_of_another_size_is_refused(size_bytes: int) -> None:
    with pytest.raises(LocalError):
        check_address(Address(bytes(size_bytes)))
