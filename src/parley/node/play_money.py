"""Money of no worth: an account of a development chain is filled from one that everybody has the key of."""

from __future__ import annotations

from typing import Final

from parley.devchains.evm.accounts import development_account
from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.ledgers.evm.transactions import Transaction, sign_transaction
from parley.ports.chain import EvmChain
from parley.ports.clock import Clock
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

__all__ = ["take_play_money"]

_TRIES: Final = 16
_TRANSFER_GAS: Final = 21_000
_WAIT_MS: Final = 100
_WAITS: Final = 300


async def take_play_money(chain: EvmChain, clock: Clock, account: Address, wanted_wei: int) -> None:
    """Fill an account of a development chain up, if it holds less than is wanted, and wait for the block that has it.

    Args:
        chain: with the development accounts.
        clock: to wait by.
        account: to fill, 20 bytes.
        wanted_wei: what it is to hold, at the least.

    Raises:
        UnavailableError: the chain did not answer, or others always came first.
    """
    missing_wei = wanted_wei - await chain.balance_wei(account)
    if missing_wei <= 0:
        return None
    giver = development_account(0)
    for _ in range(_TRIES):
        fees = await chain.fees()
        transaction = Transaction(
            chain_id=await chain.chain_id(),
            nonce=await chain.transaction_count(giver.address, pending=True),
            max_priority_fee_wei=fees.priority_fee_wei,
            max_fee_wei=2 * fees.base_fee_wei + fees.priority_fee_wei,
            gas_limit=_TRANSFER_GAS,
            to=account,
            value_wei=missing_wei,
            data=b"",
        )
        answer = await chain.publish(sign_transaction(transaction, giver.secret))
        if not isinstance(answer, Rejected):
            return await _wait(chain, clock, account, wanted_wei)
        # Another node took from the same account in between: its nonce is the next one's.
        if answer.code not in {ErrorCode.STALE_SEQUENCE, ErrorCode.PRICE_TOO_LOW}:
            break
    raise UnavailableError(ErrorCode.UNREACHABLE, fault="no development account gave money")


async def _wait(chain: EvmChain, clock: Clock, account: Address, wanted_wei: int) -> None:
    for _ in range(_WAITS):
        if await chain.balance_wei(account) >= wanted_wei:
            return
        await clock.sleep_until(Instant(clock.now() + _WAIT_MS))
    raise UnavailableError(ErrorCode.UNREACHABLE, fault="no block holds the money")
