"""The bytes that all tickets under one set of parameters share: only the nonce differs, so the rest is packed once.

The digests are those of `parley.lottery.signing.signing_digest`; a property test compares.
"""

from __future__ import annotations

from typing import Final

from parley.ledgers.evm.messages import hash_digest
from parley.ledgers.evm.packing import WORD_BYTES
from parley.lottery.params import CreationRound, TicketParams
from parley.lottery.tickets import Ticket, packed
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = ["TicketBytes"]

_NONCE_AT: Final = 104
"""Where the nonce stands among the packed bytes of a ticket."""


class TicketBytes:
    """What is around the nonce in every ticket of one sender, commitment and round."""

    __slots__ = ("_after", "_before")

    def __init__(self, params: TicketParams, made_in: CreationRound, sender: Address) -> None:
        """Pack what is the same.

        Args:
            params: the recipient's.
            made_in: the round of the tickets.
            sender: whose deposit pays, 20 bytes.

        Source: docs/spec/lottery.md §2.
        """
        around = packed(
            Ticket(
                recipient=params.recipient,
                sender=sender,
                face_value=params.face_value,
                win_prob=params.win_prob,
                sender_nonce=0,
                recipient_rand_hash=params.recipient_rand_hash,
                creation_round=made_in.number,
                creation_round_hash=made_in.block_hash,
            )
        )
        self._before, self._after = around[:_NONCE_AT], around[_NONCE_AT + WORD_BYTES :]

    def digest(self, nonce: int) -> bytes:
        """Return what the sender signs for a nonce, 0 <= nonce < 2**256: 32 bytes.

        Source: docs/spec/lottery.md §3.
        """
        return hash_digest(keccak256(self._before, nonce.to_bytes(WORD_BYTES, "big"), self._after))
