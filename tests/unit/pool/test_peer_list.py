"""The list of peers: who is dialled next, who makes room, who is worth remembering."""

from __future__ import annotations

from collections import Counter

import pytest

from parley.pool.addresses import Address, AddressKind
from parley.pool.peer_config import PeersConfig
from parley.pool.peer_list import Draw, Peer, PeerList, Slots
from parley.pool.peering import PeerPhase
from parley.primitives.instants import Instant
from tests.unit.pool.peer_stage import at, link_of, node

NOW = Instant(1_000)
SMALL = PeersConfig(
    outbound_slots=2, inbound_slots=1, call_backs_max=1, anchors=1, bans_max=1, known_max=7, slots_per_group=2
)


def peer_list(config: PeersConfig = SMALL, seed: bytes = b"seed") -> PeerList:
    return PeerList(config, Draw(seed))


def add(peers: PeerList, text: str, source: str = "source") -> Peer:
    peer = peers.add(at(text), source, NOW)
    assert peer is not None
    return peer


def linked(peers: PeerList, text: str, number: int, *, is_outbound: bool = True) -> Peer:
    peer = add(peers, text)
    peers.link(peer, node(number))
    peer.is_outbound = is_outbound
    peer.linked_ms = Instant(NOW + number)
    return peer


def addresses(peers: PeerList) -> set[Address]:
    return {peer.address for peer in peers}


def test_a_lot_is_the_same_for_the_same_parts_and_seed() -> None:
    draw = Draw(b"seed")
    assert 0 <= draw.number("a", "b") < 2**64
    assert draw.number("a", "b") == Draw(b"seed").number("a", "b")
    others = {draw.number("ab"), draw.number("b", "a"), Draw(b"other").number("a", "b"), draw.number("a", "b")}
    assert len(others) == 4


def test_a_peer_knows_its_group_and_kind() -> None:
    peer = Peer(at("node.parley.net:1"), "source", NOW)
    assert (peer.group, peer.kind, peer.phase) == ("parley.net", AddressKind.NAME, PeerPhase.KNOWN)


def test_an_address_is_kept_once() -> None:
    peers = peer_list()
    first = add(peers, "21.0.0.1:1")
    assert add(peers, "21.0.0.1:1", "another") is first
    assert (len(peers), first.source) == (1, "source")
    assert peers.get(at("21.0.0.1:1")) is first
    peers.forget(first)
    assert (len(peers), first.phase) == (0, PeerPhase.UNKNOWN)
    assert peers.get(at("21.0.0.1:1")) is None


def test_links_are_listed_oldest_first() -> None:
    peers = peer_list()
    first, second = linked(peers, "21.0.0.1:1", 1), linked(peers, "22.0.0.1:1", 2, is_outbound=False)
    assert peers.links() == (
        link_of(first.address, node(1)),
        link_of(second.address, node(2), is_outbound=False),
    )
    assert peers.linked(node(1)) is first
    peers.unlink(first)
    assert (peers.linked(node(1)), first.phase, first.linked_ms) == (None, PeerPhase.KNOWN, None)
    peers.link(first, node(1))
    assert [link.node_id for link in peers.links()] == [node(2), node(1)]


def test_slots_count_what_is_under_way_and_no_static_peer() -> None:
    peers = peer_list(PeersConfig())
    linked(peers, "21.0.0.1:1", 1)
    linked(peers, "a.net:1", 2)
    linked(peers, "21.0.0.2:1", 3, is_outbound=False)
    add(peers, "21.0.0.3:1").phase = PeerPhase.GREETING
    add(peers, "21.0.0.4:1")
    static = linked(peers, "21.0.0.5:1", 5)
    static.is_static = True
    assert peers.slots() == Slots(
        outbound=2,
        inbound=2,
        inbound_links=1,
        names=1,
        outbound_groups=Counter({"21.0.0.0/16": 1, "a.net": 1}),
        call_backs=Counter({"21.0.0.0/16": 1}),
    )


