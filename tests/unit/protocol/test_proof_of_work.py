from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.primitives.sha256_search import HexSearch, LinearSearch, Search
from parley.protocol.challenges import Challenge, Params
from parley.protocol.proof_of_work import ProofOfWork, ProofOfWorkSolver, prefix
from parley.protocol.work import Accepted, Evidence, Progress, Solution

POW = ProofOfWork(tries_per_unit=100)
EASY = Challenge(
    id=ChallengeId(bytes(16)),
    method="pow",
    params={"tries": 2_000},
    binding=bytes(32),
    expires_ms=Instant(1),
    mac=bytes(32),
)
NEVER = replace(EASY, params={"target": "0" * 63 + "1"})  # one digest in 2**256


def evidence(proof: bytes) -> Evidence:
    return Evidence(proof, now=Instant(0), seed=bytes(32))


def solve(challenge: Challenge, *, mark: bytes = b"", slice_tries: int = 500) -> Solution:
    solver = POW.start(challenge, mark=mark)
    while True:
        step = solver.step(slice_tries)
        if isinstance(step, Solution):
            return step


def test_a_price_is_a_number_of_tries() -> None:
    assert POW.quote(1) == {"tries": 100}
    assert POW.quote(7) == {"tries": 700}
    assert ProofOfWork().quote(2) == {"tries": 8_192}
    assert POW.issue({"tries": 700}, seed=bytes(32), expires_ms=Instant(1)) == {"tries": 700}


@pytest.mark.parametrize("units", [0, -1, 2**53])
def test_a_price_has_limits(units: int) -> None:
    with pytest.raises(LocalError):
        POW.quote(units)


@pytest.mark.parametrize("tries_per_unit", [0, 2**53])
def test_the_scale_has_limits(tries_per_unit: int) -> None:
    with pytest.raises(LocalError):
        ProofOfWork(tries_per_unit)


@pytest.mark.parametrize("tries_per_unit", [1, 2**53 - 1])
def test_the_smallest_and_the_largest_price(tries_per_unit: int) -> None:
    assert ProofOfWork(tries_per_unit).quote(1) == {"tries": tries_per_unit}


@pytest.mark.parametrize("tries", [1, 2, 3, 7, 1_000_003, 2**53 - 1])
def test_expected_tries_are_those_of_the_params(tries: int) -> None:
    assert POW.expected_tries({"tries": tries}) == tries


@pytest.mark.parametrize(("leading", "tries"), [("8", 2), ("1", 16), ("0001", 2**16), ("0" * 63 + "1", 2**256)])
def test_expected_tries_of_a_target(leading: str, tries: int) -> None:
    assert POW.expected_tries({"target": leading.ljust(64, "0")}) == tries


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"tries": 0},
        {"tries": -1},
        {"tries": 2**53},
        {"tries": "1"},
        {"tries": 1, "more": 1},
        {"tries": 1, "target": "f" * 64},
        {"target": "0" * 64},
        {"target": "f" * 63},
        {"target": "f" * 65},
        {"target": "F" * 64},
        {"target": "f" * 63 + "\n"},
        {"target": 1},
        {"bits": 8},
        {"bits": -1, "data": "x"},
        {"bits": 257, "data": "x"},
        {"bits": "8", "data": "x"},
        {"bits": 8, "data": ""},
        {"bits": 8, "data": "two words"},
        {"bits": 8, "data": "x\n"},
        {"bits": 8, "data": "stra\u00dfe"},
        {"bits": 8, "data": "x" * 1_025},
        {"bits": 8, "data": 1},
        {"bits": 8, "data": "x", "more": 1},
        {"data": "x"},
    ],
)
def test_params_of_another_form_are_refused(params: Params) -> None:
    for ask in (POW.check_params, POW.expected_tries):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.MALFORMED


def test_good_params_pass() -> None:
    POW.check_params({"tries": 1})
    assert POW.expected_tries({"target": "f" * 64}) == 1


@pytest.mark.parametrize("size_bytes", [0, 7, 9])
def test_a_proof_of_another_size_is_screened_out(size_bytes: int) -> None:
    refused = POW.screen(EASY, bytes(size_bytes))
    assert refused == Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof", "wanted_bytes": 8})
    assert POW.screen(EASY, bytes(8)) is None


