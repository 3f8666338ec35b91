"""What a permission costs: challenges that any of several kinds of work may answer, through one gate.

    client                                    issuer
      request, wants=(method, ...)  ─────►    nothing is kept
                                    ◄─────    one challenge per method known to both, all with one id
      solves one of them
      the same request, challenge, proof ──►  Registry.check, cheap to expensive
                                              the store claims spend(challenge, owner), in one step
                                    ◄─────    Applied: acts · Replayed: the same answer · Foreign: refused

The issuer must claim the challenge's id *after* the check has accepted and *before* it acts: checking says
that the work is good, and only the claim says that it was not used before. The alternatives of one offer
share their id, so exactly one of them can be spent.

A kind of work joins by an object that fulfils `WorkMethod`: nothing else changes. A method keeps no state.
What it must not tell the client (the answer to a puzzle, the preimage of a commitment) it draws from the
challenge's *seed*, which only the holder of the issuer's secret can derive again. What it cannot judge or
solve by computing (a look at a chain, a key derivation in another process, a person reading a picture) it
asks for by `Pending`: the driver finds the answer and calls again with all the answers so far.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from parley.errors import ErrorCode, LocalError, Rejected
from parley.primitives.encoding import encode_text, encode_uint
from parley.primitives.hashing import hmac_sha256
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import (
    MAC_BYTES,
    Challenge,
    Params,
    binding,
    check_units,
    encode_body,
    encode_challenge,
    is_name,
    parse_challenge,
)
from parley.protocol.claims import Claim

__all__ = [
    "SECRET_MIN_BYTES",
    "SPENT_GRACE_MS",
    "Accepted",
    "Challenge",
    "Evidence",
    "Params",
    "Pending",
    "Progress",
    "Registry",
    "Solution",
    "Solver",
    "Verdict",
    "WorkMethod",
    "binding",
    "challenge_seed",
    "encode_challenge",
    "parse_challenge",
    "spend",
]

SECRET_MIN_BYTES: Final = 32
"""The shortest secret of an issuer, in bytes."""

SPENT_GRACE_MS: Final = 3_600_000
"""How long a spent challenge is remembered after its expiry: what the clocks of two workers may differ by."""

_MAC_DOMAIN: Final = encode_text("parley/work/mac", length_bytes=1)
_SEED_DOMAIN: Final = encode_text("parley/work/seed", length_bytes=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The work is good; whether it was spent before, the claim decides."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The answer to a question is needed first; call again with the answers so far and this one.

    Attributes:
        question: a value that the method's own driver understands.
    """

    question: object


Verdict = Accepted | Rejected | Pending


@dataclass(frozen=True, slots=True)
class Progress:
    """Not solved yet.

    Attributes:
        tries: made since the solver was started.
        mark: where to go on; `start(challenge, mark=...)` resumes there, also in another process.
    """

    tries: int
    mark: bytes


@dataclass(frozen=True, slots=True)
class Solution:
    """Solved.

    Attributes:
        proof: what to present along with the challenge.
        tries: made since the solver was started.
    """

    proof: bytes
    tries: int


