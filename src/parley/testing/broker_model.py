"""A ticket broker on a chain in memory: the rules of `parley.lottery.broker`, and time that only the test moves.

    broker = ModelBroker()                              round 1 has begun, block 1 is the head
    broker.register(recipient)                          in the present round and those after it
    broker.fund(sender, deposit_wei=..., reserve_wei=...)
    wallet = ModelWallet(broker, redeemer)              its acts are mined at once, or when `mine` is told
    broker.mine(40); broker.next_round(); broker.reorganise(3); broker.is_reachable = False

Whatever changes what can be seen mines a block, so that two views of one block agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from parley.errors import ErrorCode, LocalError, UnavailableError
from parley.lottery.broker import BrokerModel
from parley.lottery.params import CreationRound
from parley.lottery.redemption_records import winner_ticket
from parley.lottery.rules import Periods, Refusal, claimable_wei, sender_state
from parley.lottery.tickets import ticket_hash
from parley.lottery.views import BrokerPeriods, ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.broker import Redeemed
from parley.ports.chain import Call, Log, Receipt, Reverted
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import Address
from parley.testing.broker_acts import Act, Funding, Order, Redemption, encode_act, parse_act
from parley.testing.broker_state import PAID, Done, ModelState

__all__ = ["DEFAULT_PERIODS", "ModelBroker", "ModelTransaction"]

DEFAULT_PERIODS: Final = Periods(unlock_rounds=2, freeze_rounds=2, ticket_validity_rounds=2)
"""What the constructor takes where it is told nothing."""

ViewT = TypeVar("ViewT")

_REVERTED: Final = "transaction reverted"
_FAILED_GAS: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTransaction:
    """A call on its way to a block.

    Attributes:
        transaction_hash: 32 bytes.
        sender: who signed it and pays for it.
        call: what it does.
    """

    transaction_hash: bytes
    sender: Address
    call: Call


class ModelBroker:
    """One broker and its chain (a `parley.ports.broker.Broker`).

    Attributes:
        state: at the head; to be looked at, and changed by the methods here.
        gas_price_wei: what one gas costs.
        is_reachable: False makes every question fail with UNREACHABLE.
        acts: of the wallets of this chain, by account and name: what survives a wallet's process.
        done: receipts of those that are final, likewise.
        pending: transactions that the next block takes in, in order.
    """

    def __init__(
        self,
        periods: Periods = DEFAULT_PERIODS,
        *,
        chain_id: int = 1337,
        address: Address = Address(b"\xb0" * 20),  # noqa: B008  # the 20 bytes themselves
        batch_max: int = 10,
    ) -> None:
        """Start at block 1 in round 1."""
        self.state = ModelState(BrokerModel(periods), round_number=1)
        self.gas_price_wei = 10**9
        self.is_reachable = True
        self.acts: dict[tuple[Address, str], list[ModelTransaction]] = {}
        self.done: dict[tuple[Address, str], Receipt] = {}
        self.pending: list[ModelTransaction] = []
        self._chain_id, self._address, self._batch_max = chain_id, address, batch_max
        self._fork = 0
        self._blocks: list[tuple[bytes, ModelState]] = [(_block_hash(0, 0), self.state.copy())]
        self._read_at, self._views = (b"", 0), dict[object, object]()
        self._receipts: dict[bytes, Receipt] = {}
        self._transactions: dict[bytes, ModelTransaction] = {}
        self.state.round_hashes[1] = self.head_hash
        self.mine()

    # The chain, moved by the test.

    @property
    def head_number(self) -> int:
        """Number of the newest block."""
        return len(self._blocks) - 1

    @property
    def head_hash(self) -> bytes:
        """Hash of the newest block, 32 bytes."""
        return self._blocks[-1][0]

    def mine(self, blocks: int = 1) -> None:
        """Add blocks; the first takes in whatever is pending."""
        for _ in range(blocks):
            number = len(self._blocks)
            block_hash = _block_hash(number, self._fork)
            taken, self.pending = self.pending, []
            for index, transaction in enumerate(taken):
                self._receipts[transaction.transaction_hash] = self._include(transaction, number, block_hash, index)
            self._blocks.append((block_hash, self.state.copy()))

    def next_round(self, rounds: int = 1, *, is_initialized: bool = True) -> None:
        """Let rounds begin; those that are not initialised have no hash and no tickets."""
        for _ in range(rounds):
            self.state.round_number += 1
            if is_initialized:
                self.state.round_hashes[self.state.round_number] = self.head_hash
            self.mine()

    def initialize_round(self) -> None:
        """Initialise the present round, where it was not."""
        self.state.round_hashes.setdefault(self.state.round_number, self.head_hash)
        self.mine()

    def reorganise(self, depth: int, *, drops: bool = False) -> None:
        """Replace the newest blocks by empty ones of another fork, and one more.

        Args:
            depth: how many blocks are lost, 1 <= depth < head_number.
            drops: whether their transactions are forgotten; otherwise the next block that is mined takes them in.
        """
        if not 1 <= depth < self.head_number:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, depth=depth, maximum=self.head_number - 1)
        last_kept = self.head_number - depth
        lost = [receipt for receipt in self._receipts.values() if receipt.block_number > last_kept]
        for receipt in lost:
            del self._receipts[receipt.transaction_hash]
        returned = [] if drops else [self._transactions[receipt.transaction_hash] for receipt in lost]
        waiting = [] if drops else returned + self.pending
        del self._blocks[last_kept + 1 :]
        self.state, self.pending = self._blocks[-1][1].copy(), []
        self._fork += 1
        self.mine(depth + 1)
        self.pending = waiting

    def register(self, recipient: Address) -> None:
        """Let a recipient take part in the present round and all later ones."""
        self.state.registered |= {recipient}
        self.mine()

    def unregister(self, recipient: Address) -> None:
        """Let a recipient take part no more."""
        self.state.registered -= {recipient}
        self.mine()

    def fund(self, sender: Address, *, deposit_wei: int = 0, reserve_wei: int = 0) -> None:
        """Fund a sender from nowhere.

        Raises:
            LocalError: WRONG_STATE: the contract would refuse it.
        """
        outcome = self.state.model.fund(
            sender, self.state.round_number, deposit_wei=deposit_wei, reserve_wei=reserve_wei
        )
        if outcome is not None:
            raise LocalError(ErrorCode.WRONG_STATE, refusal=outcome.value)
        self.mine()

    def unlock(self, sender: Address) -> None:
        """Begin a sender's unlock period; nothing where the contract would refuse it."""
        self.state.model.unlock(sender, self.state.round_number)
        self.mine()

    def approve_signer(self, sender: Address, signer: Address) -> None:
        """Let another key sign a sender's tickets."""
        self.state.model.approve_signer(sender, signer)
        self.mine()

    def endow(self, account: Address, balance_wei: int) -> None:
        """Let an account have held this much from the first block on, where it is not known yet."""
        for _, state in [*self._blocks, (b"", self.state)]:
            state.balances_wei.setdefault(account, balance_wei)

    def _include(self, transaction: ModelTransaction, number: int, block_hash: bytes, index: int) -> Receipt:
        call, caller = transaction.call, transaction.sender
        done = self.state.perform(parse_act(call.data), caller, call.value_wei)
        is_done = isinstance(done, Done)
        gas_used = done.gas_used if isinstance(done, Done) else _FAILED_GAS
        moved_wei = call.value_wei - done.received_wei if isinstance(done, Done) else 0
        balances = self.state.balances_wei
        balances[caller] = balances.get(caller, 0) - moved_wei - gas_used * self.gas_price_wei
        events = done.events if isinstance(done, Done) else ()
        logs = tuple(
            Log(
                address=self._address,
                topics=topics,
                data=data,
                block_number=number,
                block_hash=block_hash,
                transaction_hash=transaction.transaction_hash,
                index=index + place,
            )
            for place, (topics, data) in enumerate(events)
        )
        return Receipt(
            transaction_hash=transaction.transaction_hash,
            block_number=number,
            block_hash=block_hash,
            succeeded=is_done,
            gas_used=gas_used,
            gas_price_wei=self.gas_price_wei,
            contract=None,
            logs=logs,
        )

    # What a wallet asks and tells.

    def check_reachable(self) -> None:
        """Fail where the chain is told not to answer.

        Raises:
            UnavailableError: UNREACHABLE.
        """
        if not self.is_reachable:
            raise UnavailableError(ErrorCode.UNREACHABLE)

    def publish(self, transaction: ModelTransaction) -> None:
        """Hand a transaction to the chain; the same one twice is harmless."""
        self._transactions[transaction.transaction_hash] = transaction
        if transaction.transaction_hash not in self._receipts and transaction not in self.pending:
            self.pending.append(transaction)

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return what a transaction did; None while no block holds it."""
        return self._receipts.get(transaction_hash)

    def attempt(self, act: Act, caller: Address, value_wei: int = 0) -> Done | Refusal:
        """Try an act at the head and keep nothing of it."""
        return self.state.copy().perform(act, caller, value_wei)

    # What `parley.ports.broker.Broker` promises.

    @property
    def address(self) -> Address:
        """Return the contract's address, 20 bytes."""
        return self._address

    @property
    def batch_max(self) -> int:
        """Return how many winners one call redeems at most."""
        return self._batch_max

    async def periods(self) -> BrokerPeriods:
        """Return for how long it holds a sender's money, and for how long it pays a ticket."""
        self.check_reachable()
        periods = self.state.model.periods
        return BrokerPeriods(
            unlock_rounds=periods.unlock_rounds,
            freeze_rounds=periods.freeze_rounds,
            ticket_validity_rounds=periods.ticket_validity_rounds,
        )

    async def is_recipient(self, account: Address) -> bool:
        """Say whether an account is registered as a recipient in the present round."""
        self.check_reachable()
        return account in self.state.registered

    async def view(self) -> ChainView:
        """Return the chain at its head."""
        self.check_reachable()
        return self._once("view", self._read_view)

    def _read_view(self) -> ChainView:
        hashes, number = self.state.round_hashes, self.state.round_number
        made_in = max(hashes)
        return ChainView(
            chain_id=self._chain_id,
            broker=self._address,
            block_number=self.head_number,
            block_hash=self.head_hash,
            creation_round=CreationRound(made_in, hashes[made_in]),
            previous_round=CreationRound(made_in - 1, hashes[made_in - 1]) if made_in - 1 in hashes else None,
            is_round_initialized=number in hashes,
            present_round=number,
            ticket_validity_rounds=self.state.model.periods.ticket_validity_rounds,
            recipients=len(self.state.registered),
            gas_price_wei=self.gas_price_wei,
        )

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        """Return a sender's money at the head; see `parley.ports.broker.Broker`."""
        self.check_reachable()
        key = (sender, recipient, signers)
        return self._once(key, lambda: self._read_sender(sender, recipient, signers))

    def _read_sender(self, sender: Address, recipient: Address | None, signers: frozenset[Address]) -> SenderView:
        model, view = self.state.model, self.state.round_view
        account = model.account(sender)
        return SenderView(
            sender=sender,
            block_hash=self.head_hash,
            deposit_wei=account.deposit_wei,
            reserve_wei=account.reserve_remaining_wei,
            claimable_wei=0 if recipient is None else claimable_wei(account, recipient, view),
            state=sender_state(account, view.number, model.periods),
            withdraw_round=account.withdraw_round,
            signers=frozenset(signer for signer in signers if model.may_sign(sender, signer, view.number)),
        )

    def _once(self, key: object, read: Callable[[], ViewT]) -> ViewT:
        """Read once per block, as `parley.adapters.evm.reading` does."""
        read_at = (self.head_hash, self.gas_price_wei)
        if self._read_at != read_at:
            self._read_at, self._views = read_at, {}
        if key not in self._views:
            self._views[key] = read()
        return cast("ViewT", self._views[key])

    async def look(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> tuple[ChainView, SenderView]:
        """Return the chain and a sender's money, one after the other: a test may let a block come in between."""
        return await self.view(), await self.sender_view(sender, recipient, signers)

    async def is_used(self, ticket_hash: bytes) -> bool:
        """Say whether a ticket is redeemed already, at the head."""
        self.check_reachable()
        return ticket_hash in self.state.model.used

    async def preflight(self, winner: Winner, redeemer: Address) -> int | Reverted:
        """Try a redemption without sending it; return its gas or why it would be refused."""
        self.check_reachable()
        done = self.attempt(Redemption((winner,), is_batch=False), redeemer)
        return done.gas_used if isinstance(done, Done) else Reverted(done.value)

    def redeem_call(self, winners: Sequence[Winner]) -> Call:
        """Return the call that redeems 1..batch_max winners."""
        if not 1 <= len(winners) <= self._batch_max:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, winners=len(winners), maximum=self._batch_max)
        return self._call(Redemption(tuple(winners), is_batch=len(winners) > 1))

    def redeemed(self, winners: Sequence[Winner], receipt: Receipt) -> tuple[Redeemed, ...]:
        """Read from a receipt what became of each winner of a call, in the call's order."""
        hashes = [ticket_hash(winner_ticket(winner)) for winner in winners]
        if not receipt.succeeded:
            return tuple(Redeemed(ticket_hash=name, paid_wei=0, refusal=_REVERTED) for name in hashes)
        return tuple(_read(name, log) for name, log in zip(hashes, receipt.logs, strict=True))

    def fund_call(self, *, deposit_wei: int, reserve_wei: int) -> Call:
        """Return the call that adds to deposit and reserve."""
        return self._call(Funding(deposit_wei=deposit_wei, reserve_wei=reserve_wei), deposit_wei + reserve_wei)

    def unlock_call(self) -> Call:
        """Return the call that begins the unlock period."""
        return self._call(Order("unlock"))

    def cancel_unlock_call(self) -> Call:
        """Return the call that ends the unlock period."""
        return self._call(Order("cancel unlock"))

    def withdraw_call(self) -> Call:
        """Return the call that pays deposit and reserve out."""
        return self._call(Order("withdraw"))

    def _call(self, act: Act, value_wei: int = 0) -> Call:
        return Call(to=self._address, data=encode_act(act), value_wei=value_wei)


def _block_hash(number: int, fork: int) -> bytes:
    return tagged_hash("parley/testing/block", encode_uint(number, 8), encode_uint(fork, 8))


def _read(name: bytes, log: Log) -> Redeemed:
    if log.topics[0] == PAID:
        return Redeemed(ticket_hash=name, paid_wei=int.from_bytes(log.data, "big"))
    return Redeemed(ticket_hash=name, paid_wei=0, refusal=log.data.decode())
