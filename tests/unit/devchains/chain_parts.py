"""What tests of the embedded chain share: signed transfers, and a chain that mines when it is told to."""

from __future__ import annotations

from parley.devchains.evm.accounts import development_account
from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.storage import MemoryStorage, Storage
from parley.ledgers.evm.transactions import Transaction, sign_transaction
from parley.ports.chain import Call
from parley.primitives.ids import Address

__all__ = ["ANN", "BEN", "GWEI", "NOBODY", "chain_of", "manual_chain", "signed"]

ANN, BEN = development_account(0), development_account(1)
NOBODY = Address(b"\xd1" * 20)
GWEI = 10**9


def manual_chain(storage: Storage | None = None) -> LocalChain:
    """Return a chain that mines when it is told to."""
    return chain_of(ChainConfig(is_automatic=False), storage)


def chain_of(config: ChainConfig | None = None, storage: Storage | None = None) -> LocalChain:
    """Return a chain."""
    return LocalChain(storage or MemoryStorage(), config)


def signed(
    nonce: int,
    call: Call | None = None,
    *,
    account: int = 0,
    fee_wei: int = 100 * GWEI,
    tip_wei: int = GWEI,
    gas: int = 200_000,
) -> bytes:
    """Sign a transaction of a development account; a transfer of 1 wei where no call is given."""
    wanted = call or Call(to=NOBODY, data=b"", value_wei=1)
    transaction = Transaction(
        chain_id=31_337,
        nonce=nonce,
        max_priority_fee_wei=tip_wei,
        max_fee_wei=fee_wei,
        gas_limit=gas,
        to=wanted.to,
        value_wei=wanted.value_wei,
        data=wanted.data,
    )
    return sign_transaction(transaction, development_account(account).secret)
