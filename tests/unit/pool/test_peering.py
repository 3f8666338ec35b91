"""The events and tables of the peer book; every cell is walked in tests/machine/."""

from __future__ import annotations

from parley.pool.peering import PEER_BOOK_TABLE, PEER_TABLE, Closed, HelloReceived, PeerBookPhase, PeerPhase
from parley.protocol.machine import Handled, TimeoutReached


def test_the_tables_have_a_cell_for_every_phase_and_event() -> None:
    events = 11
    assert len(PEER_TABLE.cells) == 6 * events
    assert len(PEER_BOOK_TABLE.cells) == 2 * events
    assert TimeoutReached in PEER_TABLE.events


def test_a_peer_begins_unknown_and_ends_so_when_the_book_closes() -> None:
    assert PEER_TABLE.initial is PeerPhase.UNKNOWN
    for phase in set(PeerPhase) - {PeerPhase.UNKNOWN}:
        assert PEER_TABLE.cells[phase, Closed] == Handled(frozenset({PeerPhase.UNKNOWN}))


def test_only_by_a_greeting_does_a_peer_become_a_link() -> None:
    into_links = {before for before, _, after in PEER_TABLE.edges() if after is PeerPhase.LINKED}
    assert into_links == {PeerPhase.GREETING, PeerPhase.LINKED}


def test_a_closed_book_still_answers_callers() -> None:
    handled = [event for event in PEER_BOOK_TABLE.events if PEER_BOOK_TABLE.cells[PeerBookPhase.CLOSED, event]]
    assert len(handled) == len(PEER_BOOK_TABLE.events)
    answered = [
        event
        for event in PEER_BOOK_TABLE.events
        if isinstance(PEER_BOOK_TABLE.cells[PeerBookPhase.CLOSED, event], Handled)
    ]
    assert answered == [HelloReceived]
