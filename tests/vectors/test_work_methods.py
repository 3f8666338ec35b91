"""Agreement of the kinds of work with the files in vectors/work/."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from parley.adapters.upload.bitmaelum import WorkText, encode_work_text, parse_work_text
from parley.errors import Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Accepted, Evidence, Params, Solution, WorkMethod
from parley.upload.methods import Arithmetic, Captcha, MemoryHard, Payment, Subscription, Wait, captcha_text
from parley.upload.methods.memory_hard import KeyCost, derive_key
from parley.upload.methods.roots import MODULUS, follow_back, follow_forward
from tests.oracles import work_methods

VECTORS = Path(__file__).parents[2] / "vectors" / "work"
Case = dict[str, Any]

POW = ProofOfWork(form="bits")
MEMORY = MemoryHard()
METHODS: dict[str, WorkMethod] = {
    method.name: method for method in (POW, MEMORY, Arithmetic(), Captcha(), Subscription({}), Wait(), Payment())
}
EXPIRES = Instant(1_000_000)
FULL_SEARCH_MAX = 200_000


def load(name: str) -> list[Case]:
    cases: list[Case] = json.loads((VECTORS / name).read_text())
    return cases


def named(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in load(name)]


def challenge_of(method: str, params: Params) -> Challenge:
    return Challenge(ChallengeId(bytes(16)), method, params, bytes(32), EXPIRES, bytes(32))


def evidence(proof: bytes, seed: bytes = bytes(32)) -> Evidence:
    return Evidence(proof, Instant(0), seed)


def test_the_files_are_what_the_oracle_makes() -> None:
    assert work_methods.made() == {name: load(name) for name in work_methods.FILES}


@pytest.mark.parametrize("case", named("bitmaelum.json"))
def test_bitmaelum(case: Case) -> None:
    text = f"{case['data']}{case['counter']:x}".encode()
    assert hashlib.sha256(hashlib.sha256(text).digest()).hexdigest() == case["digest"]
    challenge = challenge_of("pow", {"bits": case["bits"], "data": case["data"]})
    proof = POW.parse_result(case["counter"])
    assert proof is not None
    assert (POW.verify(challenge, evidence(proof)) == Accepted()) is case["good"]
    assert POW.expected_tries(challenge.params) == 2 ** case["bits"]


@pytest.mark.parametrize("case", [case for case in load("bitmaelum.json")[:7] if case["good"]])
def test_bitmaelum_counters_are_found(case: Case) -> None:
    """The counters are the smallest: searched from zero where that is quick, from a little before elsewhere."""
    counter = case["counter"]
    first = 0 if counter < FULL_SEARCH_MAX else counter - FULL_SEARCH_MAX
    challenge = challenge_of("pow", {"bits": case["bits"], "data": case["data"]})
    found = POW.start(challenge, mark=first.to_bytes(8, "big")).step(FULL_SEARCH_MAX + 1)
    assert found == Solution(counter.to_bytes(8, "big"), counter - first + 1)


def test_neither_one_hash_nor_a_decimal_counter_is_bitmaelum() -> None:
    """Either gives 149 fewer leading zero bits than the eight that are wanted, and than the twelve it has."""
    once = hashlib.sha256(b"john@example!95").digest()
    decimal = hashlib.sha256(hashlib.sha256(b"john@example!149").digest()).digest()
    assert [256 - int.from_bytes(digest, "big").bit_length() for digest in (once, decimal)] == [2, 0]
    challenge = challenge_of("pow", {"bits": 12, "data": "john@example!"})
    assert POW.verify(challenge, evidence((149).to_bytes(8, "big"))) == Accepted()


@pytest.mark.parametrize("case", named("bitmaelum.json"))
def test_bitmaelum_writes_work_and_proof_in_one_text(case: Case) -> None:
    work = WorkText(case["bits"], case["data"], case["counter"])
    assert parse_work_text(case["string"]) == work
    assert encode_work_text(work) == case["string"]


@pytest.mark.parametrize("case", named("bitmaelum_refused.json"))
def test_text_that_bitmaelum_refuses(case: Case) -> None:
    assert isinstance(parse_work_text(case["string"]), Rejected)


@pytest.mark.parametrize("case", load("bitmaelum_issued.json"))
def test_issued_for_bitmaelum(case: Case) -> None:
    seed = bytes.fromhex(case["seed"])
    params = POW.issue({"bits": case["bits"]}, seed=seed, expires_ms=EXPIRES)
    assert params == {"bits": case["bits"], "data": case["data"]}
    found = POW.start(challenge_of("pow", params)).step(100_000)
    assert found == Solution(case["counter"].to_bytes(8, "big"), case["counter"] + 1)
    assert case["counter"] > 0


@pytest.mark.parametrize("case", load("memory.json"))
def test_memory(case: Case) -> None:
    seed, key, params = bytes.fromhex(case["seed"]), bytes.fromhex(case["key"]), case["params"]
    cost = KeyCost(params["memory_kib"], params["passes"], *(bytes.fromhex(params[name]) for name in ("nonce", "salt")))
    assert derive_key(cost, case["counter"]) == key
    quoted = {name: params[name] for name in ("memory_kib", "passes", "counter_max")}
    assert MEMORY.issue(quoted, seed=seed, expires_ms=EXPIRES) == params
    challenge = challenge_of("pow-memory", params)
    assert MEMORY.start(challenge).step(params["counter_max"]) == Solution(key, case["counter"] + 1)
    assert MEMORY.verify(challenge, evidence(key, seed)) == Accepted()
    assert MEMORY.verify(challenge, evidence(key, bytes(31) + b"\x01")) != Accepted()


def test_the_modulus_is_the_one_of_the_formula() -> None:
    assert work_methods.oakley_prime() == MODULUS


@pytest.mark.parametrize("case", load("roots.json"))
def test_roots(case: Case) -> None:
    start, end = int(case["start"], 16), int(case["end"], 16)
    assert follow_forward(start, case["steps"]) == end
    assert follow_back(end, case["steps"]) == start


@pytest.mark.parametrize("case", load("math.json"))
def test_math(case: Case) -> None:
    steps = case["steps"]
    method = Arithmetic(roots_from_units=1 if steps else 100)
    seed = bytes.fromhex(case["seed"])
    params = method.issue(method.quote(steps or 1), seed=seed, expires_ms=EXPIRES)
    assert params == case["params"]
    challenge = challenge_of("math", params)
    found = method.start(challenge).step(10)
    assert isinstance(found, Solution)
    assert method.show_result(found.proof) == case["result"]
    assert method.parse_result(case["result"]) == found.proof
    assert method.verify(challenge, evidence(found.proof)) == Accepted()


@pytest.mark.parametrize("case", load("captcha.json"))
def test_captcha(case: Case) -> None:
    seed = bytes.fromhex(case["seed"])
    assert captcha_text({"length": case["length"]}, seed) == case["text"]
    challenge = challenge_of("captcha", {"length": case["length"]})
    assert Captcha().verify(challenge, evidence(case["text"].encode(), seed)) == Accepted()


@pytest.mark.parametrize("case", load("wait.json"))
def test_wait(case: Case) -> None:
    method = Wait(lifetime_ms=case["lifetime_ms"])
    params = method.issue({"wait_ms": case["wait_ms"]}, seed=bytes(32), expires_ms=Instant(case["expires_ms"]))
    assert params == {"until_ms": case["until_ms"]}


@pytest.mark.parametrize("case", load("results.json"), ids=lambda case: f"{case['method']} {case['result']!r:.24}")
def test_results(case: Case) -> None:
    method = METHODS[case["method"]]
    proof = method.parse_result(case["result"])
    assert (None if proof is None else proof.hex()) == case["proof"]
    if proof is not None:
        assert len(proof) <= method.proof_max_bytes
        assert method.show_result(proof) == case["shown"]
        assert type(method.show_result(proof)) is type(case["shown"])
