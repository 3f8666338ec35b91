"""What sending costs, and what became of the tickets, is read without knowing Prometheus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.adapters.upload.mail_header import MailHeader, encode_header
from parley.errors import Rejected
from parley.node.wiring import Node
from parley.testing.clock import VirtualClock
from parley.upload.messages import TicketAnswer, TicketRequest
from parley.web import pages
from tests.unit.node.mail_parts import pieces
from tests.unit.node.ticket_work import ALICE, BOB, ask, good_counter, sum_of, ticket
from tests.unit.web.markup import Element, read
from tests.unit.web.nodes import START, fetch, make_node


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
async def office(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Node]:
    """Build a node whose tickets cost next to nothing."""
    node = make_node(tmp_path / "office", clock=clock, settings={"upload.floor_units": "1"})
    yield node
    await node.close()


async def see(node: Node) -> Element:
    return read((await fetch(pages(node), "/tickets")).text)


def lead(page: Element) -> str:
    return page.one("p", class_="lead").text()


def rows(page: Element, heading: str) -> list[list[str]]:
    """Return the body of the table under a heading."""
    section = page.one("section", aria_labelledby=heading)
    return [[cell.text() for cell in row.children] for row in section.one("tbody").every("tr")]


def headings(page: Element) -> list[str]:
    return [heading.text() for heading in page.one("main").every("h2")]


async def offered(node: Node, *preference: str) -> TicketAnswer:
    return ticket(await node.tickets.request(ask(*preference), owner=None, source=""))


async def earned(node: Node) -> str:
    answer = await offered(node, "pow")
    valid = ticket(await node.tickets.submit(answer.ticket_id, "pow", good_counter(answer), ""))
    assert valid.is_valid
    return valid.ticket_id


async def upload(node: Node, ticket_id: str) -> None:
    header = encode_header(MailHeader(ALICE, BOB, None))
    assert not isinstance(await node.mail.uploads.put_part(ticket_id, "header", pieces(header)), Rejected)


async def test_before_anybody_asks_the_page_says_how_to_be_written_to(node: Node) -> None:
    page = await see(node)
    assert page.one(class_="empty").one("h3").text() == "Nobody has asked for a ticket yet"
    assert page.one(class_="empty").one("code").text() == f"parley inbox address --data-dir {node.config.data_dir}"
    assert headings(page) == []
    assert lead(page) == (
        "Sending to this node costs 256 units of work now, more for those who send much. Since the node was started, "
        "0 s ago: 0 tickets issued, 0 earned, 0 spent on a message, 0 refusals."
    )


async def test_the_first_request_ends_the_emptiness(node: Node) -> None:
    await offered(node, "pow")
    page = await see(node)
    assert page.every(class_="empty") == []
    assert headings(page) == ["By kind of work"]
    assert "1 ticket issued, 0 earned" in lead(page)


async def test_tickets_are_counted_by_kind_of_work(office: Node) -> None:
    await earned(office)
    await offered(office, "pow")
    sum_wanted = await offered(office, "math")
    other = await office.tickets.submit(sum_wanted.ticket_id, "math", sum_of(sum_wanted) + 1, "")
    assert not ticket(other).is_valid
    granted = await office.tickets.request(TicketRequest(ALICE, BOB, "", ()), owner=ALICE, source="")
    assert ticket(granted).is_valid
    await office.tickets.submit("nobody", "pow", 1, "")
    page = await see(office)
    # A wrong answer is answered with another ticket, so two were issued for one sum.
    assert rows(page, "methods") == [
        ["granted", "1", "0", "0"],
        ["math", "2", "0", "1"],
        ["none", "0", "0", "1"],
        ["pow", "2", "1", "0"],
    ]
    assert "5 tickets issued, 1 earned, 0 spent on a message, 2 refusals." in lead(page)


async def test_refusals_are_counted_by_their_reason_the_most_frequent_first(office: Node) -> None:
    for _ in range(3):
        assert isinstance(await office.tickets.submit("nobody", "pow", 1, ""), Rejected)
    wanted = await offered(office, "math")
    await office.tickets.submit(wanted.ticket_id, "math", sum_of(wanted) + 1, "")
    assert isinstance(await office.tickets.submit(wanted.ticket_id, "math", sum_of(wanted), ""), Rejected)
    stranger = TicketRequest(BOB, ALICE, "", ())
    assert isinstance(await office.tickets.request(stranger, owner=ALICE, source=""), Rejected)
    assert rows(await see(office), "reasons") == [
        ["not_found", "3"],
        ["already_spent", "1"],
        ["unauthorized", "1"],
        ["work_rejected", "1"],
    ]


async def test_ends_are_counted_and_what_was_delivered_is_spent(office: Node) -> None:
    for is_delivered in (True, True, False):
        ticket_id = await earned(office)
        await upload(office, ticket_id)
        uploads = office.mail.uploads
        assert await (uploads.complete(ticket_id) if is_delivered else uploads.delete(ticket_id)) is None
    page = await see(office)
    assert rows(page, "ends") == [["complete", "2"], ["delete", "1"]]
    assert "3 tickets issued, 3 earned, 2 spent on a message, 0 refusals." in lead(page)


@pytest.mark.parametrize(("units", "shown"), [(1, "1 unit"), (1_024, "1,024 units")])
async def test_the_price_of_now_is_shown(tmp_path: Path, units: int, shown: str) -> None:
    node = make_node(tmp_path / "node", settings={"upload.floor_units": str(units)})
    assert lead(await see(node)).startswith(f"Sending to this node costs {shown} of work now")
    await node.close()


async def test_the_price_follows_the_load(tmp_path: Path) -> None:
    limits = {"floor_units": "1", "ceiling_units": "2", "target_per_minute": "5", "surcharge_percent": "0"}
    node = make_node(tmp_path / "node", settings={f"upload.{name}": value for name, value in limits.items()})
    assert "costs 1 unit of work" in lead(await see(node))
    for _ in range(30):
        await earned(node)
    assert "costs 2 units of work" in lead(await see(node))
    await node.close()


async def test_times_are_shown_of_what_was_solved_and_judged(office: Node, clock: VirtualClock) -> None:
    assert "How long solving took" not in headings(await see(office))
    for waited_ms in (2_000, 4_000):
        answer = await offered(office, "pow")
        counter = good_counter(answer)
        clock.advance(waited_ms)
        assert ticket(await office.tickets.submit(answer.ticket_id, "pow", counter, "")).is_valid
    page = await see(office)
    # The smallest bucket that holds both is that of five seconds.
    assert rows(page, "solving") == [["pow", "2", "3000.0 ms", "5,000 ms"]]
    assert [line[:2] for line in rows(page, "judging")] == [["pow", "2"]]
    assert headings(page)[-2:] == ["How long solving took", "How long judging took"]


async def test_what_takes_longer_than_the_largest_bucket_is_said_so(office: Node) -> None:
    office.metrics.upload.note_solved("wait", 1_800_001)
    assert rows(await see(office), "solving") == [["wait", "1", "1800001.0 ms", "more than the largest bucket"]]


async def test_nobody_is_named_on_the_page(office: Node) -> None:
    ticket_id = await earned(office)
    text = (await fetch(pages(office), "/tickets")).text
    for secret in (ticket_id, ALICE.hex(), BOB.hex()):
        assert secret not in text
