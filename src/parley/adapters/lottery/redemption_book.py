"""What is kept of redemptions, in the store's documents.

    lottery/winners          ticket hash, hex   a winner, written before its payment is acknowledged; dropped at its end
    lottery/redemptions      ticket hash, hex   what became of it: written when a call was refused, and at the end
    lottery/redemption_acts  name of a call     which winners it redeems: written before the call is begun

So each step has one write that decides it: a winner is in a call if and only if that call's document says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from parley.errors import PeerError
from parley.lottery.redemption_records import (
    RedemptionRecord,
    encode_act,
    encode_record,
    parse_act,
    parse_record,
    winner_hash,
)
from parley.lottery.wire import Winner, encode_winner, parse_winner
from parley.ports.store import Documents

__all__ = ["WINNERS_NAMESPACE", "RedemptionBook", "keep_winner"]

WINNERS_NAMESPACE: Final = "lottery/winners"
"""Where the recipient puts its winners."""

_RECORDS: Final = "lottery/redemptions"
_ACTS: Final = "lottery/redemption_acts"


async def keep_winner(documents: Documents, winner: Winner) -> None:
    """Write a winner down, so that its redemption is certain; once more is harmless.

    Raises:
        UnavailableError: the store did not answer.
    """
    await documents.put(WINNERS_NAMESPACE, winner_hash(winner).hex(), encode_winner(winner))


class RedemptionBook:
    """Winners, records and calls of one store.

    Each method raises UnavailableError where the store does not answer.

    Attributes:
        unreadable: how many documents were found that this release cannot read; they are left where they are.
    """

    def __init__(self, documents: Documents) -> None:
        """Open nothing yet."""
        self._documents = documents
        self._unreadable: set[tuple[str, str]] = set()

    @property
    def unreadable(self) -> int:
        """How many documents were found that this release cannot read; they are left where they are."""
        return len(self._unreadable)

    async def winners(self, known: frozenset[str] = frozenset()) -> dict[bytes, Winner]:
        """Return the winners that have not ended, by ticket hash.

        Args:
            known: keys that need not be read again.
        """
        found: dict[bytes, Winner] = {}
        for document in await self._documents.list(WINNERS_NAMESPACE):
            if document.key in known:
                continue
            try:
                winner = parse_winner(document.value)
            except PeerError:
                self._unreadable.add((WINNERS_NAMESPACE, document.key))
                continue
            digest = winner_hash(winner)
            if digest.hex() == document.key:
                found[digest] = winner
            else:
                self._unreadable.add((WINNERS_NAMESPACE, document.key))
        return found

    async def records(self) -> dict[bytes, RedemptionRecord]:
        """Return all records, by ticket hash."""
        found: dict[bytes, RedemptionRecord] = {}
        for document in await self._documents.list(_RECORDS):
            try:
                record = parse_record(document.value)
            except PeerError:
                self._unreadable.add((_RECORDS, document.key))
                continue
            found[winner_hash(record.winner)] = record
        return found

    async def acts(self) -> dict[str, tuple[bytes, ...]]:
        """Return which winners each call redeems, by its name."""
        found: dict[str, tuple[bytes, ...]] = {}
        for document in await self._documents.list(_ACTS):
            try:
                found[document.key] = parse_act(document.value)
            except PeerError:
                self._unreadable.add((_ACTS, document.key))
        return found

    async def keep_record(self, record: RedemptionRecord) -> None:
        """Write down what became of a winner."""
        await self._documents.put(_RECORDS, winner_hash(record.winner).hex(), encode_record(record))

    async def keep_act(self, name: str, hashes: Sequence[bytes]) -> None:
        """Write down which winners a call redeems, before it is begun."""
        await self._documents.put(_ACTS, name, encode_act(hashes))

    async def drop_act(self, name: str) -> None:
        """Forget a call that was not begun, or that is done with."""
        await self._documents.delete(_ACTS, name)

    async def drop_winner(self, ticket_hash: bytes) -> None:
        """Forget a winner whose record says how it ended."""
        await self._documents.delete(WINNERS_NAMESPACE, ticket_hash.hex())
