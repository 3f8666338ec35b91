"""The client's side of the gate: ask, solve what is asked for, present it, until granted or given up.

    ASKING       Ask(Request)  ──► challenges · granted at once · refused
    SOLVING      Ask(Solve)    ──► a proof
    PRESENTING   Ask(Present)  ──► granted · another challenge · refused
    GRANTED | FAILED

The machine decides what is worth doing: it solves only a challenge that is bound to its own act, by a
method it has a limit for, at no more than that limit of expected tries; it starts no more than
`attempts_max` solutions and ends by its deadline. So the most that a greedy issuer can make it compute is
`attempts_max` times the largest limit, on average.

No answer is not a refusal: a request or a presentation that stays unanswered is repeated as it was, and the
issuer answers a repeat like the first. Only when the challenge has expired meanwhile is another asked for.

The driver performs the newest `Ask` and drops what it still does for an older exchange (a solution under
way, say); whatever still arrives for an older exchange changes nothing here, except a grant, which is one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import BINDING_BYTES, Challenge
from parley.protocol.machine import (
    Ask,
    Cell,
    Fail,
    Finish,
    Handled,
    Ignored,
    TimeoutReached,
    TransitionTable,
)
from parley.protocol.work import Registry

__all__ = [
    "EARNING_TABLE",
    "ChallengeOffered",
    "Earning",
    "EarningEvent",
    "EarningOutput",
    "EarningPhase",
    "EarningTerms",
    "Present",
    "PresentationAccepted",
    "PresentationRefused",
    "Request",
    "SolutionFound",
    "Solve",
]


class EarningPhase(Enum):
    """What is awaited, or how it ended."""

    ASKING = auto()
    SOLVING = auto()
    PRESENTING = auto()
    GRANTED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class EarningTerms:
    """How much may be spent on one permission, and for which act.

    Attributes:
        binding: 32 bytes, of the act that permission is asked for.
        limits: most expected tries for one challenge, by method; the order is the order of preference.
        attempts_max: how many solutions may be started, 1 or more.
        deadline: the moment at which it is given up.
        retry_ms: how long to wait for an answer before the same is sent again, 1 or more.
    """

    binding: bytes
    limits: Mapping[str, int]
    attempts_max: int
    deadline: Instant
    retry_ms: int

    def __post_init__(self) -> None:
        """Refuse terms that can never be met."""
        if len(self.binding) != BINDING_BYTES or not self.limits or not 0 <= self.deadline <= INSTANT_MAX_MS:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, binding_bytes=len(self.binding), deadline_ms=self.deadline)
        if self.attempts_max < 1 or self.retry_ms < 1 or min(self.limits.values()) < 0:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, attempts_max=self.attempts_max, retry_ms=self.retry_ms)


@dataclass(frozen=True, slots=True)
class ChallengeOffered:
    """The issuer wants work first: challenges of which one has to be solved."""

    exchange: int
    challenges: tuple[Challenge, ...]


@dataclass(frozen=True, slots=True)
class SolutionFound:
    """A challenge was solved."""

    exchange: int
    proof: bytes


@dataclass(frozen=True, slots=True)
class PresentationAccepted:
    """The issuer granted the permission and did what was asked: its answer."""

    exchange: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class PresentationRefused:
    """The issuer refused and offered no challenge along with it."""

    exchange: int
    code: ErrorCode


EarningEvent = ChallengeOffered | SolutionFound | PresentationAccepted | PresentationRefused


@dataclass(frozen=True, slots=True)
class Request:
    """Send what permission is wanted for, without work, naming the methods that would do."""

    wants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Solve:
    """Solve a challenge."""

    challenge: Challenge


@dataclass(frozen=True, slots=True)
class Present:
    """Send what permission is wanted for, along with the work."""

    challenge: Challenge
    proof: bytes


Query = Request | Solve | Present
EarningOutput = Ask[Query] | Finish[bytes] | Fail

_FRESH_CHALLENGE_HELPS: Final = frozenset(
    {ErrorCode.EXPIRED, ErrorCode.WORK_REQUIRED, ErrorCode.WORK_REJECTED, ErrorCode.ALREADY_SPENT}
)
_WAITING_HELPS: Final = frozenset(
    {ErrorCode.UNREACHABLE, ErrorCode.STORE_UNAVAILABLE, ErrorCode.SHUTTING_DOWN, ErrorCode.BUSY}
)


def _cells() -> dict[tuple[EarningPhase, type], Cell[EarningPhase]]:
    asking, solving, presenting, granted, failed = EarningPhase
    handled: dict[tuple[EarningPhase, type], set[EarningPhase]] = {
        (asking, ChallengeOffered): {asking, solving, failed},
        (asking, PresentationAccepted): {granted},
        (asking, PresentationRefused): {asking, failed},
        (asking, TimeoutReached): {asking, failed},
        (solving, SolutionFound): {solving, presenting},
        (solving, PresentationAccepted): {granted},
        (solving, TimeoutReached): {asking, failed},
        (presenting, ChallengeOffered): {presenting, solving, failed},
        (presenting, PresentationAccepted): {granted},
        (presenting, PresentationRefused): {asking, presenting, failed},
        (presenting, TimeoutReached): {asking, presenting, failed},
    }
    return {
        (phase, event): Handled(frozenset(handled[phase, event])) if (phase, event) in handled else Ignored()
        for phase in EarningPhase
        for event in _EVENTS
    }


_EVENTS: Final = (
    ChallengeOffered,
    SolutionFound,
    PresentationAccepted,
    PresentationRefused,
    TimeoutReached,
)

EARNING_TABLE: Final = TransitionTable(
    name="Earning",
    phases=EarningPhase,
    initial=EarningPhase.ASKING,
    final=frozenset({EarningPhase.GRANTED, EarningPhase.FAILED}),
    events=_EVENTS,
    cells=_cells(),
)


class Earning:
    """Earn one permission.

    Attributes:
        phase: where it stands.
    """

    def __init__(self, registry: Registry, terms: EarningTerms, now: Instant) -> None:
        """Start by asking without work: an issuer may grant for nothing, and otherwise says what it wants.

        Args:
            registry: the methods that this side can solve.
            terms: what may be spent.
            now: the moment of the start.

        Raises:
            LocalError: the terms name a method that the registry lacks.
        """
        self.phase = EARNING_TABLE.initial
        self._terms = terms
        self._methods = {method.name: method for method in registry.methods}
        unknown = terms.limits.keys() - self._methods.keys()
        if unknown:
            raise LocalError(ErrorCode.METHOD_UNKNOWN, methods=",".join(sorted(unknown)))
        self._exchange = 0
        self._attempts = 0
        self._asked: Query = Request(tuple(terms.limits))
        self._repeat_at = terms.deadline
        self._outputs: deque[EarningOutput] = deque()
        self._ask(self._asked, now)

    def receive(self, event: EarningEvent, now: Instant) -> None:
        """Take an answer in.

        Raises:
            LocalError: the event is of a class that the table does not know.
        """
        before = self.phase
        if not EARNING_TABLE.is_handled(before, event):
            return
        match event, self._asked:
            case PresentationAccepted(answer=answer), _:
                self._end(EarningPhase.GRANTED, Finish(answer))
            case _ if event.exchange != self._exchange:
                return
            case ChallengeOffered(challenges=challenges), _:
                self._choose(challenges, now)
            case SolutionFound(proof=proof), Solve(challenge=challenge):
                self.phase = EarningPhase.PRESENTING
                self._ask(Present(challenge, proof), now)
            case PresentationRefused(code=code), _:
                self._take_refusal(code, now)
        EARNING_TABLE.check_step(before, event, self.phase)

    def handle_timeout(self, now: Instant) -> None:
        """Give up at the deadline, ask anew for what has expired, repeat what was not answered."""
        due = self.next_timeout()
        if due is None or now < due:
            return
        before = self.phase
        if now >= self._terms.deadline:
            solving = before is EarningPhase.SOLVING
            self._fail(ErrorCode.WORK_REQUIRED if solving else ErrorCode.UNREACHABLE)
        elif now >= self._expires():
            self._ask_anew(now)
        else:
            self._repeat(now)
        EARNING_TABLE.check_step(before, TimeoutReached(), self.phase)

    def next_timeout(self) -> Instant | None:
        """Return the next moment at which time changes something, or None at the end."""
        if self.phase in EARNING_TABLE.final:
            return None
        return min(self._terms.deadline, self._repeat_at, self._expires())

    def next_output(self) -> EarningOutput | None:
        """Take the next effect to perform, or None."""
        return self._outputs.popleft() if self._outputs else None

    def _expires(self) -> Instant:
        if isinstance(self._asked, Request):
            return self._terms.deadline
        return self._asked.challenge.expires_ms

    def _ask(self, query: Query, now: Instant) -> None:
        self._asked = query
        self._exchange += 1
        self._repeat(now)

    def _repeat(self, now: Instant) -> None:
        if isinstance(self._asked, Solve):
            self._repeat_at = self._terms.deadline
        else:
            self._repeat_at = Instant(now + self._terms.retry_ms)
        self._outputs.append(Ask(self._exchange, self._asked))

    def _ask_anew(self, now: Instant) -> None:
        self.phase = EarningPhase.ASKING
        self._ask(Request(tuple(self._terms.limits)), now)

    def _choose(self, challenges: tuple[Challenge, ...], now: Instant) -> None:
        if self._attempts >= self._terms.attempts_max:
            self._fail(ErrorCode.WORK_REJECTED)
            return
        objection = ErrorCode.METHOD_UNKNOWN
        for name in self._terms.limits:
            for challenge in challenges:
                if challenge.method != name:
                    continue
                found = self._objection(challenge, now)
                if found is None:
                    self._attempts += 1
                    self.phase = EarningPhase.SOLVING
                    self._ask(Solve(challenge), now)
                    return
                objection = found
        self._fail(objection)

    def _objection(self, challenge: Challenge, now: Instant) -> ErrorCode | None:
        if challenge.binding != self._terms.binding:
            return ErrorCode.PROTOCOL_VIOLATION
        if challenge.expires_ms <= now:
            return ErrorCode.EXPIRED
        try:
            tries = self._methods[challenge.method].expected_tries(challenge.params)
        except PeerError as error:
            return error.code
        return None if tries <= self._terms.limits[challenge.method] else ErrorCode.TOO_EXPENSIVE

    def _take_refusal(self, code: ErrorCode, now: Instant) -> None:
        if code in _WAITING_HELPS:
            return
        if self.phase is EarningPhase.PRESENTING and code in _FRESH_CHALLENGE_HELPS:
            self._ask_anew(now)
        else:
            self._fail(code)

    def _fail(self, code: ErrorCode) -> None:
        self._end(EarningPhase.FAILED, Fail(code))

    def _end(self, phase: EarningPhase, output: EarningOutput) -> None:
        self.phase = phase
        self._outputs.clear()
        self._outputs.append(output)
