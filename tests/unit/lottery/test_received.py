"""Who signed the tickets of a payment that came in."""

from __future__ import annotations

import pytest

from parley.errors import LocalError
from parley.lottery.known_signers import KnownSigner
from parley.lottery.params import Payment, payment_tickets
from parley.lottery.received import ReceivedBatch
from parley.lottery.signing import recover_signer
from parley.primitives import ecdsa
from parley.primitives.known_keys import HAS_TABLES, KnownKey
from parley.testing.byzantine_senders import Payer, high_s_twin
from tests.unit.lottery.recipient_parts import ANNA, PRICE, make_recipient, quote

BERTA = Payer(b"\xb1" * 32, sender=ANNA.address)


def test_each_ticket_has_its_own_signer() -> None:
    params = quote(make_recipient())
    good = ANNA.pay(params, [1, 2, 3, 4], PRICE)
    signatures = [signed.signature for signed in good.tickets]
    signatures[1] = BERTA.pay(params, [2], PRICE).tickets[0].signature
    signatures[2] = high_s_twin(signatures[2])
    payment = ANNA.signed(good, signatures)
    batch = ReceivedBatch(payment)
    batch.recover(2, 4)
    batch.recover(0, 2)
    assert batch.signers() == (ANNA.address, BERTA.address, None, ANNA.address)
    assert [recover_signer(*pair) for pair in payment_tickets(payment)] == list(batch.signers())


def test_the_round_of_the_payment_is_signed_where_it_has_one() -> None:
    params = quote(make_recipient())
    payment = ANNA.pay(params, [7], PRICE)
    named = Payment(payment.sender, params, None, payment.tickets, PRICE)
    for one in (payment, named):
        batch = ReceivedBatch(one)
        batch.recover(0, batch.size)
        assert batch.signers() == (ANNA.address,)


def test_a_payment_without_tickets_has_no_batch() -> None:
    with pytest.raises(LocalError):
        ReceivedBatch(Payment(ANNA.address))


def test_parts_lie_in_the_batch() -> None:
    batch = ReceivedBatch(ANNA.pay(quote(make_recipient()), [1, 2], PRICE))
    assert batch.size == 2
    with pytest.raises(LocalError):
        batch.recover(0, 3)


def test_a_part_is_judged_and_no_more() -> None:
    public = ecdsa.public_key(b"\xa1" * 32)
    signer = KnownSigner(ANNA.address, KnownKey(public))
    batch = ReceivedBatch(ANNA.pay(quote(make_recipient()), [1, 2, 3], PRICE), signer=signer)
    batch.recover(0, 0)
    assert batch.signers() == (None, None, None)
    batch.recover(1, 2)
    assert batch.signers() == (None, ANNA.address, None)
    batch.recover(0, 1)
    batch.recover(2, 3)
    assert batch.signers() == (ANNA.address,) * 3


@pytest.mark.skipif(not HAS_TABLES, reason="built without the extension")
def test_tables_are_made_of_the_senders_key_and_no_strangers() -> None:
    params = quote(make_recipient())
    assert ReceivedBatch(ANNA.pay(params, range(15), PRICE)).signer is None
    assert ReceivedBatch(BERTA.pay(params, range(40), PRICE)).signer is None
    learned = ReceivedBatch(ANNA.pay(params, range(16), PRICE)).signer
    assert learned is not None
    assert learned.address == ANNA.address