class Solver(Protocol):
    """Work under way, a slice at a time: its driver shows progress, cancels by no longer calling, resumes."""

    def step(self, tries: int) -> Solution | Progress | Pending:
        """Make at most `tries` more tries, 1 or more; after a Solution, return it again.

        Raises:
            PeerError: the issuer asked for what has no solution.
        """


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a method may judge a proof by, beside the challenge.

    Attributes:
        proof: what the client presented.
        now: the moment of the judgement.
        seed: 32 bytes, the same that `issue` drew from.
        answers: to the questions asked so far, in their order.
    """

    proof: bytes
    now: Instant
    seed: bytes
    answers: tuple[object, ...] = ()


class WorkMethod(Protocol):
    """One kind of work, as a value without state."""

    @property
    def name(self) -> str:
        """Name the method on the wire; see `parley.protocol.challenges.is_name`."""

    @property
    def proof_max_bytes(self) -> int:
        """Say how large a proof can be, in bytes."""

    @property
    def is_guessable(self) -> bool:
        """Say whether trying answers is cheaper than the work: then a wrong answer must spend the challenge."""

    def parse_result(self, result: object) -> bytes | None:
        """Read the proof out of a result, any JSON value, in `{"<name>": {"result": ...}}`.

        Returns:
            The proof, at most `proof_max_bytes`, or None where no challenge of this method has such a result.
        """

    def show_result(self, proof: bytes) -> int | str:
        """Return the result that a client sends for a proof; `parse_result` reads the same proof out of it.

        Raises:
            LocalError: no solver of this method makes such a proof.
        """

    def quote(self, units: int) -> Params:
        """Return what a price costs by this method; the same for the same price.

        Args:
            units: abstract units of work, 1 or more; twice the units are twice the work.

        Raises:
            LocalError: the price is above what the method can ask for.
        """

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Make the params of one challenge from a quote, drawing what must differ from the seed.

        Args:
            quoted: from `quote`.
            seed: 32 bytes, secret and of this challenge alone.
            expires_ms: of the challenge.
        """

    def check_params(self, params: Params) -> None:
        """Check, for a client, params that an issuer sent.

        Raises:
            PeerError: MALFORMED: a name is missing or unknown, or a value out of range.
        """

    def expected_tries(self, params: Params) -> int:
        """Return how many tries the params cost on average, 0 where the work is not tries.

        Raises:
            PeerError: as `check_params`.
        """

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse at once what a cheap look shows to be no proof."""

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Judge a proof that `screen` let pass, of a challenge that is the issuer's own."""

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> Solver:
        """Begin to solve, or resume.

        Args:
            challenge: to solve.
            mark: from `Progress`, or empty.
            answers: to the questions that the solver asked so far, in their order.

        Raises:
            PeerError: as `check_params`.
        """


