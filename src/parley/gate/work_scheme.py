"""The scheme `pow` of x402: pay by work, by any method of a `parley.protocol.work.Registry`.

    entry    scheme "pow", network "parley:work", asset: name of the method, amount: expected tries,
             payTo: realm, extra: {"challenge": base64 of the canonical challenge}
    payload  {"proof": base64}

Nothing is kept for an offer. What the client returns of the entry is believed in one member alone, the challenge,
because that carries the issuer's mac over all that matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from parley.errors import ConfigError, ErrorCode, LocalError, PeerError, Rejected
from parley.gate.binding import Act
from parley.gate.schemes import Charge, Repeated, Settled
from parley.gate.x402 import PaymentSignature, Requirement, decode_base64, encode_base64
from parley.ports.entropy import Entropy
from parley.ports.store import Claims
from parley.primitives.encoding import encode_bytes
from parley.primitives.hashing import tagged_hash
from parley.primitives.ids import CHALLENGE_ID_BYTES, ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import CHALLENGE_MAX_BYTES
from parley.protocol.claims import Applied, Foreign, Replayed
from parley.protocol.work import (
    SECRET_MIN_BYTES,
    Accepted,
    Challenge,
    Pending,
    Registry,
    Verdict,
    encode_challenge,
    parse_challenge,
    spend,
)

__all__ = ["PROOF_MAX_BYTES", "WORK_NETWORK", "WORK_SCHEME", "WorkScheme", "challenge_of", "proof_payload"]

WORK_SCHEME: Final = "pow"
"""Name of the scheme."""

WORK_NETWORK: Final = "parley:work"
"""Where work is settled: at the gate itself."""

PROOF_MAX_BYTES: Final = 16_384
"""The longest proof that is decoded, in bytes; each method has a limit of its own below."""

_OWNER_TAG: Final = "parley/gate/owner/v1"
_PRUNE_EVERY_MS: Final = 60_000
_QUESTIONS_MAX: Final = 8
_MS_PER_SECOND: Final = 1_000

Answerer = Callable[[object], Awaitable[object]]
"""Finds the answer to what a method asks by `Pending`."""


class WorkScheme:
    """Pay by work (a `parley.gate.schemes.Scheme`)."""

    def __init__(
        self,
        methods: Registry,
        *,
        secret: bytes,
        claims: Claims,
        entropy: Entropy,
        ticket_ms: int,
        answerer: Answerer | None = None,
        quick: frozenset[str] = frozenset({"pow"}),
        checks_max: int = 2,
    ) -> None:
        """Accept these kinds of work.

        Args:
            methods: in the order in which they are offered.
            secret: of the issuer, at least 32 bytes; the same in every process that shares the claims.
            claims: where what is spent is kept.
            entropy: for the names of challenges.
            ticket_ms: how long a challenge stands.
            answerer: finds what a method asks for by `Pending`; without one, such a method never accepts.
            quick: names of methods that verify in microseconds; others verify in a thread.
            checks_max: how many of the others verify at a time, 1 or more.

        Raises:
            ConfigError: the secret is too short, or there is no method.
        """
        if len(secret) < SECRET_MIN_BYTES:
            raise ConfigError(ErrorCode.CONFIG_INVALID, secret_bytes=len(secret), minimum_bytes=SECRET_MIN_BYTES)
        if not methods.methods:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="methods")
        self._methods = methods
        self._secret = secret
        self._claims = claims
        self._entropy = entropy
        self._ticket_ms = ticket_ms
        self._answerer = answerer
        self._quick = quick
        self._checks = asyncio.Semaphore(checks_max)
        self._prune_at = Instant(0)

    @property
    def name(self) -> str:
        """Return "pow"."""
        return WORK_SCHEME

    @property
    def network(self) -> str:
        """Return "parley:work"."""
        return WORK_NETWORK

    def check_price(self, price: int) -> None:
        """Check that every method can ask for so much.

        Args:
            price: in units of work.

        Raises:
            ConfigError: a method cannot.
        """
        for method in self._methods.methods:
            try:
                method.quote(price)
            except LocalError:
                raise ConfigError(ErrorCode.CONFIG_INVALID, price_units=price, method=method.name) from None

    async def offer(self, charge: Charge, now: Instant) -> tuple[Requirement, ...]:
        """Return an entry per method, all of them alternatives: one of them can be spent."""
        offered = self._methods.challenge(
            wants=(),
            units=charge.price,
            binding=charge.act.binding(),
            id=ChallengeId(self._entropy.take(CHALLENGE_ID_BYTES)),
            expires_ms=Instant(now + self._ticket_ms),
            secret=self._secret,
        )
        if isinstance(offered, Rejected):
            return ()
        return tuple(self._entry(challenge, charge.act) for challenge in offered)

    async def settle(self, payment: PaymentSignature, charge: Charge, now: Instant) -> Settled | Repeated | Rejected:
        """Judge the work from cheap to expensive, then spend it in one step.

        Raises:
            PeerError: MALFORMED or TOO_LARGE: the challenge or the proof has another form.
            UnavailableError: the claims could not be asked.
        """
        challenge = challenge_of(payment.accepted)
        proof = _proof_of(payment.payload)
        refusal = await self._check(challenge, proof, charge.act, now)
        if refusal is not None:
            return refusal
        await self._prune(now)
        owner = tagged_hash(_OWNER_TAG, charge.act.digest, charge.payer, encode_bytes(proof, length_bytes=2))
        claim = spend(challenge, owner)
        match await self._claims.claim(claim.key, claim.owner, claim.expires_ms, now):
            case Applied():
                return Settled(challenge.id.hex(), challenge.expires_ms)
            case Replayed():
                return Repeated(challenge.id.hex())
            case Foreign():
                return Rejected(ErrorCode.ALREADY_SPENT)

    def _entry(self, challenge: Challenge, act: Act) -> Requirement:
        method = self._methods.find(challenge.method)
        tries = 0 if method is None else method.expected_tries(challenge.params)
        return Requirement(
            scheme=WORK_SCHEME,
            network=WORK_NETWORK,
            amount=str(tries),
            asset=challenge.method,
            pay_to=act.realm,
            max_timeout_seconds=max(1, self._ticket_ms // _MS_PER_SECOND),
            extra={"challenge": encode_base64(encode_challenge(challenge))},
        )

    async def _check(self, challenge: Challenge, proof: bytes, act: Act, now: Instant) -> Rejected | None:
        tied = act.binding()
        answers: tuple[object, ...] = ()
        is_quick = challenge.method in self._quick
        if not is_quick:
            # What is refused for its mac, its end or its form never waits for a thread.
            screened = self._methods.screen(challenge, proof, binding=tied, now=now, secret=self._secret)
            if isinstance(screened, Rejected):
                return screened
        for _ in range(_QUESTIONS_MAX):
            check = partial(
                self._methods.check,
                challenge,
                proof,
                binding=tied,
                now=now,
                secret=self._secret,
                answers=answers,
            )
            match check() if is_quick else await self._run_aside(check):
                case Accepted():
                    return None
                case Rejected() as refused:
                    return refused
                case Pending(question=question):
                    if self._answerer is None:
                        break
                    answers = (*answers, await self._answerer(question))
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "unanswered"})

    async def _run_aside(self, check: Callable[[], Verdict]) -> Verdict:
        async with self._checks:
            return await asyncio.to_thread(check)

    async def _prune(self, now: Instant) -> None:
        if now >= self._prune_at:
            self._prune_at = Instant(now + _PRUNE_EVERY_MS)
            await self._claims.prune(now)


def challenge_of(entry: Requirement) -> Challenge:
    """Read the challenge of an entry of this scheme; whose it is, is not judged here.

    Raises:
        PeerError: MALFORMED or TOO_LARGE.
    """
    text = entry.extra.get("challenge")
    if not isinstance(text, str):
        raise PeerError(ErrorCode.MALFORMED, field="challenge")
    return parse_challenge(decode_base64(text, maximum_bytes=CHALLENGE_MAX_BYTES))


def proof_payload(proof: bytes) -> dict[str, object]:
    """Return the payload that shows a proof."""
    return {"proof": encode_base64(proof)}


def _proof_of(payload: dict[str, object]) -> bytes:
    text = payload.get("proof")
    if not isinstance(text, str):
        raise PeerError(ErrorCode.MALFORMED, field="proof")
    return decode_base64(text, maximum_bytes=PROOF_MAX_BYTES)
