"""What checking costs the issuer against what the work costs the sender, for the kinds of work that are not hashes."""

from __future__ import annotations

from bench.measure import Case
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge
from parley.protocol.work import Accepted, Evidence, Solution, WorkMethod
from parley.upload.methods import Arithmetic, MemoryHard
from parley.upload.methods.memory_hard import KeyCost, derive_key

SEED = bytes(range(32))
EXPIRES = Instant(2_000_000)
KEYS = 4
CHECKS = 500
STEPS = 16
CHAINS = 20


class _Solved:
    """A challenge of a kind of work, solved when first asked for."""

    def __init__(self, method: WorkMethod, units: int) -> None:
        self._method = method
        self._units = units
        self._pair: tuple[Challenge, bytes] | None = None

    def solve(self) -> int:
        """Solve the challenge once; the rate is of whole challenges."""
        challenge = self._challenge()
        step = self._method.start(challenge).step(1_000_000)
        if isinstance(step, Solution):
            self._pair = challenge, step.proof
        return 1

    def check(self, times: int) -> int:
        """Judge the solution so often."""
        if self._pair is None:
            self.solve()
        if self._pair is None:
            return 0
        challenge, proof = self._pair
        evidence = Evidence(proof, EXPIRES, SEED)
        good = sum(self._method.verify(challenge, evidence) == Accepted() for _ in range(times))
        return good if good == times else 0

    def issue(self, times: int) -> int:
        """Issue so often."""
        for _ in range(times):
            self._challenge()
        return times

    def _challenge(self) -> Challenge:
        params = self._method.issue(self._method.quote(self._units), seed=SEED, expires_ms=EXPIRES)
        return Challenge(ChallengeId(bytes(16)), self._method.name, params, bytes(32), EXPIRES, bytes(32))


def _keys() -> int:
    for counter in range(KEYS):
        derive_key(KeyCost(8_192, 1, bytes(16), bytes(16)), counter)
    return KEYS


_MEMORY = _Solved(MemoryHard(tries_min=1), 1)
_ROOTS = _Solved(Arithmetic(roots_from_units=1), STEPS)

CASES = [
    Case(
        name="memory_check",
        description="checking an answer to `pow-memory`, against computing one key of it (8 MiB, one pass)",
        reference=_keys,
        subject=lambda: _MEMORY.check(CHECKS),
        target=200,
    ),
    Case(
        name="memory_issue",
        description="issuing a challenge of `pow-memory`, against computing one key: one key is all it costs",
        reference=_keys,
        subject=lambda: _MEMORY.issue(KEYS),
        target=0.85,
    ),
    Case(
        name="roots_check",
        description=f"checking a chain of {STEPS} roots, against following it; 256 steps are the cheapest ticket",
        reference=_ROOTS.solve,
        subject=lambda: _ROOTS.check(CHAINS),
        target=200,
    ),
]
