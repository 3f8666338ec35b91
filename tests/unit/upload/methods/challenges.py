"""One challenge to try the kinds of work on."""

from __future__ import annotations

from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params
from parley.protocol.work import Evidence, WorkMethod

__all__ = ["EXPIRES", "SEED", "evidence", "issued", "of"]

SEED = bytes(range(32))
EXPIRES = Instant(2_000_000)


def of(method: WorkMethod, params: Params) -> Challenge:
    return Challenge(ChallengeId(b"i" * 16), method.name, params, bytes(32), EXPIRES, bytes(32))


def issued(method: WorkMethod, units: int = 1, seed: bytes = SEED) -> Challenge:
    return of(method, method.issue(method.quote(units), seed=seed, expires_ms=EXPIRES))


def evidence(proof: bytes, *, now: int = 0, seed: bytes = SEED, answers: tuple[object, ...] = ()) -> Evidence:
    return Evidence(proof, Instant(now), seed, answers)
