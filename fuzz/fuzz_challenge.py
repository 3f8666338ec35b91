"""Challenges from strangers: what parses encodes to the same bytes, and every method can look at it."""

from __future__ import annotations

from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Accepted, Evidence, Registry, encode_challenge, parse_challenge

__all__ = ["fuzz_one"]

_REGISTRY = Registry((ProofOfWork(),))
_SECRET = bytes(32)


def fuzz_one(data: bytes) -> None:
    """Parse `data`, judge it as its issuer would and start on it as a client would."""
    challenge = parse_challenge(data)
    if encode_challenge(challenge) != data:
        message = "what was parsed encodes to other bytes"
        raise AssertionError(message)
    proof = data[-8:]
    verdict = _REGISTRY.check(challenge, proof, binding=challenge.binding, now=Instant(0), secret=_SECRET)
    if verdict == Accepted():
        message = "a challenge under an unknown secret was accepted"
        raise AssertionError(message)
    method = _REGISTRY.find(challenge.method)
    if method is not None:
        method.expected_tries(challenge.params)
        method.verify(challenge, Evidence(proof, Instant(0), _SECRET))
        method.start(challenge).step(1)
