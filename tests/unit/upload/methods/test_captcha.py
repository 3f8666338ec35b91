from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.protocol.challenges import Params
from parley.protocol.work import Accepted, Pending, Solution
from parley.upload.methods.captcha import ALPHABET, Captcha, ReadCaptcha, captcha_text
from tests.unit.upload.methods.challenges import SEED, evidence, issued, of

CAPTCHA = Captcha()
GOOD = issued(CAPTCHA)
TEXT = "87LF6L"  # vectors/work/captcha.json


def test_the_text_is_good_and_another_is_not() -> None:
    assert captcha_text(GOOD.params, SEED) == TEXT
    assert CAPTCHA.verify(GOOD, evidence(TEXT.encode())) == Accepted()
    wrong = Rejected(ErrorCode.WORK_REJECTED, {"fault": "answer"})
    for proof in (b"87LF6M", b"87lf6l", b"", b"87LF6L ", b"87LF6"):
        assert CAPTCHA.verify(GOOD, evidence(proof)) == wrong
    assert CAPTCHA.verify(GOOD, evidence(TEXT.encode(), seed=bytes(32))) == wrong


def test_the_challenge_does_not_give_the_text_away() -> None:
    assert GOOD.params == {"length": 6}
    assert issued(CAPTCHA, seed=bytes(32)) == GOOD


def test_the_price_does_not_change_it() -> None:
    assert CAPTCHA.quote(1) == CAPTCHA.quote(10**9) == {"length": 6}
    with pytest.raises(LocalError):
        CAPTCHA.quote(0)


@pytest.mark.parametrize("length", [3, 17])
def test_a_text_is_neither_guessed_nor_forgotten(length: int) -> None:
    with pytest.raises(LocalError):
        Captcha(length)


def test_characters_are_drawn_evenly() -> None:
    """Each of 16 characters is expected 200 times in 3200; 120 and 280 are almost six standard deviations off."""
    drawn = "".join(captcha_text({"length": 16}, bytes([index]) * 32) for index in range(200))
    assert set(drawn) == set(ALPHABET)
    assert all(120 < drawn.count(character) < 280 for character in ALPHABET)


def test_a_text_of_another_length_is_screened_out() -> None:
    assert CAPTCHA.screen(GOOD, b"87LF6") == Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})
    assert CAPTCHA.screen(GOOD, b"AAAAAA") is None


def test_a_person_is_asked_until_there_is_an_answer() -> None:
    question = Pending(ReadCaptcha(GOOD.id, 6))
    assert CAPTCHA.start(GOOD).step(1) == question
    assert CAPTCHA.start(GOOD, answers=("???",)).step(1) == question
    assert CAPTCHA.start(GOOD, answers=("???", "87 lf 6l")).step(1) == Solution(b"87LF6L", 0)


@pytest.mark.parametrize("params", [{}, {"length": 0}, {"length": 17}, {"length": "6"}, {"length": 6, "more": 1}])
def test_params_of_another_form_are_refused(params: Params) -> None:
    for ask in (CAPTCHA.check_params, CAPTCHA.expected_tries, lambda params: CAPTCHA.start(of(CAPTCHA, params))):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.MALFORMED


def test_reading_is_not_trying() -> None:
    assert CAPTCHA.expected_tries(GOOD.params) == 0
    assert CAPTCHA.is_guessable


@pytest.mark.parametrize("proof", [b"", b"a", b"\xff", b"A" * 17])
def test_what_is_no_text_has_no_result(proof: bytes) -> None:
    with pytest.raises(LocalError):
        CAPTCHA.show_result(proof)


@pytest.mark.parametrize(
    ("result", "proof", "shown"),
    [
        ("87LF6L", b"87LF6L", "87LF6L"),
        (" 87l f6l ", b"87LF6L", "87LF6L"),
        (267878, b"267878", "267878"),
    ],
)
def test_a_result_is_read_and_shown(result: object, proof: bytes, shown: object) -> None:
    assert CAPTCHA.parse_result(result) == proof
    assert CAPTCHA.show_result(proof) == shown


@pytest.mark.parametrize(
    "result", ["", " ", "A" * 17, " " * 32 + "A", "87-F6L", "\u00df", -1, 10**16, 1.5, None, True, ["87LF6L"]]
)
def test_what_is_no_result_is_none(result: object) -> None:
    assert CAPTCHA.parse_result(result) is None


def test_its_name_and_its_largest_proof() -> None:
    assert (CAPTCHA.name, CAPTCHA.proof_max_bytes) == ("captcha", 16)
