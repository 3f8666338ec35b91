"""The embedded chain as the port has it, and what only a chain of one's own lets one do: mine, reorganise, set time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from parley.devchains.evm.config import USUAL_TIP_WEI, ChainConfig
from parley.devchains.evm.local_chain import LocalChain, Snapshot
from parley.devchains.evm.machine import Raised
from parley.devchains.evm.storage import MemoryStorage, Storage
from parley.errors import ErrorCode, LocalError, Rejected, UnavailableError
from parley.ports.chain import Block, Call, Fees, Log, Receipt, Reverted
from parley.ports.clock import Clock
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["EmbeddedChain"]

_LOG_BLOCKS_MAX: Final = 10_000


class EmbeddedChain:
    """One Ethereum-like chain inside of this process (`parley.ports.chain.EvmChain`)."""

    def __init__(
        self,
        config: ChainConfig | None = None,
        *,
        storage: Storage | None = None,
        now_s: Callable[[], int] | None = None,
    ) -> None:
        """Begin a chain, or go on with the one that is stored.

        Args:
            config: of a new chain; the defaults where None.
            storage: where it is kept; in memory where None.
            now_s: seconds since 1970, for the time of blocks; without it each block is 12 s after the one before, so
                that equal acts make equal chains.
        """
        self._storage = storage or MemoryStorage()
        self.local = LocalChain(self._storage, config, now_s)
        self._is_closed = False

    async def chain_id(self) -> int:
        """Return the number that keeps transactions of one chain from another."""
        return self._open().config.chain_id

    async def head(self) -> Block:
        """Return the newest block."""
        return self._open().head.summary()

    async def block(self, which: int | bytes) -> Block | None:
        """Return a block of the chain as it is now, by number or by hash."""
        history = self._open().history
        found = history.by_number(which) if isinstance(which, int) else history.by_hash(which)
        return None if found is None else found.summary()

    async def balance_wei(self, account: Address) -> int:
        """Return what an account holds at the head."""
        return self._open().history.state().account(account).balance_wei

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        """Return the next nonce of an account: at the head, or behind what waits in the pool of transactions."""
        local = self._open()
        nonce = local.nonce(account)
        return local.mempool.next_nonce(account, nonce) if pending else nonce

    async def code(self, account: Address) -> bytes:
        """Return the code at an address at the head; empty where there is none."""
        return self._open().history.state().code(account)

    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        """Run a call and keep nothing of it.

        Raises:
            UnavailableError: NOT_FOUND: the block is not known any more. BUSY: the call takes too long.
        """
        history = self._open().history
        block = history.head if at is None else history.by_hash(at)
        if block is None:
            raise UnavailableError(ErrorCode.NOT_FOUND, value="block")
        output = history.state(block).call(call)
        return _verdict(output) if isinstance(output, Raised) else output

    async def estimate_gas(self, call: Call) -> int | Reverted:
        """Return the gas that a call would take if it were a transaction now.

        Raises:
            UnavailableError: BUSY: the call takes too long.
        """
        gas = self._open().history.state().estimate_gas(call)
        return _verdict(gas) if isinstance(gas, Raised) else gas

    async def fees(self) -> Fees:
        """Return what gas costs now."""
        return Fees(base_fee_wei=self._open().base_fee_wei, priority_fee_wei=USUAL_TIP_WEI)

    async def publish(self, raw: bytes) -> bytes | Rejected:
        """Hand a signed transaction to the chain, which mines it at once where it is automatic."""
        return self._open().publish(raw)

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return what a transaction did; None while it is in no block of the chain as it is now."""
        found = self._open().history.transaction(transaction_hash)
        return None if found is None else found[0].receipt(found[1])

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        """Return events of a contract, in the order of the chain.

        Raises:
            LocalError: more than 10,000 blocks.
        """
        if last_block - first_block > _LOG_BLOCKS_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="last_block", limit_blocks=_LOG_BLOCKS_MAX)
        wanted = (frozenset(topics),) if topics else ()
        return self._open().logs(frozenset((contract,)), wanted, first_block, last_block)

    async def close(self) -> None:
        """Let go of the chain; closing twice is harmless."""
        self._is_closed = True
        self._storage.close()

    async def mine(self, blocks: int = 1) -> Block:
        """Make blocks, the first of what waits, and return the last."""
        local = self._open()
        for _ in range(blocks):
            local.mine()
        return local.head.summary()

    async def mine_every(self, interval_ms: int, clock: Clock) -> NoReturn:
        """Make a block each time the interval has passed, until the task is cancelled.

        Args:
            interval_ms: from one block to the next, >= 1.
            clock: tells when it has passed; a block that comes late does not delay those after it.
        """
        due = clock.now()
        while True:
            due = Instant(max(due + interval_ms, clock.now()))
            await clock.sleep_until(due)
            self._open().mine()

    async def reorganise(self, depth: int, *, is_keeping: bool = True) -> tuple[Block, ...]:
        """Replace the newest blocks by as many others; see `LocalChain.reorganise`."""
        return tuple(block.summary() for block in self._open().reorganise(depth, is_keeping=is_keeping))

    async def snapshot(self) -> Snapshot:
        """Return this moment."""
        return self._open().snapshot()

    async def restore(self, snapshot: Snapshot) -> bool:
        """Return to a moment; False where its block is not part of the chain any more."""
        return self._open().restore(snapshot)

    async def set_automatic(self, is_automatic: bool) -> None:  # noqa: FBT001  # the only argument, and the name says it
        """Choose whether each published transaction gets a block at once, or waits for `mine`."""
        self._open().is_automatic = is_automatic

    def _open(self) -> LocalChain:
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        return self.local


def _verdict(raised: Raised) -> Reverted:
    if raised.is_late:
        raise UnavailableError(ErrorCode.BUSY, fault="the call takes too long")
    return raised.reverted()
