"""The chain itself, one step after the other: what waits, what is made of it, what is asked; no waiting, no tasks.

    publish ─► mempool ─► mine ─► block ─► history          automatic: each publish mines
                  ▲                          │
                  └───── reorganise ◄────────┘              what was in the blocks left behind waits again

What `publish` has answered with a hash is on the disk, in a block or in the pool, and so is each block before anybody
hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from parley.devchains.evm.accounts import OWNER_INDEX, development_account, development_accounts
from parley.devchains.evm.block_time import BlockTime
from parley.devchains.evm.blocks import MinedBlock, may_hold
from parley.devchains.evm.call_limit import CallLimit
from parley.devchains.evm.config import ChainConfig, keep_config, kept_config
from parley.devchains.evm.headers import Header, next_base_fee_wei
from parley.devchains.evm.history import History
from parley.devchains.evm.mempool import Mempool
from parley.devchains.evm.mining import Keeper, fill_block, seal_block
from parley.devchains.evm.news import Event, News
from parley.devchains.evm.storage import Storage
from parley.devchains.evm.transactions import SignedTransaction, intrinsic_gas, parse_signed
from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.ledgers.evm.addresses import NULL_ADDRESS
from parley.ports.chain import Log
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = ["LocalChain", "Snapshot", "matches"]

_OWNER_WEI: Final = 10**30
_BRANCH_KEY: Final = b"mbranch"
_MIX: Final = b"parley/devchain/prevrandao"
_ARRIVAL_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment to return to.

    Attributes:
        number: of its newest block.
        block_hash: of the same, 32 bytes.
        waiting: the signed transactions that waited then, in the order of their arrival.
    """

    number: int
    block_hash: bytes
    waiting: tuple[bytes, ...]


