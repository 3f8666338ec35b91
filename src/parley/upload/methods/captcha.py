"""The work method `captcha`: write down the characters of a picture or of a recording.

    params   {"length": n}, how many characters, 1 <= n <= 16
    text     n of the 16 characters of `ALPHABET`, drawn from the challenge's seed
    proof    the text, in upper case; result: the text, in either case, blanks do not count

The picture and the recording are drawn again from the seed whenever somebody asks for them, by an adapter: here is
only the text. No hash of it is among the params: there are few enough texts to hash them all. The text is the
issuer's, so the client sees what it has to read at an address beside the challenge (`challenge_seed`).

A picture shuts out who cannot see, a recording who cannot hear, and programs read both: an issuer always offers
another kind of work beside it (`parley.upload.policy`).
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, check_units
from parley.protocol.work import Accepted, Evidence, Pending, Solution, Verdict

__all__ = ["ALPHABET", "LENGTH_MAX", "Captcha", "CaptchaSolver", "ReadCaptcha", "captcha_text"]

ALPHABET: Final = "2346789FHJKLMRWY"
"""Sixteen characters of which no two look alike."""

LENGTH_MIN: Final = 4
"""The shortest text that is asked for: one guess in 65,536."""

LENGTH_MAX: Final = 16
"""The longest text."""

_TEXT: Final = re.compile(r"[0-9A-Z]{1,16}")


@dataclass(frozen=True, slots=True)
class ReadCaptcha:
    """Ask a person what the picture shows or the recording says; the answer is text.

    Attributes:
        challenge_id: of the challenge that the picture belongs to.
        length: how many characters it has.
    """

    challenge_id: ChallengeId
    length: int


@dataclass(frozen=True, slots=True)
class Captcha:
    """Characters for a person to read or to hear.

    Attributes:
        length: how many characters, 4 <= length <= 16; each makes guessing 16 times harder.
    """

    length: int = 6

    def __post_init__(self) -> None:
        """Refuse a text that is guessed or forgotten too easily."""
        if not LENGTH_MIN <= self.length <= LENGTH_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, length=self.length)

    @property
    def name(self) -> str:
        """Return "captcha"."""
        return "captcha"

    @property
    def proof_max_bytes(self) -> int:
        """Return the size of the longest text."""
        return LENGTH_MAX

    @property
    def is_guessable(self) -> bool:
        """Return True: a program that is right once in a hundred times would win by trying."""
        return True

    def parse_result(self, result: object) -> bytes | None:
        """Read a text as people write it.

        Source: vectors/work/results.json.
        """
        if isinstance(result, bool) or not isinstance(result, str | int):
            return None
        if isinstance(result, int):
            # A text of digits alone: a client may have taken it for a number.
            return str(result).encode() if 0 <= result < 10**LENGTH_MAX else None
        if len(result) > 2 * LENGTH_MAX or not result.isascii():
            return None
        text = "".join(result.split()).upper()
        return text.encode() if _TEXT.fullmatch(text) else None

    def show_result(self, proof: bytes) -> int | str:
        """Return the text.

        Raises:
            LocalError: no text of such characters.

        Source: vectors/work/results.json.
        """
        text = proof.decode("ascii", "replace")
        if not _TEXT.fullmatch(text):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        return text

    def quote(self, units: int) -> Params:
        """Return the length, the same for any price: people do not get faster when load rises.

        Raises:
            LocalError: less than one unit.
        """
        check_units(units)
        return {"length": self.length}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Return the quote: the text follows from the seed."""
        del seed, expires_ms
        return quoted

    def check_params(self, params: Params) -> None:
        """Check the form of the params.

        Raises:
            PeerError: MALFORMED.
        """
        _read_length(params)

    def expected_tries(self, params: Params) -> int:
        """Return 0: a person works here.

        Raises:
            PeerError: MALFORMED.
        """
        self.check_params(params)
        return 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse a text of another length."""
        if len(proof) != challenge.params.get("length"):
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof"})
        return None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Compare with the text that the seed gives.

        Raises:
            PeerError: MALFORMED: the params are none of ours, which the mac rules out.
        """
        wanted = captcha_text(challenge.params, evidence.seed)
        if hmac.compare_digest(evidence.proof, wanted.encode()):
            return Accepted()
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "answer"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> CaptchaSolver:
        """Ask `ReadCaptcha`, then present the answer.

        Raises:
            PeerError: MALFORMED.
        """
        del mark
        length = _read_length(challenge.params)
        proof = self.parse_result(answers[-1]) if answers else None
        return CaptchaSolver(ReadCaptcha(challenge.id, length), proof)


@dataclass(frozen=True, slots=True)
class CaptchaSolver:
    """Asks until there is something to present.

    Attributes:
        question: for a person.
        proof: of the last answer, None where there is none of the right form.
    """

    question: ReadCaptcha
    proof: bytes | None

    def step(self, tries: int) -> Solution | Pending:
        """Return the text that was read, or ask."""
        del tries
        return Pending(self.question) if self.proof is None else Solution(self.proof, 0)


def captcha_text(params: Params, seed: bytes) -> str:
    """Return what the picture of a challenge shows and the recording of it says.

    Args:
        params: of the challenge.
        seed: of the challenge, `parley.protocol.work.challenge_seed`.

    Raises:
        PeerError: MALFORMED: the params.

    Source: vectors/work/captcha.json.
    """
    drawn = tagged_hash("parley/upload/captcha/text", seed)
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in drawn[: _read_length(params)])


def _read_length(params: Params) -> int:
    match dict(params):
        case {"length": int(length), **rest} if not rest and 1 <= length <= LENGTH_MAX:
            return length
        case _:
            raise PeerError(ErrorCode.MALFORMED, method="captcha", field="params")
