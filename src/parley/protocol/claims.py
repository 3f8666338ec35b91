"""Spending a thing at most once: the one rule that every store of claims applies in one atomic step.

    claim(key, owner, expires)
        nobody holds the key       Applied     the caller may act
        the same owner holds it    Replayed    the caller gives the same answer again
        another owner holds it     Foreign     the caller must not act

The *key* names the thing that is spent (a challenge, a nonce, a winning ticket). The *owner* names the
one act that spends it, so it is a hash of the whole request and not the name of a person: a repeat of the
same request is answered like the first, while the same person's second request is Foreign.

A claim that has expired binds nobody, whether or not it was pruned yet, so what it guards must be invalid
by itself from that moment on, by every clock that judges it. Who guards a thing with an expiry therefore
claims it for longer: `parley.protocol.work.spent_until` adds what the clocks of two workers may differ by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ConflictError, ErrorCode, LocalError
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = [
    "CLAIM_NAME_MAX_BYTES",
    "Applied",
    "Claim",
    "Foreign",
    "Outcome",
    "Replayed",
    "has_lapsed",
    "judge",
]

CLAIM_NAME_MAX_BYTES: Final = 64
"""The longest key and the longest owner, in bytes."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The key was free and is the owner's now."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The same owner had claimed the key before; nothing changed."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another owner holds the key; nothing changed."""


Outcome = Applied | Replayed | Foreign


@dataclass(frozen=True, slots=True)
class Claim:
    """One key, held for one owner, until a moment.

    Attributes:
        key: what is spent, 1..64 bytes; its maker puts the kind of thing into it.
        owner: the one act that spends it, 1..64 bytes.
        expires_ms: the first moment at which the claim binds nobody.
    """

    key: bytes
    owner: bytes
    expires_ms: Instant

    def __post_init__(self) -> None:
        """Refuse sizes and moments out of range."""
        for name, raw in (("key", self.key), ("owner", self.owner)):
            if not 1 <= len(raw) <= CLAIM_NAME_MAX_BYTES:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, name=name, size_bytes=len(raw))
        if not 0 <= self.expires_ms <= INSTANT_MAX_MS:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, expires_ms=self.expires_ms)


def has_lapsed(expires_ms: Instant, now: Instant) -> bool:
    """Say whether a claim binds nobody any more, so that pruning it changes no answer."""
    return expires_ms <= now


def judge(held: Claim | None, wanted: Claim, now: Instant) -> Outcome:
    """Decide a claim; on Applied, and only then, the store replaces what it holds by `wanted`.

    Args:
        held: what the store has under this key, lapsed or not; None when it has nothing.
        wanted: the new claim.
        now: the moment of the decision.

    Raises:
        ConflictError: EXPIRED: the wanted claim would have lapsed already, so it would guard nothing.
    """
    if held is not None and not has_lapsed(held.expires_ms, now):
        return Replayed() if held.owner == wanted.owner else Foreign()
    if has_lapsed(wanted.expires_ms, now):
        raise ConflictError(ErrorCode.EXPIRED, expires_ms=wanted.expires_ms, now_ms=now)
    return Applied()
