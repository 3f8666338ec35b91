"""The cheats really cheat: what they send is what their names say."""

from __future__ import annotations

import pytest

from parley.errors import LocalError
from parley.lottery.draws import draw
from parley.lottery.params import CreationRound, Price, TicketParams, payment_tickets
from parley.lottery.signing import recover_signer, signing_digest
from parley.primitives import ecdsa
from parley.primitives.ids import Address
from parley.testing.byzantine_senders import CHEATS, Payer, flipped_v, high_s_twin, sign_with
from parley.testing.winners import make_winner
from parley.testing.winnings_model import ModelWinnings
from tests.oracles.bip340 import N

SECRET = b"\xa1" * 32
PAYER = Payer(SECRET)
PRICE = Price(10**9)
PARAMS = TicketParams(
    recipient=Address(b"\x77" * 20),
    face_value=10**15,
    win_prob=2**250,
    recipient_rand_hash=b"\x05" * 32,
    seed=1,
    expiration_block=140,
    creation_round=CreationRound(7, b"\x41" * 32),
)


def test_an_honest_payment_is_signed_by_its_payer() -> None:
    payment = PAYER.pay(PARAMS, [1, 2], PRICE)
    assert {recover_signer(*pair) for pair in payment_tickets(payment)} == {PAYER.address}
    assert [signed.nonce for signed in payment.tickets] == [1, 2]
    assert (payment.sender, payment.round) == (PAYER.address, PARAMS.creation_round)


def test_one_pays_in_anothers_name() -> None:
    agent = Payer(b"\xa2" * 32, sender=PAYER.address)
    payment = agent.pay(PARAMS, [1])
    assert payment.sender == PAYER.address
    assert recover_signer(*payment_tickets(payment)[0]) == agent.address


@pytest.mark.parametrize("secret_nonce", [1, 2, 3, 12_345, N - 1])
def test_any_secret_nonce_makes_a_right_signature(secret_nonce: int) -> None:
    digest = signing_digest(payment_tickets(PAYER.pay(PARAMS, [1]))[0][0])
    signature = sign_with(SECRET, digest, secret_nonce)
    assert ecdsa.is_canonical(signature)
    assert ecdsa.recover(digest, signature) == ecdsa.public_key(SECRET)


def test_each_attempt_draws_another_number() -> None:
    ticket = payment_tickets(PAYER.pay(PARAMS, [1]))[0][0]
    draws = {draw(PAYER.sign_again(ticket, attempt), 7) for attempt in range(1, 9)}
    assert len(draws) == 8


def test_a_twin_has_the_other_s_and_the_other_v() -> None:
    signature = PAYER.pay(PARAMS, [1]).tickets[0].signature
    twin = high_s_twin(signature)
    assert int.from_bytes(twin[32:64], "big") == N - int.from_bytes(signature[32:64], "big")
    assert {twin[64], signature[64]} == {27, 28}
    assert high_s_twin(twin) == signature
    assert not ecdsa.is_canonical(twin)


def test_the_other_v_is_canonical_and_another_keys() -> None:
    ticket, signature = payment_tickets(PAYER.pay(PARAMS, [1]))[0]
    assert ecdsa.is_canonical(flipped_v(signature))
    assert recover_signer(ticket, flipped_v(signature)) not in {None, PAYER.address}


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.name)
def test_no_cheat_sends_what_an_honest_payer_would(cheat: object) -> None:
    payment = cheat.pay(PAYER, PARAMS, PRICE)  # type: ignore[attr-defined]  # parametrised as an object
    nonces = [signed.nonce for signed in payment.tickets]
    assert payment != PAYER.pay(PARAMS, nonces, PRICE)
    assert len(nonces) == 1


def test_a_commitment_of_ones_own_needs_a_probability_that_can_lose() -> None:
    cheat = next(cheat for cheat in CHEATS if cheat.name == "a commitment of its own")
    always = TicketParams(PARAMS.recipient, 1, 2**256 - 1, PARAMS.recipient_rand_hash, 1, 140, PARAMS.creation_round)
    with pytest.raises(LocalError):
        cheat.pay(PAYER, always, PRICE)


def test_another_round_is_made_up_where_the_parameters_name_none() -> None:
    cheat = next(cheat for cheat in CHEATS if cheat.name == "another round")
    nowhere = TicketParams(PARAMS.recipient, 1, 1, PARAMS.recipient_rand_hash, 1, 140)
    assert cheat.pay(PAYER, nowhere, PRICE).round == CreationRound(1, bytes(32))


def test_winnings_are_counted_by_sender_until_they_are_cleared() -> None:
    winnings, recipient = ModelWinnings(), Address(b"\x77" * 20)
    made_in = CreationRound(1, b"\x41" * 32)
    for nonce, secret in ((1, SECRET), (2, SECRET), (3, b"\xb1" * 32)):
        winnings.add(make_winner(secret, recipient, made_in, face_value_wei=10 * nonce, nonce=nonce))
    assert winnings.pending_wei(PAYER.address) == 30
    winnings.winners.clear()
    assert winnings.pending_wei(PAYER.address) == 0
    winnings.revealed.add(b"\x05" * 32)
    assert [winnings.is_revealed(name) for name in (b"\x05" * 32, b"\x06" * 32)] == [True, False]
