"""The gate for strangers: asks for work, judges it, and spends it once before anything is done for it."""

from __future__ import annotations

from parley.adapters.jsonrpc.documents import WorkDocument, parse_work_document
from parley.adapters.jsonrpc.greetings import ChallengeDocument, challenge_document
from parley.errors import ErrorCode, Rejected
from parley.node.acts import act_digest, bind_act
from parley.node.config import WorkConfig
from parley.node.identity import Identity
from parley.node.metrics import Metrics
from parley.node.registry import Refusal
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Claims
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.claims import Foreign
from parley.protocol.work import Accepted, Challenge, Pending, Registry, spend

__all__ = ["Gate"]

_CHALLENGE_ID_BYTES = 16


class Gate:
    """What strangers pay before this node acts for them."""

    def __init__(
        self,
        registry: Registry,
        *,
        identity: Identity,
        config: WorkConfig,
        claims: Claims,
        clock: Clock,
        entropy: Entropy,
        metrics: Metrics,
    ) -> None:
        """Guard with these kinds of work; challenges are tied to this node's key and survive a restart."""
        self._registry = registry
        self._config = config
        self._claims = claims
        self._clock = clock
        self._entropy = entropy
        self._metrics = metrics
        self._recipient = identity.node_id
        self._secret = identity.derive("work challenges")

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the kinds of work that are accepted."""
        return self._registry.names()

    async def admit(
        self, *, sender: bytes, act: bytes, purpose: str, units: int, work: WorkDocument | None
    ) -> Refusal | None:
        """Let an act through when its work is good and not spent, otherwise say what it costs.

        Args:
            sender: public key of who asks, or empty.
            act: canonical bytes of what is asked for; the work is bound to it.
            purpose: name of the act.
            units: its price.
            work: what was presented.

        Raises:
            PeerError: the presented bytes are no challenge.
            UnavailableError: the store could not say whether the work is spent; nothing was done.
        """
        tied = bind_act(act, sender=sender, recipient=self._recipient, purpose=purpose)
        now = self._clock.now()
        if work is None:
            return self._refuse(Rejected(ErrorCode.WORK_REQUIRED), tied, units, now)
        challenge, proof = parse_work_document(work)
        verdict = self._registry.check(challenge, proof, binding=tied, now=now, secret=self._secret)
        match verdict:
            case Rejected():
                return self._refuse(verdict, tied, units, now)
            case Pending():
                return self._refuse(Rejected(ErrorCode.WORK_REJECTED), tied, units, now)
            case Accepted():
                claim = spend(challenge, act_digest(act))
        outcome = await self._claims.claim(claim.key, claim.owner, claim.expires_ms, now)
        if isinstance(outcome, Foreign):
            return self._refuse(Rejected(ErrorCode.ALREADY_SPENT), tied, units, now)
        self._metrics.works.labels("accepted").inc()
        return None

    def _refuse(self, rejected: Rejected, tied: bytes, units: int, now: Instant) -> Refusal:
        self._metrics.works.labels(rejected.code.name.lower()).inc()
        offered = self._registry.challenge(
            wants=(),
            units=units,
            binding=tied,
            id=ChallengeId(self._entropy.take(_CHALLENGE_ID_BYTES)),
            expires_ms=Instant(now + self._config.challenge_ms),
            secret=self._secret,
        )
        if isinstance(offered, Rejected):
            return Refusal(offered)
        return Refusal(rejected, challenges=[self._offer(challenge) for challenge in offered])

    def _offer(self, challenge: Challenge) -> ChallengeDocument:
        method = self._registry.find(challenge.method)
        return challenge_document(challenge, 0 if method is None else method.expected_tries(challenge.params))
