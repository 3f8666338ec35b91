"""The tickets of one payment that has come in: they differ in nonce and signature only, so the rest is packed once.

    batch = ReceivedBatch(payment)        hashes
    batch.recover(0, n)                   C calls only: parts of it may have threads
    batch.signers()                       who signed each ticket

The bytes that are hashed are those of `parley.lottery.tickets.packed`, and the signers those of `recover_signer`; a
property test compares. A signer's address is hashed once for all its tickets, since most payments have one signer.
"""

from __future__ import annotations

from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.messages import hash_digest
from parley.ledgers.evm.packing import WORD_BYTES
from parley.lottery.params import Payment, payment_tickets
from parley.lottery.tickets import packed
from parley.primitives.ecdsa import RecoveredBatch, address_of
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = ["ReceivedBatch"]

_NONCE_AT: Final = 104
"""Where the nonce stands among the packed bytes of a ticket."""


class ReceivedBatch:
    """Who signed the tickets of one payment.

    Attributes:
        size: how many tickets.
    """

    __slots__ = ("_batch", "size")

    def __init__(self, payment: Payment) -> None:
        """Hash the tickets.

        Args:
            payment: with one ticket or more.

        Raises:
            LocalError: a payment without tickets.

        Source: docs/spec/lottery.md §2, §3.
        """
        if not payment.tickets:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tickets=0)
        first = Payment(payment.sender, payment.params, payment.creation_round, payment.tickets[:1])
        around = packed(payment_tickets(first)[0][0])
        before, after = around[:_NONCE_AT], around[_NONCE_AT + WORD_BYTES :]
        digests = [
            hash_digest(keccak256(before, signed.nonce.to_bytes(WORD_BYTES, "big"), after))
            for signed in payment.tickets
        ]
        self.size = len(digests)
        self._batch = RecoveredBatch(digests, [signed.signature for signed in payment.tickets])

    def recover(self, start: int, stop: int) -> None:
        """Recover the keys of the tickets from `start` to before `stop`; threads may take parts that do not overlap.

        Raises:
            LocalError: not a part of the batch.
        """
        self._batch.recover(start, stop)

    def signers(self) -> tuple[Address | None, ...]:
        """Return who signed each ticket, once all parts are recovered; None where nobody did in the one right form."""
        known: dict[bytes | None, Address | None] = {None: None}
        signers = []
        for public in self._batch.publics():
            if public not in known and public is not None:
                known[public] = address_of(public)
            signers.append(known[public])
        return tuple(signers)