def test_a_solution_verifies_for_its_challenge_alone() -> None:
    proof = solve(EASY).proof
    assert POW.verify(EASY, evidence(proof)) == Accepted()
    others = [
        replace(EASY, id=ChallengeId(b"\x01" * 16)),
        replace(EASY, binding=b"\x01" * 32),
        replace(EASY, expires_ms=Instant(2)),
        replace(EASY, params={"tries": 2_001}),
    ]
    refused = Rejected(ErrorCode.WORK_REJECTED, {"fault": "target"})
    assert [POW.verify(other, evidence(proof)) for other in others] == [refused] * 4


def test_the_mac_is_not_part_of_the_work() -> None:
    assert prefix(replace(EASY, mac=b"\x01" * 32)) == prefix(EASY)


def test_the_slices_do_not_change_the_solution() -> None:
    assert {solve(EASY, slice_tries=tries) for tries in (1, 7, 1_000_000)} == {solve(EASY)}


def test_progress_counts_tries_and_marks_where_to_go_on() -> None:
    solver = POW.start(NEVER)
    assert solver.step(300) == Progress(300, (300).to_bytes(8, "big"))
    assert solver.step(50) == Progress(350, (350).to_bytes(8, "big"))
    resumed = POW.start(NEVER, mark=(350).to_bytes(8, "big"))
    assert resumed.step(10) == Progress(10, (360).to_bytes(8, "big"))


def test_a_resumed_search_finds_what_the_first_would_have_found() -> None:
    whole = solve(EASY)
    middle = whole.tries // 2
    rest = solve(EASY, mark=middle.to_bytes(8, "big"))
    assert rest == Solution(whole.proof, whole.tries - middle)


def test_after_the_solution_it_stays() -> None:
    solver = POW.start(EASY)
    first = solver.step(1_000_000)
    assert isinstance(first, Solution)
    assert solver.step(1) is first


def test_after_the_last_counter_comes_zero() -> None:
    solver = POW.start(NEVER, mark=b"\xff" * 8)
    assert solver.step(10) == Progress(1, bytes(8))
    assert solver.step(10) == Progress(11, (10).to_bytes(8, "big"))


def test_counter_zero_is_a_counter_like_any_other() -> None:
    anything = replace(EASY, params={"tries": 1})
    assert POW.start(anything).step(1) == Solution(bytes(8), 1)
    assert POW.verify(anything, evidence(bytes(8))) == Accepted()


def test_no_work_is_no_proof() -> None:
    assert POW.verify(NEVER, evidence(bytes(8))) == Rejected(ErrorCode.WORK_REJECTED, {"fault": "target"})


@pytest.mark.parametrize("tries", [0, -1])
def test_a_slice_is_at_least_one_try(tries: int) -> None:
    with pytest.raises(LocalError):
        POW.start(NEVER).step(tries)


@pytest.mark.parametrize("mark", [b"\x00", bytes(9)])
def test_a_mark_of_another_size_is_ours_to_avoid(mark: bytes) -> None:
    with pytest.raises(LocalError):
        POW.start(EASY, mark=mark)


def test_a_challenge_of_another_form_cannot_be_started() -> None:
    with pytest.raises(PeerError):
        POW.start(replace(EASY, params={"bits": 8}))


BITS = ProofOfWork(tries_per_unit=100, form="bits")
HEXADECIMAL = replace(EASY, params={"bits": 8, "data": "john@example!"})


@pytest.mark.parametrize(("units", "bits"), [(1, 7), (2, 8), (3, 9), (5, 9), (6, 10), (40, 12), (41, 13), (2**40, 47)])
def test_a_price_in_bits_is_rounded_up(units: int, bits: int) -> None:
    assert BITS.quote(units) == {"bits": bits}


def test_a_price_in_bits_is_never_nothing() -> None:
    """With no bits counter zero would do, and BitMaelum's programs cannot send it."""
    assert ProofOfWork(tries_per_unit=1, form="bits").quote(1) == {"bits": 1}


