"""Every cell of the tables of the traversal and of the router, and every edge that they allow, taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from parley.adapters.memory.entropy import SeededEntropy
from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import Answer, Item, Query, record_body
from parley.pool.router import Router
from parley.pool.routing import (
    ROUTER_TABLE,
    AnswerReceived,
    AskFailed,
    Closed,
    LinksChanged,
    OwnerQueried,
    QueryReceived,
    Reply,
    RouterEvent,
    RouterPhase,
)
from parley.pool.table import OWNER_LINK, RecordTable
from parley.pool.traversal import TRAVERSAL_TABLE, LinkAnswered, LinkFailed, Traversal, TraversalPhase
from parley.primitives import schnorr
from parley.primitives.ids import NodeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, Blame, Finish, Handled, Ignored, Refused, TimeoutReached, drain
from parley.testing.authors import Author

START = Instant(1_800_000_000_000)
CONFIG = PoolConfig()
FIRST, SECOND, STRANGER = (NodeId(bytes([number]) * 32) for number in (1, 2, 3))
QUERY = Query(RequestId(b"q" * 16), ("offer",), 3, 10, None, 4_000)
RECORD = Author(SeededEntropy(b"author")).sign(("offer", "btc"), "sell", now=START)
HONEST = Answer((Item("far", RECORD),))
FORGED = Answer((Item("far", replace(RECORD, message="buy")),))

TraversalEvent = LinkAnswered | LinkFailed | TimeoutReached


def traversal(*links: NodeId) -> Traversal:
    return Traversal(
        QUERY,
        links=links,
        own_items=(),
        own_left_out=0,
        own_name="own",
        config=CONFIG,
        verify=schnorr.verify,
        now=START,
    )


def waiting_for_one() -> Traversal:
    return traversal(FIRST)


def waiting_for_two() -> Traversal:
    return traversal(FIRST, SECOND)


def half_answered() -> Traversal:
    machine = traversal(FIRST, SECOND)
    machine.receive(LinkAnswered(SECOND, HONEST), START)
    return machine


def nobody_to_ask() -> Traversal:
    return traversal()


def answered() -> Traversal:
    machine = waiting_for_one()
    machine.receive(LinkAnswered(FIRST, HONEST), START)
    return machine


def timed_out() -> Traversal:
    machine = waiting_for_two()
    machine.handle_timeout(Instant(START + QUERY.budget_ms))
    return machine


TRAVERSALS = (waiting_for_one, waiting_for_two, half_answered, nobody_to_ask, answered, timed_out)


def traversal_events() -> Iterator[TraversalEvent]:
    for link in (FIRST, SECOND, STRANGER):
        for answer in (HONEST, FORGED, Answer(duplicate=True)):
            yield LinkAnswered(link, answer)
        yield LinkFailed(link, ErrorCode.UNREACHABLE)
    yield TimeoutReached()


TraversalEdge = tuple[TraversalPhase, type, TraversalPhase]


def take(machine: Traversal, event: TraversalEvent) -> tuple[TraversalEdge, list[object]]:
    drain(machine)
    before = machine.phase
    if isinstance(event, TimeoutReached):
        machine.handle_timeout(Instant(START + QUERY.budget_ms))
    else:
        machine.receive(event, START)
    outputs: list[object] = drain(machine)
    return (before, type(event), machine.phase), outputs


def traversal_walks() -> Iterator[tuple[TraversalEdge, list[object]]]:
    for scene in TRAVERSALS:
        for event in traversal_events():
            yield take(scene(), event)


def test_a_traversal_meets_every_cell_and_takes_every_edge() -> None:
    taken = {edge for edge, _ in traversal_walks()}
    assert {(before, event) for before, event, _ in taken} == set(TRAVERSAL_TABLE.cells)
    handled = {edge for edge in taken if isinstance(TRAVERSAL_TABLE.cells[edge[0], edge[1]], Handled)}
    assert handled == set(TRAVERSAL_TABLE.edges())


def test_what_a_traversal_ignores_changes_nothing() -> None:
    ignored = [
        (before, outputs, after)
        for (before, event, after), outputs in traversal_walks()
        if isinstance(TRAVERSAL_TABLE.cells[before, event], Ignored)
    ]
    assert ignored
    assert all(before is after and outputs == [] for before, outputs, after in ignored)


def test_a_traversal_finishes_once_as_it_ends() -> None:
    for (before, _, after), outputs in traversal_walks():
        ends = before is not after
        assert sum(isinstance(output, Finish) for output in outputs) == ends


def test_a_traversal_is_over_only_at_its_deadline() -> None:
    machine = waiting_for_one()
    drain(machine)
    machine.handle_timeout(Instant(START + QUERY.budget_ms - 1))
    assert (machine.phase, drain(machine)) == (TraversalPhase.COLLECTING, [])


@pytest.mark.parametrize("event", [LinkAnswered(STRANGER, HONEST), LinkFailed(STRANGER, ErrorCode.BUSY)])
def test_who_was_not_asked_changes_nothing_of_a_traversal(event: LinkAnswered | LinkFailed) -> None:
    for scene in TRAVERSALS:
        machine = scene()
        (before, _, after), outputs = take(machine, event)
        assert before is after
        assert outputs == []


Scene = Callable[[], Router]
RouterEdge = tuple[RouterPhase, type, RouterPhase]


def idle() -> Router:
    table = RecordTable(CONFIG)
    table.push(RECORD, record_body(RECORD), OWNER_LINK, START)
    return Router(table=table, config=CONFIG, own_name="own", verify=schnorr.verify)


def linked() -> Router:
    router = idle()
    router.receive(LinksChanged((FIRST, SECOND)), START)
    return router


def asking() -> Router:
    """Follow a query of the owner's and one of the first link's; the exchanges are 2, 3 and 5."""
    router = linked()
    router.receive(OwnerQueried(1, QUERY), START)
    router.receive(QueryReceived(2, FIRST, replace(QUERY, request_id=RequestId(b"p" * 16))), START)
    return router


def closed() -> Router:
    router = linked()
    router.receive(Closed(), START)
    return router


def closed_while_asking() -> Router:
    router = asking()
    router.receive(Closed(), START)
    return router


ROUTERS = (idle, linked, asking, closed, closed_while_asking)


def router_events() -> Iterator[RouterEvent | TimeoutReached]:
    for query in (QUERY, replace(QUERY, remaining=1), replace(QUERY, keys=()), replace(QUERY, remaining=0)):
        yield OwnerQueried(7, query)
        for is_paid in (False, True):
            yield QueryReceived(7, SECOND, query, is_paid)
    for exchange in range(7):
        for answer in (HONEST, FORGED):
            yield AnswerReceived(exchange, answer)
        yield AskFailed(exchange, ErrorCode.UNREACHABLE)
    yield LinksChanged(())
    yield LinksChanged((STRANGER,))
    yield Closed()
    yield TimeoutReached()


def route(router: Router, event: RouterEvent | TimeoutReached) -> tuple[RouterEdge, list[object]]:
    drain(router)
    before = router.phase
    if isinstance(event, TimeoutReached):
        router.handle_timeout(Instant(START + QUERY.budget_ms))
    else:
        router.receive(event, START)
    outputs: list[object] = drain(router)
    return (before, type(event), router.phase), outputs


def router_walks() -> Iterator[tuple[Scene, RouterEvent | TimeoutReached, RouterEdge, list[object]]]:
    for scene in ROUTERS:
        for event in router_events():
            edge, outputs = route(scene(), event)
            yield scene, event, edge, outputs


def test_a_router_meets_every_cell_and_takes_every_edge() -> None:
    taken = {edge for _, _, edge, _ in router_walks()}
    assert {(before, event) for before, event, _ in taken} == set(ROUTER_TABLE.cells)
    handled = {edge for edge in taken if isinstance(ROUTER_TABLE.cells[edge[0], edge[1]], Handled)}
    assert handled == set(ROUTER_TABLE.edges())


def test_what_a_router_ignores_changes_nothing() -> None:
    ignored = [
        (before, outputs, after)
        for _, _, (before, event, after), outputs in router_walks()
        if isinstance(ROUTER_TABLE.cells[before, event], Ignored)
    ]
    assert ignored
    assert all(before is after and outputs == [] for before, outputs, after in ignored)


def test_neither_table_refuses_for_a_router_answers_refusals() -> None:
    cells = [*ROUTER_TABLE.cells.values(), *TRAVERSAL_TABLE.cells.values()]
    assert not [cell for cell in cells if isinstance(cell, Refused)]


def test_every_question_to_a_closed_router_is_answered_by_a_refusal() -> None:
    refusals = [
        outputs
        for _, event, (before, _, _), outputs in router_walks()
        if before is RouterPhase.CLOSED and isinstance(event, OwnerQueried | QueryReceived)
    ]
    assert len(refusals) == 2 * 12
    assert all(outputs == [Reply(7, Rejected(ErrorCode.SHUTTING_DOWN))] for outputs in refusals)


def test_every_event_that_a_router_handles_can_act() -> None:
    acted = {
        type(event) for _, event, (before, _, _), outputs in router_walks() if outputs and before is RouterPhase.OPEN
    }
    assert acted == {OwnerQueried, QueryReceived, AnswerReceived, AskFailed, Closed, TimeoutReached}
    router = linked()
    route(router, LinksChanged((STRANGER,)))
    (_, outputs) = route(router, OwnerQueried(7, QUERY))
    assert [output.query.link for output in outputs if isinstance(output, Ask)] == [STRANGER]


def test_a_router_closed_while_asking_has_answered_everybody() -> None:
    _, outputs = route(asking(), Closed())
    assert outputs == [Reply(token, Rejected(ErrorCode.SHUTTING_DOWN)) for token in (1, 2)]


def test_a_forged_answer_is_blamed_on_the_link_that_brought_it() -> None:
    _, outputs = route(asking(), AnswerReceived(2, FORGED))
    assert [(output.culprit, output.code) for output in outputs if isinstance(output, Blame)] == [
        (FIRST, ErrorCode.BAD_SIGNATURE)
    ]
