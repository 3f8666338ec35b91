"""Signing many tickets of one payment: all that is the same is packed once.

    batch = TicketBatch(params, made_in, sender, nonces, secret)      hashes
    batch.sign(0, n)                                                  C calls only: parts of it may have threads
    batch.signed()                                                    nonces with their signatures

The signatures are those of `sign_ticket`; a property test compares. All that needs the interpreter stands before and
after the signing, because two threads that take turns at its lock for each ticket are no faster than one.
"""

from __future__ import annotations

from collections.abc import Sequence

from parley.lottery.params import CreationRound, SignedNonce, TicketParams
from parley.lottery.ticket_bytes import TicketBytes
from parley.primitives.ecdsa import SignedBatch
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey

__all__ = ["TicketBatch"]


class TicketBatch:
    """The tickets of one payment, about to be signed.

    Attributes:
        size: how many.
    """

    __slots__ = ("_batch", "_nonces", "size")

    def __init__(
        self, params: TicketParams, made_in: CreationRound, sender: Address, nonces: Sequence[int], secret: SecretKey
    ) -> None:
        """Hash the tickets.

        Args:
            params: the recipient's.
            made_in: the round of the tickets.
            sender: whose deposit pays, 20 bytes.
            nonces: each 0 <= nonce < 2**32, and spent by this.
            secret: the sender's key, or an approved signer's.

        Raises:
            LocalError: not a secret key.

        Source: docs/spec/lottery.md §2, §3.
        """
        shared = TicketBytes(params, made_in, sender)
        digests = [shared.digest(nonce) for nonce in nonces]
        self.size = len(digests)
        self._nonces = nonces
        self._batch = SignedBatch(secret.reveal(), digests)

    def sign(self, start: int, stop: int) -> None:
        """Sign the tickets from `start` to before `stop`; threads may sign parts that do not overlap at once.

        Raises:
            LocalError: not a part of the batch.
        """
        self._batch.sign(start, stop)

    def signed(self) -> tuple[SignedNonce, ...]:
        """Return each nonce with its signature, in the order of the nonces, once all parts are signed.

        Raises:
            LocalError: a nonce out of range.
        """
        return tuple(
            SignedNonce(nonce, signature)
            for nonce, signature in zip(self._nonces, self._batch.signatures(), strict=True)
        )
