from __future__ import annotations

from dataclasses import replace

import pytest

from parley.errors import ErrorCode, PeerError
from parley.primitives.ids import ChallengeId
from parley.primitives.instants import Instant
from parley.protocol.claims import Applied, Foreign, Replayed
from parley.protocol.machine import Ask, Finish, drain
from parley.upload.config import UploadConfig
from parley.upload.life import (
    Completed,
    Deleted,
    End,
    EndClaim,
    EndClaimed,
    PartBegun,
    PartGrown,
    PartStored,
    ProofAccepted,
    StoredPart,
    StoredTicket,
    UploadEvent,
    UploadLife,
    UploadPhase,
    encode_stored_ticket,
    end_key,
    parse_stored_ticket,
)

CONFIG = UploadConfig(
    size_max_bytes=10_000, part_max_bytes=6_000, parts_max=3, lease_ms=1_000, lease_cap_ms=3_000, ticket_ms=10_000
)
T0 = 100_000
TICKET = StoredTicket(
    id=ChallengeId(b"i" * 16),
    ticket_digest=b"d" * 32,
    sender=b"s" * 32,
    recipient=b"r" * 32,
    size_max_bytes=9_000,
    purpose="mail",
    subscription_id="",
    method="pow",
    expires_ms=Instant(T0 + 10_000),
)

START = Instant(T0)


def at(offset_ms: int) -> Instant:
    return Instant(T0 + offset_ms)


def lived(*events: UploadEvent, now: Instant = START) -> UploadLife:
    """Return a life that has seen these events at one moment."""
    life = UploadLife(TICKET, CONFIG)
    for event in events:
        life.receive(event, now)
    return life


def uploading() -> UploadLife:
    return lived(ProofAccepted(), PartBegun(10), PartStored("header", 10))


def refusal(life: UploadLife, event: UploadEvent, now: Instant = START) -> ErrorCode:
    before = life.ticket
    with pytest.raises(PeerError) as refused:
        life.receive(event, now)
    assert life.ticket is before
    assert drain(life) == []
    return refused.value.code


def ask(exchange: int, owner: bytes) -> Ask[EndClaim]:
    return Ask(exchange, EndClaim(b"upload/end/" + b"i" * 16, owner))


def test_a_whole_upload() -> None:
    life = lived(ProofAccepted(), now=at(0))
    assert (life.phase, life.ticket.earned_ms) == (UploadPhase.EARNED, at(0))
    life.receive(PartBegun(4_000), at(500))
    assert (life.phase, life.ticket.started_ms, life.next_timeout()) == (UploadPhase.UPLOADING, at(500), at(1_500))
    life.receive(PartStored("header", 4_000), at(600))
    life.receive(PartStored("block/1", 5_000), at(700))
    assert life.ticket.parts == (StoredPart("block/1", 5_000), StoredPart("header", 4_000))
    assert life.ticket.total_bytes() == 9_000
    assert drain(life) == []
    life.receive(Completed(), at(800))
    assert drain(life) == [ask(1, b"complete")]
    life.receive(EndClaimed(1, Applied()), at(900))
    assert drain(life) == [Finish(End.COMPLETE)]
    assert (life.phase, life.ticket.end, life.ticket.ended_ms) == (UploadPhase.SPENT, End.COMPLETE, at(900))
    assert life.next_timeout() is None


def test_the_key_of_the_end_names_the_ticket() -> None:
    assert end_key(ChallengeId(b"i" * 16)) == b"upload/end/iiiiiiiiiiiiiiii"


@pytest.mark.parametrize("event", [PartBegun(1), PartGrown(1), PartStored("header", 1), Completed(), Deleted()])
def test_before_the_work_it_is_asked_for(event: UploadEvent) -> None:
    assert refusal(UploadLife(TICKET, CONFIG), event) is ErrorCode.WORK_REQUIRED


def test_work_after_the_expiry_is_refused_also_before_time_has_acted() -> None:
    assert refusal(UploadLife(TICKET, CONFIG), ProofAccepted(), at(10_000)) is ErrorCode.EXPIRED
    assert lived(ProofAccepted(), now=at(9_999)).phase is UploadPhase.EARNED


