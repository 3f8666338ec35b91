"""The work method `pow`: find a counter whose hash lies below a target, in one of two forms.

    linear  params {"tries": t}, 1 <= t < 2**53: target = 2**256 // t, so t tries on average
                or {"target": 64 lower-case hex digits}, 1 <= target < 2**256
            good   SHA-256(prefix || counter) < target, the counter as a uint of 8 bytes
            prefix 32 bytes: tagged hash of the challenge without its mac, so of id, params, binding, expiry
    bits    params {"bits": b, "data": text}, 0 <= b <= 256, text of 1 to 1024 visible ASCII characters
            good   SHA-256(SHA-256(text || counter)) < 2**(256 - b), the counter in lower-case hexadecimal
    proof   counter, uint of 8 bytes, big endian; zero is a counter like any other
    result  counter, as a JSON integer or in decimal digits; text is sent from 2**53 on

Digests are read as integers, big endian. The form of bits is what BitMaelum's programs compute. It ties the work
to nothing but the text, so the issuer draws the text from the challenge's seed: another challenge has another
text. Their programs take counter zero for "not solved yet", so no text is drawn that zero solves.

The number of tries is geometric: one in e challenges takes more than the expected tries, one in 20 takes
three times as many. Verifying is one or two hashes. A sender with faster hardware pays less for the same: the
price keeps a flood from being free; it does not keep a rich sender out.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.encoding import encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.instants import Instant
from parley.primitives.sha256_search import COUNTERS, ENGINE, HASHLIB, Engine, HexSearch, LinearSearch, Search
from parley.protocol.challenges import Challenge, Params, encode_body
from parley.protocol.work import Accepted, Evidence, Progress, Solution, Verdict

__all__ = ["COUNTER_BYTES", "ProofOfWork", "ProofOfWorkSolver", "prefix"]

COUNTER_BYTES: Final = 8
"""Size of a proof."""

_DIGESTS: Final = 2**256
_BITS_MAX: Final = 256
_TRIES_MAX: Final = 2**53 - 1
_EXACT_IN_JSON: Final = 2**53
_TARGET: Final = re.compile(r"[0-9a-f]{64}")
_DATA: Final = re.compile(r"[!-~]{1,1024}")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class ProofOfWork:
    """SHA-256 below a target.

    Attributes:
        tries_per_unit: how many tries one unit of work costs, 1 <= tries_per_unit < 2**53. The default is
            a few milliseconds of hashlib.
        form: of the challenges that are issued; "bits" rounds the price up to a power of two, 2 or more.
            Challenges of either form are solved and verified.
    """

    tries_per_unit: int = 4_096
    form: Literal["linear", "bits"] = "linear"

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

    @property
    def is_guessable(self) -> bool:
        """Return False: guessing is the work."""
        return False

    def parse_result(self, result: object) -> bytes | None:
        """Read a counter, as an integer or in decimal digits.

        Source: vectors/work/results.json.
        """
        match result:
            case bool():
                return None
            case int() if 0 <= result < COUNTERS:
                return encode_uint(result, COUNTER_BYTES)
            case str() if _DECIMAL.fullmatch(result) and int(result) < COUNTERS:
                return encode_uint(int(result), COUNTER_BYTES)
            case _:
                return None

    def show_result(self, proof: bytes) -> int | str:
        """Return the counter, from 2**53 on as text, because many readers of JSON round integers there.

        Raises:
            LocalError: no counter.

        Source: vectors/work/results.json.
        """
        if len(proof) != COUNTER_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        counter = int.from_bytes(proof, "big")
        return counter if counter < _EXACT_IN_JSON else str(counter)

    def quote(self, units: int) -> Params:
        """Return the expected tries that a price costs, or their binary logarithm.

        Raises:
            LocalError: 2**53 tries or more.
        """
        tries = units * self.tries_per_unit
        if not 1 <= tries <= _TRIES_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, units=units, tries_per_unit=self.tries_per_unit)
        if self.form == "linear":
            return {"tries": tries}
        # With no bits at all counter zero would solve, which BitMaelum's programs cannot send.
        return {"bits": max(1, (tries - 1).bit_length())}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Return the quote, in the form of bits with a text: otherwise the prefix makes challenges differ.

        Source: vectors/work/bitmaelum_issued.json.
        """
        del expires_ms
        match dict(quoted):
            case {"bits": int(bits)}:
                return {"bits": bits, "data": _draw_data(seed, bits)}
            case _:
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
        """Judge a counter by one or two hashes.

        Raises:
            PeerError: MALFORMED: the params are none of ours, which the mac rules out.
        """
        if _search_of(challenge).is_good(int.from_bytes(evidence.proof, "big")):
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
        return ProofOfWorkSolver(_search_of(challenge), int.from_bytes(mark, "big"))

    def search(self, challenge: Challenge) -> Search:
        """Return what has to be searched, so that a solver can do it on many cores.

        Raises:
            PeerError: MALFORMED: the params.

        Source: vectors/work/pow.json, vectors/work/bitmaelum.json.
        """
        return _search_of(challenge)


