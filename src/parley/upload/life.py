"""The life of one ticket, from the work to the end of its upload.

    OPEN        nothing is stored; a good proof, or the grant, makes it EARNED
    EARNED      the first part may begin until the ticket expires
    UPLOADING   parts come; their progress extends the lease, up to a cap counted from the first
    SPENT       the message is complete
    LAPSED      there is no message: the ticket expired, the lease ran out, or the upload was deleted

Complete, delete and lapse are three owners of one claim, `end_key`. The machine asks for the claim and takes the end
that the store names, so of all processes and all repeats exactly one end happens. When another end was first, the
machine asks for `complete` once more: that key is held already, so the answer only tells who holds it.

`receive` raises PeerError for a step that must be refused, with the code to answer: WORK_REQUIRED before the work,
EXPIRED after the time, ALREADY_SPENT after the end, TOO_LARGE, BUSY while an end is being claimed. Asking again for
the end that happened is answered like the first time.

Source: docs/spec/upload.md, docs/why/upload.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from parley.errors import ErrorCode, PeerError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.claims import Applied, Foreign, Outcome
from parley.protocol.machine import Ask, Cell, Finish, Handled, Ignored, Refused, TimeoutReached, TransitionTable
from parley.upload.config import UploadConfig
from parley.upload.stored import (
    End,
    StoredPart,
    StoredTicket,
    UploadPhase,
    encode_stored_ticket,
    parse_stored_ticket,
)

__all__ = [
    "UPLOAD_TABLE",
    "Completed",
    "Deleted",
    "End",
    "EndClaim",
    "EndClaimed",
    "PartBegun",
    "PartGrown",
    "PartStored",
    "ProofAccepted",
    "StoredPart",
    "StoredTicket",
    "UploadEvent",
    "UploadLife",
    "UploadOutput",
    "UploadPhase",
    "encode_stored_ticket",
    "end_key",
    "parse_stored_ticket",
]

_KEY_PREFIX: Final = b"upload/end/"


def end_key(ticket: ChallengeId) -> bytes:
    """Return the key of the claim that ends an upload."""
    return _KEY_PREFIX + ticket


@dataclass(frozen=True, slots=True)
class ProofAccepted:
    """The work is good and its challenge is claimed, or the ticket was granted without work."""


@dataclass(frozen=True, slots=True)
class PartBegun:
    """A part is about to be sent.

    Attributes:
        size_bytes: as its sender announced; 0 where it did not say.
    """

    size_bytes: int


@dataclass(frozen=True, slots=True)
class PartGrown:
    """More of a part has arrived: progress that extends the lease of a slow sender.

    Attributes:
        size_bytes: of the piece that has arrived.
    """

    size_bytes: int


@dataclass(frozen=True, slots=True)
class PartStored:
    """A part has arrived whole and is stored; it replaces the part of the same name.

    Attributes:
        name: 1..255 bytes of UTF-8.
        size_bytes: of its content.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Completed:
    """The sender says that all parts are there; the driver has checked that they are."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The sender takes the message back."""


@dataclass(frozen=True, slots=True)
class EndClaimed:
    """The store has judged the claim of an end.

    Attributes:
        exchange: of the `Ask`.
        outcome: of the claim.
    """

    exchange: int
    outcome: Outcome


UploadEvent = ProofAccepted | PartBegun | PartGrown | PartStored | Completed | Deleted | EndClaimed


@dataclass(frozen=True, slots=True)
class EndClaim:
    """Claim the end of this upload.

    Attributes:
        key: of the claim.
        owner: b"complete", b"delete" or b"lapse".
    """

    key: bytes
    owner: bytes


UploadOutput = Ask[EndClaim] | Finish[End]

_EVENTS: Final = (ProofAccepted, PartBegun, PartGrown, PartStored, Completed, Deleted, EndClaimed, TimeoutReached)


