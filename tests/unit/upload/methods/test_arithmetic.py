from __future__ import annotations

import pytest

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.protocol.challenges import Params
from parley.protocol.work import Accepted, Progress, Solution
from parley.upload.methods.arithmetic import STEPS_MAX, Arithmetic
from parley.upload.methods.roots import MODULUS, follow_back
from tests.unit.upload.methods.challenges import evidence, issued, of

MATH = Arithmetic(roots_from_units=4)
SEED_EXAMPLE = of(MATH, {"data": "12 + 15 - 5 = ?"})
CHAIN = issued(MATH, 5)
FORM = Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})
WRONG = Rejected(ErrorCode.WORK_REJECTED, {"fault": "answer"})


def changed(**changes: str | int) -> Params:
    return {**CHAIN.params, **changes}


def end() -> bytes:
    found = MATH.start(CHAIN).step(5)
    assert isinstance(found, Solution)
    return found.proof


def test_the_example_of_the_seed() -> None:
    assert MATH.start(SEED_EXAMPLE).step(1) == Solution(b"22", 0)
    assert MATH.parse_result(22) == b"22"
    assert MATH.verify(SEED_EXAMPLE, evidence(b"22")) == Accepted()
    assert MATH.verify(SEED_EXAMPLE, evidence(b"23")) == WRONG


@pytest.mark.parametrize(
    ("data", "answer"),
    [("0 + 0 + 0 = ?", b"0"), ("1 - 2 - 3 = ?", b"-4"), ("999 + 999 + 999 = ?", b"2997"), ("7 - 7 + 1 = ?", b"1")],
)
def test_sums(data: str, answer: bytes) -> None:
    assert MATH.start(of(MATH, {"data": data})).step(1) == Solution(answer, 0)
    assert MATH.verify(of(MATH, {"data": data}), evidence(answer)) == Accepted()
    assert MATH.expected_tries({"data": data}) == 0


def test_a_low_price_is_a_sum_and_a_higher_one_a_chain() -> None:
    assert [MATH.quote(units) for units in (1, 3)] == [{}, {}]
    assert MATH.quote(4) == {"puzzle": "roots", "steps": 4}
    assert Arithmetic(roots_from_units=1, steps_per_unit=3).quote(2) == {"puzzle": "roots", "steps": 6}
    assert "data" in issued(MATH, 3).params
    assert issued(MATH, 4).params["steps"] == 4


def test_a_chain_has_a_longest() -> None:
    assert MATH.quote(10**9) == {"puzzle": "roots", "steps": STEPS_MAX}


def test_a_price_is_at_least_one_unit() -> None:
    with pytest.raises(LocalError):
        MATH.quote(0)


