"""The work method `pow`: find a counter whose SHA-256 lies below a target.

    prefix   32 bytes: tagged hash of the challenge without its mac, so of id, params, binding and expiry
    proof    counter, uint of 8 bytes, big endian; zero is a counter like any other
    good     SHA-256(prefix || proof), read as an integer, big endian, is < target
    params   {"tries": t}, 1 <= t < 2**53: target = 2**256 // t, so t tries on average
          or {"target": 64 lower-case hex digits}, 1 <= target < 2**256

The number of tries is geometric: one in e challenges takes more than the expected tries, one in 20 takes
three times as many. Verifying is one hash of 40 bytes. Native code is 6 to 50 times as fast as this solver,
so the price keeps a flood from being free; it does not keep a rich sender out.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import sha256, tagged_hash
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, encode_body
from parley.protocol.work import Accepted, Evidence, Progress, Solution, Verdict

__all__ = ["COUNTER_BYTES", "ProofOfWork", "ProofOfWorkSolver", "prefix"]

COUNTER_BYTES: Final = 8
"""Size of a proof."""

_COUNTERS: Final = 2**64
_DIGESTS: Final = 2**256
_TRIES_MAX: Final = 2**53 - 1
_TARGET: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ProofOfWork:
    """SHA-256 below a linear target.

    Attributes:
        tries_per_unit: how many tries one unit of work costs, 1 <= tries_per_unit < 2**53. The default is
            a few milliseconds of this package's own solver.
    """

    tries_per_unit: int = 4_096

    def __post_init__(self) -> None:
        """Refuse a price out of range."""
        if not 1 <= self.tries_per_unit <= _TRIES_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tries_per_unit=self.tries_per_unit)

    @property
    def name(self) -> str:
        """Return "pow"."""
        return "pow"

    @property
    def proof_max_bytes(self) -> int:
        """Return the size of a counter."""
        return COUNTER_BYTES

    def quote(self, units: int) -> Params:
        """Return the expected tries that a price costs.

        Raises:
            LocalError: 2**53 tries or more.
        """
        tries = units * self.tries_per_unit
        if not 1 <= tries <= _TRIES_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, units=units, tries_per_unit=self.tries_per_unit)
        return {"tries": tries}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Return the quote: the prefix makes each challenge differ already."""
        del seed, expires_ms
        return quoted

    def check_params(self, params: Params) -> None:
        """Check the form of the params; whether they cost too much is the client's to say.

        Raises:
            PeerError: MALFORMED.
        """
        _target(params)

    def expected_tries(self, params: Params) -> int:
        """Return 2**256 // target: the average number of tries, to within one.

        Raises:
            PeerError: MALFORMED.
        """
        return _DIGESTS // _target(params)

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse a proof of another size."""
        del challenge
        if len(proof) != COUNTER_BYTES:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof", "wanted_bytes": COUNTER_BYTES})
        return None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Judge a counter by one hash.

        Raises:
            PeerError: MALFORMED: the params are none of ours, which the mac rules out.
        """
        digest = sha256(prefix(challenge), evidence.proof)
        if int.from_bytes(digest, "big") < _target(challenge.params):
            return Accepted()
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "target"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> ProofOfWorkSolver:
        """Begin at the counter that the mark names, 8 bytes big endian; at zero without one.

        Marks far apart let several processes search one challenge without meeting.

        Raises:
            PeerError: MALFORMED: the params.
            LocalError: a mark of another size.
        """
        del answers
        if mark and len(mark) != COUNTER_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, mark_bytes=len(mark))
        return ProofOfWorkSolver(prefix(challenge), _target(challenge.params), int.from_bytes(mark, "big"))


class ProofOfWorkSolver:
    """A search for a counter, a slice at a time."""

    __slots__ = ("_counter", "_highest", "_midstate", "_solution", "_tries")

    def __init__(self, prefix: bytes, target: int, counter: int) -> None:
        """Prepare the search.

        Args:
            prefix: 32 bytes.
            target: 1 <= target <= 2**256.
            counter: the first to try, 0 <= counter < 2**64.
        """
        self._midstate = hashlib.sha256(prefix)
        self._highest = encode_uint(target - 1, 32)
        self._counter = counter
        self._tries = 0
        self._solution: Solution | None = None

    def step(self, tries: int) -> Solution | Progress:
        """Try at most `tries` counters more, 1 or more; after the last counter comes zero again.

        Raises:
            LocalError: fewer than one try.
        """
        if tries < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tries=tries)
        if self._solution is not None:
            return self._solution
        copy, highest, first = self._midstate.copy, self._highest, self._counter
        # Digests compare as bytes as they would as integers; a copied midstate saves a sixth of the time.
        for counter in range(first, min(first + tries, _COUNTERS)):
            attempt = copy()
            proof = counter.to_bytes(COUNTER_BYTES, "big")
            attempt.update(proof)
            if attempt.digest() <= highest:
                self._tries += counter - first + 1
                self._solution = Solution(proof, self._tries)
                return self._solution
        done = min(tries, _COUNTERS - first)
        self._tries += done
        self._counter = (first + done) % _COUNTERS
        return Progress(self._tries, encode_uint(self._counter, COUNTER_BYTES))


def prefix(challenge: Challenge) -> bytes:
    """Return the 32 bytes in front of the counter.

    Source: vectors/work/pow.json.
    """
    return tagged_hash("parley/work/pow", encode_body(challenge))


def _target(params: Params) -> int:
    """Return what the hash must be below, 1 <= target <= 2**256.

    Raises:
        PeerError: MALFORMED.
    """
    match dict(params):
        case {"tries": int(tries), **rest} if not rest and 1 <= tries <= _TRIES_MAX:
            return _DIGESTS // tries
        case {"target": str(text), **rest} if not rest and _TARGET.fullmatch(text) and int(text, 16):
            return int(text, 16)
        case _:
            raise PeerError(ErrorCode.MALFORMED, method="pow", field="params")