def _cells() -> dict[tuple[UploadPhase, type], Cell[UploadPhase]]:
    opened, earned, uploading, spent, lapsed = UploadPhase
    unpaid, ended, gone = (
        Refused(code) for code in (ErrorCode.WORK_REQUIRED, ErrorCode.ALREADY_SPENT, ErrorCode.EXPIRED)
    )

    def to(*phases: UploadPhase) -> Handled[UploadPhase]:
        return Handled(frozenset(phases))

    rows: dict[UploadPhase, tuple[Cell[UploadPhase], ...]] = {
        opened: (to(opened, earned), unpaid, unpaid, unpaid, unpaid, unpaid, Ignored(), to(lapsed)),
        earned: (
            Ignored(),
            to(earned, uploading),
            Refused(ErrorCode.PROTOCOL_VIOLATION),
            Refused(ErrorCode.PROTOCOL_VIOLATION),
            Refused(ErrorCode.PROTOCOL_VIOLATION),
            to(earned),
            to(earned, spent, lapsed),
            to(earned),
        ),
        uploading: (
            Ignored(),
            to(uploading),
            to(uploading),
            to(uploading),
            to(uploading),
            to(uploading),
            to(uploading, spent, lapsed),
            to(uploading),
        ),
        spent: (Ignored(), ended, ended, ended, Ignored(), ended, Ignored(), Ignored()),
        lapsed: (gone, gone, gone, gone, gone, Ignored(), Ignored(), Ignored()),
    }
    return {(phase, event): cell for phase, row in rows.items() for event, cell in zip(_EVENTS, row, strict=True)}


UPLOAD_TABLE: Final = TransitionTable(
    name="UploadLife",
    phases=UploadPhase,
    initial=UploadPhase.OPEN,
    final=frozenset({UploadPhase.SPENT, UploadPhase.LAPSED}),
    events=_EVENTS,
    cells=_cells(),
)


