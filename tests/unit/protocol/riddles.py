"""A kind of work that needs all the interface offers: secrets from the seed, and questions on both sides."""

from __future__ import annotations

from dataclasses import dataclass

from parley.errors import ErrorCode, PeerError, Rejected
from parley.primitives.instants import Instant
from parley.protocol.work import Accepted, Challenge, Evidence, Params, Pending, Progress, Solution, Verdict

__all__ = ["Riddle", "RiddleSolver"]


@dataclass(frozen=True, slots=True)
class Riddle:
    """Name the byte that the issuer drew; the client asks a person, the issuer asks whether it is open."""

    proof_max_bytes: int = 4
    name: str = "riddle"
    is_guessable: bool = True

    def parse_result(self, result: object) -> bytes | None:
        return bytes([result]) if isinstance(result, int) and 0 <= result < 256 else None

    def show_result(self, proof: bytes) -> int | str:
        return proof[0]

    def quote(self, units: int) -> Params:
        return {"rounds": units}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        return {**quoted, "hint": f"{seed[0] // 16:x}", "until": expires_ms}

    def check_params(self, params: Params) -> None:
        if set(params) != {"rounds", "hint", "until"}:
            raise PeerError(ErrorCode.MALFORMED)

    def expected_tries(self, params: Params) -> int:
        self.check_params(params)
        return 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        del challenge
        return None if len(proof) == 1 else Rejected(ErrorCode.WORK_REJECTED, {"fault": "form"})

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        if not evidence.answers:
            return Pending(("open", challenge.id))
        if evidence.answers != (True,) or evidence.proof != evidence.seed[:1]:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "answer"})
        return Accepted()

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> RiddleSolver:
        self.check_params(challenge.params)
        return RiddleSolver(challenge, mark, answers)


@dataclass(frozen=True, slots=True)
class RiddleSolver:
    """Asks first, then has the answer."""

    challenge: Challenge
    mark: bytes
    answers: tuple[object, ...]

    def step(self, tries: int) -> Solution | Progress | Pending:
        del tries
        match self.answers:
            case ():
                return Pending(("what begins with", self.challenge.params["hint"]))
            case (int(answer),):
                return Solution(bytes([answer]), 1)
            case _:
                return Progress(0, self.mark)
