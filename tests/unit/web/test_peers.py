"""Links, misbehaviour and bans, as the peer book of a real node tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parley.errors import ErrorCode
from parley.node.commands import ALL_COMMANDS
from parley.node.registry import Registry
from parley.node.serving import build_application
from parley.node.wiring import Node
from parley.pool.addresses import Address
from parley.pool.peering import PeerPhase, PeerStatus
from parley.primitives.instants import Instant
from parley.protocol.machine import Blame
from parley.testing.clock import VirtualClock
from parley.web import pages
from parley.web.peers import _shown
from tests.unit.web.markup import Element, read
from tests.unit.web.nodes import START, Switchboard, fetch, make_node, settle

STATUS = PeerStatus(
    address=Address("http://127.0.0.1:7001"),
    node_id=None,
    phase=PeerPhase.KNOWN,
    is_static=False,
    is_anchor=False,
    is_outbound=False,
    points=0,
    reasons=(),
    failures=0,
    useful=0,
    linked_ms=None,
    seen_ms=None,
    next_ms=START,
    id_changes=0,
    claimed_address=None,
)


async def see(node: Node) -> Element:
    return read((await fetch(pages(node), "/peers")).text)


def rows(page: Element, section: str) -> list[list[str]]:
    table = next(one for one in page.every("div", class_="scroll") if one.attributes["aria-labelledby"] == section)
    return [[cell.text() for cell in row.children] for row in table.one("tbody").every("tr")]


async def pair(directory: Path, clock: VirtualClock) -> tuple[Node, Node]:
    """Return two nodes; the second set the first as its peer, and they are linked."""
    switchboard = Switchboard()
    first = make_node(directory / "1", clock=clock, transport=switchboard, address="http://127.0.0.1:7001")
    second = make_node(
        directory / "2",
        clock=clock,
        transport=switchboard,
        address="http://127.0.0.1:7002",
        settings={"peers": ("http://127.0.0.1:7001", "http://127.0.0.1:7009")},
    )
    for port, node in ((7_001, first), (7_002, second)):
        application = build_application(node, Registry(ALL_COMMANDS), "127.0.0.1", None)
        switchboard.applications[f"http://127.0.0.1:{port}"] = application
    await first.links.start()
    await second.links.start()
    for _ in range(100):
        await settle()
        if first.links.links and second.links.links:
            break
    assert len(first.links.links) == len(second.links.links) == 1
    return first, second


async def test_without_peers_the_page_says_how_to_add_one(node: Node) -> None:
    page = await see(node)
    assert page.one(class_="lead").text() == "0 links."
    empty = page.one("div", class_="empty")
    assert empty.one("h3").text() == "This node talks to nobody now"
    assert empty.one("code").text() == f"parley peers add http://HOST:7420 --data-dir {node.config.data_dir}"


async def test_links_and_addresses_that_do_not_answer_are_told_apart(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    first, second = await pair(tmp_path, clock)
    clock.advance(65_000)
    page = await see(second)
    (link,) = rows(page, "links")
    assert link == [
        f"http://127.0.0.1:7001 {first.identity.node_id.hex()[:16]}…",
        "linked for 1 min 5 s chosen by this node, set by you",
        "none",
        "0",
        "1 min ago",
    ]
    (other,) = rows(page, "others")
    assert other[0] == "http://127.0.0.1:7009"
    assert other[1].startswith("known 1 try failed")
    assert other[4] == "never"
    (inbound,) = rows(await see(first), "links")
    assert "came by itself" in inbound[1]
    await first.close()
    await second.close()


async def test_misbehaviour_is_shown_with_its_reasons_and_then_the_ban(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    first, second = await pair(tmp_path, clock)
    culprit = second.identity.node_id
    for code in (ErrorCode.EXPIRED, ErrorCode.EXPIRED, ErrorCode.MALFORMED):
        first.links.blame(Blame(culprit, code))
    (link,) = rows(await see(first), "links")
    assert link[2] == "70 points of 100 the bytes do not decode expired already × 2"
    first.links.blame(Blame(culprit, ErrorCode.BAD_SIGNATURE))
    page = await see(first)
    (barred,) = rows(page, "barred")
    assert barred[1].startswith("banned free again in ")
    assert barred[2].startswith("170 points of 100 ")
    assert "the signature does not verify" in barred[2]
    rect = page.every("svg", class_="score")[0].every("rect")[1]
    assert rect.attributes["width"] == "100%"
    assert page.one(class_="lead").text() == "0 links, 1 peer barred."
    await first.close()
    await second.close()


@pytest.mark.parametrize(
    ("changes", "since", "traits"),
    [
        ({}, "not tried yet", ()),
        ({"next_ms": Instant(START + 5_000)}, "not tried yet; next in 5 s", ()),
        ({"failures": 2, "next_ms": Instant(START + 61_000)}, "2 tries failed; next in 1 min 1 s", ()),
        ({"phase": PeerPhase.GREETING, "is_static": True}, "being greeted", ("set by you",)),
        ({"is_anchor": True, "id_changes": 1}, "not tried yet", ("anchor", "answered under 2 ids")),
        ({"phase": PeerPhase.LINKED, "linked_ms": START}, "for 0 s", ("came by itself",)),
        ({"phase": PeerPhase.LINKED, "is_outbound": True}, "", ("chosen by this node",)),
        ({"phase": PeerPhase.PAUSED, "next_ms": Instant(START + 60_000)}, "free again in 1 min", ()),
    ],
)
def test_each_phase_is_told_in_words(changes: Mapping[str, Any], since: str, traits: tuple[str, ...]) -> None:
    shown = _shown(replace(STATUS, **changes), START, 100)
    assert (shown.since, shown.traits) == (since, traits)


@pytest.mark.parametrize(
    ("claimed", "shown"), [(None, ""), ("http://127.0.0.1:7001", ""), ("http://<b>", "http://<b>")]
)
def test_what_a_peer_calls_itself_is_shown_where_it_differs(claimed: str | None, shown: str) -> None:
    assert _shown(replace(STATUS, claimed_address=claimed), START, 100).claimed_address == shown
