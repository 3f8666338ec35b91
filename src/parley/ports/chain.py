"""The Ethereum-like chain: blocks, calls, transactions, logs; a machine in this process or a node behind JSON-RPC.

Everything that is read names the block at which it was read, so that two answers can be known to be of one moment.
A chain may reorganise: a block that was the head may be gone later, and with it receipts and logs; who needs finality
waits for confirmations and looks again by the block's hash.

Every method raises UnavailableError where the chain does not answer (UNREACHABLE, or SHUTTING_DOWN once it is closed),
and PeerError MALFORMED where the answer has another form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from parley.errors import Rejected
from parley.primitives.ids import Address

__all__ = ["Block", "Call", "EvmChain", "Fees", "Log", "Receipt", "Reverted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What the head of a block says.

    Attributes:
        number: >= 0.
        block_hash: 32 bytes.
        parent_hash: 32 bytes; zeros for the first block.
        timestamp_s: seconds since 1970, as the chain has it.
        base_fee_wei: per gas, >= 0.
    """

    number: int
    block_hash: bytes
    parent_hash: bytes
    timestamp_s: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a contract is asked or told to do.

    Attributes:
        to: the contract, 20 bytes; None creates one from `data`.
        data: selector and arguments.
        value_wei: sent along, >= 0.
        sender: who calls, 20 bytes; None where it does not matter.
    """

    to: Address | None
    data: bytes
    value_wei: int = 0
    sender: Address | None = None


@dataclass(frozen=True, slots=True)
class Reverted:
    """The contract refused; no error but an answer.

    Attributes:
        reason: the contract's own text, cut at 256 characters, printable characters only; empty where it said none.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What gas costs now.

    Attributes:
        base_fee_wei: per gas, of the next block, burnt.
        priority_fee_wei: per gas, what gets a transaction in soon.
    """

    base_fee_wei: int
    priority_fee_wei: int

    @property
    def gas_price_wei(self) -> int:
        """What one gas costs in all."""
        return self.base_fee_wei + self.priority_fee_wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One event of a contract.

    Attributes:
        address: of the contract, 20 bytes.
        topics: at most four of 32 bytes; the first names the event.
        data: its other fields.
        block_number: of the block that holds it.
        block_hash: of that block, 32 bytes.
        transaction_hash: 32 bytes.
        index: of the log in its block.
    """

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a transaction did, in the block that holds it at the moment.

    Attributes:
        transaction_hash: 32 bytes.
        block_number: of that block.
        block_hash: of that block, 32 bytes.
        succeeded: whether it took effect; False means that it was reverted, and paid for.
        gas_used: by it alone.
        gas_price_wei: what was paid per gas.
        contract: the address of what it created, or None.
        logs: its events, in order; none when it was reverted.
    """

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    contract: Address | None
    logs: tuple[Log, ...]


class EvmChain(Protocol):
    """One chain; what the adapters fulfil (`parley.testing.chain_conformance`)."""

    async def chain_id(self) -> int:
        """Return the number that keeps transactions of one chain from another."""

    async def head(self) -> Block:
        """Return the newest block."""

    async def block(self, which: int | bytes) -> Block | None:
        """Return a block of the chain as it is now, by number or by hash; None where it is not part of it."""

    async def balance_wei(self, account: Address) -> int:
        """Return what an account holds at the head."""

    async def transaction_count(self, account: Address, *, pending: bool = False) -> int:
        """Return the next nonce of an account: at the head, or behind what waits in the pool of transactions."""

    async def code(self, account: Address) -> bytes:
        """Return the code at an address at the head; empty where there is none."""

    async def call(self, call: Call, *, at: bytes | None = None) -> bytes | Reverted:
        """Run a call and keep nothing of it.

        Args:
            call: what to run.
            at: hash of the block after which it runs; the head where None.

        Raises:
            UnavailableError: also NOT_FOUND, where the block is not known any more.
        """

    async def estimate_gas(self, call: Call) -> int | Reverted:
        """Return the gas that a call would take if it were a transaction now."""

    async def fees(self) -> Fees:
        """Return what gas costs now."""

    async def publish(self, raw: bytes) -> bytes | Rejected:
        """Hand a signed transaction to the chain.

        The same transaction twice is harmless: its hash is returned again, also once it is in a block. Where the call
        raises, the transaction may have been taken nevertheless.

        Returns:
            Its hash, or why it is not taken: STALE_SEQUENCE: the nonce is used up. QUOTA_EXCEEDED: the account cannot
            pay for it. PRICE_TOO_LOW: the fee is below what the pool takes, or below what a replacement needs.
            MALFORMED: anything else that is wrong with it.
        """

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return what a transaction did; None while it is in no block of the chain as it is now."""

    async def logs(
        self, contract: Address, topics: tuple[bytes, ...], first_block: int, last_block: int
    ) -> tuple[Log, ...]:
        """Return events of a contract, in the order of the chain.

        Args:
            contract: whose.
            topics: any of these first topics; all events where empty.
            first_block: number, inclusive.
            last_block: number, inclusive, at most 10,000 blocks after the first.
        """

    async def close(self) -> None:
        """Let go of the chain; closing twice is harmless."""