@pytest.mark.parametrize(
    ("text", "slots", "expected"),
    [
        ("21.0.0.1:1", Slots(), True),
        ("21.0.0.1:1", Slots(outbound=8), False),
        ("21.0.0.1:1", Slots(outbound_groups=Counter({"21.0.0.0/16": 2})), False),
        ("21.0.0.1:1", Slots(outbound_groups=Counter({"22.0.0.0/16": 2}), names=4), True),
        ("a.net:1", Slots(names=3), True),
        ("a.net:1", Slots(names=4), False),
        ("localhost:1", Slots(names=4), True),
        ("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80", Slots(), True),
        (
            "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80",
            Slots(outbound_groups=Counter(onion=4)),
            False,
        ),
    ],
)
def test_room_for_an_outbound_link(text: str, slots: Slots, *, expected: bool) -> None:
    peer = Peer(at(text), "", NOW)
    assert slots.has_room_for(peer, PeersConfig()) is expected
    peer.is_static = True
    assert slots.has_room_for(peer, PeersConfig())


def test_nobody_is_dialled_who_waits_or_has_no_slot() -> None:
    peers = peer_list()
    waiting = add(peers, "21.0.0.1:1")
    waiting.wake_ms = Instant(NOW + 1)
    assert peers.next_to_dial(NOW) is None
    assert peers.next_to_dial(Instant(NOW + 1)) is waiting
    linked(peers, "22.0.0.1:1", 2)
    linked(peers, "23.0.0.1:1", 3)
    assert peers.next_to_dial(Instant(NOW + 1)) is None
    assert peer_list().next_to_dial(NOW) is None


def test_static_peers_come_first_then_anchors() -> None:
    peers = peer_list()
    add(peers, "21.0.0.1:1").is_verified = True
    anchor, static = add(peers, "22.0.0.1:1"), add(peers, "23.0.0.1:1")
    anchor.is_anchor = static.is_static = True
    assert peers.next_to_dial(NOW) is static
    static.phase = PeerPhase.PAUSED
    assert peers.next_to_dial(NOW) is anchor


def test_every_other_dial_goes_to_somebody_who_has_answered() -> None:
    peers = peer_list(PeersConfig())
    verified = add(peers, "21.0.0.1:1")
    verified.is_verified = True
    for first in range(30, 230):
        add(peers, f"{first}.0.0.1:1")
    chosen = [peers.next_to_dial(NOW) for _ in range(6)]
    assert [peer is verified for peer in chosen] == [True, False] * 3


def test_groups_with_the_fewest_links_come_first_however_many_addresses_the_others_have() -> None:
    peers = peer_list(PeersConfig())
    linked(peers, "21.0.0.1:1", 1)
    for last in range(2, 200):
        add(peers, f"21.0.0.{last}:1").is_verified = True
    alone = add(peers, "22.0.0.1:1")
    alone.is_verified = True
    assert peers.next_to_dial(NOW) is alone


def test_between_equal_groups_the_lot_decides_anew_each_time() -> None:
    chosen: Counter[str] = Counter()
    peers = peer_list(PeersConfig())
    for last in range(1, 250):
        add(peers, f"21.0.0.{last}:1")
    add(peers, "22.0.0.1:1")
    for _ in range(200):
        peer = peers.next_to_dial(NOW)
        assert peer is not None
        chosen[peer.group] += 1
    # 249 addresses against one: still about half each (the seed is fixed).
    assert 70 <= chosen["22.0.0.0/16"] <= 130


def test_within_a_group_who_failed_least_comes_first() -> None:
    peers = peer_list()
    add(peers, "21.0.0.1:1").failures = 2
    good = add(peers, "21.0.0.2:1")
    good.failures = 1
    assert peers.next_to_dial(NOW) is good


