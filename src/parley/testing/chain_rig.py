"""A chain of one's own with its controls, and one account that acts on it: what checks of chains are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from parley.errors import ErrorCode, LocalError, UnavailableError
from parley.ledgers.evm.transactions import Transaction, sign_transaction, transaction_hash
from parley.ports.chain import Block, Call, EvmChain, Receipt
from parley.primitives.ecdsa import address_of, public_key
from parley.primitives.ids import Address
from parley.testing.chain_contracts import creation_code

__all__ = ["MAX_FEE_WEI", "NOBODY", "UNKNOWN_HASH", "ChainRig", "Hand", "expect", "expect_unavailable"]

MAX_FEE_WEI: Final = 100_000_000_000
"""What a transaction of a hand pays per gas at most, unless told otherwise."""

NOBODY: Final = Address(b"\xd1" * 20)
"""An account that holds nothing at first."""

UNKNOWN_HASH: Final = b"\xd2" * 32
"""A hash of nothing."""

_CALL_GAS: Final = 200_000
_SHOWN_MAX: Final = 400


class ChainRig(Protocol):
    """A chain of one's own and its controls."""

    @property
    def chain(self) -> EvmChain:
        """Return what is checked. It has a block at least; each of the first 100 blocks costs less than 100 gwei."""

    @property
    def keys(self) -> Sequence[bytes]:
        """Return the secret keys of three accounts or more that sent nothing yet and hold 10 ether or more."""

    async def mine(self, count: int = 1) -> None:
        """Make blocks now; what waits in the pool of transactions and can be included is in the first of them."""

    async def reorganise(self, depth: int) -> None:
        """Replace the newest blocks by as many others, in which none of the lost transactions is.

        Args:
            depth: how many, >= 1; afterwards the head has the same number and another hash.
        """


@dataclass(slots=True)
class Hand:
    """One account that acts on the chain under test.

    Attributes:
        rig: where.
        number: which of the rig's keys it acts with.
    """

    rig: ChainRig
    number: int = 0

    @property
    def chain(self) -> EvmChain:
        """Return the chain under test."""
        return self.rig.chain

    @property
    def secret(self) -> bytes:
        """Return the key of the account."""
        return self.rig.keys[self.number]

    @property
    def address(self) -> Address:
        """Return the account."""
        return address_of(public_key(self.secret))

    async def signed(
        self, call: Call, *, nonce: int | None = None, max_fee_wei: int = MAX_FEE_WEI, gas_limit: int = _CALL_GAS
    ) -> bytes:
        """Sign a transaction that pays at most 1 gwei per gas to whoever makes the block."""
        own = await self.chain.transaction_count(self.address, pending=True) if nonce is None else nonce
        transaction = Transaction(
            chain_id=await self.chain.chain_id(),
            nonce=own,
            max_priority_fee_wei=max_fee_wei // 100,
            max_fee_wei=max_fee_wei,
            gas_limit=gas_limit,
            to=call.to,
            value_wei=call.value_wei,
            data=call.data,
        )
        return sign_transaction(transaction, self.secret)

    async def publish(self, call: Call, *, nonce: int | None = None) -> bytes:
        """Publish a transaction, which must be taken."""
        raw = await self.signed(call, nonce=nonce)
        expect("a fit transaction is taken", wanted=transaction_hash(raw), got=await self.chain.publish(raw))
        return transaction_hash(raw)

    async def act(self, call: Call) -> Receipt:
        """Publish a transaction and make the block that holds it."""
        name = await self.publish(call)
        await self.rig.mine()
        return await self.receipt(name)

    async def receipt(self, name: bytes) -> Receipt:
        """Return a receipt, which must be there."""
        receipt = await self.chain.receipt(name)
        if receipt is None:
            raise LocalError(ErrorCode.WRONG_STATE, rule="a transaction that was included has a receipt")
        return receipt

    async def create(self, runtime: bytes) -> Address:
        """Create a contract and return its address."""
        receipt = await self.act(Call(to=None, data=creation_code(runtime)))
        if receipt.contract is None:
            raise LocalError(ErrorCode.WRONG_STATE, rule="a creation names the contract")
        return receipt.contract

    async def block(self, which: int | bytes) -> Block:
        """Return a block, which must be there."""
        block = await self.chain.block(which)
        if block is None:
            raise LocalError(ErrorCode.WRONG_STATE, rule="a block of the chain is found")
        return block


def expect(rule: str, *, wanted: object, got: object) -> None:
    """Compare an answer with what the rule says.

    Raises:
        LocalError: they differ.
    """
    if got != wanted:
        raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=_shorten(repr(wanted)), got=_shorten(repr(got)))


async def expect_unavailable(rule: str, code: ErrorCode, question: Awaitable[object]) -> None:
    """Wait for an answer that must not come.

    Raises:
        LocalError: it came, or failed for another reason.
    """
    try:
        got = await question
    except UnavailableError as error:
        expect(rule, wanted=code, got=error.code)
        return
    raise LocalError(ErrorCode.WRONG_STATE, rule=rule, wanted=code.name, got=_shorten(repr(got)))


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
