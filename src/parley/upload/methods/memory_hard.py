"""The work method `pow-memory`: find the counter whose Argon2id key has the prefix that the issuer published.

    params   memory_kib, passes      cost of one key
             nonce, salt             16 bytes each, in hexadecimal
             counter_max             the counter is below it, 1 <= counter_max < 2**32
             prefix                  first 16 bytes of the key, in hexadecimal
             signature               HMAC-SHA-256 of the key under the challenge's seed, in hexadecimal
    key(c)   Argon2id, version 19, 32 bytes, one lane, of the password nonce || c as a uint of 4 bytes, big endian
    good     the key that the signature is of
    proof    the key
    result   the key, 64 lower-case hexadecimal digits

The issuer draws the counter from the seed and computes one key; so one key is the price of *asking*, and whoever
issues must bound how many challenges of this method it makes at a time. In return checking costs one HMAC and no
key, and the client's work has an end: (counter_max + 1) / 2 tries on average and never more than counter_max.
A prefix without the rest of the key proves nothing: 16 bytes of it are nowhere but in the work.

Source: the deterministic mode of ALTCHA 2, in the form of a challenge.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.encoding import encode_text, encode_uint
from parley.primitives.hashing import hmac_sha256, tagged_hash
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, check_units
from parley.protocol.work import Accepted, Evidence, Progress, Solution, Verdict

__all__ = ["KEY_BYTES", "PREFIX_BYTES", "KeyCost", "MemoryHard", "MemoryHardSolver", "derive_key"]

KEY_BYTES: Final = 32
"""Size of a key, and so of a proof."""

PREFIX_BYTES: Final = 16
"""How much of the key is published."""

_NAMES: Final = frozenset({"memory_kib", "passes", "nonce", "salt", "counter_max", "prefix", "signature"})
_COUNTER_BYTES: Final = 4
_COUNTERS: Final = 2**32
_MEMORY_MIN_KIB: Final = 8
_HALF: Final = re.compile(r"[0-9a-f]{32}")
_WHOLE: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURE_DOMAIN: Final = encode_text("parley/upload/pow-memory/signature", length_bytes=1)


@dataclass(frozen=True, slots=True)
class KeyCost:
    """What one key costs, and what makes keys differ.

    Attributes:
        memory_kib: 8 or more.
        passes: over that memory, 1 or more.
        nonce: 16 bytes.
        salt: 16 bytes.
    """

    memory_kib: int
    passes: int
    nonce: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class MemoryHard:
    """Argon2id with a counter to find.

    Attributes:
        memory_kib: of one key, 8 or more.
        passes: of one key, 1 or more.
        tries_per_unit: how many keys one unit of work costs on average, 1 or more.
        tries_min: how many keys the cheapest challenge costs on average, 1 or more: what makes asking for a
            challenge dearer than issuing it.
        kib_passes_max: the most memory times passes of one key that this side computes when it solves, and
            at least what it asks for.
    """

    memory_kib: int = 8_192
    passes: int = 1
    tries_per_unit: int = 1
    tries_min: int = 16
    kib_passes_max: int = 65_536

    def __post_init__(self) -> None:
        """Refuse costs out of range."""
        if self.memory_kib < _MEMORY_MIN_KIB or self.passes < 1 or self.tries_per_unit < 1:
            raise LocalError(
                ErrorCode.INVALID_ARGUMENT,
                memory_kib=self.memory_kib,
                passes=self.passes,
                tries_per_unit=self.tries_per_unit,
            )
        if self.kib_passes_max < self.memory_kib * self.passes or not 1 <= self.tries_min < _COUNTERS // 2:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, kib_passes_max=self.kib_passes_max, tries_min=self.tries_min)

    @property
    def name(self) -> str:
        """Return "pow-memory"."""
        return "pow-memory"

    @property
    def proof_max_bytes(self) -> int:
        """Return the size of a key."""
        return KEY_BYTES

    @property
    def is_guessable(self) -> bool:
        """Return False: half of the key is 128 bits that are nowhere but in the work."""
        return False

    def parse_result(self, result: object) -> bytes | None:
        """Read a key in hexadecimal.

        Source: vectors/work/results.json.
        """
        if isinstance(result, str) and _WHOLE.fullmatch(result):
            return bytes.fromhex(result)
        return None

    def show_result(self, proof: bytes) -> int | str:
        """Return the key in hexadecimal.

        Raises:
            LocalError: no key.

        Source: vectors/work/results.json.
        """
        if len(proof) != KEY_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        return proof.hex()

    def quote(self, units: int) -> Params:
        """Return the range of the counter that a price costs; from 2**31 tries on it grows no more.

        Raises:
            LocalError: less than one unit.
        """
        check_units(units)
        tries = max(units * self.tries_per_unit, self.tries_min)
        return {
            "memory_kib": self.memory_kib,
            "passes": self.passes,
            "counter_max": min(2 * tries - 1, _COUNTERS - 1),
        }

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Draw a counter and publish half of its key, which costs one key.

        Source: vectors/work/memory.json.
        """
        del expires_ms
        drawn = tagged_hash("parley/upload/pow-memory/nonce", seed)
        cost = KeyCost(int(quoted["memory_kib"]), int(quoted["passes"]), drawn[:16], drawn[16:])
        # 256 bits make the bias of the remainder vanish.
        counter = int.from_bytes(tagged_hash("parley/upload/pow-memory/counter", seed), "big")
        key = derive_key(cost, counter % int(quoted["counter_max"]))
        return {
            **quoted,
            "nonce": cost.nonce.hex(),
            "salt": cost.salt.hex(),
            "prefix": key[:PREFIX_BYTES].hex(),
            "signature": _sign(key, seed).hex(),
        }

    def check_params(self, params: Params) -> None:
        """Check the form of the params, and that this side is willing to compute one such key.

        Raises:
            PeerError: MALFORMED; TOO_EXPENSIVE: one key costs more than `kib_passes_max`.
        """
        cost = _read_cost(params)
        if cost.memory_kib * cost.passes > self.kib_passes_max:
            raise PeerError(
                ErrorCode.TOO_EXPENSIVE, kib_passes=cost.memory_kib * cost.passes, maximum=self.kib_passes_max
            )

    def expected_tries(self, params: Params) -> int:
        """Return how many keys have to be computed on average, to within one.

        Raises:
            PeerError: as `check_params`.
        """
        self.check_params(params)
        return (int(params["counter_max"]) + 1) // 2

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse what has another size or another prefix."""
        if len(proof) != KEY_BYTES:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "proof", "wanted_bytes": KEY_BYTES})
        if proof[:PREFIX_BYTES].hex() != challenge.params.get("prefix"):
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "prefix"})
        return None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Judge a key by one HMAC, without computing it.

        The size and the prefix are judged here too: who calls this without `screen` must not be fooled.
        """
        refusal = self.screen(challenge, evidence.proof)
        if refusal is not None:
            return refusal
        signature = str(challenge.params.get("signature"))
        if hmac.compare_digest(_sign(evidence.proof, evidence.seed).hex().encode(), signature.encode()):
            return Accepted()
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "key"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> MemoryHardSolver:
        """Begin at the counter that the mark names, 4 bytes big endian; at zero without one.

        Raises:
            PeerError: as `check_params`.
            LocalError: a mark of another size.
        """
        del answers
        self.check_params(challenge.params)
        if mark and len(mark) != _COUNTER_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, mark_bytes=len(mark))
        return MemoryHardSolver(challenge.params, int.from_bytes(mark, "big"))


