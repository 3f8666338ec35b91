"""What is kept of a commitment that was opened, and what is not believed because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley.lottery.known_commitments import KnownCommitments
from parley.lottery.params import CreationRound, Payment, Price, TicketParams
from parley.lottery.views import ChainView
from parley.primitives.ids import Address
from tests.unit.lottery.recipient_parts import ANNA, PRICE, SECRET, make_recipient, quote, view


def opened(commitments: KnownCommitments, payment: Payment, chain: ChainView | None = None) -> int | None:
    """Return the number behind a payment's commitment, if it is ours."""
    assert payment.params is not None
    assert payment.round is not None
    found = commitments.find(payment, payment.params, payment.round, chain or view())
    return None if found is None else found.recipient_rand


def pay(params: TicketParams) -> Payment:
    return ANNA.pay(params, [1], PRICE)


def test_the_second_payment_opens_as_the_first() -> None:
    commitments, params = KnownCommitments(SECRET), quote(make_recipient())
    numbers = {opened(commitments, ANNA.pay(params, [nonce], PRICE)) for nonce in range(3)}
    assert len(numbers) == 1
    assert None not in numbers


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": Address(b"\x01" * 20)},
        {"face_value": 1},
        {"win_prob": 2**256 - 1},
        {"seed": 2},
        {"expiration_block": 2**32},
        {"creation_round": CreationRound(8, b"\x41" * 32)},
    ],
)
def test_a_commitment_that_is_kept_stands_for_no_other_parameters(changes: dict[str, object]) -> None:
    commitments, params = KnownCommitments(SECRET), quote(make_recipient())
    assert opened(commitments, pay(params)) is not None
    others = replace(params, **changes)  # type: ignore[arg-type]  # each of the type of its field
    own_round = Payment(ANNA.address, others, None, pay(params).tickets, PRICE)
    assert opened(commitments, own_round) is None
    assert opened(commitments, pay(params)) is not None


def test_nor_for_another_sender_price_round_chain_or_broker() -> None:
    commitments, params = KnownCommitments(SECRET), quote(make_recipient())
    payment, chain = pay(params), view()
    assert opened(commitments, payment) is not None
    assert opened(commitments, replace(payment, sender=Address(b"\x02" * 20))) is None
    assert opened(commitments, replace(payment, expected_price=Price(PRICE.per_unit_wei + 1))) is None
    assert opened(commitments, replace(payment, expected_price=None)) is None
    assert opened(commitments, replace(payment, creation_round=CreationRound(8, b"\x41" * 32))) is None
    assert opened(commitments, payment, replace(chain, chain_id=chain.chain_id + 1)) is None
    assert opened(commitments, payment, replace(chain, broker=Address(b"\x03" * 20))) is None
    assert opened(commitments, payment) is not None


def test_what_was_forgotten_opens_again() -> None:
    commitments, recipient = KnownCommitments(SECRET), make_recipient()
    first = pay(quote(recipient))
    number = opened(commitments, first)
    for seed in range(2, 1_030):
        assert opened(commitments, pay(quote(recipient, seed=seed))) != number
    assert opened(commitments, first) == number
