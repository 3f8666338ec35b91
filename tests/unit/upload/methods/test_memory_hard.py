from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.protocol.challenges import Params
from parley.protocol.work import Accepted, Progress, Solution
from parley.upload.methods.memory_hard import KeyCost, MemoryHard, derive_key
from tests.unit.upload.methods.challenges import EXPIRES, SEED, evidence, issued, of

CHEAP = MemoryHard(memory_kib=8, tries_min=10, kib_passes_max=64)
GOOD = issued(CHEAP)
REJECTED = ErrorCode.WORK_REJECTED


def changed(**changes: str | int) -> Params:
    return {**GOOD.params, **changes}


def solution() -> Solution:
    found = CHEAP.start(GOOD).step(100)
    assert isinstance(found, Solution)
    return found


def test_a_price_is_a_range_to_search() -> None:
    assert MemoryHard().quote(100) == {"memory_kib": 8_192, "passes": 1, "counter_max": 199}
    twice = MemoryHard(memory_kib=64, passes=2, tries_per_unit=3).quote(100)
    assert twice == {"memory_kib": 64, "passes": 2, "counter_max": 599}


def test_asking_is_always_dearer_than_issuing() -> None:
    assert MemoryHard().quote(1)["counter_max"] == 31
    assert MemoryHard(tries_min=1).quote(1)["counter_max"] == 1


def test_the_range_ends_where_the_counter_ends() -> None:
    assert MemoryHard().quote(2**40)["counter_max"] == 2**32 - 1


