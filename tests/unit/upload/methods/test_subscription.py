from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.protocol.work import Accepted, Pending, Solution
from parley.upload.methods.subscription import NameSender, NameSubscription, Subscription
from tests.unit.upload.methods.challenges import evidence, issued, of

ALICE, BOB = b"a" * 32, b"b" * 32
LISTS = Subscription({"friends": frozenset({ALICE}), "newsletter-7f3a": None, "nobody": frozenset()})
GOOD = issued(LISTS)
REFUSED = Rejected(ErrorCode.WORK_REJECTED, {"fault": "subscription"})


@pytest.mark.parametrize(
    ("subscription_id", "sender", "is_admitted"),
    [
        ("friends", ALICE, True),
        ("friends", BOB, False),
        ("newsletter-7f3a", BOB, True),
        ("nobody", ALICE, False),
        ("strangers", ALICE, False),
        ("", ALICE, False),
        ("\ud800", ALICE, False),
    ],
)
def test_who_is_let_in(subscription_id: str, sender: bytes, is_admitted: bool) -> None:  # noqa: FBT001  # expected
    assert LISTS.admits(subscription_id, sender) is is_admitted


def test_the_issuer_is_asked_who_sends() -> None:
    assert LISTS.verify(GOOD, evidence(b"friends")) == Pending(NameSender(GOOD.id))
    assert LISTS.verify(GOOD, evidence(b"friends", answers=(ALICE,))) == Accepted()
    for answer in (BOB, None, "a" * 32, True):
        assert LISTS.verify(GOOD, evidence(b"friends", answers=(answer,))) == REFUSED
    assert LISTS.verify(GOOD, evidence(b"\xff", answers=(ALICE,))) == REFUSED


@pytest.mark.parametrize("proof", [b"", b"strangers", b"\xff"])
def test_an_unknown_subscription_is_screened_out(proof: bytes) -> None:
    assert LISTS.screen(GOOD, proof) == REFUSED
    assert LISTS.screen(GOOD, b"friends") is None


def test_the_client_is_asked_which_it_has() -> None:
    assert LISTS.start(GOOD).step(1) == Pending(NameSubscription())
    assert LISTS.start(GOOD, answers=(7,)).step(1) == Pending(NameSubscription())
    assert LISTS.start(GOOD, answers=("friends",)).step(1) == Solution(b"friends", 0)


def test_it_costs_nothing_at_any_price() -> None:
    assert GOOD.params == LISTS.quote(10**9) == {}
    assert LISTS.expected_tries({}) == 0
    assert not LISTS.is_guessable
    with pytest.raises(LocalError):
        LISTS.quote(0)


def test_params_are_refused() -> None:
    for ask in (LISTS.check_params, LISTS.expected_tries, lambda params: LISTS.start(of(LISTS, params))):
        with pytest.raises(PeerError) as caught:
            ask({"more": 1})
        assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("subscription_id", ["", "two words", "x" * 129, "\u00df"])
def test_an_id_can_travel(subscription_id: str) -> None:
    with pytest.raises(LocalError):
        Subscription({subscription_id: None})


@pytest.mark.parametrize("proof", [b"", b"\xff", b"x" * 129])
def test_what_is_no_id_has_no_result(proof: bytes) -> None:
    with pytest.raises(LocalError):
        LISTS.show_result(proof)


@pytest.mark.parametrize(
    ("result", "proof", "shown"),
    [
        ("friends", b"friends", "friends"),
        ("strangers", b"strangers", "strangers"),
    ],
)
def test_a_result_is_read_and_shown(result: object, proof: bytes, shown: object) -> None:
    assert LISTS.parse_result(result) == proof
    assert LISTS.show_result(proof) == shown


@pytest.mark.parametrize("result", ["", "two words", "x" * 129, "\u00df", 7, None, True, ["friends"]])
def test_what_is_no_result_is_none(result: object) -> None:
    assert LISTS.parse_result(result) is None


def test_its_name_and_its_largest_proof() -> None:
    assert (LISTS.name, LISTS.proof_max_bytes) == ("subscription", 128)