def test_the_first_part_must_begin_before_the_expiry() -> None:
    assert refusal(lived(ProofAccepted()), PartBegun(1), at(10_000)) is ErrorCode.EXPIRED
    life = lived(ProofAccepted())
    life.receive(PartBegun(1), at(9_999))
    life.receive(PartStored("header", 1), at(10_500))  # from now on the lease counts, not the expiry
    assert life.next_timeout() == at(11_500)


def test_progress_extends_the_lease_up_to_the_cap() -> None:
    life = lived(ProofAccepted(), PartBegun(10))
    assert life.next_timeout() == at(1_000)
    life.receive(PartBegun(10), at(400))  # a beginning is no progress
    assert life.next_timeout() == at(1_000)
    for moment, until in ((900, 1_900), (1_800, 2_800), (2_700, 3_000), (2_999, 3_000)):
        life.receive(PartGrown(100), at(moment))
        assert life.next_timeout() == at(until)
    assert refusal(life, PartStored("header", 10), at(3_000)) is ErrorCode.EXPIRED
    assert refusal(life, Completed(), at(3_000)) is ErrorCode.EXPIRED


def test_a_clock_that_goes_back_does_not_shorten_the_lease() -> None:
    life = uploading()
    life.receive(PartStored("header", 10), at(-50))
    assert life.next_timeout() == at(1_000)


def test_an_orphan_lapses() -> None:
    life = uploading()
    life.handle_timeout(at(999))
    assert drain(life) == []
    life.handle_timeout(at(1_000))
    assert drain(life) == [ask(1, b"lapse")]
    life.handle_timeout(at(1_999))
    assert drain(life) == []
    life.handle_timeout(at(2_000))  # the store did not answer
    assert drain(life) == [ask(2, b"lapse")]
    life.receive(EndClaimed(1, Applied()), at(2_000))  # an answer to the first question comes too late to count
    assert life.phase is UploadPhase.UPLOADING
    life.receive(EndClaimed(2, Replayed()), at(2_001))
    assert (life.phase, drain(life)) == (UploadPhase.LAPSED, [Finish(End.LAPSE)])


def test_an_earned_ticket_that_is_not_used_lapses() -> None:
    life = lived(ProofAccepted())
    life.handle_timeout(at(10_000))
    assert drain(life) == [ask(1, b"lapse")]
    life.receive(EndClaimed(1, Applied()), at(10_000))
    assert life.phase is UploadPhase.LAPSED


def test_an_open_ticket_lapses_without_asking_anybody() -> None:
    life = UploadLife(TICKET, CONFIG)
    life.handle_timeout(at(10_000))
    assert (life.phase, drain(life)) == (UploadPhase.LAPSED, [Finish(End.LAPSE)])


def test_deleting_is_allowed_before_and_after_the_end() -> None:
    for moment in (0, 1_000, 50_000):
        life = uploading()
        life.receive(Deleted(), at(moment))
        assert drain(life) == [ask(1, b"delete")]
        life.receive(EndClaimed(1, Applied()), at(moment))
        assert (life.phase, life.ticket.end) == (UploadPhase.LAPSED, End.DELETE)
        drain(life)
        life.receive(Deleted(), at(moment + 1))
        assert drain(life) == []


def test_a_ticket_can_be_given_back_unused() -> None:
    life = lived(ProofAccepted(), Deleted())
    life.receive(EndClaimed(1, Applied()), at(1))
    assert life.phase is UploadPhase.LAPSED


def test_completing_what_was_not_begun_is_refused() -> None:
    assert refusal(lived(ProofAccepted()), Completed()) is ErrorCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize(
    ("event", "end", "answers", "phase"),
    [
        (Completed(), b"complete", [Replayed()], UploadPhase.SPENT),
        (Completed(), b"complete", [Foreign()], UploadPhase.LAPSED),
        (Deleted(), b"delete", [Foreign(), Replayed()], UploadPhase.SPENT),
        (Deleted(), b"delete", [Foreign(), Foreign()], UploadPhase.LAPSED),
        (Deleted(), b"delete", [Foreign(), Applied()], UploadPhase.LAPSED),
    ],
)
def test_the_end_is_the_one_that_the_store_holds(
    event: UploadEvent, end: bytes, answers: list[Applied | Replayed | Foreign], phase: UploadPhase
) -> None:
    life = uploading()
    life.receive(event, at(1))
    asked = [ask(1, end)]
    for number, answer in enumerate(answers, 1):
        assert drain(life) == asked
        life.receive(EndClaimed(number, answer), at(1))
        asked = [ask(number + 1, b"complete")]
    outcome = End.COMPLETE if phase is UploadPhase.SPENT else End.LAPSE
    assert (life.phase, drain(life)) == (phase, [Finish(outcome)])


