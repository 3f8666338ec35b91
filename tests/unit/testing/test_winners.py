"""A winner for tests is one for the broker too."""

from __future__ import annotations

from parley.lottery.draws import recipient_rand_hash, wins
from parley.lottery.params import CreationRound
from parley.lottery.redemption_records import winner_ticket
from parley.lottery.signing import recover_signer
from parley.primitives.ids import Address
from parley.testing.winners import make_winner

MADE_IN = CreationRound(5, b"\x05" * 32)


def test_it_is_signed_by_its_sender_and_wins() -> None:
    winner = make_winner(b"\x01" * 32, Address(b"\x02" * 20), MADE_IN, nonce=7, recipient_rand=9, expiration_block=40)
    ticket, signature = winner_ticket(winner), winner.signed.signature
    assert recover_signer(ticket, signature) == winner.sender
    assert wins(ticket, signature, winner.recipient_rand)
    assert winner.params.recipient_rand_hash == recipient_rand_hash(9)
    assert (ticket.sender_nonce, ticket.creation_round, winner.params.expiration_block) == (7, 5, 40)


def test_it_can_be_made_to_lose() -> None:
    winner = make_winner(b"\x01" * 32, Address(b"\x02" * 20), MADE_IN, win_prob=0)
    assert not wins(winner_ticket(winner), winner.signed.signature, winner.recipient_rand)
