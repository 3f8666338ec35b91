"""Work on all cores: found, watched, stopped, resumed, and gone on with when an engine or a process fails."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from parley.adapters.search_processes import SearchProcesses
from parley.adapters.solving import SearchMethod, WorkProgress, WorkSolver, count_cores
from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.primitives.sha256_search import COUNTERS, ENGINES, HASHLIB, Engine, HexSearch, LinearSearch, Search
from parley.protocol.challenges import Challenge, Params
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Accepted, Evidence, Pending, Progress, Solution, Verdict

NEVER = LinearSearch(b"never", 1)
EASY = LinearSearch(b"easy", 2**256 // 200_000)
CHALLENGE = Challenge(
    id=ChallengeId(bytes(16)), method="test", params={}, binding=bytes(32), expires_ms=Instant(1), mac=bytes(32)
)


@dataclass(frozen=True)
class Method:
    """A work method that a test makes up: what it says of tries, and a solver that counts to three."""

    tries: int = 1_000
    asks: bool = False
    name: str = "test"
    proof_max_bytes: int = 8
    is_guessable: bool = False

    def quote(self, units: int) -> Params:
        return {"units": units}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        del seed, expires_ms
        return quoted

    def check_params(self, params: Params) -> None:
        if params:
            raise PeerError(ErrorCode.MALFORMED)

    def expected_tries(self, params: Params) -> int:
        self.check_params(params)
        return self.tries

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        del challenge, proof
        return None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        del challenge, evidence
        return Accepted()

    def parse_result(self, result: object) -> bytes | None:
        return result if isinstance(result, bytes) else None

    def show_result(self, proof: bytes) -> str:
        return proof.hex()

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> CountToThree:
        del challenge
        return CountToThree(mark, answers, asks=self.asks)


class CountToThree:
    """Needs three steps from the beginning, one less from each mark; may ask before it starts."""

    def __init__(self, mark: bytes, answers: tuple[object, ...], *, asks: bool) -> None:
        self._mark = mark
        self._answers = answers
        self._asks = asks
        self._tries = 0

    def step(self, tries: int) -> Solution | Progress | Pending:
        if self._asks and not self._answers:
            return Pending("what for?")
        self._tries += tries
        self._mark += b"."
        return Solution(self._mark, self._tries) if len(self._mark) == 3 else Progress(self._tries, self._mark)


@dataclass(frozen=True)
class Searching(Method):
    """One whose proof is a counter."""

    searched: Search = EASY

    def search(self, challenge: Challenge) -> Search:
        self.check_params(challenge.params)
        return self.searched


@dataclass(frozen=True)
class Recording:
    """Searches nothing and knows the answer; notes what it was asked for, and fails when it is told to."""

    good: int = -1
    fails_at: Mapping[int, ErrorCode] = field(default_factory=dict)
    asked: list[range] = field(default_factory=list)
    name: str = "recording"

    def find(self, search: Search, first: int, tries: int) -> int | None:
        del search
        self.asked.append(range(first, first + tries))
        if len(self.asked) in self.fails_at:
            raise LocalError(self.fails_at[len(self.asked)])
        return self.good if self.good in self.asked[-1] else None


class Blocked:
    """Searches until it is let go."""

    name = "blocked"

    def __init__(self) -> None:
        self.calls = 0
        self.is_searching = threading.Event()
        self.may_go_on = threading.Event()

    def find(self, search: Search, first: int, tries: int) -> int | None:
        del search, first, tries
        self.calls += 1
        self.is_searching.set()
        self.may_go_on.wait()
        return None


def counter_of(solved: Solution | Pending) -> int:
    assert isinstance(solved, Solution)
    return int.from_bytes(solved.proof, "big")


def test_it_counts_the_cores_it_may_use() -> None:
    assert 1 <= count_cores() <= (os.cpu_count() or 1)
    with pytest.raises(LocalError):
        WorkSolver(cores=-1)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("searched", [EASY, HexSearch(b"text", 2**240)], ids=["linear", "hex"])
async def test_it_solves_with_every_engine(engine: Engine, searched: Search) -> None:
    async with WorkSolver(cores=2, engine=engine) as solver:
        solved = await solver.solve(Searching(searched=searched), CHALLENGE)
    assert searched.is_good(counter_of(solved))


async def test_several_challenges_at_a_time() -> None:
    searches = [LinearSearch(bytes([number]), 2**256 // 50_000) for number in range(5)]
    async with WorkSolver(cores=2) as solver:
        solved = await asyncio.gather(*(solver.solve(Searching(searched=one), CHALLENGE) for one in searches))
    assert [one.is_good(counter_of(found)) for one, found in zip(searches, solved, strict=True)] == [True] * 5


async def test_every_counter_is_tried_once_and_the_mark_is_the_lowest_that_was_not() -> None:
    engine, reports = Recording(good=5_000_000), list[WorkProgress]()
    async with WorkSolver(cores=3, engine=engine) as solver:
        solved = await solver.solve(Searching(tries=77), CHALLENGE, on_progress=reports.append)
    assert counter_of(solved) == 5_000_000
    tried = sorted(engine.asked, key=lambda part: part.start)
    assert tried[0].start == 0
    assert all(one.stop == other.start for one, other in itertools.pairwise(tried))
    assert reports
    assert {report.expected_tries for report in reports} == {77}
    marks = [int.from_bytes(report.mark, "big") for report in reports]
    assert marks == sorted(marks)
    assert all(report.tries >= mark for report, mark in zip(reports, marks, strict=True))


async def test_it_resumes_at_a_mark() -> None:
    engine = Recording(good=5_000_000)
    async with WorkSolver(cores=1, engine=engine) as solver:
        solved = await solver.solve(Searching(), CHALLENGE, mark=(4_999_990).to_bytes(8, "big"))
    assert solved == Solution((5_000_000).to_bytes(8, "big"), tries=11)
    assert engine.asked[0].start == 4_999_990


async def test_after_the_last_counter_comes_zero() -> None:
    engine, reports = Recording(good=20_000), list[WorkProgress]()
    async with WorkSolver(cores=1, engine=engine) as solver:
        solved = await solver.solve(
            Searching(), CHALLENGE, mark=(COUNTERS - 5).to_bytes(8, "big"), on_progress=reports.append
        )
    assert solved == Solution((20_000).to_bytes(8, "big"), tries=20_006)
    assert engine.asked[:2] == [range(COUNTERS - 5, COUNTERS), range(engine.asked[1].stop)]
    assert reports[0] == WorkProgress(5, 1_000, bytes(8))


async def test_an_engine_that_is_wrong_is_not_used_again() -> None:
    engine = Recording(fails_at={2: ErrorCode.WRONG_STATE, 3: ErrorCode.WRONG_STATE})
    async with WorkSolver(cores=2, engine=engine) as solver:
        assert solver.engine_name == "recording"
        solved = await solver.solve(Searching(), CHALLENGE, mark=bytes(8))
        assert EASY.is_good(counter_of(solved))
        assert solver.engine_name == "hashlib"
        asked = len(engine.asked)
        assert EASY.is_good(counter_of(await solver.solve(Searching(), CHALLENGE)))
        assert len(engine.asked) == asked


async def test_what_a_wrong_engine_had_is_searched_again() -> None:
    lowest = next(counter for counter in range(100_000) if LinearSearch(b"again", 2**256 // 10_000).is_good(counter))
    engine = Recording(fails_at={1: ErrorCode.WRONG_STATE})
    async with WorkSolver(cores=1, engine=engine) as solver:
        searched = LinearSearch(b"again", 2**256 // 10_000)
        assert counter_of(await solver.solve(Searching(searched=searched), CHALLENGE)) == lowest


async def test_other_errors_are_passed_on() -> None:
    engine = Recording(fails_at={1: ErrorCode.INVALID_ARGUMENT})
    async with WorkSolver(cores=2, engine=engine) as solver:
        with pytest.raises(LocalError) as caught:
            await solver.solve(Searching(), CHALLENGE)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


async def test_cancelled_it_hands_out_nothing_more() -> None:
    engine = Blocked()
    solver = WorkSolver(cores=1, engine=engine)
    task = asyncio.create_task(solver.solve(Searching(searched=NEVER), CHALLENGE))
    await asyncio.to_thread(engine.is_searching.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    engine.may_go_on.set()
    await solver.close()
    assert engine.calls == 1


@pytest.mark.parametrize("mark", [b"1", bytes(7), bytes(9)])
async def test_a_mark_has_a_size(mark: bytes) -> None:
    async with WorkSolver(cores=1) as solver:
        with pytest.raises(LocalError):
            await solver.solve(Searching(), CHALLENGE, mark=mark)


@pytest.mark.parametrize("method", [Method(), Searching()])
async def test_malformed_params_are_refused(method: Method) -> None:
    async with WorkSolver(cores=1) as solver:
        with pytest.raises(PeerError):
            await solver.solve(method, replace(CHALLENGE, params={"odd": 1}))


async def test_a_method_without_a_search_is_stepped() -> None:
    reports: list[WorkProgress] = []
    async with WorkSolver(cores=1) as solver:
        solved = await solver.solve(Method(tries=3), CHALLENGE, on_progress=reports.append)
        resumed = await solver.solve(Method(tries=3), CHALLENGE, mark=b"..")
    assert isinstance(solved, Solution)
    assert (solved.proof, [report.mark for report in reports]) == (b"...", [b".", b".."])
    assert (reports[0].tries, reports[0].expected_tries) == (1, 3)
    assert isinstance(resumed, Solution)
    assert resumed.tries == 1


async def test_a_question_goes_to_the_caller() -> None:
    method = Method(asks=True)
    async with WorkSolver(cores=1) as solver:
        assert await solver.solve(method, CHALLENGE) == Pending("what for?")
        assert isinstance(await solver.solve(method, CHALLENGE, answers=("this",)), Solution)


async def test_hashlib_searches_in_processes_where_that_pays() -> None:
    method = Searching(tries=2**20, searched=EASY)
    async with WorkSolver(cores=2, engine=HASHLIB) as solver:
        await solver.solve(Searching(tries=2**20 - 1), CHALLENGE)
        assert not solver._processes._started
        assert EASY.is_good(counter_of(await solver.solve(method, CHALLENGE)))
        assert len(solver._processes._started) == 2


async def test_without_processes_one_thread_goes_on() -> None:
    method = Searching(tries=2**20, searched=EASY)
    async with WorkSolver(cores=2, engine=HASHLIB) as solver:
        solver._processes = SearchProcesses(("/nowhere/python",))
        assert EASY.is_good(counter_of(await solver.solve(method, CHALLENGE)))
        assert EASY.is_good(counter_of(await solver.solve(method, CHALLENGE)))
        assert not solver._processes._started


async def test_processes_that_die_over_their_work_lose_nothing() -> None:
    searched = LinearSearch(b"dying", 2**256 // 400_000)
    lowest = next(counter for counter in itertools.count() if searched.is_good(counter))
    reports: list[WorkProgress] = []

    async with WorkSolver(cores=2, engine=HASHLIB) as solver:

        def kill(progress: WorkProgress) -> None:
            reports.append(progress)
            for process in solver._processes._started:
                process.kill()

        solved = await solver.solve(Searching(tries=2**20, searched=searched), CHALLENGE, on_progress=kill)
    assert reports
    assert counter_of(solved) == lowest


@pytest.mark.parametrize("params", [{"tries": 100_000}, {"bits": 17, "data": "c29tZSB0ZXh0"}], ids=["linear", "bits"])
async def test_proof_of_work_is_searched_on_all_cores(params: Params) -> None:
    method = ProofOfWork()
    challenge = replace(CHALLENGE, method="pow", params=params)
    async with WorkSolver(cores=2) as solver:
        solved = await solver.solve(method, challenge)
    assert isinstance(method, SearchMethod)
    assert isinstance(solved, Solution)
    assert method.verify(challenge, Evidence(solved.proof, Instant(0), bytes(32))) == Accepted()