def test_a_price_is_at_least_one_unit() -> None:
    with pytest.raises(LocalError):
        MemoryHard().quote(0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"memory_kib": 7},
        {"passes": 0},
        {"tries_per_unit": 0},
        {"tries_min": 0},
        {"tries_min": 2**31},
        {"kib_passes_max": 8_191},
        {"passes": 9},
    ],
)
def test_costs_have_limits(arguments: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        MemoryHard(**arguments)


def test_the_expected_tries_are_half_the_range() -> None:
    assert CHEAP.expected_tries(GOOD.params) == 10
    assert CHEAP.expected_tries(changed(counter_max=1)) == 1


def test_the_counters_of_many_challenges_fill_the_range_evenly() -> None:
    """Ten counters over 200 challenges: each is expected 20 times; 3 and 45 are five standard deviations off."""
    method = MemoryHard(memory_kib=8, tries_min=1, tries_per_unit=1)
    quoted: Params = {"memory_kib": 8, "passes": 1, "counter_max": 10}
    seen = [0] * 10
    for index in range(200):
        params = method.issue(quoted, seed=index.to_bytes(32, "big"), expires_ms=EXPIRES)
        found = method.start(of(method, params)).step(10)
        assert isinstance(found, Solution)
        seen[found.tries - 1] += 1
    assert all(3 < count < 45 for count in seen)


def test_the_solution_verifies_under_its_seed_alone() -> None:
    proof = solution().proof
    assert CHEAP.screen(GOOD, proof) is None
    assert CHEAP.verify(GOOD, evidence(proof)) == Accepted()
    refused = Rejected(REJECTED, {"fault": "key"})
    assert CHEAP.verify(GOOD, evidence(proof, seed=bytes(32))) == refused


def test_the_published_half_is_no_proof() -> None:
    prefix = bytes.fromhex(str(GOOD.params["prefix"]))
    assert CHEAP.verify(GOOD, evidence(prefix + bytes(16))) == Rejected(REJECTED, {"fault": "key"})
    assert CHEAP.verify(GOOD, evidence(prefix)) == Rejected(REJECTED, {"fault": "proof", "wanted_bytes": 32})


def test_a_key_of_another_counter_is_refused_cheaply() -> None:
    cost = KeyCost(8, 1, bytes.fromhex(str(GOOD.params["nonce"])), bytes.fromhex(str(GOOD.params["salt"])))
    wrong = derive_key(cost, solution().tries)
    for verdict in (CHEAP.screen(GOOD, wrong), CHEAP.verify(GOOD, evidence(wrong))):
        assert verdict == Rejected(REJECTED, {"fault": "prefix"})


def test_no_work_is_no_proof() -> None:
    assert CHEAP.verify(GOOD, evidence(b"")) == Rejected(REJECTED, {"fault": "proof", "wanted_bytes": 32})
    assert CHEAP.verify(GOOD, evidence(bytes(32))) == Rejected(REJECTED, {"fault": "prefix"})
    assert CHEAP.verify(of(CHEAP, {}), evidence(bytes(32))) == Rejected(REJECTED, {"fault": "prefix"})


@pytest.mark.parametrize("seed", [bytes(32), b"\x01" * 32])
def test_another_seed_has_another_nonce(seed: bytes) -> None:
    assert issued(CHEAP, seed=seed).params["nonce"] != GOOD.params["nonce"]
    assert issued(CHEAP, seed=SEED) == GOOD


@pytest.mark.parametrize(
    "params",
    [
        {},
        {name: value for name, value in GOOD.params.items() if name != "signature"},
        changed(more=1),
        changed(memory_kib=7),
        changed(memory_kib="8"),
        changed(passes=0),
        changed(counter_max=0),
        changed(counter_max=2**32),
        changed(nonce="00"),
        changed(salt="0" * 33),
        changed(prefix="F" * 32),
        changed(signature="0" * 63),
    ],
)
def test_params_of_another_form_are_refused(params: Params) -> None:
    for ask in (CHEAP.check_params, CHEAP.expected_tries, lambda params: CHEAP.start(of(CHEAP, params))):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize("params", [changed(memory_kib=65), changed(passes=9), changed(memory_kib=2**53 - 1)])
def test_a_key_that_costs_too_much_is_not_begun(params: Params) -> None:
    for ask in (CHEAP.check_params, CHEAP.expected_tries, lambda params: CHEAP.start(of(CHEAP, params))):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.TOO_EXPENSIVE


def test_the_dearest_key_is_the_limit() -> None:
    CHEAP.check_params(changed(memory_kib=64))
    assert CHEAP.expected_tries(changed(memory_kib=32, passes=2)) == 10


def test_the_slices_do_not_change_the_solution() -> None:
    whole = solution()
    solver = CHEAP.start(GOOD)
    steps = [solver.step(1) for _ in range(whole.tries)]
    assert steps[:-1] == [Progress(made, made.to_bytes(4, "big")) for made in range(1, whole.tries)]
    assert steps[-1] == whole
    assert solver.step(1) is steps[-1]


def test_a_search_is_resumed_at_its_mark() -> None:
    whole = solution()
    middle = whole.tries // 2
    resumed = CHEAP.start(GOOD, mark=middle.to_bytes(4, "big")).step(100)
    assert resumed == Solution(whole.proof, whole.tries - middle)


def test_a_challenge_without_a_solution_ends() -> None:
    solver = CHEAP.start(of(CHEAP, changed(prefix="0" * 32)))
    assert solver.step(1_000) == Progress(19, (19).to_bytes(4, "big"))
    with pytest.raises(PeerError) as caught:
        solver.step(1)
    assert caught.value.code is ErrorCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("tries", [0, -1])
def test_a_slice_is_at_least_one_try(tries: int) -> None:
    with pytest.raises(LocalError):
        CHEAP.start(GOOD).step(tries)


@pytest.mark.parametrize("mark", [b"\x00", bytes(5)])
def test_a_mark_of_another_size_is_ours_to_avoid(mark: bytes) -> None:
    with pytest.raises(LocalError):
        CHEAP.start(GOOD, mark=mark)


def test_what_is_no_key_has_no_result() -> None:
    assert not CHEAP.is_guessable
    with pytest.raises(LocalError):
        CHEAP.show_result(bytes(31))


@pytest.mark.parametrize(
    ("result", "proof", "shown"),
    [
        ("0f" * 32, b"\x0f" * 32, "0f" * 32),
    ],
)
def test_a_result_is_read_and_shown(result: object, proof: bytes, shown: object) -> None:
    assert CHEAP.parse_result(result) == proof
    assert CHEAP.show_result(proof) == shown


@pytest.mark.parametrize("result", ["0F" * 32, "0f" * 31, "0f" * 33, "", 7, None, True, ["0f" * 32]])
def test_what_is_no_result_is_none(result: object) -> None:
    assert CHEAP.parse_result(result) is None


def test_its_name_and_its_largest_proof() -> None:
    assert (CHEAP.name, CHEAP.proof_max_bytes) == ("pow-memory", 32)
