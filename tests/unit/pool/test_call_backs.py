"""At whose word a node knocks at the doors of its own machine."""

from __future__ import annotations

import pytest

from parley.errors import ErrorCode, Rejected
from parley.pool.addresses import Address, parse_address, source_network
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import AddressAdded, HelloReceived, PeerBookOutput, Reply, SayHello
from parley.pool.peers import PeerBook
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant
from parley.protocol.machine import Ask, drain

NOW = Instant(1_800_000_000_000)
CALLER = NodeId(bytes(31) + b"\x02")
LOCAL = "http://127.0.0.1:9001"
ONION = "http://pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80"


def address(text: str) -> Address:
    parsed = parse_address(text)
    assert not isinstance(parsed, Rejected)
    return parsed


def outputs_of_a_call(own: str | None, *, is_static: bool = False) -> list[PeerBookOutput]:
    """Let a caller on this machine name a place on this machine; the node's own address is `own`."""
    book = PeerBook(
        config=PeersConfig(outbound_slots=0),
        own_id=NodeId(bytes(31) + b"\x01"),
        own_address=None if own is None else address(own),
        seed=bytes(32),
    )
    if is_static:
        book.receive(AddressAdded(address(LOCAL)), NOW)
    book.receive(HelloReceived(7, CALLER, LOCAL, "127.0.0.1"), NOW)
    return drain(book)


@pytest.mark.parametrize("own", [None, "http://127.0.0.1:7420", "http://localhost:7420"])
def test_a_node_of_this_machine_is_called_back(own: str | None) -> None:
    (asked,) = outputs_of_a_call(own)
    assert isinstance(asked, Ask)
    assert asked.query == SayHello(address(LOCAL), CALLER)


@pytest.mark.parametrize("own", [ONION, "http://203.0.113.9:80", "https://pool.example.org", "http://192.168.1.5:80"])
def test_who_comes_through_a_proxy_cannot_make_the_node_knock_at_its_own_doors(own: str) -> None:
    (reply,) = outputs_of_a_call(own)
    assert isinstance(reply, Reply)
    assert isinstance(reply.answer, Rejected)
    assert reply.answer.code is ErrorCode.PEER_REFUSED


def test_where_the_owner_named_the_place_it_is_no_callers_word() -> None:
    (asked,) = outputs_of_a_call(ONION, is_static=True)
    assert isinstance(asked, Ask)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_callers_are_counted_by_what_one_party_can_hold(host: str, network: str) -> None:
    assert source_network(host) == network