class UploadLife:
    """One ticket and its upload.

    Attributes:
        ticket: all that has to be stored; the driver stores it after each step that changed it, before it answers.
    """

    def __init__(self, ticket: StoredTicket, config: UploadConfig) -> None:
        """Begin, or go on with what was stored; a claim that was not answered before is asked for anew.

        Args:
            ticket: a new one from `StoredTicket.open`, or one that was stored.
            config: the limits.
        """
        self.ticket = ticket
        self._config = config
        self._exchange = 0
        self._asked: tuple[End, bool] | None = None
        self._ask_again_at = Instant(0)
        self._outputs: deque[UploadOutput] = deque()

    @property
    def phase(self) -> UploadPhase:
        """Return where it stands."""
        return self.ticket.phase

    def receive(self, event: UploadEvent, now: Instant) -> None:
        """Take one step in.

        Raises:
            PeerError: the step is refused, nothing has changed; the code is the answer.
            LocalError: the event is of a class that the table does not know.
        """
        before = self.phase
        if not UPLOAD_TABLE.is_handled(before, event):
            return
        match event:
            case ProofAccepted():
                self._check_time(self.ticket.expires_ms, now)
                self.ticket = replace(self.ticket, phase=UploadPhase.EARNED, earned_ms=now)
            case PartBegun(size_bytes=size_bytes):
                self._begin_part(size_bytes, now)
            case PartGrown(size_bytes=size_bytes):
                self._check_open(now)
                self._check_size(size_bytes, size_bytes)
                self._extend(now)
            case PartStored(name=name, size_bytes=size_bytes):
                self._store_part(name, size_bytes, now)
            case Completed():
                self._check_time(self._due(), now)
                self._claim(End.COMPLETE, now)
            case Deleted():
                self._claim(End.DELETE, now)
            case _:
                self._take_outcome(event.exchange, event.outcome, now)
        UPLOAD_TABLE.check_step(before, event, self.phase)

    def handle_timeout(self, now: Instant) -> None:
        """Let an open ticket lapse; claim the lapse of what has expired, again until the store has answered."""
        due = self.next_timeout()
        if due is None or now < due:
            return
        before = self.phase
        if before is UploadPhase.OPEN:
            self._end(End.LAPSE, now)
        elif self._asked is None:
            self._claim(End.LAPSE, now)
        else:
            self._ask(*self._asked, now)
        UPLOAD_TABLE.check_step(before, TimeoutReached(), self.phase)

    def next_timeout(self) -> Instant | None:
        """Return when the ticket expires, the lease runs out, or a claim is to be asked for again."""
        if self.phase in UPLOAD_TABLE.final:
            return None
        return self._due() if self._asked is None else self._ask_again_at

    def next_output(self) -> UploadOutput | None:
        """Take the next effect to perform, or None."""
        return self._outputs.popleft() if self._outputs else None

    def _due(self) -> Instant:
        uploading = self.phase is UploadPhase.UPLOADING
        return self.ticket.lease_until_ms if uploading else self.ticket.expires_ms

    def _begin_part(self, size_bytes: int, now: Instant) -> None:
        self._check_open(now)
        self._check_size(size_bytes, size_bytes)
        if self.phase is UploadPhase.EARNED:
            started = replace(self.ticket, phase=UploadPhase.UPLOADING, started_ms=now)
            self.ticket = replace(started, lease_until_ms=self._lease_until(now, now))

    def _store_part(self, name: str, size_bytes: int, now: Instant) -> None:
        self._check_open(now)
        kept = tuple(part for part in self.ticket.parts if part.name != name)
        self._check_size(size_bytes, size_bytes + sum(part.size_bytes for part in kept))
        if len(kept) >= self._config.parts_max:
            raise PeerError(ErrorCode.TOO_LARGE, parts=len(kept) + 1, maximum=self._config.parts_max)
        if not StoredPart.is_name(name):
            raise PeerError(ErrorCode.MALFORMED, field="name of a part")
        parts = tuple(sorted((*kept, StoredPart(name, size_bytes)), key=lambda part: part.name))
        self.ticket = replace(self.ticket, parts=parts)
        self._extend(now)

    def _extend(self, now: Instant) -> None:
        until = max(self._lease_until(self.ticket.started_ms, now), self.ticket.lease_until_ms)
        self.ticket = replace(self.ticket, lease_until_ms=until)

    def _check_open(self, now: Instant) -> None:
        self._check_time(self._due(), now)
        if self._asked is not None:
            raise PeerError(ErrorCode.BUSY, under_way="the end of this upload")

    def _check_time(self, due: Instant, now: Instant) -> None:
        if now >= due:
            raise PeerError(ErrorCode.EXPIRED, expires_ms=due, now_ms=now)

    def _check_size(self, part_bytes: int, total_bytes: int) -> None:
        if part_bytes < 0:
            raise PeerError(ErrorCode.MALFORMED, size_bytes=part_bytes)
        if part_bytes > self._config.part_max_bytes:
            raise PeerError(ErrorCode.TOO_LARGE, size_bytes=part_bytes, maximum_bytes=self._config.part_max_bytes)
        if total_bytes > self.ticket.size_max_bytes:
            raise PeerError(ErrorCode.TOO_LARGE, size_bytes=total_bytes, maximum_bytes=self.ticket.size_max_bytes)

    def _lease_until(self, started_ms: Instant, now: Instant) -> Instant:
        until = min(now + self._config.lease_ms, started_ms + self._config.lease_cap_ms, INSTANT_MAX_MS)
        return Instant(until)

    def _claim(self, end: End, now: Instant) -> None:
        self._ask(end, False, now)  # noqa: FBT003 # a first question, not one who holds the claim

    def _ask(self, end: End, is_probe: bool, now: Instant) -> None:  # noqa: FBT001 # kept and passed on as a pair
        self._asked = (end, is_probe)
        self._exchange += 1
        self._ask_again_at = Instant(min(now + self._config.lease_ms, INSTANT_MAX_MS))
        self._outputs.append(Ask(self._exchange, EndClaim(end_key(self.ticket.id), end.value)))

    def _take_outcome(self, exchange: int, outcome: Outcome, now: Instant) -> None:
        if self._asked is None or exchange != self._exchange:
            return
        end, is_probe = self._asked
        match outcome:
            case Foreign() if end is not End.COMPLETE:
                self._ask(End.COMPLETE, True, now)  # noqa: FBT003 # the key is held: this asks only by whom
            case Foreign():
                self._end(End.LAPSE, now)
            case Applied() if is_probe:
                # The claim of the other end was forgotten meanwhile; nobody said that the message is complete.
                self._end(End.LAPSE, now)
            case _:
                self._end(end, now)

    def _end(self, end: End, now: Instant) -> None:
        phase = UploadPhase.SPENT if end is End.COMPLETE else UploadPhase.LAPSED
        self.ticket = replace(self.ticket, phase=phase, end=end, ended_ms=now)
        self._asked = None
        self._outputs.clear()
        self._outputs.append(Finish(end))
