"""The form, the question over a network of real nodes in this process, and how complete the answer is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from parley.node.commands import ALL_COMMANDS
from parley.node.registry import Registry
from parley.node.serving import build_application
from parley.node.wiring import Node
from parley.pool.messages import Stats
from parley.web import pages
from parley.web.query import completeness
from tests.unit.web.markup import Element, read
from tests.unit.web.nodes import START, Switchboard, author, fetch, make_node, post, put, settle

SENT: dict[str, Any] = {"asked": 10, "answered": 6, "timed_out": 3, "refused": 1, "duplicates": 2}
FORM = {"keys": "offers\r\nBTC-XMR", "deepness": "2", "size_limit": "50", "max_age": ""}


async def ask(node: Node, status: int = 200, **changes: str) -> Element:
    application = pages(node)
    token = read((await fetch(application, "/query")).text).one("input", name="token").attributes["value"]
    fetched = await post(application, "/query", {**FORM, **changes, "token": token})
    assert fetched.status == status
    return read(fetched.text)


def counts(page: Element) -> dict[str, int]:
    return {name: int(page.one(id=name).text()) for name in ("asked", "answered", "duplicates", "timed_out", "refused")}


def found(page: Element) -> list[tuple[str, str]]:
    return [
        (row.one(class_="headline").text(), row.one(class_="who").text())
        for row in page.every("details", class_="record")
    ]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[tuple[Node, Node, Node]]:
    """Three nodes in a line: the first is linked with the second, the second with the third."""
    switchboard = Switchboard()
    nodes = []
    for number, peers in enumerate(((), ("http://127.0.0.1:7001",), ("http://127.0.0.1:7002",))):
        address = f"http://127.0.0.1:{7_001 + number}"
        node = make_node(
            tmp_path / str(number),
            transport=switchboard,
            address=address,
            settings={"peers": peers, "name": f"node {number}", "peering.outbound_slots": 0},
        )
        switchboard.applications[address] = build_application(node, Registry(ALL_COMMANDS), "127.0.0.1", None)
        nodes.append(node)
    for node in nodes:
        await node.links.start()
    for _ in range(100):
        await settle()
        if [len(node.links.links) for node in nodes] == [1, 2, 1]:
            break
    assert [len(node.links.links) for node in nodes] == [1, 2, 1]
    yield nodes[0], nodes[1], nodes[2]
    for node in nodes:
        await node.close()


async def test_the_form_offers_what_the_node_allows(tmp_path: Path) -> None:
    node = make_node(tmp_path / "node", settings={"pool.deepness_max": 3, "pool.size_limit_max": 20})
    page = read((await fetch(pages(node), "/query?key=offers&key=%3Cb%3E")).text)
    assert [one.text() for one in page.one("select").every("option")] == [
        "1 · this node only",
        "2 · this node and its links",
        "3 · up to 2 hops away",
    ]
    assert page.one("input", id="size_limit").attributes["max"] == "20"
    assert "".join(page.one("textarea").raw_texts()).strip("\n") == "offers\n<b>"
    assert page.every(class_="completeness") == []
    await node.close()


async def test_alone_a_question_finds_what_the_node_holds(node: Node) -> None:
    put(node, ("offers", "BTC-XMR", "lot"), '{"sell": 1}')
    put(node, ("offers", "BTC-GRIN"), "other")
    page = await ask(node, deepness="1")
    assert page.one("h2", id="answer-title").text().startswith("1 record found in ")
    assert page.one(class_="verdict").text() == "Only this node was asked, as you wished."
    assert counts(page) == {"asked": 0, "answered": 0, "duplicates": 0, "timed_out": 0, "refused": 0}
    assert [row for row, _ in found(page)] == ['{"sell": 1}']
    assert page.one("details", class_="record").one(class_="where").text() == "lot"
    assert page.every("svg", class_="copies") == []


async def test_without_links_a_deeper_question_says_what_to_do(node: Node) -> None:
    page = await ask(node, deepness="3")
    assert (
        page.one(class_="verdict").text().startswith("Only this node was asked: it has no links. Name a peer: parley ")
    )
    assert page.one(class_="empty").one("h3").text() == "Nothing was found under these keys"


async def test_a_deep_question_reaches_every_node_of_the_line(line: tuple[Node, Node, Node]) -> None:
    for number, node in enumerate(line):
        put(node, ("offers", "BTC-XMR"), f"from {number}", created_ms=START - number)
    near = await ask(line[0], deepness="2")
    assert found(near) == [("from 0", "answered by node 0"), ("from 1", "answered by node 1")]
    assert counts(near) == {"asked": 1, "answered": 1, "duplicates": 0, "timed_out": 0, "refused": 0}
    assert near.one(class_="verdict").text() == "Complete: the one copy of the question was answered."
    far = await ask(line[0], deepness="4")
    assert [row for row, _ in found(far)] == ["from 0", "from 1", "from 2"]
    assert counts(far) == {"asked": 2, "answered": 2, "duplicates": 0, "timed_out": 0, "refused": 0}
    assert far.one(class_="verdict").text() == "Complete: all 2 copies of the question were answered."
    assert [one.text() for one in far.one("ol", class_="hops").every("li")] == [
        "reached: this node",
        "reached: 1 hop",
        "reached: 2 hops",
        "not reached: 3 hops",
    ]
    assert far.one(class_="cut").text() == "Truncated by nobody"


async def test_a_node_that_is_gone_is_counted(line: tuple[Node, Node, Node]) -> None:
    put(line[2], ("offers", "BTC-XMR"), "out of reach")
    await line[2].close()
    page = await ask(line[0], deepness="3")
    assert found(page) == []
    assert counts(page) == {"asked": 2, "answered": 1, "duplicates": 0, "timed_out": 0, "refused": 1}
    assert page.one(class_="verdict").text() == "Partial: 1 of 2 copies of the question was not answered."


async def test_who_left_records_out_is_named(line: tuple[Node, Node, Node]) -> None:
    for number in range(5):
        put(line[0], ("offers", "BTC-XMR", str(number)), "x")
        put(line[1], ("offers", "BTC-XMR", str(number)), "y")
    page = await ask(line[0], deepness="2", size_limit="4")
    assert len(found(page)) == 4
    assert page.one(class_="verdict").text().endswith("but records were left out for the size limit.")
    assert page.one(class_="cut").text() == "Truncated by node 0 node 1"


async def test_what_is_too_old_is_not_asked_for(node: Node) -> None:
    put(node, ("offers", "BTC-XMR", "old"), "old", created_ms=START - 60_000)
    put(node, ("offers", "BTC-XMR", "new"), "new", created_ms=START - 59_000)
    assert [row for row, _ in found(await ask(node, deepness="1", max_age="59"))] == ["new"]


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"keys": ""}, "keys", "Write 1 to 8 keys of 1 to 64 bytes, one on each line."),
        ({"keys": "\n".join("abcdefghi")}, "keys", "Write 1 to 8 keys of 1 to 64 bytes, one on each line."),
        ({"keys": "ü" * 33}, "keys", "Write 1 to 8 keys of 1 to 64 bytes, one on each line."),
        ({"keys": "a\tb"}, "keys", "Write 1 to 8 keys of 1 to 64 bytes, one on each line."),
        ({"deepness": "7"}, "deepness", "Write a whole number from 1 to 6."),
        ({"deepness": "0"}, "deepness", "Write a whole number from 1 to 6."),
        ({"deepness": "\uff19"}, "deepness", "Write a whole number from 1 to 6."),
        ({"size_limit": "201"}, "size_limit", "Write a whole number from 1 to 200."),
        ({"size_limit": "9" * 4_301}, "size_limit", "Write a whole number from 1 to 200."),
        ({"size_limit": ""}, "size_limit", "Write a whole number from 1 to 200."),
        ({"max_age": "-1"}, "max_age", "Write a whole number from 1 to 2,592,000."),
        ({"max_age": "1e3"}, "max_age", "Write a whole number from 1 to 2,592,000."),
    ],
)
async def test_a_fault_is_named_at_its_field_and_nothing_is_lost(
    node: Node, changes: dict[str, str], field: str, fault: str
) -> None:
    page = await ask(node, 400, **changes)
    assert page.one(id=f"{field}-fault").text() == fault
    element = page.one(id=field)
    assert element.attributes["aria-invalid"] == "true"
    assert element.attributes["aria-describedby"] == f"{field}-hint {field}-fault"
    assert page.every(class_="completeness") == []
    kept = {**FORM, **changes}
    assert page.one(id="size_limit").attributes["value"] == kept["size_limit"]
    assert "".join(page.one("textarea").raw_texts()).removeprefix("\n") == kept["keys"].replace("\r\n", "\n")


async def test_spaces_belong_to_a_key(node: Node) -> None:
    put(node, (" offers ",), "spaced")
    assert [row for row, _ in found(await ask(node, keys=" offers ", deepness="1"))] == ["spaced"]
    assert found(await ask(node, keys="offers", deepness="1")) == []


async def test_a_refusal_is_said_in_our_words(node: Node) -> None:
    application = pages(node)
    token = read((await fetch(application, "/query")).text).one("input", name="token").attributes["value"]
    node.queries.close()
    fetched = await post(application, "/query", {**FORM, "token": token})
    assert fetched.status == 503
    answer = read(fetched.text).one("section", class_="answer")
    assert answer.attributes["role"] == "alert"
    assert answer.text() == "The question was refused this node is stopping. Try again later or ask another node."


async def test_what_a_peer_calls_itself_acts_on_nothing(line: tuple[Node, Node, Node]) -> None:
    line[1].router.own_name = "\u202e<script>"
    put(line[1], ("offers", "BTC-XMR"), "x", secret=author(8))
    page = await ask(line[0], deepness="2")
    assert found(page) == [("x", "answered by U+202E<script>")]


def test_the_parts_of_the_bar_make_a_whole() -> None:
    bars = completeness(Stats(**SENT))
    assert [(bar.kind, bar.count, bar.start, bar.width) for bar in bars] == [
        ("answered", 4, 0.0, 40.0),
        ("repeat", 2, 40.0, 20.0),
        ("late", 3, 60.0, 30.0),
        ("refused", 1, 90.0, 10.0),
    ]


@pytest.mark.parametrize(
    "lie",
    [
        {"answered": 0},
        {"duplicates": 2**31 - 1},
        {"asked": 0},
        {"timed_out": 2**31 - 1},
        {"answered": 0, "timed_out": 0, "refused": 0},
    ],
)
def test_counts_that_do_not_add_up_are_drawn_within_the_bar(lie: dict[str, int]) -> None:
    bars = completeness(Stats(**{**SENT, **lie}))
    assert all(bar.start >= 0 and bar.width >= 0 and bar.start + bar.width <= 100.01 for bar in bars)
