"""Transactions that wait for a block: per account in the order of their nonces, replaced only at a higher fee."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from parley.devchains.evm.transactions import SignedTransaction
from parley.errors import ErrorCode, Rejected
from parley.primitives.ids import Address

__all__ = ["Mempool"]

_MAX: Final = 4_096
_MAX_PER_ACCOUNT: Final = 1_024
_BUMP_PERCENT: Final = 110  # of both fees, for a replacement, as nodes have it


@dataclass(slots=True)
class Mempool:
    """What waits.

    Attributes:
        by_hash: all of it, in the order of arrival.
    """

    by_hash: dict[bytes, SignedTransaction] = field(default_factory=dict)
    _by_account: dict[Address, dict[int, SignedTransaction]] = field(default_factory=dict)

    def refusal(self, transaction: SignedTransaction) -> Rejected | None:
        """Say why a transaction is not taken, None where it is."""
        old = self.replaced_by(transaction)
        if old is None:
            waiting = len(self._by_account.get(transaction.sender, {}))
            is_full = len(self.by_hash) >= _MAX or waiting >= _MAX_PER_ACCOUNT
            return Rejected(ErrorCode.PRICE_TOO_LOW, {"fault": "the pool is full"}) if is_full else None
        for wanted, offered in (
            (old.max_fee_wei, transaction.max_fee_wei),
            (old.max_priority_fee_wei, transaction.max_priority_fee_wei),
        ):
            if offered * 100 < wanted * _BUMP_PERCENT or offered <= wanted:
                return Rejected(ErrorCode.PRICE_TOO_LOW, {"fault": "a replacement pays a tenth more in both fees"})
        return None

    def replaced_by(self, transaction: SignedTransaction) -> SignedTransaction | None:
        """Return what waits with the same nonce of the same account."""
        return self._by_account.get(transaction.sender, {}).get(transaction.nonce)

    def add(self, transaction: SignedTransaction) -> None:
        """Take a transaction in, in place of the one that it replaces."""
        old = self.replaced_by(transaction)
        if old is not None:
            del self.by_hash[old.hash]
        self._by_account.setdefault(transaction.sender, {})[transaction.nonce] = transaction
        self.by_hash[transaction.hash] = transaction

    def remove(self, transaction: SignedTransaction) -> None:
        """Let a transaction go."""
        if self.by_hash.pop(transaction.hash, None) is None:
            return
        waiting = self._by_account[transaction.sender]
        del waiting[transaction.nonce]
        if not waiting:
            del self._by_account[transaction.sender]

    def is_ready(self, account: Address, base_fee_wei: int, nonce_of: Callable[[Address], int]) -> bool:
        """Say whether the next block could take something of an account."""
        return self._ready(account, base_fee_wei, nonce_of) is not None

    def stale(self, nonce_of: Callable[[Address], int]) -> tuple[SignedTransaction, ...]:
        """Return what can get into no block any more, as its nonce is used up."""
        nonces = {account: nonce_of(account) for account in self._by_account}
        return tuple(one for one in self.by_hash.values() if one.nonce < nonces[one.sender])

    def next_nonce(self, account: Address, nonce: int) -> int:
        """Return the nonce behind what waits without a gap.

        Args:
            account: whose.
            nonce: its next one by the newest block.
        """
        waiting = self._by_account.get(account, {})
        while nonce in waiting:
            nonce += 1
        return nonce

    def best(self, base_fee_wei: int, nonce_of: Callable[[Address], int]) -> Iterator[SignedTransaction]:
        """Return what a block may take, best tips first, each account's in order of nonces.

        Args:
            base_fee_wei: of the block.
            nonce_of: the next nonce of an account; asked anew after each that was yielded, so that one which did not
                get in holds back those behind it.
        """
        arrivals = {transaction_hash: place for place, transaction_hash in enumerate(self.by_hash)}
        ready = {account: one for account in self._by_account if (one := self._ready(account, base_fee_wei, nonce_of))}
        while ready:
            best = max(
                ready.values(), key=lambda one: (one.price_wei(base_fee_wei) - base_fee_wei, -arrivals[one.hash])
            )
            yield best
            following = self._ready(best.sender, base_fee_wei, nonce_of)
            if following is None or following is best:
                del ready[best.sender]
            else:
                ready[best.sender] = following

    def _ready(
        self, account: Address, base_fee_wei: int, nonce_of: Callable[[Address], int]
    ) -> SignedTransaction | None:
        one = self._by_account.get(account, {}).get(nonce_of(account))
        return one if one is not None and one.max_fee_wei >= base_fee_wei else None
