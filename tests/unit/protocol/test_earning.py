"""The client's side of the gate, scene by scene; every cell of its table is in tests/machine/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import Challenge
from parley.protocol.earning import (
    ChallengeOffered,
    Earning,
    EarningPhase,
    EarningTerms,
    Present,
    PresentationAccepted,
    PresentationRefused,
    Request,
    SolutionFound,
    Solve,
)
from parley.protocol.machine import Ask, Fail, Finish, drain
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry
from tests.unit.protocol.riddles import Riddle

REGISTRY = Registry((ProofOfWork(), Riddle()))
START = Instant(1_000)
TERMS = EarningTerms(
    binding=b"b" * 32,
    limits={"riddle": 0, "pow": 500},
    attempts_max=2,
    deadline=Instant(100_000),
    retry_ms=10_000,
)
CHALLENGE = Challenge(
    id=ChallengeId(bytes(16)),
    method="pow",
    params={"tries": 500},
    binding=b"b" * 32,
    expires_ms=Instant(50_000),
    mac=bytes(32),
)
RIDDLE = replace(CHALLENGE, method="riddle", params={"rounds": 1, "hint": "a", "until": 1})
REQUEST = Request(("riddle", "pow"))


def started(terms: EarningTerms = TERMS) -> Earning:
    earning = Earning(REGISTRY, terms, START)
    assert drain(earning) == [Ask(1, Request(tuple(terms.limits)))]
    return earning


def solving() -> Earning:
    earning = started()
    earning.receive(ChallengeOffered(1, (CHALLENGE,)), Instant(2_000))
    assert drain(earning) == [Ask(2, Solve(CHALLENGE))]
    return earning


def presenting() -> Earning:
    earning = solving()
    earning.receive(SolutionFound(2, b"proof"), Instant(3_000))
    assert drain(earning) == [Ask(3, Present(CHALLENGE, b"proof"))]
    return earning


def test_from_the_request_to_the_grant() -> None:
    earning = presenting()
    earning.receive(PresentationAccepted(3, b"answer"), Instant(4_000))
    assert earning.phase is EarningPhase.GRANTED
    assert drain(earning) == [Finish(b"answer")]
    assert earning.next_timeout() is None


def test_an_open_gate_costs_nothing() -> None:
    earning = started()
    earning.receive(PresentationAccepted(1, b"answer"), Instant(1_001))
    assert drain(earning) == [Finish(b"answer")]


def test_our_own_preference_decides_whatever_the_order_of_the_offer() -> None:
    earning = started()
    earning.receive(ChallengeOffered(1, (CHALLENGE, RIDDLE)), START)
    assert drain(earning) == [Ask(2, Solve(RIDDLE))]


def test_what_is_not_acceptable_is_passed_over() -> None:
    earning = started()
    foreign = replace(RIDDLE, binding=bytes(32))
    dear = replace(CHALLENGE, params={"tries": 501})
    earning.receive(ChallengeOffered(1, (foreign, dear, CHALLENGE)), START)
    assert drain(earning) == [Ask(2, Solve(CHALLENGE))]


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        ((), ErrorCode.METHOD_UNKNOWN),
        ((replace(CHALLENGE, method="captcha"),), ErrorCode.METHOD_UNKNOWN),
        ((replace(CHALLENGE, binding=bytes(32)),), ErrorCode.PROTOCOL_VIOLATION),
        ((replace(CHALLENGE, expires_ms=START),), ErrorCode.EXPIRED),
        ((replace(CHALLENGE, params={"bits": 20}),), ErrorCode.MALFORMED),
        ((replace(CHALLENGE, params={"tries": 501}),), ErrorCode.TOO_EXPENSIVE),
    ],
)
def test_an_offer_without_an_acceptable_challenge_ends_it(offered: tuple[Challenge, ...], code: ErrorCode) -> None:
    earning = started()
    earning.receive(ChallengeOffered(1, offered), START)
    assert drain(earning) == [Fail(code)]
    assert earning.phase is EarningPhase.FAILED


def test_a_method_without_a_limit_is_not_used() -> None:
    earning = started(replace(TERMS, limits={"pow": 500}))
    earning.receive(ChallengeOffered(1, (RIDDLE,)), START)
    assert drain(earning) == [Fail(ErrorCode.METHOD_UNKNOWN)]


@pytest.mark.parametrize(
    "code",
    [ErrorCode.EXPIRED, ErrorCode.WORK_REQUIRED, ErrorCode.WORK_REJECTED, ErrorCode.ALREADY_SPENT],
)
def test_after_rejected_work_a_fresh_challenge_is_asked_for(code: ErrorCode) -> None:
    earning = presenting()
    earning.receive(PresentationRefused(3, code), Instant(4_000))
    assert drain(earning) == [Ask(4, REQUEST)]
    assert earning.phase is EarningPhase.ASKING


def test_another_challenge_may_come_with_the_refusal() -> None:
    earning = presenting()
    other = replace(CHALLENGE, id=ChallengeId(b"2" * 16))
    earning.receive(ChallengeOffered(3, (other,)), Instant(4_000))
    assert drain(earning) == [Ask(4, Solve(other))]


def test_no_more_solutions_than_agreed_are_started() -> None:
    earning = presenting()
    earning.receive(ChallengeOffered(3, (CHALLENGE,)), Instant(4_000))
    earning.receive(SolutionFound(4, b"second"), Instant(5_000))
    drain(earning)
    earning.receive(ChallengeOffered(5, (CHALLENGE,)), Instant(6_000))
    assert drain(earning) == [Fail(ErrorCode.WORK_REJECTED)]


def test_a_refusal_that_no_work_helps_against_ends_it() -> None:
    for earning, exchange in ((started(), 1), (presenting(), 3)):
        earning.receive(PresentationRefused(exchange, ErrorCode.QUOTA_EXCEEDED), Instant(4_000))
        assert drain(earning) == [Fail(ErrorCode.QUOTA_EXCEEDED)]


def test_rejected_work_before_any_was_done_ends_it() -> None:
    earning = started()
    earning.receive(PresentationRefused(1, ErrorCode.WORK_REQUIRED), Instant(4_000))
    assert drain(earning) == [Fail(ErrorCode.WORK_REQUIRED)]


@pytest.mark.parametrize(
    "code",
    [ErrorCode.UNREACHABLE, ErrorCode.BUSY, ErrorCode.STORE_UNAVAILABLE, ErrorCode.SHUTTING_DOWN],
)
def test_who_is_busy_is_asked_the_same_again_later(code: ErrorCode) -> None:
    earning = presenting()
    earning.receive(PresentationRefused(3, code), Instant(4_000))
    assert drain(earning) == []
    assert earning.next_timeout() == 13_000
    earning.handle_timeout(Instant(13_000))
    assert drain(earning) == [Ask(3, Present(CHALLENGE, b"proof"))]


def test_an_unanswered_request_is_repeated_as_it_was() -> None:
    earning = started()
    for now in (11_000, 21_000):
        assert earning.next_timeout() == now
        earning.handle_timeout(Instant(now - 1))
        assert drain(earning) == []
        earning.handle_timeout(Instant(now))
        earning.handle_timeout(Instant(now))
        assert drain(earning) == [Ask(1, REQUEST)]


def test_a_challenge_that_expires_while_it_is_solved_is_given_up() -> None:
    earning = solving()
    assert earning.next_timeout() == 50_000
    earning.handle_timeout(Instant(50_000))
    assert drain(earning) == [Ask(3, REQUEST)]
    earning.receive(SolutionFound(2, b"late"), Instant(50_001))
    assert drain(earning) == []


def test_a_challenge_that_expires_while_it_is_presented_is_given_up() -> None:
    earning = presenting()
    earning.handle_timeout(Instant(50_000))
    assert drain(earning) == [Ask(4, REQUEST)]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (started, ErrorCode.UNREACHABLE),
        (solving, ErrorCode.WORK_REQUIRED),
        (presenting, ErrorCode.UNREACHABLE),
    ],
)
def test_the_deadline_ends_it(make: Callable[[], Earning], code: ErrorCode) -> None:
    earning = make()
    earning.handle_timeout(TERMS.deadline)
    assert drain(earning) == [Fail(code)]
    earning.handle_timeout(Instant(TERMS.deadline + 1))
    assert drain(earning) == []


def test_answers_of_older_exchanges_change_nothing() -> None:
    earning = presenting()
    earning.receive(ChallengeOffered(1, (CHALLENGE,)), Instant(4_000))
    earning.receive(PresentationRefused(1, ErrorCode.QUOTA_EXCEEDED), Instant(4_000))
    assert drain(earning) == []
    assert earning.phase is EarningPhase.PRESENTING


def test_a_late_grant_is_a_grant_and_stops_all_else() -> None:
    earning = started()
    earning.receive(ChallengeOffered(1, (CHALLENGE,)), Instant(2_000))
    earning.receive(PresentationAccepted(1, b"answer"), Instant(2_001))
    assert drain(earning) == [Finish(b"answer")]


@pytest.mark.parametrize(
    "changes",
    [
        {"binding": bytes(31)},
        {"limits": {}},
        {"limits": {"pow": -1}},
        {"attempts_max": 0},
        {"deadline": -1},
        {"deadline": 2**53},
        {"retry_ms": 0},
    ],
)
def test_terms_have_limits(changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        replace(TERMS, **changes)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "changes",
    [{"deadline": 0}, {"deadline": INSTANT_MAX_MS}, {"limits": {"pow": 0}}, {"attempts_max": 1}, {"retry_ms": 1}],
)
def test_terms_at_their_limits_are_met(changes: dict[str, object]) -> None:
    terms = replace(TERMS, **changes)  # type: ignore[arg-type]  # one field of its own type
    assert started(terms).next_timeout() == min(terms.deadline, START + terms.retry_ms)


def test_terms_name_known_methods_only() -> None:
    with pytest.raises(LocalError) as caught:
        Earning(REGISTRY, replace(TERMS, limits={"captcha": 1, "pow": 1}), START)
    assert caught.value.facts == {"methods": "captcha"}


def test_a_stray_event_is_our_own_fault() -> None:
    with pytest.raises(LocalError):
        started().receive(object(), START)  # type: ignore[arg-type]  # wrong on purpose
