"""The wallet of one account on an Ethereum-like chain: acts that are sent once, whatever happens in between.

An act has a name that its owner chose and keeps. The wallet writes down what it is about to send before it sends it;
asked again for the same name, also by another process after `kill -9`, it goes on with the same act and never makes a
second one. It counts nonces without gaps, replaces what waits too long by the same call at a higher fee, and looks
again after a reorganisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from parley.errors import Rejected
from parley.ports.chain import Call, Receipt
from parley.primitives.ids import Address

__all__ = ["ActStatus", "Included", "Waiting", "Wallet"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The act is written down and on its way; no block holds it yet.

    Attributes:
        transaction_hashes: of all that were sent for it, 32 bytes each, the newest last; any one of them may
            get into a block, and only one can.
    """

    transaction_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Included:
    """A block holds the act.

    Attributes:
        receipt: what it did; it may have been reverted.
        confirmations: 1 where the head holds it, and one more for each block after it.
    """

    receipt: Receipt
    confirmations: int


ActStatus = Waiting | Included


class Wallet(Protocol):
    """One account that pays for gas and signs transactions (`parley.adapters.evm.wallet`)."""

    @property
    def address(self) -> Address:
        """Return the account, 20 bytes."""

    async def act(self, name: str, call: Call, *, gas_limit: int | None = None) -> ActStatus | Rejected:
        """Have a call done, once for its name; return where it stands.

        Args:
            name: 1..200 bytes of UTF-8, unique among all acts of this account, ever.
            call: what to do; ignored where the name is known already. `sender` is this account.
            gas_limit: None to ask the chain and add a fifth.

        Returns:
            Where it stands, or why it was not begun, in which case the name is free again: REVERTED: the contract
            would refuse it. FUNDS_TOO_LOW: the account cannot pay for it. TOO_EXPENSIVE: gas costs more than the
            wallet is told to pay. MALFORMED: the chain takes it in no form, as with too little gas.

        Raises:
            UnavailableError: chain or store did not answer; the act may have been begun: ask by `status`.
        """

    async def status(self, name: str) -> ActStatus | None:
        """Return where an act stands at the head; None for a name that was never begun or is free again."""

    async def tend(self) -> None:
        """Send again, replace at a higher fee, and look after reorganisations; to be called for each new block."""

    async def close(self) -> None:
        """Let go; what is on its way is tended to after the next start."""