@dataclass(frozen=True, slots=True)
class Registry:
    """The kinds of work that one side knows.

    Attributes:
        methods: in the order of preference, names differ; none closes the gate for whom work is asked of.
    """

    methods: tuple[WorkMethod, ...]

    def __post_init__(self) -> None:
        """Refuse names that repeat or cannot travel."""
        names = self.names()
        if len(set(names)) != len(names) or not all(is_name(name) for name in names):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, methods=",".join(names))

    def names(self) -> tuple[str, ...]:
        """Return the names of the methods, in the order of preference."""
        return tuple(method.name for method in self.methods)

    def find(self, name: str) -> WorkMethod | None:
        """Return the method of that name, or None."""
        return next((method for method in self.methods if method.name == name), None)

    def challenge(
        self,
        *,
        wants: Sequence[str],
        units: int,
        binding: bytes,
        id: ChallengeId,  # noqa: A002  # the field's name
        expires_ms: Instant,
        secret: bytes,
    ) -> tuple[Challenge, ...] | Rejected:
        """Ask for work: one challenge per method that both sides know, in the client's order.

        Args:
            wants: names the client can do, best first; empty when it did not say: all, in our order.
            units: the price, 1 or more.
            binding: 32 bytes, see `binding`.
            id: 16 fresh bytes of entropy.
            expires_ms: the first moment at which the challenges are worth nothing.
            secret: the issuer's, at least 32 bytes.

        Returns:
            At least one challenge, or Rejected(METHOD_UNKNOWN).

        Raises:
            LocalError: an argument is out of range.
        """
        _check_secret(secret)
        check_units(units)
        chosen = [method for name in dict.fromkeys(wants or self.names()) if (method := self.find(name))]
        if not chosen:
            return Rejected(ErrorCode.METHOD_UNKNOWN, {"known": ",".join(self.names())})
        offer: list[Challenge] = []
        for method in chosen:
            bare = Challenge(id, method.name, {}, binding, expires_ms, bytes(MAC_BYTES))
            params = method.issue(method.quote(units), seed=challenge_seed(bare, secret), expires_ms=expires_ms)
            unsigned = replace(bare, params=params)
            offer.append(replace(unsigned, mac=_mac(unsigned, secret)))
        return tuple(offer)

    def screen(
        self, challenge: Challenge, proof: bytes, *, binding: bytes, now: Instant, secret: bytes
    ) -> WorkMethod | Rejected:
        """Run the cheap part of `check`: size, mac, expiry, binding, form of the proof.

        A gate whose methods are expensive to verify calls this first and looks whether the id is spent,
        so that a good proof sent a thousand times is not verified a thousand times.

        Returns:
            The method that can verify the rest, or why the proof cannot be good.

        Raises:
            LocalError: the secret is too short.
        """
        _check_secret(secret)
        method = self.find(challenge.method)
        if method is None:
            return Rejected(ErrorCode.METHOD_UNKNOWN, {"known": ",".join(self.names())})
        if len(proof) > method.proof_max_bytes:
            return Rejected(ErrorCode.TOO_LARGE, {"size_bytes": len(proof), "maximum_bytes": method.proof_max_bytes})
        if not hmac.compare_digest(_mac(challenge, secret), challenge.mac):
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "mac"})
        if challenge.expires_ms <= now:
            return Rejected(ErrorCode.EXPIRED, {"expires_ms": challenge.expires_ms, "now_ms": now})
        if challenge.binding != binding:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "binding"})
        refusal = method.screen(challenge, proof)
        return method if refusal is None else refusal

    def check(
        self,
        challenge: Challenge,
        proof: bytes,
        *,
        binding: bytes,
        now: Instant,
        secret: bytes,
        answers: tuple[object, ...] = (),
    ) -> Verdict:
        """Judge work that came back: size, mac, expiry, binding, then what is cheap, then what is expensive.

        Nothing is spent here: on Accepted the caller claims the id (`spend`) before it acts.

        Args:
            challenge: as the client returned it.
            proof: of any size.
            binding: 32 bytes, of the act that is asked for now.
            now: the moment of the judgement.
            secret: the one that the challenge was issued under, at least 32 bytes.
            answers: to the questions of earlier Pending verdicts, in their order.

        Raises:
            LocalError: the secret is too short.
        """
        screened = self.screen(challenge, proof, binding=binding, now=now, secret=secret)
        if isinstance(screened, Rejected):
            return screened
        return screened.verify(challenge, Evidence(proof, now, challenge_seed(challenge, secret), answers))


def spend(challenge: Challenge, owner: bytes) -> Claim:
    """Return the claim that spends a challenge.

    Args:
        challenge: that `Registry.check` accepted.
        owner: 1..64 bytes, hash of the whole request, so that its repeat is Replayed and any other request
            under the same challenge is Foreign.

    Returns:
        The id as the key, held until no worker's clock can find the challenge valid any more.
    """
    expires_ms = min(challenge.expires_ms + SPENT_GRACE_MS, INSTANT_MAX_MS)
    return Claim(key=challenge.id, owner=owner, expires_ms=Instant(expires_ms))


def challenge_seed(challenge: Challenge, secret: bytes) -> bytes:
    """Return what a method draws a challenge from: for an issuer that shows a question beside the challenge.

    Args:
        challenge: whose params do not matter here.
        secret: the one that the challenge was issued under, at least 32 bytes.

    Returns:
        32 bytes, secret; the same as `WorkMethod.issue` and `Evidence.seed` get.

    Raises:
        LocalError: the secret is too short.
    """
    _check_secret(secret)
    return hmac_sha256(
        secret,
        _SEED_DOMAIN,
        challenge.id,
        encode_text(challenge.method, length_bytes=1),
        challenge.binding,
        encode_uint(challenge.expires_ms, 8),
    )


def _check_secret(secret: bytes) -> None:
    if len(secret) < SECRET_MIN_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, secret_bytes=len(secret), minimum_bytes=SECRET_MIN_BYTES)


def _mac(challenge: Challenge, secret: bytes) -> bytes:
    return hmac_sha256(secret, _MAC_DOMAIN, encode_body(challenge))
