"""Money instead of work: what is asked for, what is believed, and that nothing is understood here."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.protocol.challenges import Params
from parley.protocol.work import Accepted, Pending, Solution
from parley.upload.methods import IsPaid, PayAmount, Payment
from tests.unit.upload.methods.challenges import evidence, issued, of

PAYMENT = Payment(wei_per_unit=5)
GOOD = issued(PAYMENT, 20)
MANY = b"p" * 16_384


def test_the_amount_grows_with_the_price() -> None:
    assert GOOD.params == {"amount_wei": "100"}
    assert PAYMENT.quote(2**40) == {"amount_wei": str(5 * 2**40)}
    with pytest.raises(LocalError):
        PAYMENT.quote(0)


def test_an_amount_above_what_json_numbers_hold_is_exact() -> None:
    dear = Payment(wei_per_unit=10**18)
    assert dear.quote(2**30) == {"amount_wei": "1073741824000000000000000000"}
    assert dear.start(of(dear, dear.quote(2**30))).step(1) == Pending(PayAmount(2**30 * 10**18))


@pytest.mark.parametrize("wei_per_unit", [0, -1, 10**24 + 1])
def test_a_price_that_is_none_is_refused(wei_per_unit: int) -> None:
    with pytest.raises(LocalError):
        Payment(wei_per_unit=wei_per_unit)


def test_whoever_takes_money_is_asked_and_believed() -> None:
    question = Pending(IsPaid(ChallengeId(b"i" * 16), 100, b"tickets"))
    assert PAYMENT.verify(GOOD, evidence(b"tickets")) == question
    assert PAYMENT.verify(GOOD, evidence(b"tickets", answers=(True,))) == Accepted()


@pytest.mark.parametrize("answer", [False, None, 1, "yes", b"\x01"])
def test_only_true_is_paid(answer: object) -> None:
    refused = Rejected(ErrorCode.WORK_REJECTED, {"fault": "not paid"})
    assert PAYMENT.verify(GOOD, evidence(b"tickets", answers=(answer,))) == refused


@pytest.mark.parametrize("proof", [b"", MANY + b"p"])
def test_what_cannot_pay_is_not_asked_about(proof: bytes) -> None:
    refused = Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})
    assert PAYMENT.screen(GOOD, proof) == refused
    assert PAYMENT.verify(GOOD, evidence(proof, answers=(True,))) == refused
    with pytest.raises(LocalError):
        PAYMENT.show_result(proof)


def test_the_client_is_asked_to_pay_until_it_has() -> None:
    question = Pending(PayAmount(100))
    assert PAYMENT.start(GOOD).step(1) == question
    for answer in (None, "tickets", b"", MANY + b"p"):
        assert PAYMENT.start(GOOD, answers=(answer,)).step(1) == question
    assert PAYMENT.start(GOOD, answers=(None, b"tickets")).step(1) == Solution(b"tickets", 0)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"amount_wei": 1},
        {"amount_wei": "0"},
        {"amount_wei": "01"},
        {"amount_wei": "1.0"},
        {"amount_wei": ""},
        {"amount_wei": "\u0661"},
        {"amount_wei": "1" * 39},
        {"amount_wei": "1", "more": 1},
    ],
)
def test_params_of_another_form_are_refused(params: Params) -> None:
    for ask in (PAYMENT.check_params, PAYMENT.expected_tries, lambda params: PAYMENT.start(of(PAYMENT, params))):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.MALFORMED


def test_the_largest_payment_is_read_and_shown() -> None:
    assert PAYMENT.parse_result(PAYMENT.show_result(MANY)) == MANY
    assert PAYMENT.parse_result("A" * 21_848) is None
    assert len(MANY) == PAYMENT.proof_max_bytes


def test_paying_is_neither_trying_nor_guessing() -> None:
    assert (PAYMENT.name, PAYMENT.expected_tries(GOOD.params), PAYMENT.is_guessable) == ("payment", 0, False)
