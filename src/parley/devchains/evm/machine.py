"""The Ethereum machine: py-evm with the rules of Cancun, behind three acts: apply, call, estimate.

With `call_limit` this is all that knows py-evm; another machine would take its place here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from eth.abc import ComputationAPI, DatabaseAPI, SignedTransactionAPI
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert
from eth.vm.execution_context import ExecutionContext
from eth_typing import Address as EthAddress
from eth_typing import BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from parley.devchains.evm.call_limit import CallLimit, TooLong, WatchedState
from parley.devchains.evm.headers import Header
from parley.devchains.evm.nodes import Nodes
from parley.devchains.evm.transactions import AccessList, SignedTransaction, intrinsic_gas
from parley.errors import ErrorCode, Rejected
from parley.ledgers.evm.addresses import NULL_ADDRESS
from parley.ledgers.evm.reverts import revert_reason
from parley.ports.chain import Call, Reverted
from parley.primitives.ids import Address

_FRAMES_MAX: Final = 12_288  # what py-evm itself asks for: 1,024 calls inside of each other

# A library that py-evm loads lets Python nest 100,000 deep, more than the stack holds: a JSON text of brackets alone
# would then end the process where RecursionError is meant to stop it.
sys.setrecursionlimit(min(_FRAMES_MAX, sys.getrecursionlimit()))

__all__ = ["Account", "Emitted", "Machine", "Outcome", "Raised", "State"]

_REFUND_QUOTIENT: Final = 5  # EIP-3529
_CALL_GAS_MAX: Final = 30_000_000
_CREATION: Final = b""
_STIPEND_GAS: Final = 2_300
_TOLERANCE: Final = 64


@dataclass(frozen=True, slots=True)
class Account:
    """What is written for one address."""

    balance_wei: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event: the contract, up to four topics of 32 bytes, and data."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one transaction did.

    Attributes:
        succeeded: False where it was reverted, and paid for.
        gas_used: by it alone.
        price_wei: paid per gas.
        contract: what it created, or None.
        logs: in order; none when it was reverted.
    """

    succeeded: bool
    gas_used: int
    price_wei: int
    contract: Address | None
    logs: tuple[Emitted, ...]


