"""The work method `math`: a sum for a low price, a chain of modular square roots for a higher one.

    sum      params {"data": "12 + 15 - 5 = ?"}          proof: the answer, decimal ASCII text
             result: the answer, as a JSON integer or in decimal digits
    roots    params {"puzzle": "roots", "steps": n, "start": hex, "modulus": hex}, 256 hexadecimal digits each
             proof: the end of the chain, 128 bytes, big endian          result: 256 hexadecimal digits

A sum stops nobody who can write a program; it is the smallest example of a question, and a brake on people who
have none. The chain is the serious form: its steps cannot be done at the same time, so it costs time, and a rich
sender's thousand processors help him with a thousand chains but with none of them. See `methods.roots`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, check_units
from parley.protocol.work import Accepted, Evidence, Progress, Solution, Solver, Verdict
from parley.upload.methods.roots import MODULUS, MODULUS_BYTES, follow_back, follow_forward

__all__ = ["STEPS_MAX", "Arithmetic", "Chain", "RootsSolver", "SumSolver"]

STEPS_MAX: Final = 65_536
"""The longest chain: minutes to follow, a quarter of a second to check."""

_STEP_BYTES: Final = 4
_ANSWERS: Final = 10_000
_SUM: Final = re.compile(r"([0-9]{1,3}) ([+-]) ([0-9]{1,3}) ([+-]) ([0-9]{1,3}) = \?")
_ANSWER: Final = re.compile(r"0|-?[1-9][0-9]{0,3}")
_LINK: Final = re.compile(r"[0-9a-f]{256}")
_MODULUS_TEXT: Final = f"{MODULUS:0256x}"


@dataclass(frozen=True, slots=True)
class Chain:
    """What the chain of roots asks for.

    Attributes:
        start: the first link, 0 <= start < MODULUS.
        steps: how many roots to take, 1 <= steps <= STEPS_MAX.
    """

    start: int
    steps: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum, or a chain of roots.

    Attributes:
        roots_from_units: the lowest price for which a chain is asked, 1 or more; 1 asks for no sums.
        steps_per_unit: how many roots one unit of work costs, 1 or more. One root is a few milliseconds.
    """

    roots_from_units: int = 32
    steps_per_unit: int = 1

    def __post_init__(self) -> None:
        """Refuse prices out of range."""
        if self.roots_from_units < 1 or self.steps_per_unit < 1:
            raise LocalError(
                ErrorCode.INVALID_ARGUMENT,
                roots_from_units=self.roots_from_units,
                steps_per_unit=self.steps_per_unit,
            )

    @property
    def name(self) -> str:
        """Return "math"."""
        return "math"

    @property
    def proof_max_bytes(self) -> int:
        """Return the size of a link."""
        return MODULUS_BYTES

    @property
    def is_guessable(self) -> bool:
        """Return True: a sum has some two hundred answers."""
        return True

    def parse_result(self, result: object) -> bytes | None:
        """Read an answer, as an integer or in decimal digits, or the end of a chain in hexadecimal.

        Source: vectors/work/results.json.
        """
        match result:
            case bool():
                return None
            case int() if -_ANSWERS < result < _ANSWERS:
                return str(result).encode()
            case str() if _ANSWER.fullmatch(result):
                return result.encode()
            case str() if _LINK.fullmatch(result):
                return bytes.fromhex(result)
            case _:
                return None

    def show_result(self, proof: bytes) -> int | str:
        """Return the answer as an integer, or the end of a chain in hexadecimal.

        Raises:
            LocalError: neither of them.

        Source: vectors/work/results.json.
        """
        if len(proof) == MODULUS_BYTES:
            return proof.hex()
        answer = _read_answer(proof)
        if answer is None:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        return answer

    def quote(self, units: int) -> Params:
        """Return which form a price costs, and how long a chain; above `STEPS_MAX` steps it grows no more.

        Raises:
            LocalError: less than one unit.
        """
        check_units(units)
        if units < self.roots_from_units:
            return {}
        return {"puzzle": "roots", "steps": min(units * self.steps_per_unit, STEPS_MAX)}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Draw the numbers of the sum, or the start of the chain.

        Source: vectors/work/math.json.
        """
        del expires_ms
        if "puzzle" not in quoted:
            return {"data": _draw_sum(seed)}
        return {**quoted, "start": f"{_draw_link(seed):0256x}", "modulus": _MODULUS_TEXT}

    def check_params(self, params: Params) -> None:
        """Check the form of the params; no other modulus is accepted, for it might have no roots.

        Raises:
            PeerError: MALFORMED.
        """
        _read_params(params)

    def expected_tries(self, params: Params) -> int:
        """Return the steps of a chain, 0 for a sum.

        Raises:
            PeerError: MALFORMED.
        """
        asked = _read_params(params)
        return asked.steps if isinstance(asked, Chain) else 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse a proof of the other form, or one that is no number of the field."""
        if "puzzle" in challenge.params:
            is_form = len(proof) == MODULUS_BYTES and int.from_bytes(proof, "big") < MODULUS
        else:
            is_form = _read_answer(proof) is not None
        return None if is_form else Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Judge an answer by adding up, the end of a chain by following it back.

        A chain costs some microseconds a step; the caller bounds how many are followed at a time.

        Raises:
            PeerError: MALFORMED: the params are none of ours, which the mac rules out.
        """
        refusal = self.screen(challenge, evidence.proof)
        if refusal is not None:
            return refusal
        asked = _read_params(challenge.params)
        if isinstance(asked, Chain):
            is_good = follow_back(int.from_bytes(evidence.proof, "big"), asked.steps) == asked.start
        else:
            is_good = _read_answer(evidence.proof) == asked
        return Accepted() if is_good else Rejected(ErrorCode.WORK_REJECTED, {"fault": "answer"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> Solver:
        """Begin, or resume a chain at the mark: steps made, 4 bytes, and the link reached, 128 bytes.

        Raises:
            PeerError: MALFORMED.
            LocalError: the mark is none of this chain.
        """
        del answers
        asked = _read_params(challenge.params)
        if not isinstance(asked, Chain):
            return SumSolver(asked)
        if not mark:
            return RootsSolver(asked, 0, asked.start)
        made, link = int.from_bytes(mark[:_STEP_BYTES], "big"), int.from_bytes(mark[_STEP_BYTES:], "big")
        if len(mark) != _STEP_BYTES + MODULUS_BYTES or made > asked.steps or link >= MODULUS:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, mark_bytes=len(mark))
        return RootsSolver(asked, made, link)


@dataclass(frozen=True, slots=True)
class SumSolver:
    """Knows the answer at once.

    Attributes:
        answer: to the sum.
    """

    answer: int

    def step(self, tries: int) -> Solution:
        """Return the answer."""
        del tries
        return Solution(str(self.answer).encode(), 0)


class RootsSolver:
    """A chain under way, a slice at a time."""

    __slots__ = ("_chain", "_link", "_made", "_tries")

    def __init__(self, chain: Chain, made: int, link: int) -> None:
        """Go on.

        Args:
            chain: to follow.
            made: steps already made, 0 <= made <= chain.steps.
            link: reached by them.
        """
        self._chain = chain
        self._made = made
        self._link = link
        self._tries = 0

    def step(self, tries: int) -> Solution | Progress:
        """Make at most `tries` steps more, 1 or more.

        Raises:
            LocalError: fewer than one.
        """
        if tries < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tries=tries)
        length = min(tries, self._chain.steps - self._made)
        self._link = follow_forward(self._link, length)
        self._made += length
        self._tries += length
        link = encode_uint(self._link, MODULUS_BYTES)
        if self._made == self._chain.steps:
            return Solution(link, self._tries)
        return Progress(self._tries, encode_uint(self._made, _STEP_BYTES) + link)


def _read_params(params: Params) -> Chain | int:
    """Return the chain, or the answer to the sum.

    Raises:
        PeerError: MALFORMED.
    """
    match dict(params):
        case {"data": str(data), **rest} if not rest and (found := _SUM.fullmatch(data)):
            first, sign2, second, sign3, third = found.groups()
            return int(first) + int(sign2 + second) + int(sign3 + third)
        case {"puzzle": "roots", "steps": int(steps), "start": str(start), "modulus": str(modulus), **rest} if (
            not rest and 1 <= steps <= STEPS_MAX and _LINK.fullmatch(start)
        ):
            if modulus == _MODULUS_TEXT and int(start, 16) < MODULUS:
                return Chain(int(start, 16), steps)
    raise PeerError(ErrorCode.MALFORMED, method="math", field="params")


def _read_answer(proof: bytes) -> int | None:
    text = proof.decode("ascii", "replace")
    return int(text) if _ANSWER.fullmatch(text) else None


def _draw_sum(seed: bytes) -> str:
    """Return a sum whose answer is not negative: 10..99 + 10..99 + or - 1..20."""
    drawn = tagged_hash("parley/upload/math/sum", seed)
    first, second = (10 + int.from_bytes(part, "big") % 90 for part in (drawn[0:8], drawn[8:16]))
    third = 1 + int.from_bytes(drawn[16:24], "big") % 20
    return f"{first} + {second} {'-' if drawn[24] % 2 else '+'} {third} = ?"


def _draw_link(seed: bytes) -> int:
    """Return the start of a chain: 1280 bits, so that the bias of the remainder vanishes."""
    parts = (tagged_hash("parley/upload/math/start", seed, encode_uint(index, 1)) for index in range(5))
    return int.from_bytes(b"".join(parts), "big") % MODULUS