@pytest.mark.parametrize("arguments", [{"roots_from_units": 0}, {"steps_per_unit": 0}])
def test_the_scale_has_limits(arguments: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        Arithmetic(**arguments)


@pytest.mark.parametrize("index", range(50))
def test_every_drawn_sum_has_an_answer_that_is_not_negative(index: int) -> None:
    challenge = issued(MATH, 1, seed=bytes([index]) * 32)
    found = MATH.start(challenge).step(1)
    assert isinstance(found, Solution)
    assert 0 <= int(found.proof) <= 218


def test_the_end_of_a_chain_is_accepted_and_nothing_else() -> None:
    proof = end()
    assert MATH.verify(CHAIN, evidence(proof)) == Accepted()
    assert follow_back(int.from_bytes(proof, "big"), 5) == int(str(CHAIN.params["start"]), 16)
    other_root = MODULUS - int.from_bytes(proof, "big")
    for wrong in (bytes(128), other_root.to_bytes(128, "big"), proof[:-1] + bytes([proof[-1] ^ 1])):
        assert MATH.verify(CHAIN, evidence(wrong)) == WRONG
    shorter = of(MATH, changed(steps=4))
    assert MATH.verify(shorter, evidence(proof)) == WRONG


@pytest.mark.parametrize(
    "proof", [b"", b"22", bytes(127), MODULUS.to_bytes(128, "big"), b"\xff" * 128], ids=lambda proof: str(len(proof))
)
def test_a_proof_of_another_form_is_screened_out_of_a_chain(proof: bytes) -> None:
    assert MATH.screen(CHAIN, proof) == FORM
    assert MATH.verify(CHAIN, evidence(proof)) == FORM


@pytest.mark.parametrize("proof", [b"", b" 22", b"022", b"+22", b"22.0", b"\xb2", bytes(128), b"-0"])
def test_a_proof_of_another_form_is_screened_out_of_a_sum(proof: bytes) -> None:
    assert MATH.screen(SEED_EXAMPLE, proof) == FORM
    assert MATH.verify(SEED_EXAMPLE, evidence(proof)) == FORM


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"data": "12 + 15 - 5"},
        {"data": "12 + 15 = ?"},
        {"data": "12 * 15 - 5 = ?"},
        {"data": "1000 + 15 - 5 = ?"},
        {"data": "12 + 15 - 5 = ?\n"},
        {"data": "__import__('x') + 1 + 1 = ?"},
        {"data": 22},
        {"data": "12 + 15 - 5 = ?", "more": 1},
        changed(more=1),
        changed(puzzle="squares"),
        changed(steps=0),
        changed(steps=STEPS_MAX + 1),
        changed(steps="5"),
        changed(start="0"),
        changed(start="f" * 256),
        changed(modulus="f" * 256),
        changed(modulus=f"{MODULUS - 4:0256x}"),
        {"puzzle": "roots", "steps": 1},
    ],
)
def test_params_of_another_form_are_refused(params: Params) -> None:
    for ask in (MATH.check_params, MATH.expected_tries, lambda params: MATH.start(of(MATH, params))):
        with pytest.raises(PeerError) as caught:
            ask(params)
        assert caught.value.code is ErrorCode.MALFORMED


def test_a_chain_costs_its_steps() -> None:
    assert MATH.expected_tries(CHAIN.params) == 5


def test_a_chain_is_followed_in_slices_and_resumed() -> None:
    solver = MATH.start(CHAIN)
    first = solver.step(2)
    assert isinstance(first, Progress)
    assert first.tries == 2
    assert solver.step(100) == Solution(end(), 5)
    assert solver.step(1) == Solution(end(), 5)
    assert MATH.start(CHAIN, mark=first.mark).step(100) == Solution(end(), 3)


@pytest.mark.parametrize(
    "mark",
    [b"\x00", bytes(131), bytes(133), b"\x00\x00\x00\x06" + bytes(128), bytes(4) + b"\xff" * 128],
    ids=lambda mark: str(len(mark)),
)
def test_a_mark_of_another_chain_is_ours_to_avoid(mark: bytes) -> None:
    with pytest.raises(LocalError):
        MATH.start(CHAIN, mark=mark)


def test_a_slice_is_at_least_one_step() -> None:
    with pytest.raises(LocalError):
        MATH.start(CHAIN).step(0)


def test_an_answer_can_be_guessed() -> None:
    assert MATH.is_guessable


@pytest.mark.parametrize("proof", [b"", b"no", bytes(127)])
def test_what_is_no_answer_has_no_result(proof: bytes) -> None:
    with pytest.raises(LocalError):
        MATH.show_result(proof)


@pytest.mark.parametrize(
    ("result", "proof", "shown"),
    [
        (22, b"22", 22),
        ("22", b"22", 22),
        (-7, b"-7", -7),
        (0, b"0", 0),
        (9_999, b"9999", 9_999),
        ("0f" * 128, b"\x0f" * 128, "0f" * 128),
    ],
)
def test_a_result_is_read_and_shown(result: object, proof: bytes, shown: object) -> None:
    assert MATH.parse_result(result) == proof
    assert MATH.show_result(proof) == shown


@pytest.mark.parametrize(
    "result", [10_000, -10_000, "10000", "022", "-0", "", "0F" * 128, "0f" * 127, 22.0, None, True, [22]]
)
def test_what_is_no_result_is_none(result: object) -> None:
    assert MATH.parse_result(result) is None


def test_its_name_and_its_largest_proof() -> None:
    assert (MATH.name, MATH.proof_max_bytes) == ("math", 128)
