"""The work method `subscription`: no work at all for whom the recipient has let in.

    params   none
    proof    the id of the subscription, 1 to 128 bytes of visible ASCII; result: the same as text
    good     the issuer has such a subscription, and it is open to all or to this sender

Whoever asks for a ticket names the subscription in the request, and the issuer looks it up at once by `admits`: a
known one needs no challenge. The kind of work is for who learns of it later, from the challenge. A challenge does
not name its sender (its binding is a hash), so the check asks for it by `NameSender`; the answer is the sender's
32 bytes, from the ticket.

An id that is open to all is a password for everybody who knows it: choose one that cannot be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, Params, check_units
from parley.protocol.work import Accepted, Evidence, Pending, Solution, Verdict

__all__ = ["ID_MAX_BYTES", "NameSender", "NameSubscription", "Subscription", "SubscriptionSolver"]

ID_MAX_BYTES: Final = 128
"""The longest id of a subscription."""

_ID: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class NameSender:
    """Ask the issuer's driver whose ticket this is; the answer is 32 bytes.

    Attributes:
        challenge_id: of the challenge.
    """

    challenge_id: ChallengeId


@dataclass(frozen=True, slots=True)
class NameSubscription:
    """Ask the client which subscription it has; the answer is text."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The senders that are let in without work.

    Attributes:
        senders: hashes of 32 bytes, by the id of the subscription; None lets in everybody who knows the id.
    """

    senders: Mapping[str, frozenset[bytes] | None] = field(hash=False)

    def __post_init__(self) -> None:
        """Refuse ids that cannot travel."""
        if not all(_ID.fullmatch(subscription_id) for subscription_id in self.senders):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, subscriptions=len(self.senders), fault="id")

    def admits(self, subscription_id: str, sender: bytes) -> bool:
        """Say whether a sender is let in by a subscription.

        Args:
            subscription_id: from the request; of any form.
            sender: 32 bytes.
        """
        if subscription_id not in self.senders:
            return False
        listed = self.senders[subscription_id]
        return listed is None or sender in listed

    @property
    def name(self) -> str:
        """Return "subscription"."""
        return "subscription"

    @property
    def proof_max_bytes(self) -> int:
        """Return the size of the longest id."""
        return ID_MAX_BYTES

    @property
    def is_guessable(self) -> bool:
        """Return False: there are too many ids."""
        return False

    def parse_result(self, result: object) -> bytes | None:
        """Read the id of a subscription.

        Source: vectors/work/results.json.
        """
        return result.encode() if isinstance(result, str) and _ID.fullmatch(result) else None

    def show_result(self, proof: bytes) -> int | str:
        """Return the id.

        Raises:
            LocalError: no id.

        Source: vectors/work/results.json.
        """
        text = proof.decode("ascii", "replace")
        if not _ID.fullmatch(text):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, proof_bytes=len(proof))
        return text

    def quote(self, units: int) -> Params:
        """Return nothing: a subscription costs the same at any price.

        Raises:
            LocalError: less than one unit.
        """
        check_units(units)
        return {}

    def issue(self, quoted: Params, *, seed: bytes, expires_ms: Instant) -> Params:
        """Return the quote."""
        del seed, expires_ms
        return quoted

    def check_params(self, params: Params) -> None:
        """Check that there are none.

        Raises:
            PeerError: MALFORMED.
        """
        if params:
            raise PeerError(ErrorCode.MALFORMED, method="subscription", field="params")

    def expected_tries(self, params: Params) -> int:
        """Return 0.

        Raises:
            PeerError: MALFORMED.
        """
        self.check_params(params)
        return 0

    def screen(self, challenge: Challenge, proof: bytes) -> Rejected | None:
        """Refuse an id that is not known here."""
        del challenge
        if proof.decode("ascii", "replace") not in self.senders:
            return Rejected(ErrorCode.WORK_REJECTED, {"fault": "subscription"})
        return None

    def verify(self, challenge: Challenge, evidence: Evidence) -> Verdict:
        """Ask who sends, then look whether the subscription lets it in."""
        if not evidence.answers:
            return Pending(NameSender(challenge.id))
        sender = evidence.answers[-1]
        if isinstance(sender, bytes) and self.admits(evidence.proof.decode("ascii", "replace"), sender):
            return Accepted()
        return Rejected(ErrorCode.WORK_REJECTED, {"fault": "subscription"})

    def start(self, challenge: Challenge, *, mark: bytes = b"", answers: tuple[object, ...] = ()) -> SubscriptionSolver:
        """Ask `NameSubscription`, then present the answer.

        Raises:
            PeerError: MALFORMED.
        """
        del mark
        self.check_params(challenge.params)
        return SubscriptionSolver(self.parse_result(answers[-1]) if answers else None)


@dataclass(frozen=True, slots=True)
class SubscriptionSolver:
    """Asks until there is an id to present.

    Attributes:
        proof: the id, None where there is none of the right form.
    """

    proof: bytes | None

    def step(self, tries: int) -> Solution | Pending:
        """Return the id, or ask."""
        del tries
        return Pending(NameSubscription()) if self.proof is None else Solution(self.proof, 0)
