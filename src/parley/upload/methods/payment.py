"""The work method `payment`: money instead of work, in a form that this module need not understand.

    params   {"amount_wei": what is asked for, as decimal text}
    proof    what pays, 1 to 16384 bytes; result: the same as base64 with padding
    good     whoever takes money here says that it was paid, for this challenge

What the bytes are is between the two drivers: nodes of Parley send lottery tickets (docs/spec/lottery.md §7). The check
asks `IsPaid`, and its answer is a bool; the solver asks `PayAmount`, and the answer is what pays.

**Once.** Taking money is an act, and a check may run again. So whoever answers `IsPaid` remembers the challenge that
was paid, and says True for it again without taking anything. What pays is not tied to the challenge: whoever has seen
it could present it for a challenge of his own, first. So it goes to the node alone, where nobody reads along.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, check_units
from parley.protocol.work import Accepted, Evidence, Pending, Solution, Verdict

__all__ = ["IsPaid", "PayAmount", "Payment", "PaymentSolver"]

_PROOF_MAX_BYTES: Final = 16_384
_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,37}", re.ASCII)
_WEI_MAX: Final = 10**24
"""Per unit; more than any unit of work is worth."""


@dataclass(frozen=True, slots=True)
class IsPaid:
    """Ask the issuer's driver to take what pays, once for a challenge; the answer is a bool.

    Attributes:
        challenge_id: that is paid for.
        amount_wei: what is asked for.
        payment: what was presented.
    """

    challenge_id: ChallengeId
    amount_wei: int
    payment: bytes


@dataclass(frozen=True, slots=True)
class PayAmount:
    """Ask the client's driver to pay the issuer; the answer is what pays, in bytes.

    Attributes:
        amount_wei: what is asked for.
    """

    amount_wei: int


@dataclass(frozen=True, slots=True)
class Payment:
    """Money instead of work.

    Attributes:
        wei_per_unit: what one unit of work costs, 1 or more.
    """

    wei_per_unit: int = 1_000_000_000

    def __post_init__(self) -> None:
        """Refuse a price that is none."""
        if not 1 <= self.wei_per_unit <= _WEI_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, wei_per_unit=self.wei_per_unit, maximum=_WEI_MAX)

    @property
    def name(self) -> str:
        """Return "payment"."""
        return "payment"

    @property
    def proof_max_bytes(self) -> int:
        """Return what a payment of some two hundred tickets takes."""
        return _PROOF_MAX_BYTES

    @property
    def is_guessable(self) -> bool:
        """Return False: nobody guesses a signature."""
        return False

    def parse_result(self, result: object) -> bytes | None:
        """Read base64 of the one form that `show_result` gives.

        Source: vectors/work/results.json.
        """
        if not isinstance(result, str) or not 0 < len(result) <= -(-_PROOF_MAX_BYTES // 3) * 4:
            return None
        try:
            proof = b64decode(result, validate=True)
        except (binascii.Error, ValueError):
            return None
        is_same = b64encode(proof).decode() == result
        return proof if is_same and 0 < len(proof) <= _PROOF_MAX_BYTES else None

    def show_result(self, proof: bytes) -> int | str:
        """Return base64 with padding.

        Raises:
            LocalError: empty, or too long.

        Source: vectors/work/results.json.
        """
        if not 0 < len(proof) <= _PROOF_MAX_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        return b64encode(proof).decode()

    def quote(self, units: int) -> Params:
        """Return what a price costs.

        Raises:
            LocalError: less than one unit.
        """
        check_units(units)
        return {"amount_wei": str(units * self.wei_per_unit)}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Return the quote: challenges differ by their id."""
        del seed, expires_ms
        return quoted

    def check_params(self, params: Params) -> None:
        """Check the form of the params.

        Raises:
            PeerError: MALFORMED.
        """
        _read_amount(params)

    def expected_tries(self, params: Params) -> int:
        """Return 0.

        Raises:
            PeerError: MALFORMED.
        """
        self.check_params(params)
        return 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse what is empty or too long."""
        del challenge
        if 0 < len(proof) <= _PROOF_MAX_BYTES:
            return None
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Ask whether it is paid, then believe the answer.

        Raises:
            PeerError: MALFORMED: the params are none of ours, which the mac rules out.
        """
        refusal = self.screen(challenge, evidence.proof)
        if refusal is not None:
            return refusal
        amount_wei = _read_amount(challenge.params)
        if not evidence.answers:
            return Pending(IsPaid(challenge.id, amount_wei, evidence.proof))
        if evidence.answers[-1] is True:
            return Accepted()
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "not paid"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> PaymentSolver:
        """Ask `PayAmount`, then present the answer.

        Raises:
            PeerError: MALFORMED.
        """
        del mark
        given = answers[-1] if answers else None
        is_payment = isinstance(given, bytes) and 0 < len(given) <= _PROOF_MAX_BYTES
        return PaymentSolver(_read_amount(challenge.params), given if is_payment and isinstance(given, bytes) else None)


@dataclass(frozen=True, slots=True)
class PaymentSolver:
    """Asks until there is something that pays.

    Attributes:
        amount_wei: what is asked for.
        proof: what pays, None where nothing does.
    """

    amount_wei: int
    proof: bytes | None

    def step(self, tries: int) -> Solution | Pending:
        """Return what pays, or ask for it."""
        del tries
        return Pending(PayAmount(self.amount_wei)) if self.proof is None else Solution(self.proof, 0)


def _read_amount(params: Params) -> int:
    match dict(params):
        case {"amount_wei": str(amount), **rest} if not rest and _AMOUNT.fullmatch(amount):
            return int(amount)
        case _:
            raise PeerError(ErrorCode.MALFORMED, method="payment", field="params")
