"""A wallet on the chain in memory of `parley.testing.broker_model`: acts by name, each sent once.

What it has begun is kept with the chain, so another wallet of the same account goes on with it, as after a crash.
"""

from __future__ import annotations

from parley.errors import ErrorCode, Rejected
from parley.ports.chain import Call
from parley.ports.wallet import ActStatus, Included, Waiting
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import Address
from parley.testing.broker_acts import parse_act
from parley.testing.broker_model import ModelBroker, ModelTransaction
from parley.testing.broker_state import Done

__all__ = ["ModelWallet"]


class ModelWallet:
    """One account on the chain in memory (a `parley.ports.wallet.Wallet`).

    Attributes:
        mines_at_once: whether an act gets into a block by itself; otherwise `ModelBroker.mine` brings it there.
        max_gas_price_wei: above it no act is begun; None for any.
        final_blocks: confirmations from which `tend` takes an act for done, whatever becomes of its block; None: never.
    """

    def __init__(
        self, broker: ModelBroker, address: Address, *, balance_wei: int = 10**20, mines_at_once: bool = True
    ) -> None:
        """Open the account; it gets the balance where the chain has not seen it yet."""
        self.final_blocks: int | None = None
        self.mines_at_once = mines_at_once
        self.max_gas_price_wei: int | None = None
        self._broker, self._address = broker, address
        broker.endow(address, balance_wei)

    @property
    def address(self) -> Address:
        """Return the account, 20 bytes."""
        return self._address

    async def act(self, name: str, call: Call, *, gas_limit: int | None = None) -> ActStatus | Rejected:
        """Have a call done, once for its name; see `parley.ports.wallet.Wallet`."""
        self._broker.check_reachable()
        known = await self.status(name)
        if known is not None:
            return known
        refused = self._refusal(call, gas_limit)
        if refused is not None:
            return refused
        transaction = ModelTransaction(
            transaction_hash=tagged_hash(
                "parley/testing/transaction",
                self._address,
                encode_uint(self._next_nonce(), 8),
                call.data,
            ),
            sender=self._address,
            call=call,
        )
        self._broker.acts[self._address, name] = [transaction]
        self._broker.publish(transaction)
        if self.mines_at_once:
            self._broker.mine()
        return self._stands([transaction])

    def _next_nonce(self) -> int:
        """Count what the account has on the chain and on its way: as signing does, the same call gives the same bytes.

        What a reorganisation took away, and the wallet takes for done, is not counted: its nonce is free again.
        """
        known = [
            transaction
            for (address, _), transactions in self._broker.acts.items()
            if address == self._address
            for transaction in transactions
        ]
        on_chain = {one.transaction_hash for one in known if self._broker.receipt(one.transaction_hash) is not None}
        return len(on_chain | {one.transaction_hash for one in known if one in self._broker.pending})

    def _refusal(self, call: Call, gas_limit: int | None) -> Rejected | None:
        price_wei = self._broker.gas_price_wei
        if self.max_gas_price_wei is not None and price_wei > self.max_gas_price_wei:
            return Rejected(ErrorCode.TOO_EXPENSIVE, {"gas_price_wei": price_wei})
        done = self._broker.attempt(parse_act(call.data), self._address, call.value_wei)
        if not isinstance(done, Done):
            return Rejected(ErrorCode.REVERTED, {"reason": done.value})
        gas = done.gas_used if gas_limit is None else gas_limit
        needed_wei = call.value_wei + gas * price_wei
        if self._broker.state.balances_wei.get(self._address, 0) < needed_wei:
            return Rejected(ErrorCode.FUNDS_TOO_LOW, {"needed_wei": needed_wei})
        return None

    async def status(self, name: str) -> ActStatus | None:
        """Return where an act stands at the head; None for a name that was never begun."""
        self._broker.check_reachable()
        transactions = self._broker.acts.get((self._address, name))
        if transactions is None:
            return None
        done = self._broker.done.get((self._address, name))
        if done is not None:
            return Included(done, max(self._broker.head_number - done.block_number + 1, self.final_blocks or 1))
        return self._stands(transactions)

    def _stands(self, transactions: list[ModelTransaction]) -> ActStatus:
        for transaction in transactions:
            receipt = self._broker.receipt(transaction.transaction_hash)
            if receipt is not None:
                return Included(receipt, self._broker.head_number - receipt.block_number + 1)
        return Waiting(tuple(transaction.transaction_hash for transaction in transactions))

    async def tend(self) -> None:
        """Send again what a reorganisation has dropped, and keep the receipts of what is final."""
        self._broker.check_reachable()
        for key, transactions in self._broker.acts.items():
            if key[0] != self._address or key in self._broker.done:
                continue
            stands = self._stands(transactions)
            if isinstance(stands, Waiting):
                self._broker.publish(transactions[-1])
            elif self.final_blocks is not None and stands.confirmations >= self.final_blocks:
                self._broker.done[key] = stands.receipt

    async def close(self) -> None:
        """Let go; nothing of the chain is changed."""
