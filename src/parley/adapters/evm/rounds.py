"""What brokers of both kinds read of rounds, block numbers and shares of a reserve, at one block."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from parley.adapters.evm.reading import ChainReader
from parley.errors import ErrorCode, LocalError, UnavailableError
from parley.lottery.params import CreationRound
from parley.lottery.questions import (
    CURRENT_ROUND,
    LAST_INITIALIZED_ROUND,
    as_round,
    as_word,
    ask_claimable,
    ask_round_hash,
)
from parley.ports.chain import Block, Reverted
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["RoundsRead", "check_accounts", "check_address", "read_claimable", "read_expiry_number", "read_rounds"]

_NO_HASH: Final = bytes(32)
_ROUNDS_FOR_NEW_TICKETS: Final = 2
_HASHES_LOOKED_AT: Final = _ROUNDS_FOR_NEW_TICKETS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsRead:
    """What the contract that counts rounds says.

    Attributes:
        current: the present round, initialised or not.
        is_initialized: whether it was.
        creation_round: for new tickets: the last initialised round, or the one before it where that has no hash.
        previous_round: the one before the creation round; None where it has no hash.
    """

    current: int
    is_initialized: bool
    creation_round: CreationRound
    previous_round: CreationRound | None


async def read_rounds(reader: ChainReader, rounds: Address, at: bytes) -> RoundsRead:
    """Read which round tickets are made in.

    Raises:
        UnavailableError: WRONG_STATE: neither the last initialised round nor the one before it has a block hash.
        PeerError: MALFORMED: not the contract's form.
    """
    current, last = await asyncio.gather(
        reader.word(rounds, CURRENT_ROUND, at=at), reader.word(rounds, LAST_INITIALIZED_ROUND, at=at)
    )
    numbers = [number for number in range(as_round(last), as_round(last) - _HASHES_LOOKED_AT, -1) if number >= 0]
    words = await asyncio.gather(*(reader.word(rounds, ask_round_hash(number), at=at) for number in numbers))
    hashes = dict(zip(numbers, map(as_word, words), strict=True))
    for number in numbers[:_ROUNDS_FOR_NEW_TICKETS]:
        if hashes[number] == _NO_HASH:
            continue
        before = hashes.get(number - 1, _NO_HASH)
        return RoundsRead(
            current=as_round(current),
            is_initialized=current == last,
            creation_round=CreationRound(number, hashes[number]),
            previous_round=None if before == _NO_HASH else CreationRound(number - 1, before),
        )
    raise UnavailableError(ErrorCode.WRONG_STATE, last_initialized_round=last, fault="no round with a block hash")


async def read_claimable(
    reader: ChainReader, broker: Address, holder: Address, claimant: Address | None, at: bytes
) -> int:
    """Read what a claimant could get from a reserve; 0 for nobody.

    The deployed broker panics where the pool has grown so much that a share is less than what was claimed of it
    already: then nothing can be got.
    """
    if claimant is None:
        return 0
    answer = await reader.ask(broker, ask_claimable(holder, claimant), at=at)
    return 0 if isinstance(answer, Reverted) else answer[0]


async def read_expiry_number(reader: ChainReader, block: Block) -> int:
    """Read the block number by which parameters expire: the one that contracts see.

    On a chain with one layer that is the block's own number. On a second layer such as Arbitrum it is the first
    layer's, which lags far behind; which of both a chain is, is found out once.
    """

    async def is_second_layer() -> bool:
        seen = await reader.number_seen_by_contracts(at=block.block_hash)
        # some nodes run a call in the block that it names, and some in the one after it
        return seen not in {block.number, block.number + 1}

    if await reader.once(None, "layers", is_second_layer):
        return await reader.number_seen_by_contracts(at=block.block_hash)
    return block.number


def check_accounts(*accounts: Address | None) -> None:
    """Check the size of each address; None is nobody, and none.

    Raises:
        LocalError: not 20 bytes.
    """
    for account in accounts:
        if account is not None:
            check_address(account)


def check_address(account: Address) -> None:
    """Check the size of an address.

    Raises:
        LocalError: not 20 bytes.
    """
    if len(account) != ADDRESS_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(account), wanted_bytes=ADDRESS_BYTES)
