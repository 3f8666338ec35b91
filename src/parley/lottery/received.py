"""Who signed the tickets of one payment that has come in.

    batch = ReceivedBatch(payment, shared, signer)     hashes
    batch.recover(0, n)                                judges: parts of it may have threads
    batch.signers()                                    who signed each ticket

Where a signer is known (`parley.lottery.known_signers`), its key is tried first, which with tables costs half of a
recovery; whatever it did not sign is recovered. A payment of many tickets is worth tables of its sender's key alone.
Either way the signers are those of `recover_signer`; a property test compares.
"""

from __future__ import annotations

from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.lottery.known_signers import KnownSigner
from parley.lottery.params import Payment
from parley.lottery.ticket_bytes import TicketBytes
from parley.primitives.ecdsa import RecoveredBatch, address_of, recover
from parley.primitives.ids import Address
from parley.primitives.known_keys import HAS_TABLES, KnownKey

__all__ = ["ReceivedBatch"]

_WORTH_TABLES: Final = 16
"""Tickets of one payment from which on tables are worth making: they cost what some ten verifications save."""


class ReceivedBatch:
    """Who signed the tickets of one payment.

    Attributes:
        size: how many tickets.
        signer: whose key is tried first; None where all are recovered.
    """

    __slots__ = ("_digests", "_found", "_publics", "_signatures", "signer", "size")

    def __init__(self, payment: Payment, shared: TicketBytes | None = None, signer: KnownSigner | None = None) -> None:
        """Hash the tickets.

        Args:
            payment: with one ticket or more.
            shared: the bytes of its tickets, where they are known; None packs them.
            signer: who probably signed; None where nobody is known.

        Raises:
            LocalError: a payment without tickets.

        Source: docs/spec/lottery.md §2, §3.
        """
        params, made_in, tickets = payment.params, payment.round, payment.tickets
        if params is None or made_in is None or not tickets:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tickets=0)
        if shared is None:
            shared = TicketBytes(params, made_in, payment.sender)
        self.size = len(tickets)
        self._digests = [shared.digest(signed.nonce) for signed in tickets]
        self._signatures = [signed.signature for signed in tickets]
        self._found: list[Address | None] = [None] * self.size
        self._publics: dict[Address, bytes] = {}
        self.signer = self._learn(payment.sender) if signer is None and self.size >= _WORTH_TABLES else signer

    def recover(self, start: int, stop: int) -> None:
        """Find who signed the tickets from `start` to before `stop`; threads may take parts that do not overlap.

        Raises:
            LocalError: not a part of the batch.
        """
        if not 0 <= start <= stop <= self.size:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, start=start, stop=stop, size=self.size)
        left = range(start, stop) if self.signer is None else self._try_known(self.signer, start, stop)
        if left:
            self._recover_each(left)

    def signers(self) -> tuple[Address | None, ...]:
        """Return who signed each ticket, once all parts are judged; None where nobody did in the one right form."""
        return tuple(self._found)

    @property
    def has_recovered(self) -> bool:
        """Whether some key was recovered."""
        return bool(self._publics)

    def public(self, signer: Address) -> bytes | None:
        """Return the key of a signer, 64 bytes, where it was recovered here."""
        return self._publics.get(signer)

    def _learn(self, sender: Address) -> KnownSigner | None:
        """Make tables of the key behind the first ticket, where that is the sender's: for no stranger's key."""
        if not HAS_TABLES:
            return None
        public = recover(self._digests[0], self._signatures[0])
        return None if public is None or address_of(public) != sender else KnownSigner(sender, KnownKey(public))

    def _try_known(self, signer: KnownSigner, start: int, stop: int) -> list[int]:
        """Note what a key signed; return the places of what it did not."""
        if stop - start == 1:
            if not signer.key.verify(self._digests[start], self._signatures[start]):
                return [start]
            self._found[start] = signer.address
            return []
        left: list[int] = []
        verdicts = signer.key.verify_all(self._digests[start:stop], self._signatures[start:stop])
        for place, is_theirs in enumerate(verdicts, start):
            if is_theirs:
                self._found[place] = signer.address
            else:
                left.append(place)
        return left

    def _recover_each(self, places: range | list[int]) -> None:
        batch = RecoveredBatch(
            [self._digests[place] for place in places], [self._signatures[place] for place in places]
        )
        batch.recover(0, batch.size)
        addresses: dict[bytes, Address] = {}
        for place, public in zip(places, batch.publics(), strict=True):
            if public is None:
                continue
            if public not in addresses:
                addresses[public] = address_of(public)
                self._publics[addresses[public]] = public
            self._found[place] = addresses[public]
