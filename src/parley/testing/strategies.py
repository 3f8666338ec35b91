"""Recipients that want more than their price: what they quote, and one that takes whatever the chain gives it.

    recipient = TakingRecipient(broker, address, entropy)
    params = recipient.quote(view, face_value_wei=..., win_prob=...)      as an honest one would ask
    lied = LIES["..."].tell(params, view)                                 as this one asks
    recipient.take(payment)                                               redeems every winner at once

A strategy that knows its own preimages, quotes what it likes and keeps what it likes is all that a recipient can do:
it never sees the sender's key. What a sender can lose to it is what it signed, and that is what was shown to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.draws import recipient_rand_hash, wins
from parley.lottery.params import CreationRound, Payment, TicketParams, params_expiration, payment_tickets
from parley.lottery.refusals import Reason
from parley.lottery.views import ChainView
from parley.lottery.wire import Winner
from parley.ports.entropy import Entropy
from parley.primitives.ids import ADDRESS_BYTES, Address
from parley.testing.broker_acts import Redemption
from parley.testing.broker_model import ModelBroker
from parley.testing.broker_state import Done

__all__ = ["LIES", "Lie", "TakingRecipient"]

_WORD_BYTES: Final = 32
_OTHER: Final = Address(b"\x66" * ADDRESS_BYTES)
_OTHER_HASH: Final = b"\x66" * _WORD_BYTES


@dataclass(frozen=True, slots=True)
class Lie:
    """One way to ask for more.

    Attributes:
        tell: makes of honest parameters, at a view of the chain, those that are sent.
        reason: why a sender with its default limits signs nothing.
        needs_payment: whether the honest parameters must have been paid under before.
    """

    tell: Callable[[TicketParams, ChainView], TicketParams]
    reason: Reason
    needs_payment: bool = False


def _round(number_offset: int, block_hash: bytes | None = None) -> Callable[[TicketParams, ChainView], TicketParams]:
    def tell(params: TicketParams, view: ChainView) -> TicketParams:
        made_in = view.creation_round
        told_hash = made_in.block_hash if block_hash is None else block_hash
        return replace(params, creation_round=CreationRound(made_in.number + number_offset, told_hash))

    return tell


LIES: Final[Mapping[str, Lie]] = MappingProxyType(
    {
        "a face value beyond the deposit": Lie(
            lambda params, _: replace(params, face_value=10**24, win_prob=UINT256_MAX // 10**12),
            Reason.FACE_VALUE_TOO_HIGH,
        ),
        "a face value raised, the probability left": Lie(
            lambda params, _: replace(params, face_value=params.face_value * 1_000), Reason.TICKET_TOO_DEAR
        ),
        "a probability raised, the face value left": Lie(
            lambda params, _: replace(params, win_prob=UINT256_MAX - 1), Reason.TICKET_TOO_DEAR
        ),
        "a ticket that always wins": Lie(
            lambda params, _: replace(params, face_value=1, win_prob=UINT256_MAX), Reason.ALWAYS_WINS
        ),
        "parameters without an end": Lie(lambda params, _: replace(params, expiration_block=0), Reason.NO_EXPIRATION),
        "parameters that ended": Lie(
            lambda params, view: replace(params, expiration_block=view.block_number), Reason.PARAMS_EXPIRED
        ),
        "parameters that end while the payment is under way": Lie(
            lambda params, view: replace(params, expiration_block=view.block_number + 1), Reason.PARAMS_EXPIRED
        ),
        "parameters that outlive what is remembered of their nonces": Lie(
            lambda params, _: replace(params, expiration_block=UINT256_MAX), Reason.EXPIRATION_TOO_FAR
        ),
        "another recipient": Lie(lambda params, _: replace(params, recipient=_OTHER), Reason.WRONG_RECIPIENT),
        "no recipient": Lie(
            lambda params, _: replace(params, recipient=Address(bytes(ADDRESS_BYTES))), Reason.NO_RECIPIENT
        ),
        "a round that is over": Lie(_round(-1), Reason.ROUND_OVER),
        "a round to come": Lie(_round(1, _OTHER_HASH), Reason.ROUND_AHEAD),
        "another hash for the round": Lie(_round(0, _OTHER_HASH), Reason.WRONG_ROUND_HASH),
        "a commitment under another face value": Lie(
            lambda params, _: replace(params, face_value=params.face_value + 1), Reason.REQUOTED, needs_payment=True
        ),
        "a commitment under another probability": Lie(
            lambda params, _: replace(params, win_prob=params.win_prob + 1), Reason.REQUOTED, needs_payment=True
        ),
        "a commitment that holds longer": Lie(
            lambda params, _: replace(params, expiration_block=params.expiration_block + 1),
            Reason.REQUOTED,
            needs_payment=True,
        ),
    }
)
"""By name; each is refused before a nonce is spent."""


class TakingRecipient:
    """A recipient that redeems every winner at once and tells the sender nothing.

    Attributes:
        address: who is paid, 20 bytes.
        taken_wei: what it was paid.
        winners: how many tickets have won.
        refusals: what the contract answered instead, by its reason.
    """

    def __init__(self, broker: ModelBroker, address: Address, entropy: Entropy) -> None:
        """Take part in the present round."""
        broker.register(address)
        self.address = address
        self.taken_wei = 0
        self.winners = 0
        self.refusals: dict[str, int] = {}
        self._broker, self._entropy = broker, entropy
        self._preimages: dict[bytes, int] = {}

    def quote(self, view: ChainView, *, face_value_wei: int, win_prob: int) -> TicketParams:
        """Ask under a fresh commitment."""
        preimage = int.from_bytes(self._entropy.take(_WORD_BYTES), "big")
        commitment = recipient_rand_hash(preimage)
        self._preimages[commitment] = preimage
        return TicketParams(
            recipient=self.address,
            face_value=face_value_wei,
            win_prob=win_prob,
            recipient_rand_hash=commitment,
            seed=0,
            expiration_block=params_expiration(view.block_number),
            creation_round=view.creation_round,
        )

    def take(self, payment: Payment) -> int:
        """Redeem whatever has won; return the wei that came of it."""
        params, made_in = payment.params, payment.round
        if params is None or made_in is None:
            return 0
        preimage, before_wei = self._preimages[params.recipient_rand_hash], self.taken_wei
        for signed, (ticket, signature) in zip(payment.tickets, payment_tickets(payment), strict=True):
            if wins(ticket, signature, preimage):
                self.winners += 1
                self._redeem(Winner(params, payment.sender, made_in, signed, preimage))
        self._broker.mine()
        return self.taken_wei - before_wei

    def _redeem(self, winner: Winner) -> None:
        before_wei = self._broker.state.credited_wei.get(self.address, 0)
        done = self._broker.state.perform(Redemption((winner,), is_batch=False), self.address, 0)
        if isinstance(done, Done):
            self.taken_wei += self._broker.state.credited_wei[self.address] - before_wei
        else:
            self.refusals[done.value] = self.refusals.get(done.value, 0) + 1
