"""Winning tickets for tests: signed as a sender signs them, with a win probability that wins whatever is drawn."""

from __future__ import annotations

from parley.ledgers.evm.packing import UINT256_MAX
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.params import CreationRound, Payment, SignedNonce, TicketParams, payment_tickets
from parley.lottery.signing import sign_ticket
from parley.lottery.wire import Winner
from parley.primitives.ecdsa import SIGNATURE_BYTES, address_of, public_key
from parley.primitives.ids import Address

__all__ = ["make_winner"]


def make_winner(
    secret: bytes,
    recipient: Address,
    made_in: CreationRound,
    *,
    face_value_wei: int = 10**18,
    nonce: int = 1,
    recipient_rand: int = 5,
    expiration_block: int = 1,
    win_prob: int = UINT256_MAX,
) -> Winner:
    """Return a ticket that wins, with all that redeems it.

    Args:
        secret: the sender's key, 32 bytes.
        recipient: who is paid, 20 bytes.
        made_in: the round of the ticket.
        face_value_wei: >= 0.
        nonce: tells tickets under one commitment apart.
        recipient_rand: the number behind the commitment.
        expiration_block: at which the parameters end.
        win_prob: the greatest by default, so that it wins; another one makes a ticket that the broker may refuse.
    """
    params = TicketParams(
        recipient=recipient,
        face_value=face_value_wei,
        win_prob=win_prob,
        recipient_rand_hash=recipient_rand_hash(recipient_rand),
        seed=0,
        expiration_block=expiration_block,
    )
    sender = address_of(public_key(secret))
    unsigned = Payment(sender, params, made_in, (SignedNonce(nonce, bytes(SIGNATURE_BYTES)),))
    signature = sign_ticket(payment_tickets(unsigned)[0][0], secret)
    return Winner(params, sender, made_in, SignedNonce(nonce, signature), recipient_rand)
