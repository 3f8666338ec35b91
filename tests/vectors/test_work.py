"""Agreement of challenges and of proof of work with the files in vectors/work/."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from parley.errors import ErrorCode, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork, prefix
from parley.protocol.work import (
    Accepted,
    Challenge,
    Registry,
    Solution,
    binding,
    encode_challenge,
    parse_challenge,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "work"
Case = dict[str, Any]

POW = ProofOfWork()
REGISTRY = Registry((POW,))


def load(name: str) -> list[Any]:
    cases: list[Case] = json.loads((VECTORS / name).read_text())
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", load("binding.json"))
def test_binding(case: Case) -> None:
    got = binding(
        sender=bytes.fromhex(case["sender"]),
        recipient=bytes.fromhex(case["recipient"]),
        size_bytes=int(case["size_bytes"]),
        purpose=case["purpose"],
    )
    assert got.hex() == case["binding"]


@pytest.mark.parametrize("case", load("challenge.json"))
def test_challenge(case: Case) -> None:
    challenge = Challenge(
        id=ChallengeId(bytes.fromhex(case["id"])),
        method=case["method"],
        params=case["params"],
        binding=bytes.fromhex(case["binding"]),
        expires_ms=Instant(case["expires_ms"]),
        mac=bytes.fromhex(case["mac"]),
    )
    assert encode_challenge(challenge).hex() == case["encoded"]
    assert parse_challenge(bytes.fromhex(case["encoded"])) == challenge


@pytest.mark.parametrize("case", [p for p in load("challenge.json") if p.values[0]["method"] == "pow"])
def test_the_issuer_makes_and_knows_the_mac(case: Case) -> None:
    challenge = parse_challenge(bytes.fromhex(case["encoded"]))
    secret = bytes.fromhex(case["secret"])
    now = Instant(challenge.expires_ms - 1)
    screened = REGISTRY.screen(challenge, bytes(8), binding=challenge.binding, now=now, secret=secret)
    assert screened is POW
    other = secret[:-1] + b"\x00"
    refused = REGISTRY.screen(challenge, bytes(8), binding=challenge.binding, now=now, secret=other)
    assert refused == Rejected(ErrorCode.WORK_REJECTED, {"fault": "mac"})


def test_an_issued_challenge_is_the_one_of_the_vectors() -> None:
    case: Case = json.loads((VECTORS / "challenge.json").read_text())[0]
    offer = Registry((ProofOfWork(tries_per_unit=100),)).challenge(
        wants=("pow",),
        units=10,
        binding=bytes.fromhex(case["binding"]),
        id=ChallengeId(bytes.fromhex(case["id"])),
        expires_ms=Instant(case["expires_ms"]),
        secret=bytes.fromhex(case["secret"]),
    )
    assert isinstance(offer, tuple)
    assert [encode_challenge(challenge).hex() for challenge in offer] == [case["encoded"]]


@pytest.mark.parametrize("case", load("refused.json"))
def test_refused_challenge(case: Case) -> None:
    with pytest.raises(PeerError) as caught:
        parse_challenge(bytes.fromhex(case["raw"]))
    assert caught.value.code is ErrorCode[case["code"]]


@pytest.mark.parametrize("case", load("pow.json"))
def test_proof_of_work(case: Case) -> None:
    challenge = parse_challenge(bytes.fromhex(case["challenge"]))
    assert prefix(challenge).hex() == case["prefix"]
    assert POW.expected_tries(challenge.params) == case["expected_tries"]
    solver = POW.start(challenge)
    found = next(step for _ in count() if isinstance(step := solver.step(1_000), Solution))
    assert int.from_bytes(found.proof, "big") == case["counter"]
    assert found.tries == case["counter"] + 1


@pytest.mark.parametrize("case", load("pow.json"))
def test_only_the_counter_of_the_vector_is_accepted_up_to_it(case: Case) -> None:
    challenge = parse_challenge(bytes.fromhex(case["challenge"]))
    for counter in {0, case["counter"] // 2, max(0, case["counter"] - 1), case["counter"]}:
        verdict = REGISTRY.check(
            challenge,
            counter.to_bytes(8, "big"),
            binding=challenge.binding,
            now=Instant(0),
            secret=bytes.fromhex(case["secret"]),
        )
        good = counter == case["counter"]
        assert verdict == (Accepted() if good else Rejected(ErrorCode.WORK_REJECTED, {"fault": "target"}))
