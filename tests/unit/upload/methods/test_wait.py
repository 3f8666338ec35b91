from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.instants import Instant
from parley.protocol.challenges import Params
from parley.protocol.work import Accepted, Pending, Solution
from parley.upload.methods.wait import Wait, WaitUntil
from tests.unit.upload.methods.challenges import evidence, issued, of

WAIT = Wait(lifetime_ms=1_000_000, ms_per_unit=100, wait_max_ms=5_000)
GOOD = issued(WAIT, 20)  # expires at 2,000,000: issued at 1,000,000


def test_the_wait_counts_from_the_issue() -> None:
    assert GOOD.params == {"until_ms": 1_002_000}


def test_the_wait_has_a_longest() -> None:
    assert [WAIT.quote(units)["wait_ms"] for units in (1, 50, 51, 10**9)] == [100, 5_000, 5_000, 5_000]
    with pytest.raises(LocalError):
        WAIT.quote(0)


@pytest.mark.parametrize(
    "arguments", [{"ms_per_unit": 0}, {"wait_max_ms": 0}, {"wait_max_ms": 1_800_000}, {"lifetime_ms": 600_000}]
)
def test_a_wait_does_not_outlast_its_challenge(arguments: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        Wait(**arguments)


@pytest.mark.parametrize(("now", "left_ms"), [(0, 1_002_000), (1_001_999, 1)])
def test_too_early_says_when_to_come_back(now: int, left_ms: int) -> None:
    refused = Rejected(ErrorCode.WORK_REJECTED, {"fault": "early", "retry_after_ms": left_ms})
    assert WAIT.verify(GOOD, evidence(b"", now=now)) == refused


@pytest.mark.parametrize("now", [1_002_000, 1_999_999])
def test_late_enough_is_good(now: int) -> None:
    assert WAIT.verify(GOOD, evidence(b"", now=now)) == Accepted()


def test_nothing_is_the_proof() -> None:
    refused = Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})
    assert WAIT.screen(GOOD, b"") is None
    assert WAIT.screen(GOOD, b"x") == refused
    assert WAIT.verify(GOOD, evidence(b"x", now=1_500_000)) == refused


def test_the_client_is_asked_for_the_time_until_it_is_late_enough() -> None:
    question = Pending(WaitUntil(Instant(1_002_000)))
    assert WAIT.start(GOOD).step(1) == question
    assert WAIT.start(GOOD, answers=(1_001_999, "later")).step(1) == question
    assert WAIT.start(GOOD, answers=(1_001_999, 1_002_000)).step(1) == Solution(b"", 0)


@pytest.mark.parametrize("params", [{}, {"until_ms": "1"}, {"until_ms": 1, "more": 1}])
def test_params_of_another_form_are_refused(params: Params) -> None:
    for ask in (WAIT.check_params, WAIT.expected_tries, lambda params: WAIT.start(of(WAIT, params))):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.MALFORMED


def test_waiting_is_not_trying() -> None:
    assert WAIT.expected_tries(GOOD.params) == 0
    assert not WAIT.is_guessable
    with pytest.raises(LocalError):
        WAIT.show_result(b"x")


@pytest.mark.parametrize(
    ("result", "proof", "shown"),
    [
        ("", b"", ""),
    ],
)
def test_a_result_is_read_and_shown(result: object, proof: bytes, shown: object) -> None:
    assert WAIT.parse_result(result) == proof
    assert WAIT.show_result(proof) == shown


@pytest.mark.parametrize("result", [" ", 0, None, False, [], {}])
def test_what_is_no_result_is_none(result: object) -> None:
    assert WAIT.parse_result(result) is None


def test_its_name_and_its_largest_proof() -> None:
    assert (WAIT.name, WAIT.proof_max_bytes) == ("wait", 0)
