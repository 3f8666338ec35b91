"""However an issuer behaves, `Earning` ends, spends no more than agreed, and says so once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import ErrorCode
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.earning import (
    ChallengeOffered,
    Earning,
    EarningEvent,
    EarningOutput,
    EarningPhase,
    EarningTerms,
    Present,
    PresentationAccepted,
    PresentationRefused,
    SolutionFound,
    Solve,
)
from parley.protocol.machine import Ask, Fail, Finish, drain
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry

REGISTRY = Registry((ProofOfWork(),))
DEADLINE = Instant(1_000)
TERMS = EarningTerms(binding=bytes(32), limits={"pow": 100}, attempts_max=3, deadline=DEADLINE, retry_ms=50)
CHALLENGE = Challenge(
    id=ChallengeId(bytes(16)),
    method="pow",
    params={"tries": 100},
    binding=bytes(32),
    expires_ms=Instant(400),
    mac=bytes(32),
)

offered = st.lists(
    st.builds(
        replace,
        st.just(CHALLENGE),
        params=st.sampled_from([{"tries": 1}, {"tries": 100}, {"tries": 101}, {"bits": 1}, {}]),
        binding=st.sampled_from([bytes(32), b"x" * 32]),
        expires_ms=st.integers(0, 1_200).map(Instant),
        method=st.sampled_from(["pow", "pow", "pow", "captcha"]),
    ),
    max_size=3,
).map(tuple)
exchanges = st.integers(0, 12)
events = st.one_of(
    st.builds(ChallengeOffered, exchanges, offered),
    st.builds(SolutionFound, exchanges, st.binary(max_size=8)),
    st.builds(PresentationAccepted, exchanges, st.binary(max_size=8)),
    st.builds(PresentationRefused, exchanges, st.sampled_from(list(ErrorCode))),
)
Script = list[tuple[int, EarningEvent | None]]
scripts = st.lists(st.tuples(st.integers(0, 120), events | st.none()), max_size=60)


def play(script: Script, terms: EarningTerms = TERMS) -> tuple[Earning, list[EarningOutput]]:
    """Feed a script of (pause in ms, event or the timer); return the machine and all its outputs."""
    earning, now = Earning(REGISTRY, terms, Instant(0)), 0
    outputs: list[EarningOutput] = drain(earning)
    for pause_ms, event in script:
        now += pause_ms
        if event is None:
            earning.handle_timeout(Instant(now))
        else:
            earning.receive(event, Instant(now))
        outputs += drain(earning)
    return earning, outputs


def run_out(earning: Earning) -> list[EarningOutput]:
    """Let time alone act, until the machine asks for no more of it."""
    outputs: list[EarningOutput] = []
    while (due := earning.next_timeout()) is not None:
        earning.handle_timeout(due)
        outputs += drain(earning)
    return outputs


def solutions(outputs: list[EarningOutput]) -> list[Challenge]:
    return [output.query.challenge for output in outputs if isinstance(output, Ask) and isinstance(output.query, Solve)]


@given(scripts)
def test_it_ends_by_its_deadline_with_one_last_word(script: Script) -> None:
    earning, outputs = play(script)
    due = earning.next_timeout()
    assert due is None or due <= DEADLINE
    outputs += run_out(earning)
    assert earning.phase in {EarningPhase.GRANTED, EarningPhase.FAILED}
    ends = [output for output in outputs if isinstance(output, Finish | Fail)]
    assert ends == outputs[-1:]
    assert isinstance(ends[0], Finish) is (earning.phase is EarningPhase.GRANTED)


@given(scripts)
def test_no_more_is_solved_than_agreed(script: Script) -> None:
    earning, outputs = play(script)
    solved = solutions(outputs + run_out(earning))
    assert len(solved) <= 3
    assert all(
        challenge.method == "pow"
        and challenge.binding == bytes(32)
        and challenge.params in ({"tries": 1}, {"tries": 100})
        for challenge in solved
    )


@given(scripts)
def test_the_same_script_gives_the_same_outputs(script: Script) -> None:
    assert play(script)[1] == play(script)[1]


@given(scripts)
def test_exchanges_only_grow(script: Script) -> None:
    asked = [output.exchange for output in play(script)[1] if isinstance(output, Ask)]
    assert asked == sorted(asked)
    assert asked[0] == 1


@given(scripts)
def test_a_grant_is_always_taken(script: Script) -> None:
    earning, _ = play(script)
    before = earning.phase
    earning.receive(PresentationAccepted(0, b"answer"), Instant(0))
    assert earning.phase is (EarningPhase.FAILED if before is EarningPhase.FAILED else EarningPhase.GRANTED)


def answer_honestly(output: EarningOutput, rejections: int) -> EarningEvent:
    """Answer as an issuer and a solver would; the issuer wants another challenge solved `rejections` times."""
    challenge = replace(CHALLENGE, expires_ms=DEADLINE)
    match output:
        case Ask(exchange=exchange, query=Solve()):
            return SolutionFound(exchange, bytes(8))
        case Ask(exchange=exchange, query=Present()) if exchange > 1 + 2 * rejections:
            return PresentationAccepted(exchange, b"answer")
        case Ask(exchange=exchange):
            return ChallengeOffered(exchange, (challenge,))
        case _:
            pytest.fail(f"the machine ended: {output}")


@given(st.integers(0, 2), st.sets(st.integers(1, 7)))
def test_with_an_honest_issuer_it_is_granted(rejections: int, lost: set[int]) -> None:
    """Fewer rejections than there are attempts, and for some exchanges the first answer is lost."""
    earning, now = Earning(REGISTRY, TERMS, Instant(0)), Instant(0)
    while earning.phase is not EarningPhase.GRANTED:
        outputs: list[EarningOutput] = drain(earning)
        (output,) = outputs
        event = answer_honestly(output, rejections)
        due = earning.next_timeout()
        if due is not None and event.exchange in lost and not isinstance(event, SolutionFound):
            lost = lost - {event.exchange}
            now = due
            earning.handle_timeout(now)
        else:
            earning.receive(event, now)
    assert drain(earning) == [Finish(b"answer")]
