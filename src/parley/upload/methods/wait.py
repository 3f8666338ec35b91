"""The work method `wait`: come back later; for machines that cannot compute and people who need not hurry.

    params   {"until_ms": the first moment that is late enough}
    proof    empty; result: the empty text

Waiting costs the sender no work, and one program can wait for any number of tickets at once. So it holds up a
person's letter for a moment and a flood for not much longer; an issuer bounds how many such tickets it has open.
"""

from __future__ import annotations

from dataclasses import dataclass

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, check_units
from parley.protocol.work import Accepted, Evidence, Pending, Solution, Verdict

__all__ = ["Wait", "WaitSolver", "WaitUntil"]


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Ask the client's driver for the time, no earlier than at a moment; the answer is an integer of ms.

    Attributes:
        until_ms: the moment.
    """

    until_ms: Instant


@dataclass(frozen=True, slots=True)
class Wait:
    """Time instead of work.

    Attributes:
        lifetime_ms: of the challenges that this is issued for: they expire so long after they are issued.
        ms_per_unit: how long one unit of work is waited for, 1 or more.
        wait_max_ms: the longest wait, whatever the price, 1 <= wait_max_ms < lifetime_ms.
    """

    lifetime_ms: int = 1_800_000
    ms_per_unit: int = 50
    wait_max_ms: int = 600_000

    def __post_init__(self) -> None:
        """Refuse a wait that outlasts its challenge."""
        if self.ms_per_unit < 1 or not 1 <= self.wait_max_ms < self.lifetime_ms:
            raise LocalError(
                ErrorCode.INVALID_ARGUMENT,
                ms_per_unit=self.ms_per_unit,
                wait_max_ms=self.wait_max_ms,
                lifetime_ms=self.lifetime_ms,
            )

    @property
    def name(self) -> str:
        """Return "wait"."""
        return "wait"

    @property
    def proof_max_bytes(self) -> int:
        """Return 0."""
        return 0

    @property
    def is_guessable(self) -> bool:
        """Return False: whoever comes too early comes again."""
        return False

    def parse_result(self, result: object) -> bytes | None:
        """Read the empty text.

        Source: vectors/work/results.json.
        """
        return b"" if result == "" else None

    def show_result(self, proof: bytes) -> int | str:
        """Return the empty text.

        Raises:
            LocalError: the proof is not empty.

        Source: vectors/work/results.json.
        """
        if proof:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        return ""

    def quote(self, units: int) -> Params:
        """Return how long a price is waited for; above `wait_max_ms` it grows no more.

        Raises:
            LocalError: less than one unit.
        """
        check_units(units)
        return {"wait_ms": min(units * self.ms_per_unit, self.wait_max_ms)}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Count from the moment of the issue, which is a lifetime before the expiry.

        Source: vectors/work/wait.json.
        """
        del seed
        return {"until_ms": max(0, expires_ms - self.lifetime_ms + int(quoted["wait_ms"]))}

    def check_params(self, params: Params) -> None:
        """Check the form of the params.

        Raises:
            PeerError: MALFORMED.
        """
        _read_until(params)

    def expected_tries(self, params: Params) -> int:
        """Return 0.

        Raises:
            PeerError: MALFORMED.
        """
        self.check_params(params)
        return 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse what is not empty."""
        del challenge
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"}) if proof else None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Look at the clock.

        Returns:
            Too early: Rejected with `retry_after_ms` among the facts.

        Raises:
            PeerError: MALFORMED: the params are none of ours, which the mac rules out.
        """
        left_ms = _read_until(challenge.params) - evidence.now
        if left_ms > 0:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "early", "retry_after_ms": left_ms})
        refusal = self.screen(challenge, evidence.proof)
        return Accepted() if refusal is None else refusal

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> WaitSolver:
        """Ask `WaitUntil`, until the answer is late enough.

        Raises:
            PeerError: MALFORMED.
        """
        del mark
        latest = max((answer for answer in answers if isinstance(answer, int)), default=-1)
        return WaitSolver(_read_until(challenge.params), latest)


@dataclass(frozen=True, slots=True)
class WaitSolver:
    """Asks for the time until it has come.

    Attributes:
        until_ms: the moment that is waited for.
        latest_ms: the latest time that was answered, -1 without an answer.
    """

    until_ms: Instant
    latest_ms: int

    def step(self, tries: int) -> Solution | Pending:
        """Return the empty proof when its time has come, or ask for the time."""
        del tries
        return Pending(WaitUntil(self.until_ms)) if self.latest_ms < self.until_ms else Solution(b"", 0)


def _read_until(params: Params) -> Instant:
    match dict(params):
        case {"until_ms": int(until_ms), **rest} if not rest and until_ms >= 0:
            return Instant(until_ms)
        case _:
            raise PeerError(ErrorCode.MALFORMED, method="wait", field="params")