class LocalChain:
    """One chain in one process; not safe to be used by two threads at once."""

    def __init__(
        self, storage: Storage, config: ChainConfig | None = None, now_s: Callable[[], int] | None = None
    ) -> None:
        """Take a chain up where it was left, or begin one.

        Args:
            storage: where it is kept.
            config: of a new chain.
            now_s: seconds since 1970, for the time of blocks; without it each block is 12 s after the one before, so
                that equal acts make equal chains.

        Raises:
            ConfigError: the stored chain was made otherwise.
        """
        self.storage = storage
        self.config, _ = kept_config(storage, config)
        self.history = History(storage, self.config.chain_id)
        self.mempool = Mempool()
        self.news = News()
        self.keepers: list[Keeper] = []
        self.is_automatic = self.config.is_automatic
        self._time = BlockTime(now_s)
        self._next_base_fee_wei: int | None = None
        self._branch = int.from_bytes(storage.get(_BRANCH_KEY) or b"", "big")
        self._arrivals = 0
        if self.history.is_empty:
            self._begin()
        for _, raw in sorted(storage.scan(b"p"), key=lambda item: item[1][:_ARRIVAL_BYTES]):
            self._arrivals = int.from_bytes(raw[:_ARRIVAL_BYTES], "big")
            self.mempool.add(parse_signed(raw[_ARRIVAL_BYTES:], self.config.chain_id))

    @property
    def call_limit(self) -> CallLimit:
        """For how long one call or estimate is tried; to be changed at any time, and not kept with the chain."""
        return self.history.machine.limit

    @property
    def head(self) -> MinedBlock:
        """The newest block."""
        return self.history.head

    @property
    def base_fee_wei(self) -> int:
        """What one gas costs in the next block, before what its maker gets."""
        return next_base_fee_wei(self.head.header) if self._next_base_fee_wei is None else self._next_base_fee_wei

    def nonce(self, account: Address) -> int:
        """Return the next nonce of an account by the newest block."""
        return self.history.state().account(account).nonce

    def publish(self, raw: bytes) -> bytes | Rejected:
        """Take a signed transaction in; see `parley.ports.chain.EvmChain.publish`."""
        try:
            transaction = parse_signed(raw, self.config.chain_id)
        except PeerError as error:
            return Rejected(ErrorCode.MALFORMED, error.facts)
        if transaction.hash in self.mempool.by_hash or self.history.transaction(transaction.hash) is not None:
            return transaction.hash
        refusal = self._refusal(transaction) or self.mempool.refusal(transaction)
        if refusal is not None:
            return refusal
        self._admit(transaction)
        if self.is_automatic and self.mempool.is_ready(transaction.sender, self.base_fee_wei, self.nonce):
            self.mine()
        return transaction.hash

    def mine(self) -> MinedBlock:
        """Make one block of what waits, also where nothing does."""
        draft = self._draft()
        state = self.history.open_next(draft)
        waiting = self.mempool.best(draft.base_fee_wei, lambda account: state.account(account).nonce)
        kept = (transaction for keeper in self.keepers for transaction in keeper(draft, state))
        try:
            filling = fill_block(draft, state, (kept, waiting))
            block = seal_block(draft, state.persist(), filling)
            gone = [*(one for one, _ in filling.taken), *filling.dropped]
            self.history.append(block, put={}, drop=[b"p" + one.hash for one in gone])
        except BaseException:
            self.history.forget_fresh()
            raise
        for one in gone:
            self.mempool.remove(one)
        self._next_base_fee_wei = None
        self._time.passed()
        self._forget(self.mempool.stale(self.nonce))
        self.news.tell(Event.BLOCK_JOINED, block.block_hash)
        return block

    def reorganise(self, depth: int, *, is_keeping: bool = True) -> tuple[MinedBlock, ...]:
        """Replace the newest blocks by as many others.

        Args:
            depth: how many, 1 <= depth <= number of the head.
            is_keeping: whether what was in them waits again, and so gets into the first new block where it still
                fits; otherwise it is gone until somebody publishes it again.

        Returns:
            The blocks that were left behind.

        Raises:
            LocalError: there are not as many.
        """
        if not 1 <= depth <= self.head.header.number:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="depth", wanted="1 <= depth <= number of the head")
        left = self._rewind(self.head.header.number - depth)
        if is_keeping:
            self._readmit(raw for block in left for raw in block.raws)
        for _ in range(depth):
            self.mine()
        return left

    def snapshot(self) -> Snapshot:
        """Return this moment."""
        waiting = tuple(one.raw for one in self.mempool.by_hash.values())
        return Snapshot(self.head.header.number, self.head.block_hash, waiting)

    def restore(self, snapshot: Snapshot) -> bool:
        """Return to a moment; False where its block is not part of the chain any more."""
        if self.history.by_hash(snapshot.block_hash) is None:
            return False
        self._rewind(snapshot.number)
        self._forget(tuple(self.mempool.by_hash.values()))
        self._readmit(snapshot.waiting)
        return True

    def drop(self, transaction_hash: bytes) -> bool:
        """Forget what waits under this hash, as a node does that is short of memory; False where nothing does."""
        one = self.mempool.by_hash.get(transaction_hash)
        if one is not None:
            self._forget((one,))
        return one is not None

    def set_next_timestamp(self, timestamp_s: int) -> None:
        """Give the next block its time; a clock goes on from there.

        Raises:
            LocalError: not after the head's.
        """
        self._time.set_next(timestamp_s, self.head.header.timestamp_s)

    def increase_time(self, seconds: int) -> None:
        """Let time pass before the next block, beyond what passes by itself.

        Raises:
            LocalError: negative.
        """
        if seconds < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="seconds", wanted="0 and more")
        head_s = self.head.header.timestamp_s
        self._time.set_next(self._time.due_s(head_s) + seconds, head_s)

    def set_next_base_fee(self, fee_wei: int) -> None:
        """Give the next block its base fee, whatever the rule would say.

        Raises:
            LocalError: negative.
        """
        if fee_wei < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="fee_wei", wanted="0 and more")
        self._next_base_fee_wei = fee_wei

    def logs(
        self, contracts: frozenset[Address], topics: tuple[frozenset[bytes], ...], first: int, last: int
    ) -> tuple[Log, ...]:
        """Return events in order.

        Args:
            contracts: of any of these; of all where empty.
            topics: at each place any of these; empty at a place for whatever stands there.
            first: number of a block, inclusive.
            last: number of a block, inclusive.
        """
        found: list[Log] = []
        for block in self.history.with_events(first, last):
            if not contracts or any(may_hold(block.header.bloom, contract) for contract in contracts):
                found += [log for log in block.logs() if matches(log, contracts, topics)]
        return tuple(found)

    def _begin(self) -> None:
        config = self.config
        balances = {account.address: config.balance_wei for account in development_accounts(config.accounts)}
        owner = {development_account(OWNER_INDEX).address: _OWNER_WEI}
        header = Header(
            parent_hash=bytes(32),
            coinbase=NULL_ADDRESS,
            state_root=self.history.machine.genesis_root({**balances, **owner, **config.balances}),
            number=0,
            gas_limit=config.gas_limit,
            timestamp_s=self._time.first_s(),
            base_fee_wei=config.base_fee_wei,
        )
        block = MinedBlock(header=header, block_hash=header.hash(), raws=(), hashes=(), outcomes=())
        self.history.append(block, put=keep_config(config))

    def _refusal(self, transaction: SignedTransaction) -> Rejected | None:
        least_gas = intrinsic_gas(transaction.to, transaction.data, transaction.access_list)
        if not least_gas <= transaction.gas <= self.config.gas_limit:
            return Rejected(ErrorCode.MALFORMED, {"least_gas": least_gas, "most_gas": self.config.gas_limit})
        account = self.history.state().account(transaction.sender)
        if transaction.nonce < account.nonce:
            return Rejected(ErrorCode.STALE_SEQUENCE, {"nonce": transaction.nonce, "next_nonce": account.nonce})
        if account.balance_wei < transaction.cost_max_wei:
            costs = {"balance_wei": str(account.balance_wei), "cost_wei": str(transaction.cost_max_wei)}
            return Rejected(ErrorCode.QUOTA_EXCEEDED, costs)
        return None

    def _admit(self, transaction: SignedTransaction) -> None:
        """Let a transaction wait, on the disk first."""
        self._arrivals += 1
        replaced = self.mempool.replaced_by(transaction)
        kept = self._arrivals.to_bytes(_ARRIVAL_BYTES, "big") + transaction.raw
        self.storage.write({b"p" + transaction.hash: kept}, [] if replaced is None else [b"p" + replaced.hash])
        self.mempool.add(transaction)
        self.news.tell(Event.TRANSACTION_WAITS, transaction.hash)

    def _readmit(self, raws: Iterable[bytes]) -> None:
        """Let transactions wait again, but for those that a keeper made: it makes new ones where they are due."""
        owner = development_account(OWNER_INDEX).address
        for raw in raws:
            transaction = parse_signed(raw, self.config.chain_id)
            if transaction.sender == owner and transaction.to is not None:
                continue
            if self._refusal(transaction) is None and self.mempool.refusal(transaction) is None:
                self._admit(transaction)

    def _forget(self, gone: tuple[SignedTransaction, ...]) -> None:
        if gone:
            self.storage.write({}, [b"p" + one.hash for one in gone])
        for one in gone:
            self.mempool.remove(one)

    def _draft(self) -> Header:
        parent = self.head
        return Header(
            parent_hash=parent.block_hash,
            coinbase=NULL_ADDRESS,
            state_root=parent.header.state_root,
            number=parent.header.number + 1,
            gas_limit=self.config.gas_limit,
            timestamp_s=self._time.due_s(parent.header.timestamp_s),
            extra_data=self._branch.to_bytes((self._branch.bit_length() + 7) // 8, "big"),
            mix_hash=keccak256(_MIX, parent.block_hash),
            base_fee_wei=self.base_fee_wei,
        )

    def _rewind(self, number: int) -> tuple[MinedBlock, ...]:
        """Let the chain end earlier; from now on blocks have other hashes than those that are left behind."""
        self._branch += 1
        self._next_base_fee_wei = None
        self._time.passed()
        left = self.history.rewind(number, put={_BRANCH_KEY: self._branch.to_bytes(8, "big")})
        for block in reversed(left):
            self.news.tell(Event.BLOCK_LEFT, block.block_hash)
        return left


def matches(log: Log, contracts: frozenset[Address], topics: tuple[frozenset[bytes], ...]) -> bool:
    """Say whether an event is of one of these contracts and has such topics; see `LocalChain.logs`."""
    if contracts and log.address not in contracts:
        return False
    return len(log.topics) >= len(topics) and all(
        not wanted or given in wanted for wanted, given in zip(topics, log.topics, strict=False)
    )
