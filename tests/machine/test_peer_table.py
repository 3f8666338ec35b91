"""Every cell of the tables of the peer book and of one peer's life, and every edge that they allow, taken by the book.

A scene is a book in which one address, the subject, has reached a phase; every scene meets every event, in every
guise: about the subject itself, and about somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest

from parley.errors import ErrorCode
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import (
    PEER_BOOK_TABLE,
    PEER_TABLE,
    AddressAdded,
    AddressesReceived,
    AddressRemoved,
    Closed,
    HelloAnswered,
    HelloFailed,
    HelloReceived,
    LinkUsed,
    Misbehaved,
    PeerBookEvent,
    PeerBookPhase,
    PeerPhase,
    Reply,
    Started,
)
from parley.protocol.machine import Handled, Ignored, TimeoutReached
from tests.unit.pool.peer_stage import OWN_ID, Stage, at, node

SUBJECT = at("21.0.0.1:1")
SUBJECT_ID = node(1)
OTHER = at("22.0.0.1:1")
OTHER_ID = node(2)
NEWCOMER = at("23.0.0.1:1")
STRANGER = at("24.0.0.1:1")
# Room for six addresses that are not static and for one of each kind; whatever can end, ends at once.
CONFIG = PeersConfig(
    outbound_slots=2,
    inbound_slots=1,
    call_backs_max=1,
    anchors=0,
    bans_max=1,
    known_max=6,
    unanswered_max=1,
    silence_limit=1,
    exchange_limit=1,
    slots_per_group=3,
)
Edge = tuple[PeerPhase, type, PeerPhase]
Scene = Callable[[], Stage]


def nobody() -> Stage:
    return Stage(CONFIG)


def nobody_but_a_link() -> Stage:
    stage = nobody()
    stage.link(OTHER, OTHER_ID)
    stage.wait()
    return stage


def nobody_but_a_greeting() -> Stage:
    stage = nobody()
    stage.dial(OTHER)
    return stage


def nobody_but_someone_to_call() -> Stage:
    return Stage(PeersConfig())


def known() -> Stage:
    """Let the subject wait after a failure; it answered before the restart, so it is not forgotten."""
    stage = nobody()
    stage.receive(Started(known=(SUBJECT,)))
    stage.wait()
    stage.fail(SUBJECT)
    return stage


def known_in_a_full_list() -> Stage:
    """Let a newcomer replace the subject; somebody else is greeted, and a link asked."""
    stage = nobody()
    stage.link(OTHER, OTHER_ID)
    stage.wait()
    stage.dial(NEWCOMER)
    stage.receive(Started(known=tuple(at(f"21.0.0.{last}:1") for last in (2, 3, 4))))
    stage.receive(AddressAdded(SUBJECT, is_static=False))
    return stage


def second_address(*, is_static: bool) -> Stage:
    """Make the subject another address of a link that is asked for addresses, and whose score is half a ban."""
    stage = nobody()
    stage.link(OTHER, SUBJECT_ID, is_static=True)
    stage.wait()
    stage.dial(SUBJECT, is_static=is_static)
    stage.answer(SUBJECT, SUBJECT_ID)
    stage.receive(Misbehaved(SUBJECT_ID, ErrorCode.MALFORMED))
    return stage


def second_address_being_greeted(*, is_static: bool) -> Stage:
    stage = second_address(is_static=is_static)
    for _ in range(600 // 30):
        stage.receive(AddressesReceived(stage.question(OTHER).exchange, ()))
        stage.sleep(30_000)
        stage.answer(OTHER, SUBJECT_ID)
    stage.wait()
    stage.receive(Misbehaved(SUBJECT_ID, ErrorCode.MALFORMED))
    return stage


def greeting() -> Stage:
    stage = nobody()
    stage.dial(SUBJECT)
    return stage


def greeting_static() -> Stage:
    stage = nobody()
    stage.dial(SUBJECT, is_static=True)
    return stage


def greeting_the_barred(*, is_static: bool) -> Stage:
    stage = nobody()
    stage.dial(SUBJECT, is_static=is_static)
    stage.ban(SUBJECT_ID)
    return stage


def calling_back() -> Stage:
    stage = Stage(PeersConfig())
    stage.knock(SUBJECT, SUBJECT_ID)
    return stage


def greeting_the_verified() -> Stage:
    stage = known()
    stage.sleep(1_000)
    return stage


def linked() -> Stage:
    stage = nobody()
    stage.link(SUBJECT, SUBJECT_ID)
    stage.wait()
    return stage


def linked_static() -> Stage:
    stage = nobody()
    stage.link(SUBJECT, SUBJECT_ID, is_static=True)
    stage.wait()
    return stage


def linked_and_greeted() -> Stage:
    stage = linked()
    stage.sleep(30_000)
    return stage


def linked_where_another_address_is_greeted() -> Stage:
    stage = linked()
    stage.dial(OTHER, is_static=True)
    return stage


def nearly_barred(*, is_static: bool) -> Stage:
    stage = nobody()
    stage.link(SUBJECT, SUBJECT_ID, is_static=is_static)
    stage.wait()
    stage.receive(Misbehaved(SUBJECT_ID, ErrorCode.MALFORMED))
    return stage


def paused() -> Stage:
    stage = linked_static()
    stage.ban(SUBJECT_ID)
    return stage


def paused_beside_a_link() -> Stage:
    stage = paused()
    stage.link(OTHER, OTHER_ID)
    stage.wait()
    return stage


def banned() -> Stage:
    stage = linked()
    stage.ban(SUBJECT_ID)
    return stage


def banned_beside_others() -> Stage:
    """There is room for one ban, and another link is about to earn one; a barred node is being greeted."""
    stage = banned()
    stage.sleep(1)
    stage.link(OTHER, OTHER_ID)
    stage.wait()
    stage.receive(Misbehaved(OTHER_ID, ErrorCode.MALFORMED))
    stage.dial(NEWCOMER)
    stage.ban(node(3))
    return stage


def scenes() -> Iterator[Scene]:
    yield from (nobody, nobody_but_a_link, nobody_but_a_greeting, nobody_but_someone_to_call)
    yield from (known, known_in_a_full_list, greeting, greeting_static, calling_back, greeting_the_verified)
    yield from (linked, linked_static, linked_and_greeted, linked_where_another_address_is_greeted)
    yield from (paused, paused_beside_a_link, banned, banned_beside_others)
    for is_static in (False, True):
        yield partial(second_address, is_static=is_static)
        yield partial(second_address_being_greeted, is_static=is_static)
        yield partial(greeting_the_barred, is_static=is_static)
        yield partial(nearly_barred, is_static=is_static)


def events(exchanges: int) -> Iterator[PeerBookEvent]:
    """Yield every event in every guise; an exchange may be any that was ever under way, or none."""
    for address in (SUBJECT, OTHER, STRANGER):
        yield Started((address,), (), ())
        yield Started((), (address,), ())
        yield Started((), (), (address,))
        yield AddressAdded(address, is_static=True)
        yield AddressAdded(address, is_static=False)
        yield AddressRemoved(address)
    for exchange in range(exchanges + 2):
        for node_id in (SUBJECT_ID, OTHER_ID, node(3), OWN_ID):
            for claimed in (None, SUBJECT, STRANGER):
                yield HelloAnswered(exchange, node_id, claimed)
        for code in (ErrorCode.UNREACHABLE, ErrorCode.PEER_REFUSED, ErrorCode.WRONG_RECIPIENT):
            yield HelloFailed(exchange, code)
        for named in ((), (SUBJECT,), (STRANGER,), (STRANGER, SUBJECT)):
            yield AddressesReceived(exchange, named)
    for node_id in (SUBJECT_ID, OTHER_ID, node(3)):
        for number in (21, 22, 24):
            yield HelloReceived(99, node_id, at(f"{number}.0.0.1:1"), f"{number}.0.0.1")
        yield HelloReceived(99, node_id, None, "21.0.0.1")
        for code in (ErrorCode.BAD_SIGNATURE, ErrorCode.MALFORMED, ErrorCode.UNREACHABLE):
            yield Misbehaved(node_id, code)
        yield LinkUsed(node_id, is_useful=True)
    yield Closed()


def exchanges_of(scene: Scene) -> int:
    return max((getattr(output, "exchange", 0) for output in scene().outputs), default=0)


def timeouts(scene: Scene) -> Iterator[Edge]:
    """Let time act: at once, when it is due, and much later."""
    due = scene().book.next_timeout()
    for passed_ms in (0, 0 if due is None else max(0, due - scene().now), 10**9):
        stage = scene()
        before = stage.phase(SUBJECT)
        stage.wait(passed_ms)
        yield before, TimeoutReached, stage.phase(SUBJECT)


def walks(scene: Scene) -> Iterator[tuple[Edge, object]]:
    """Yield what every event does to the subject, and the event."""
    for event in events(exchanges_of(scene)):
        stage = scene()
        before = stage.phase(SUBJECT)
        stage.receive(event)
        yield (before, type(event), stage.phase(SUBJECT)), event
    for edge in timeouts(scene):
        yield edge, TimeoutReached()


@pytest.fixture(scope="module")
def taken() -> list[tuple[Edge, object]]:
    return [walk for scene in scenes() for walk in walks(scene)]


def test_every_step_of_a_peer_is_one_that_its_table_allows(taken: list[tuple[Edge, object]]) -> None:
    for (before, _, after), event in taken:
        PEER_TABLE.check_step(before, event, after)


def test_every_cell_was_met(taken: list[tuple[Edge, object]]) -> None:
    assert {(before, event) for (before, event, _), _ in taken} == set(PEER_TABLE.cells)


def test_every_edge_that_the_table_allows_was_taken(taken: list[tuple[Edge, object]]) -> None:
    assert set(PEER_TABLE.edges()) - {edge for edge, _ in taken} == set()


def test_what_a_cell_ignores_changes_nothing_about_the_peer() -> None:
    for scene in scenes():
        for event in events(exchanges_of(scene)):
            stage = scene()
            before = stage.status(SUBJECT)
            phase = stage.phase(SUBJECT)
            stage.receive(event)
            if isinstance(PEER_TABLE.cells[phase, type(event)], Ignored):
                assert stage.status(SUBJECT) == before or isinstance(event, Misbehaved), event


@pytest.mark.parametrize("event", list(events(1)), ids=lambda event: type(event).__name__)
def test_the_book_ignores_all_but_callers_once_it_is_closed(event: PeerBookEvent) -> None:
    stage = nobody_but_a_link()
    stage.receive(Closed())
    outputs = stage.receive(event)
    assert stage.book.phase is PeerBookPhase.CLOSED
    assert stage.wait(10**9) == []
    cell = PEER_BOOK_TABLE.cells[PeerBookPhase.CLOSED, type(event)]
    assert bool(outputs) is isinstance(cell, Handled)
    assert all(isinstance(output, Reply) for output in outputs)


@pytest.mark.parametrize("event", list(events(1)), ids=lambda event: type(event).__name__)
def test_the_book_stays_open_until_it_is_closed(event: PeerBookEvent) -> None:
    stage = nobody_but_a_link()
    stage.receive(event)
    PEER_BOOK_TABLE.check_step(PeerBookPhase.OPEN, event, stage.book.phase)
    expected: Mapping[bool, PeerBookPhase] = {True: PeerBookPhase.CLOSED, False: PeerBookPhase.OPEN}
    assert stage.book.phase is expected[isinstance(event, Closed)]