def test_completing_again_is_answered_alike_and_anything_else_is_not() -> None:
    life = uploading()
    life.receive(Completed(), at(1))
    life.receive(EndClaimed(1, Applied()), at(1))
    drain(life)
    life.receive(Completed(), at(60_000))
    life.receive(ProofAccepted(), at(60_000))
    assert drain(life) == []
    for event in (PartBegun(1), PartGrown(1), PartStored("x", 1), Deleted()):
        assert refusal(life, event) is ErrorCode.ALREADY_SPENT


@pytest.mark.parametrize("event", [ProofAccepted(), PartBegun(1), PartGrown(1), PartStored("x", 1), Completed()])
def test_what_has_lapsed_is_gone(event: UploadEvent) -> None:
    life = UploadLife(TICKET, CONFIG)
    life.handle_timeout(at(10_000))
    drain(life)
    assert refusal(life, event) is ErrorCode.EXPIRED


def test_while_an_end_is_claimed_no_part_changes_and_asking_again_asks_again() -> None:
    life = uploading()
    life.receive(Completed(), at(1))
    drain(life)
    for event in (PartBegun(1), PartGrown(1), PartStored("block", 1)):
        assert refusal(life, event, at(2)) is ErrorCode.BUSY
    life.receive(Completed(), at(3))
    assert drain(life) == [ask(2, b"complete")]


def test_an_unexpected_answer_of_the_store_changes_nothing() -> None:
    life = uploading()
    before = life.ticket
    life.receive(EndClaimed(0, Applied()), at(1))
    assert life.ticket is before


def test_sizes_have_limits() -> None:
    life = lived(ProofAccepted())
    assert refusal(life, PartBegun(6_001)) is ErrorCode.TOO_LARGE
    assert refusal(life, PartBegun(-1)) is ErrorCode.MALFORMED
    life.receive(PartBegun(6_000), at(0))
    assert refusal(life, PartGrown(6_001)) is ErrorCode.TOO_LARGE
    life.receive(PartStored("a", 6_000), at(0))
    assert refusal(life, PartStored("b", 3_001)) is ErrorCode.TOO_LARGE
    life.receive(PartStored("b", 3_000), at(0))
    life.receive(PartStored("a", 1), at(0))  # the part of that name is replaced, and its size forgotten
    life.receive(PartStored("c", 5_999), at(0))
    assert life.ticket.total_bytes() == 9_000
    life.receive(PartStored("c", 0), at(0))
    assert refusal(life, PartStored("d", 0)) is ErrorCode.TOO_LARGE


def test_a_ticket_for_less_than_a_part_limits_the_part() -> None:
    life = UploadLife(replace(TICKET, size_max_bytes=100), CONFIG)
    life.receive(ProofAccepted(), at(0))
    assert refusal(life, PartBegun(101)) is ErrorCode.TOO_LARGE


@pytest.mark.parametrize("name", ["", "n" * 256, "\ud800"])
def test_names_of_parts_have_a_form(name: str) -> None:
    assert refusal(uploading(), PartStored(name, 1)) is ErrorCode.MALFORMED


def test_a_restart_goes_on_where_it_was() -> None:
    life = uploading()
    life.receive(Completed(), at(10))  # asked, not answered: the process is killed
    stored = parse_stored_ticket(encode_stored_ticket(life.ticket))
    assert stored == life.ticket
    again = UploadLife(stored, CONFIG)
    assert (again.phase, again.next_timeout()) == (UploadPhase.UPLOADING, at(1_000))
    again.receive(Completed(), at(20))
    assert drain(again) == [ask(1, b"complete")]
    again.receive(EndClaimed(1, Replayed()), at(20))
    assert again.phase is UploadPhase.SPENT
