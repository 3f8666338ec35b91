"""Issues tickets, judges what is presented for them, and says which of them admit an upload.

    request   source's rate ─► who authenticated? a subscription? valid at once ─► kind of work ─► price ─► a ticket id
    submit    source's rate ─► size ─► mac ─► expiry ─► spent? ─► cheap look ─► expensive check ─► claim ─► stored
    admitted  mac ─► the upload under way ─► expiry ─► granted, or stored as earned

Nothing is stored before work is accepted: the ticket id is the ticket. Of what is earned, `upload/earned` keeps a
record that never changes, and `upload/tickets` is the upload's own; so a slow writer of the first cannot undo a step
of the second.

A wrong answer gets another challenge, whose id follows from the one before: asking again with the same wrong answer
leads to the same next challenge. Where an answer can be guessed, the wrong one spends its challenge first.

No answer depends on whether the recipient is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from parley.errors import ErrorCode, Rejected
from parley.node.ticket_judging import Judge, Questions
from parley.node.ticket_records import earned_record, expired_refusal, is_record_of, valid_answer
from parley.node.ticket_sources import Sources
from parley.node.upload_metrics import GRANTED, NO_METHOD, UploadMetrics
from parley.pool.allowance import Allowance
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Store
from parley.primitives.hashing import hmac_sha256, sha256
from parley.primitives.ids import CHALLENGE_ID_BYTES, ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.claims import Applied, Claim, Foreign, Outcome
from parley.protocol.work import SPENT_GRACE_MS, Accepted, Challenge, Registry, WorkMethod, challenge_seed, spend
from parley.upload.config import UploadConfig
from parley.upload.messages import Alternative, TicketAnswer, TicketRequest
from parley.upload.methods import Subscription
from parley.upload.policy import alternatives, choose
from parley.upload.price import PriceController
from parley.upload.stored import StoredTicket, UploadPhase, encode_stored_ticket, parse_stored_ticket
from parley.upload.tokens import Token, encode_token, parse_token, token_binding

__all__ = ["EARNED_NAMESPACE", "TICKETS_NAMESPACE", "TicketOffice"]

TICKETS_NAMESPACE: Final = "upload/tickets"
"""Documents of uploads under way or ended, by the hexadecimal challenge id."""

EARNED_NAMESPACE: Final = "upload/earned"
"""Documents of tickets as they were earned, by the hexadecimal challenge id."""

_NEXT_DOMAIN: Final = b"parley/upload/next/"
_WRONG_DOMAIN: Final = b"parley/upload/wrong/"
_WRONG_COST: Final = 4
_WAIT: Final = "wait"
_FREE: Final = frozenset({"captcha", "subscription", _WAIT})
"""What a program does for nothing: counted as demand, it would let anybody raise the price for those who work."""

_DEAR_TO_ISSUE: Final = frozenset({"pow-memory"})
"""Questions that take milliseconds to make."""

_WRONG: Final = frozenset({ErrorCode.WORK_REJECTED, ErrorCode.TOO_LARGE})
_SECONDS_PER_MINUTE: Final = 60

ValueT = TypeVar("ValueT")


class TicketOffice:
    """The ticket service of one node."""

    def __init__(
        self,
        registry: Registry,
        *,
        config: UploadConfig,
        subscriptions: Subscription,
        price: PriceController,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        secret: bytes,
        metrics: UploadMetrics,
        questions: Questions | None = None,
        sources: Sources | None = None,
    ) -> None:
        """Issue tickets.

        Args:
            registry: the kinds of work that can be judged here.
            config: limits, and which kinds are asked for.
            subscriptions: who is let in without work.
            price: moves with the load.
            store: claims and documents.
            clock: gives `now`.
            entropy: names tickets.
            secret: 32 bytes or more, the same after every start and in every process of this node.
            metrics: counts.
            questions: answers what kinds of work ask for, beside what the ticket itself knows.
            sources: how often each may ask.
        """
        self._registry = registry
        self._config = config
        self._subscriptions = subscriptions
        self.price = price
        self._claims = store.claims
        self._documents = store.documents
        self._clock = clock
        self._entropy = entropy
        self._secret = secret
        self._metrics = metrics
        self._sources = Sources() if sources is None else sources
        self._judge = Judge(
            registry, config=config, clock=clock, secret=secret, metrics=metrics, questions=questions or {}
        )
        # Waiting costs nothing, so such tickets are issued no faster than tickets are meant to be earned.
        self._waits = Allowance(
            units=config.target_per_minute * _SECONDS_PER_MINUTE,
            units_per_second=config.target_per_minute,
            now=clock.now(),
        )

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the kinds of work that are asked for, best first."""
        return self._config.methods

    async def request(
        self, request: TicketRequest, *, owner: bytes | None, source: str, purpose: str = "mail"
    ) -> TicketAnswer | Rejected:
        """Issue a ticket.

        Args:
            request: what is wanted.
            owner: hash of the account that authenticated; None for a stranger.
            source: IP address of who asks, or empty.
            purpose: the kind of act.

        Returns:
            The ticket; valid at once for an account of this node and for a subscriber. Or RATE_LIMITED, UNAUTHORIZED
            (another sender than who authenticated), METHOD_UNKNOWN.
        """
        now = self._clock.now()
        refusal = self._admit(source, now)
        if refusal is not None:
            return refusal
        if owner is not None and owner != request.sender:
            return self._refuse(Rejected(ErrorCode.UNAUTHORIZED, {"fault": "the sender is not who authenticated"}))
        bare = Token(
            id=ChallengeId(self._entropy.take(CHALLENGE_ID_BYTES)),
            sender=request.sender,
            recipient=request.recipient,
            size_max_bytes=self._config.size_max_bytes,
            purpose=purpose,
            subscription_id=request.subscription_id,
            wrong_answers=0,
            issued_ms=now,
            expires_ms=Instant(min(now + self._config.ticket_ms, INSTANT_MAX_MS)),
            challenge=None,
        )
        if owner is not None or self._subscriptions.admits(request.subscription_id, request.sender):
            self._metrics.issued.labels(GRANTED).inc()
            return valid_answer(encode_token(bare, self._secret), bare)
        self.price.note_request(request.sender, now)
        return await self._offer(bare, request.preference)

    async def submit(self, ticket_id: str, method: str, result: object, source: str) -> TicketAnswer | Rejected:
        """Judge a result.

        Args:
            ticket_id: of any form.
            method: name of the kind of work that the result is of.
            result: as JSON has it.
            source: IP address of who asks, or empty.

        Returns:
            The valid ticket; after a wrong result another ticket that is not valid; or why not: RATE_LIMITED,
            NOT_FOUND, EXPIRED, ALREADY_SPENT, METHOD_UNKNOWN, WORK_REJECTED (too early, or wrong too often).

        Raises:
            UnavailableError: too many expensive checks are waiting, or the store did not answer.
        """
        now = self._clock.now()
        refusal = self._admit(source, now)
        if refusal is not None:
            return refusal
        token = self._parse(ticket_id, now)
        if isinstance(token, Rejected):
            return self._refuse(token)
        if token.challenge is None:
            return valid_answer(ticket_id, token)
        known = await self._known(ticket_id, token)
        if known is not None:
            return known
        wanted = token.challenge.method
        if not self.price.is_honoured(token.issued_ms, now):
            return self._refuse(Rejected(ErrorCode.EXPIRED, {"fault": "the price has risen"}), wanted)
        if method != wanted:
            return self._refuse(Rejected(ErrorCode.METHOD_UNKNOWN, {"wanted": wanted}), wanted)
        verdict = await self._judge.judge(token, token.challenge, result)
        if isinstance(verdict, Accepted):
            return await self._earn(ticket_id, token, token.challenge)
        is_wrong = verdict.code in _WRONG and "retry_after_ms" not in verdict.facts
        if not is_wrong:
            return self._refuse(verdict, wanted)
        self._sources.charge(source, now, _WRONG_COST)
        return await self._answer_wrong(ticket_id, token, token.challenge)

    async def admitted(self, ticket_id: str, now: Instant) -> StoredTicket | Rejected:
        """Return the ticket that admits an upload.

        Args:
            ticket_id: of any form.
            now: the moment.

        Returns:
            The upload as it stands, also when it has ended or its ticket expired since; otherwise the ticket as it was
            earned or granted. NOT_FOUND: not ours. EXPIRED: not begun in time. WORK_REQUIRED: not earned.
            ALREADY_SPENT: another of the alternatives was.
        """
        token = parse_token(ticket_id, self._secret)
        if isinstance(token, Rejected):
            return token
        upload = await self._read(TICKETS_NAMESPACE, token)
        if upload is not None:
            return upload if is_record_of(upload, ticket_id) else Rejected(ErrorCode.ALREADY_SPENT)
        if token.expires_ms <= now:
            return expired_refusal(token, now)
        if token.challenge is None:
            return earned_record(ticket_id, token, now)
        earned = await self._read(EARNED_NAMESPACE, token)
        if earned is None:
            return Rejected(ErrorCode.WORK_REQUIRED)
        return earned if is_record_of(earned, ticket_id) else Rejected(ErrorCode.ALREADY_SPENT)

    async def question(
        self, ticket_id: str, method: str, source: str, *, cost: int = 1
    ) -> tuple[Challenge, bytes] | Rejected:
        """Return the challenge of a ticket and the seed behind it: for a picture that only the issuer can draw.

        Args:
            ticket_id: of any form.
            method: the kind of work that the picture is of.
            source: IP address of who asks, or empty.
            cost: as how many requests this one counts.

        Returns:
            The challenge and 32 secret bytes, or RATE_LIMITED, NOT_FOUND, EXPIRED.
        """
        now = self._clock.now()
        refusal = self._admit(source, now, cost)
        if refusal is not None:
            return refusal
        token = self._parse(ticket_id, now)
        if isinstance(token, Rejected):
            return token
        if token.challenge is None or token.challenge.method != method:
            return Rejected(ErrorCode.NOT_FOUND)
        return token.challenge, challenge_seed(token.challenge, self._secret)

    async def bounded(self, work: Callable[[], ValueT]) -> ValueT:
        """Do something expensive in a thread, along with the expensive checks.

        Raises:
            UnavailableError: BUSY: too much waits already.
        """
        return await self._judge.bounded(work)

    async def sweep(self, now: Instant) -> int:
        """Forget tickets that were earned and whose time is over by every clock; return how many."""
        forgotten = 0
        for document in await self._documents.list(EARNED_NAMESPACE):
            if parse_stored_ticket(document.value).expires_ms + max(self._config.ended_ms, SPENT_GRACE_MS) <= now:
                forgotten += await self._documents.delete(EARNED_NAMESPACE, document.key)
        return forgotten

    def _admit(self, source: str, now: Instant, cost: int = 1) -> Rejected | None:
        """Let a source ask once more, or say when it may."""
        wait_ms = self._sources.debit(source, now, cost)
        return self._refuse(Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": wait_ms})) if wait_ms else None

    def _parse(self, ticket_id: str, now: Instant) -> Token | Rejected:
        token = parse_token(ticket_id, self._secret)
        if isinstance(token, Token) and token.expires_ms <= now:
            return expired_refusal(token, now)
        return token

    async def _offer(self, bare: Token, preference: tuple[str, ...]) -> TicketAnswer | Rejected:
        """Choose the work and its price, and write the tickets."""
        now = self._clock.now()
        policy = self._config.methods
        chosen = choose(self._registry, preference, policy)
        if isinstance(chosen, Rejected):
            return self._refuse(chosen)
        beside = alternatives(self._registry, chosen, preference, policy)
        if _WAIT in {chosen.name, *(method.name for method in beside)}:
            wait_ms = self._waits.debit(_SECONDS_PER_MINUTE, now)
            if wait_ms and chosen.name == _WAIT:
                return self._refuse(Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": wait_ms}), _WAIT)
            beside = tuple(method for method in beside if not wait_ms or method.name != _WAIT)
        return await self._write(bare, (chosen, *beside), self.price.units(bare.sender, now))

    async def _write(self, bare: Token, methods: tuple[WorkMethod, ...], units: int) -> TicketAnswer | Rejected:
        """Write one ticket for each kind of work; the first is the answer, the others stand beside it."""
        names = tuple(method.name for method in methods)
        issue = partial(
            self._registry.challenge,
            wants=names,
            units=units,
            binding=token_binding(bare.sender, bare.recipient, bare.size_max_bytes, bare.purpose),
            id=bare.id,
            expires_ms=bare.expires_ms,
            secret=self._secret,
        )
        challenges = issue() if _DEAR_TO_ISSUE.isdisjoint(names) else await self.bounded(issue)
        if isinstance(challenges, Rejected):
            return self._refuse(challenges)
        first, *others = (self._alternative(bare, challenge) for challenge in challenges)
        return TicketAnswer(
            ticket_id=first.ticket_id,
            is_valid=False,
            expires_ms=bare.expires_ms,
            sender=bare.sender,
            recipient=bare.recipient,
            subscription_id=bare.subscription_id,
            worktype=first.worktype,
            work=first.work,
            expected_tries=first.expected_tries,
            alternatives=tuple(others),
        )

    def _alternative(self, bare: Token, challenge: Challenge) -> Alternative:
        method = self._registry.find(challenge.method)
        tries = 0 if method is None else method.expected_tries(challenge.params)
        self._metrics.issued.labels(challenge.method).inc()
        ticket_id = encode_token(replace(bare, challenge=challenge), self._secret)
        return Alternative(ticket_id, challenge.method, challenge.params, tries)

    async def _known(self, ticket_id: str, token: Token) -> TicketAnswer | Rejected | None:
        """Return the answer where the ticket was earned before, None where it was not."""
        stored = await self._read(TICKETS_NAMESPACE, token) or await self._read(EARNED_NAMESPACE, token)
        if stored is None:
            return None
        is_open = stored.phase in {UploadPhase.EARNED, UploadPhase.UPLOADING}
        if is_open and is_record_of(stored, ticket_id):
            return valid_answer(ticket_id, token)
        return self._refuse(Rejected(ErrorCode.ALREADY_SPENT), stored.method or NO_METHOD)

    async def _earn(self, ticket_id: str, token: Token, challenge: Challenge) -> TicketAnswer | Rejected:
        """Spend the challenge and keep that the ticket was earned; the repeat of both is harmless."""
        now = self._clock.now()
        outcome = await self._claim(spend(challenge, sha256(ticket_id.encode())), now)
        if isinstance(outcome, Foreign):
            return self._refuse(Rejected(ErrorCode.ALREADY_SPENT), challenge.method)
        raw = encode_stored_ticket(earned_record(ticket_id, token, now))
        await self._documents.put(EARNED_NAMESPACE, token.id.hex(), raw)
        if isinstance(outcome, Applied):
            if challenge.method not in _FREE:
                self.price.note_spent(token.sender, token.issued_ms, now)
            self._metrics.note_solved(challenge.method, now - token.issued_ms)
        return valid_answer(ticket_id, token)

    async def _answer_wrong(self, ticket_id: str, token: Token, challenge: Challenge) -> TicketAnswer | Rejected:
        """Answer with another challenge, while there are attempts left."""
        method = self._registry.find(challenge.method)
        if method is not None and method.is_guessable:
            wrong = spend(challenge, sha256(_WRONG_DOMAIN, ticket_id.encode()))
            if isinstance(await self._claim(wrong, self._clock.now()), Foreign):
                return self._refuse(Rejected(ErrorCode.ALREADY_SPENT), challenge.method)
        count, maximum = token.wrong_answers + 1, self._config.wrong_answers_max
        refusal = Rejected(ErrorCode.WORK_REJECTED, {"wrong_answers": count, "maximum": maximum})
        self._refuse(refusal, challenge.method)
        if count >= maximum:
            return refusal
        following = hmac_sha256(self._secret, _NEXT_DOMAIN, token.id)[:CHALLENGE_ID_BYTES]
        bare = replace(
            token,
            id=ChallengeId(following),
            wrong_answers=count,
            issued_ms=min(self._clock.now(), token.expires_ms),
            challenge=None,
        )
        return await self._offer(bare, (challenge.method,) if challenge.method in self._config.methods else ())

    async def _claim(self, claim: Claim, now: Instant) -> Outcome:
        return await self._claims.claim(claim.key, claim.owner, claim.expires_ms, now)

    async def _read(self, namespace: str, token: Token) -> StoredTicket | None:
        raw = await self._documents.get(namespace, token.id.hex())
        return None if raw is None else parse_stored_ticket(raw)

    def _refuse(self, refusal: Rejected, method: str = NO_METHOD) -> Rejected:
        self._metrics.note_refusal(refusal.code, method)
        return refusal