class MemoryHardSolver:
    """A search for the counter, a slice at a time."""

    __slots__ = ("_cost", "_counter", "_counter_max", "_prefix", "_solution", "_tries")

    def __init__(self, params: Params, counter: int) -> None:
        """Prepare the search.

        Args:
            params: that `MemoryHard.check_params` let pass.
            counter: the first to try, 0 <= counter < 2**32.
        """
        self._cost = _read_cost(params)
        self._counter_max = int(params["counter_max"])
        self._prefix = bytes.fromhex(str(params["prefix"]))
        self._counter = counter
        self._tries = 0
        self._solution: Solution | None = None

    def step(self, tries: int) -> Solution | Progress:
        """Try at most `tries` counters more, 1 or more.

        Raises:
            LocalError: fewer than one try.
            PeerError: PROTOCOL_VIOLATION: no counter below `counter_max` has such a key; the issuer lied.
        """
        if tries < 1:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, tries=tries)
        if self._solution is not None:
            return self._solution
        if self._counter >= self._counter_max:
            raise PeerError(ErrorCode.PROTOCOL_VIOLATION, method="pow-memory", counter_max=self._counter_max)
        for counter in range(self._counter, min(self._counter + tries, self._counter_max)):
            key = derive_key(self._cost, counter)
            self._tries += 1
            self._counter = counter + 1
            if key.startswith(self._prefix):
                self._solution = Solution(key, self._tries)
                return self._solution
        return Progress(self._tries, encode_uint(self._counter, _COUNTER_BYTES))


def derive_key(cost: KeyCost, counter: int) -> bytes:
    """Compute one key.

    Args:
        cost: of the key; a few milliseconds and 8 MiB by default.
        counter: 0 <= counter < 2**32.

    Returns:
        32 bytes.

    Source: RFC 9106, Argon2id (vectors/work/memory.json).
    """
    return hash_secret_raw(
        secret=cost.nonce + encode_uint(counter, _COUNTER_BYTES),
        salt=cost.salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=1,
        hash_len=KEY_BYTES,
        type=Type.ID,
        version=ARGON2_VERSION,
    )


def _sign(key: bytes, seed: bytes) -> bytes:
    return hmac_sha256(seed, _SIGNATURE_DOMAIN, key)


def _read_cost(params: Params) -> KeyCost:
    """Check all params, and return those of one key.

    Raises:
        PeerError: MALFORMED.
    """
    match dict(params):
        case {
            "memory_kib": int(memory_kib),
            "passes": int(passes),
            "nonce": str(nonce),
            "salt": str(salt),
            "counter_max": int(counter_max),
            "prefix": str(prefix),
            "signature": str(signature),
        } if set(params) == _NAMES:
            numbers = memory_kib >= _MEMORY_MIN_KIB and passes >= 1 and 1 <= counter_max < _COUNTERS
            halves = all(_HALF.fullmatch(text) for text in (nonce, salt, prefix))
            if numbers and halves and _WHOLE.fullmatch(signature):
                return KeyCost(memory_kib, passes, bytes.fromhex(nonce), bytes.fromhex(salt))
    raise PeerError(ErrorCode.MALFORMED, method="pow-memory", field="params")