def test_the_youngest_inbound_link_of_the_fullest_group_makes_room() -> None:
    peers = peer_list(PeersConfig())
    assert peers.worst_inbound("22.0.0.0/16") is None
    for last in (3, 1, 2):
        linked(peers, f"21.0.0.{last}:1", last, is_outbound=False)
    linked(peers, "22.0.0.1:1", 22, is_outbound=False)
    linked(peers, "21.0.0.9:1", 9)
    worst = peers.worst_inbound("22.0.0.0/16")
    assert worst is not None
    assert worst.address == at("21.0.0.3:1")
    # With two of its own already, another of this group would not make things more even.
    linked(peers, "22.0.0.2:1", 23, is_outbound=False)
    assert peers.worst_inbound("22.0.0.0/16") is None
    assert peers.worst_inbound("21.0.0.0/16") is None


def test_anchors_are_half_the_oldest_and_half_the_most_useful() -> None:
    peers = peer_list(PeersConfig(anchors=3))
    for number in range(1, 6):
        linked(peers, f"2{number}.0.0.1:1", number).useful = number
    linked(peers, "31.0.0.1:1", 6, is_outbound=False).useful = 99
    static = linked(peers, "32.0.0.1:1", 7)
    static.is_static, static.useful = True, 99
    assert peers.anchors() == (at("21.0.0.1:1"), at("22.0.0.1:1"), at("25.0.0.1:1"))


def test_anchors_of_before_stay_while_there_are_too_few_links() -> None:
    peers = peer_list(PeersConfig(anchors=2))
    before = [add(peers, f"4{number}.0.0.1:1") for number in (1, 2)]
    for peer in before:
        peer.is_anchor = True
    assert peers.anchors() == tuple(peer.address for peer in before)
    linked(peers, "21.0.0.1:1", 1)
    assert peers.anchors() == (at("21.0.0.1:1"), before[0].address)
    assert peer_list(PeersConfig(anchors=0)).anchors() == ()


def test_who_has_answered_is_worth_remembering_the_links_first() -> None:
    peers = peer_list()
    add(peers, "21.0.0.1:1")
    failed, good = add(peers, "22.0.0.1:1"), add(peers, "23.0.0.1:1")
    barred, static = add(peers, "24.0.0.1:1"), add(peers, "25.0.0.1:1")
    link = linked(peers, "26.0.0.1:1", 6)
    for peer in (failed, good, barred, static, link):
        peer.is_verified = True
    failed.failures, barred.phase, static.is_static = 1, PeerPhase.BANNED, True
    assert peers.to_remember() == (link.address, good.address, failed.address)


def test_the_source_that_holds_most_loses_one() -> None:
    peers = peer_list()
    honest = [add(peers, f"2{number}.0.0.1:1", f"honest {number}") for number in (1, 2)]
    for number in range(1, 100):
        peers.add(at(f"{100 + number}.0.0.1:1"), "liar", NOW)
    assert len(peers) == 7
    assert {peer.address for peer in honest} <= addresses(peers)


def test_among_equal_sources_the_group_that_holds_most_loses_one_unverified_and_failing_first() -> None:
    peers = peer_list()
    crowd = [add(peers, f"21.0.0.{last}:1") for last in (1, 2, 3)]
    for first in (22, 23, 24, 25):
        add(peers, f"{first}.0.0.1:1")
    crowd[0].is_verified = True
    crowd[1].failures = 3
    add(peers, "26.0.0.1:1")
    assert at("21.0.0.2:1") not in addresses(peers)
    assert len(peers) == 7


def test_links_anchors_and_static_peers_make_room_for_nobody() -> None:
    peers = peer_list()
    for number in range(1, 8):
        linked(peers, f"2{number}.0.0.1:1", number)
    assert peers.add(at("31.0.0.1:1"), "source", NOW) is None
    static = peers.add(at("31.0.0.1:1"), "source", NOW, is_static=True)
    assert static is not None
    assert static.is_static
    assert len(peers) == 8
    for peer in peers:
        peer.phase, peer.is_anchor = PeerPhase.KNOWN, True
    assert peers.add(at("32.0.0.1:1"), "source", NOW) is None
