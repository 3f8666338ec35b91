"""Params of challenges and results of work, as JSON, into every kind of work."""

from __future__ import annotations

import json
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Accepted, Evidence, Registry, WorkMethod
from parley.upload.methods import Arithmetic, Captcha, MemoryHard, Payment, Subscription, Wait

__all__ = ["fuzz_one"]

# A key of 8 KiB is computed in microseconds; dearer params are refused before any work.
_REGISTRY: Final = Registry(
    (
        ProofOfWork(),
        MemoryHard(memory_kib=8, kib_passes_max=8),
        Arithmetic(),
        Captcha(),
        Subscription({"friends": None}),
        Wait(),
        Payment(),
    )
)
_SEED: Final = b"an issuer's seed that nobody has"


def fuzz_one(data: bytes) -> None:
    """Read `{"method": ..., "params": {...}, "result": ...}`; judge the result and start on the params."""
    method, params, result = _read(data)
    proof = method.parse_result(result)
    if proof is not None:
        _check(method.parse_result(method.show_result(proof)) == proof, "a shown result is read as another proof")
        _check(len(proof) <= method.proof_max_bytes, "a proof is larger than its limit")
    challenge = _challenge(method, params)
    method.expected_tries(params)
    method.start(challenge).step(1)
    if proof is not None and method.screen(challenge, proof) is None:
        verdict = method.verify(challenge, Evidence(proof, Instant(0), _SEED, ()))
        seeded = method.name in {"captcha", "pow-memory"}
        _check(not (seeded and verdict == Accepted()), "an answer was right that nobody was asked for")
    if proof is None:
        raise PeerError(ErrorCode.MALFORMED, field="result")


def _read(data: bytes) -> tuple[WorkMethod, Params, object]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED) from None
    match document:
        case {"method": str(name), "params": dict(params), "result": result}:
            method = _REGISTRY.find(name)
            if method is not None:
                return method, params, result
    raise PeerError(ErrorCode.MALFORMED)


def _challenge(method: WorkMethod, params: Params) -> Challenge:
    try:
        return Challenge(ChallengeId(bytes(16)), method.name, params, bytes(32), Instant(1_000), bytes(32))
    except (LocalError, AttributeError):  # what `parse_challenge` refuses before a method sees it
        raise PeerError(ErrorCode.MALFORMED) from None


def _check(holds: bool, message: str) -> None:  # noqa: FBT001  # what must hold
    if not holds:
        raise AssertionError(message)