class ProofOfWorkSolver:
    """A search for a counter, a slice at a time."""

    __slots__ = ("_counter", "_engine", "_search", "_solution", "_tries")

    def __init__(self, search: Search, counter: int, engine: Engine = ENGINE) -> None:
        """Prepare the search.

        Args:
            search: what to look for.
            counter: the first to try, 0 <= counter < 2**64.
            engine: what to search with; one that errs is left for hashlib.
        """
        self._search = search
        self._engine = engine
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
        first = self._counter
        length = min(tries, COUNTERS - first)
        found = self._find(first, length)
        if found is not None:
            self._tries += found - first + 1
            self._solution = Solution(encode_uint(found, COUNTER_BYTES), self._tries)
            return self._solution
        self._tries += length
        self._counter = (first + length) % COUNTERS
        return Progress(self._tries, encode_uint(self._counter, COUNTER_BYTES))

    def _find(self, first: int, length: int) -> int | None:
        try:
            return self._engine.find(self._search, first, length)
        except LocalError as error:
            if error.code is not ErrorCode.WRONG_STATE:
                raise
            self._engine = HASHLIB
            return self._engine.find(self._search, first, length)


def prefix(challenge: Challenge) -> bytes:
    """Return the 32 bytes in front of the counter, in the linear form.

    Source: vectors/work/pow.json.
    """
    return tagged_hash("parley/work/pow", encode_body(challenge))


def _search_of(challenge: Challenge) -> Search:
    data = challenge.params.get("data")
    if isinstance(data, str):
        target = _target(challenge.params)
        return HexSearch(data.encode(), target)
    return LinearSearch(prefix(challenge), _target(challenge.params))


def _target(params: Params) -> int:
    """Return what the hash must be below, 1 <= target <= 2**256.

    Raises:
        PeerError: MALFORMED.
    """
    match tuple(params.items()):
        case (("tries", int(tries)),) if 1 <= tries <= _TRIES_MAX:
            return _DIGESTS // tries
        case (("target", str(text)),) if _TARGET.fullmatch(text) and int(text, 16):
            return int(text, 16)
        case (("bits", int(bits)), ("data", str(data))) | (("data", str(data)), ("bits", int(bits))):
            if 0 <= bits <= _BITS_MAX and _DATA.fullmatch(data):
                return 1 << (_BITS_MAX - bits)
    raise PeerError(ErrorCode.MALFORMED, method="pow", field="params")


def _draw_data(seed: bytes, bits: int) -> str:
    """Return base64 text of 32 bytes that counter zero does not solve; for one bit or more."""
    target = 1 << (_BITS_MAX - bits)
    drawn = (b64encode(tagged_hash("parley/work/pow/data", seed, encode_uint(index, 4))) for index in count())
    return next(data.decode() for data in drawn if not HexSearch(data, target).is_good(0))
