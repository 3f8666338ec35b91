"""Pay per request with lottery tickets: most are worth nothing, a few are worth much, and only those touch the chain.

    sender                                       recipient                          broker on the chain
      asks for parameters ─────────────────────►   derives a secret number from them
                           ◄─────────────────────  parameters with the number's hash
      ticket = parameters + nonce; signs it ────►  checks; draws from signature and number
                                                   a winner: ticket, signature, number ────►  pays the face value

A ticket is worth face_value * win_prob / (2**256 - 1) when it is taken. Neither side can choose the draw: the
recipient is bound before the sender signs, and the sender signs before the recipient's number is known.
"""

from parley.lottery.draws import draw, expected_value, recipient_rand_hash, wins
from parley.lottery.signing import is_signed_by, recover_signer, sign_ticket
from parley.lottery.tickets import Ticket, ticket_hash

__all__ = [
    "Ticket",
    "draw",
    "expected_value",
    "is_signed_by",
    "recipient_rand_hash",
    "recover_signer",
    "sign_ticket",
    "ticket_hash",
    "wins",
]