@dataclass(frozen=True, slots=True)
class Raised:
    """Why a call came to nothing.

    Attributes:
        data: what the contract reverted with; empty for any other end.
        is_revert: whether the contract said no; otherwise gas ran out, or an instruction was not one.
        is_late: whether it was given up for the time that it took; nothing is known of what would have become of it.
    """

    data: bytes
    is_revert: bool
    is_late: bool = False

    def reverted(self) -> Reverted:
        """Return it as the port says it."""
        return Reverted(revert_reason(self.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """A transaction as py-evm wants to be handed one; the signature was judged before."""

    sender: bytes
    nonce: int
    gas: int
    to: bytes
    value: int
    data: bytes
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    access_list: AccessList
    intrinsic_gas: int
    type_id: int = 2
    s: int = 1  # of a signature that was judged before

    def validate(self) -> None:
        """Find nothing wrong: the form was judged before."""


class State:
    """The world after one block, in which the transactions of the next are applied or calls are tried."""

    def __init__(self, nodes: Nodes, header: Header, hashes: Iterable[bytes], chain_id: int, limit: CallLimit) -> None:
        """Open the state.

        Args:
            nodes: all nodes of trees.
            header: what the machine says of the block; `state_root` is where the state begins.
            hashes: of the blocks before it, the newest first.
            chain_id: of the chain.
            limit: of calls and estimates.
        """
        self._limit = limit
        ancestors = tuple(hashes)
        context = _context(header, ancestors, chain_id, header.base_fee_wei)
        self._free_context = _context(header, ancestors, chain_id, 0)
        self._base_fee_wei = header.base_fee_wei
        self._call_gas_max = min(header.gas_limit, _CALL_GAS_MAX)
        kept: DatabaseAPI = nodes  # type: ignore[assignment]  # has all of it that AtomicDB calls
        self._state = WatchedState(AtomicDB(kept), context, Hash32(header.state_root))

    def account(self, address: Address) -> Account:
        """Return what is written for an address."""
        account = EthAddress(address)
        return Account(self._state.get_balance(account), self._state.get_nonce(account))

    def code(self, address: Address) -> bytes:
        """Return the code at an address."""
        return bytes(self._state.get_code(EthAddress(address)))

    def slot(self, address: Address, number: int) -> int:
        """Return one word of a contract's storage."""
        return int(self._state.get_storage(EthAddress(address), number))

    def write(self, accounts: Mapping[Address, int]) -> bytes:
        """Give accounts their balances in wei, and return the root of the state."""
        for address, balance_wei in accounts.items():
            self._state.set_balance(EthAddress(address), balance_wei)
        return self.persist()

    def persist(self) -> bytes:
        """Hand all new nodes over, and return the root of the state, 32 bytes."""
        self._state.lock_changes()
        self._state.persist()
        return bytes(self._state.state_root)

    def apply(self, transaction: SignedTransaction) -> Outcome | Rejected:
        """Apply a transaction for good; one that does not fit changes nothing."""
        message = _Message(
            sender=transaction.sender,
            nonce=transaction.nonce,
            gas=transaction.gas,
            to=transaction.to or _CREATION,
            value=transaction.value_wei,
            data=transaction.data,
            max_fee_per_gas=transaction.max_fee_wei,
            max_priority_fee_per_gas=transaction.max_priority_fee_wei,
            access_list=transaction.access_list,
            intrinsic_gas=intrinsic_gas(transaction.to, transaction.data, transaction.access_list),
        )
        self._state.lock_changes()
        try:
            computation = self._run(message)
        except ValidationError:
            return Rejected(ErrorCode.MALFORMED, {"fault": "does not fit into the block"})
        spent = transaction.gas - computation.get_gas_remaining()
        return Outcome(
            succeeded=computation.is_success,
            gas_used=spent - min(computation.get_gas_refund(), spent // _REFUND_QUOTIENT),
            price_wei=transaction.price_wei(self._base_fee_wei),
            contract=_created(computation) if transaction.to is None and computation.is_success else None,
            logs=_logs(computation),
        )

    def call(self, call: Call, gas: int | None = None) -> bytes | Raised:
        """Try a call and keep nothing of it, within the time that there is for one.

        Args:
            call: what to try.
            gas: the most that it may take; never more than a block holds.
        """
        try:
            with self._watched():
                return self._try(call, self._call_gas_max if gas is None else min(gas, self._call_gas_max))[0]
        except TooLong:
            return _LATE

    def estimate_gas(self, call: Call) -> int | Raised:
        """Return how much gas a transaction must be given: enough always, and at most a 64th too much.

        What a transaction takes and what it must be given differ: a refund comes at the end, and a call inside may
        use all but a 64th of what is left (EIP-150). So what it took without refunds is tried first, then a 64th more,
        and only then a search begins. All of it has the time of one call.
        """
        try:
            with self._watched():
                return self._search(call)
        except TooLong:
            return _LATE

    def _search(self, call: Call) -> int | Raised:
        output, low = self._try(call, self._call_gas_max)
        if isinstance(output, Raised):
            return output
        if isinstance(self._try(call, low)[0], bytes):
            return low
        high = self._call_gas_max
        guess = min(low * 64 // 63 + _STIPEND_GAS, high)
        while high - low > high // _TOLERANCE:
            if isinstance(self._try(call, guess)[0], bytes):
                high = guess
            else:
                low = guess
            guess = (low + high) // 2
        return high

    def _try(self, call: Call, gas: int) -> tuple[bytes | Raised, int]:
        """Run a call and take it back; return what came of it, and what it took before refunds."""
        sender = call.sender or NULL_ADDRESS
        account = self.account(sender)
        first_gas = intrinsic_gas(call.to, call.data, ())
        if first_gas > gas or account.balance_wei < call.value_wei:
            return Raised(b"", is_revert=False), gas
        message = _Message(
            sender=sender,
            nonce=account.nonce,
            gas=gas,
            to=call.to or _CREATION,
            value=call.value_wei,
            data=call.data,
            max_fee_per_gas=0,
            max_priority_fee_per_gas=0,
            access_list=(),
            intrinsic_gas=first_gas,
        )
        with self._untouched():
            computation = self._run(message)
        spent = gas - computation.get_gas_remaining()
        if computation.is_success:
            return bytes(computation.output), spent
        is_revert = isinstance(computation.error, Revert)
        return Raised(bytes(computation.output) if is_revert else b"", is_revert=is_revert), spent

    @contextmanager
    def _watched(self) -> Iterator[None]:
        self._state.look = self._limit.watch()
        try:
            yield
        finally:
            self._state.look = None

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Take back whatever is done inside; gas is free there, as nodes have it for calls."""
        context: Any = self._state.execution_context
        snapshot = self._state.snapshot()
        self._state.execution_context = self._free_context
        try:
            yield
        finally:
            self._state.execution_context = context
            self._state.revert(snapshot)
            self._state.lock_changes()

    def _run(self, message: _Message) -> ComputationAPI:
        stand_in: SignedTransactionAPI = message  # type: ignore[assignment]  # has all of it that the machine reads
        return self._state.apply_transaction(stand_in)


_LATE: Final = Raised(b"", is_revert=False, is_late=True)


class Machine:
    """Opens states of one chain.

    Attributes:
        limit: of calls and estimates in all of them; may be changed at any time.
    """

    def __init__(self, nodes: Nodes, chain_id: int) -> None:
        """Run on these nodes."""
        self.limit = CallLimit()
        self._nodes = nodes
        self._chain_id = chain_id

    def genesis_root(self, accounts: Mapping[Address, int]) -> bytes:
        """Return the root of a state where accounts hold balances in wei."""
        empty = Header(
            parent_hash=bytes(32),
            coinbase=NULL_ADDRESS,
            state_root=BLANK_ROOT_HASH,
            number=0,
            gas_limit=0,
            timestamp_s=0,
            base_fee_wei=0,
        )
        return self.open(empty, ()).write(accounts)

    def open(self, header: Header, hashes: Iterable[bytes]) -> State:
        """Open the state at `header.state_root`, in which the machine tells of that block.

        Args:
            header: of the block.
            hashes: of the blocks before it, the newest first.
        """
        return State(self._nodes, header, hashes, self._chain_id, self.limit)


def _context(header: Header, hashes: tuple[bytes, ...], chain_id: int, base_fee_wei: int) -> ExecutionContext:
    return ExecutionContext(
        coinbase=EthAddress(header.coinbase),
        timestamp=header.timestamp_s,
        block_number=BlockNumber(header.number),
        difficulty=0,
        mix_hash=Hash32(header.mix_hash),
        gas_limit=header.gas_limit,
        prev_hashes=cast("Iterable[Hash32]", hashes),
        chain_id=chain_id,
        base_fee_per_gas=base_fee_wei,
        excess_blob_gas=0,
    )


def _created(computation: ComputationAPI) -> Address:
    return Address(bytes(computation.msg.storage_address))


def _logs(computation: ComputationAPI) -> tuple[Emitted, ...]:
    return tuple(
        Emitted(Address(bytes(address)), tuple(topic.to_bytes(32, "big") for topic in topics), bytes(data))
        for address, topics, data in computation.get_log_entries()
    )