def test_each_seed_has_a_text_of_its_own_that_zero_does_not_solve() -> None:
    drawn = [BITS.issue({"bits": 1}, seed=bytes([index]) * 32, expires_ms=Instant(1)) for index in range(64)]
    assert len({params["data"] for params in drawn}) == 64
    for params in drawn:
        assert BITS.verify(replace(EASY, params=params), evidence(bytes(8))) != Accepted()


@pytest.mark.parametrize(("bits", "tries"), [(0, 1), (1, 2), (25, 2**25), (256, 2**256)])
def test_expected_tries_of_bits(bits: int, tries: int) -> None:
    assert POW.expected_tries({"bits": bits, "data": "x"}) == tries


@pytest.mark.parametrize("method", [POW, BITS])
def test_either_form_is_solved_and_verified_whatever_is_issued(method: ProofOfWork) -> None:
    assert method.start(HEXADECIMAL).step(1_000) == Solution((149).to_bytes(8, "big"), 150)
    assert method.verify(HEXADECIMAL, evidence((149).to_bytes(8, "big"))) == Accepted()
    refused = Rejected(ErrorCode.WORK_REJECTED, {"fault": "target"})
    assert method.verify(HEXADECIMAL, evidence((148).to_bytes(8, "big"))) == refused
    assert method.verify(EASY, evidence(solve(EASY).proof)) == Accepted()


def test_what_is_searched_is_the_form_of_the_params() -> None:
    assert POW.search(HEXADECIMAL) == HexSearch(b"john@example!", 2**248)
    assert POW.search(EASY) == LinearSearch(prefix(EASY), 2**256 // 2_000)
    with pytest.raises(PeerError):
        POW.search(replace(EASY, params={"bits": 8}))


def test_a_guess_at_a_counter_is_the_work() -> None:
    assert not POW.is_guessable


@pytest.mark.parametrize("proof", [b"", bytes(7), bytes(9)])
def test_no_counter_has_no_result(proof: bytes) -> None:
    with pytest.raises(LocalError):
        POW.show_result(proof)


class Liar:
    """An engine that always says it found something, and is caught."""

    name = "liar"
    asked = 0

    def find(self, search: Search, first: int, tries: int) -> int | None:
        del search, first, tries
        self.asked += 1
        raise LocalError(ErrorCode.WRONG_STATE)


def test_an_engine_that_errs_is_left() -> None:
    liar = Liar()
    solver = ProofOfWorkSolver(POW.search(NEVER), 0, liar)
    assert solver.step(10) == Progress(10, (10).to_bytes(8, "big"))
    assert solver.step(10) == Progress(20, (20).to_bytes(8, "big"))
    assert liar.asked == 1


class Refuser(Liar):
    """An engine that was asked for something out of range."""

    def find(self, search: Search, first: int, tries: int) -> int | None:
        del search
        raise LocalError(ErrorCode.INVALID_ARGUMENT, first=first, tries=tries)


def test_our_own_fault_is_not_the_engines() -> None:
    with pytest.raises(LocalError) as caught:
        ProofOfWorkSolver(POW.search(NEVER), 0, Refuser()).step(1)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("result", "proof", "shown"),
    [
        (23_415, b"\x00\x00\x00\x00\x00\x00\x5b\x77", 23_415),
        ("23415", b"\x00\x00\x00\x00\x00\x00\x5b\x77", 23_415),
        (0, bytes(8), 0),
        (2**53 - 1, b"\x00\x1f" + b"\xff" * 6, 2**53 - 1),
        (2**53, b"\x00\x20" + bytes(6), "9007199254740992"),
        (2**64 - 1, b"\xff" * 8, "18446744073709551615"),
    ],
)
def test_a_result_is_read_and_shown(result: object, proof: bytes, shown: object) -> None:
    assert POW.parse_result(result) == proof
    assert POW.show_result(proof) == shown


@pytest.mark.parametrize("result", [-1, 2**64, "18446744073709551616", "023", "", " 1", "1e3", 1.0, True, None, [1]])
def test_what_is_no_result_is_none(result: object) -> None:
    assert POW.parse_result(result) is None


def test_its_name_and_its_largest_proof() -> None:
    assert (POW.name, POW.proof_max_bytes) == ("pow", 8)
