"""What stands behind the recipient's commitments: derived when a payment comes under one, and kept for those after it.

    payment ──► known under its commitment, every bound field alike?   its number and bytes, as derived before
                otherwise                                              derived, compared with the commitment, kept

What is kept can be derived again, so forgetting costs time only, and a restart forgets all of it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from parley.ledgers.evm.packing import pack_uint256
from parley.lottery.commitments import Quote, derive_rand, is_opened_by
from parley.lottery.params import CreationRound, Payment, Price, TicketParams
from parley.lottery.ticket_bytes import TicketBytes
from parley.lottery.views import ChainView
from parley.primitives.one_shot import SecretKey

__all__ = ["UNPRICED", "Commitment", "KnownCommitments"]

UNPRICED: Final = Price(0)
"""What a payment that names no price is taken to mean."""

_KEPT: Final = 1_024
"""Commitments that are kept, about a kilobyte each."""


class Commitment(NamedTuple):
    """What is the same for all payments under one commitment.

    Attributes:
        recipient_rand: the number behind the commitment.
        rand_word: the same as 32 bytes, big endian.
        win_below: the win probability as 32 bytes, big endian: a draw below it wins.
        ticket_bytes: of the tickets under it.
        bound: the fields of a payment and of the chain for which it was opened; all that the commitment binds is there.
    """

    recipient_rand: int
    rand_word: bytes
    win_below: bytes
    ticket_bytes: TicketBytes
    bound: tuple[object, ...]

    def __repr__(self) -> str:
        """Leave the number out: whoever knows it before the draw knows which tickets lose."""
        return "Commitment(...)"


class KnownCommitments:
    """The commitments of one recipient that were opened last; which longest ago, is forgotten first."""

    def __init__(self, secret: SecretKey) -> None:
        """Begin with none.

        Args:
            secret: behind all commitments, and the same after every start.
        """
        self._secret = secret
        self._kept: OrderedDict[bytes, Commitment] = OrderedDict()

    def find(
        self, payment: Payment, params: TicketParams, made_in: CreationRound, view: ChainView
    ) -> Commitment | None:
        """Return what stands behind a payment's commitment.

        Args:
            payment: with one ticket or more.
            params: its parameters.
            made_in: the round of its tickets.
            view: of the chain on which they would be redeemed.

        Returns:
            None where the commitment is not this recipient's for just these fields.
        """
        commitment = params.recipient_rand_hash
        price = UNPRICED if payment.expected_price is None else payment.expected_price
        bound = (params, made_in, price, payment.sender, view.broker, view.chain_id)
        kept = self._kept.get(commitment)
        if kept is not None and kept.bound == bound:
            self._kept.move_to_end(commitment)
            return kept
        quote = Quote(
            chain_id=view.chain_id,
            broker=view.broker,
            recipient=params.recipient,
            sender=payment.sender,
            face_value=params.face_value,
            win_prob=params.win_prob,
            expiration_block=params.expiration_block,
            price=price,
            creation_round=made_in,
            seed=params.seed,
        )
        rand = derive_rand(self._secret, quote)
        if not is_opened_by(commitment, rand):
            return None
        ticket_bytes = TicketBytes(params, made_in, payment.sender)
        opened = Commitment(rand, pack_uint256(rand), pack_uint256(params.win_prob), ticket_bytes, bound)
        self._kept[commitment] = opened
        self._kept.move_to_end(commitment)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return opened
