"""Peer books that talk to each other: calls and call-backs cross, names and numbers, restarts, and who finds whom."""

from __future__ import annotations

from parley.pool.addresses import Address
from parley.pool.peer_config import PeersConfig
from parley.pool.peering import AddressAdded, Closed, Started
from tests.sim.peer_world import BookNode, World, identity
from tests.unit.pool.peer_stage import at

CONFIG = PeersConfig()
SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS


def node_at(world: World, text: str, *also_at: Address, config: PeersConfig = CONFIG) -> BookNode:
    node = BookNode(world, at(text), config, seed=text.encode())
    world.move_in(node, *also_at)
    return node


def test_a_dial_is_called_back_and_both_sides_have_one_link() -> None:
    world = World()
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1")
    one.deliver(AddressAdded(two.address))
    world.run(SECOND_MS)
    assert one.links() == [(two.address, True)]
    assert two.links() == [(one.address, False)]


def test_two_that_dial_each_other_at_once_have_one_link() -> None:
    world = World()
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1")
    one.deliver(AddressAdded(two.address))
    two.deliver(AddressAdded(one.address))
    world.run(SECOND_MS)
    assert one.links() == [(two.address, True)]
    assert two.links() == [(one.address, True)]


def test_a_static_peer_dialled_by_a_name_that_it_does_not_know_is_linked_too() -> None:
    # The callee names its number, so each calls the other back: the chain ends at the greeting that is under way.
    world = World()
    name = at("two.net:1")
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1", name)
    one.deliver(AddressAdded(name))
    world.run(5 * SECOND_MS)
    assert [address for address, _ in one.links()] == [name]
    assert [address for address, _ in two.links()] == [one.address]


def test_a_name_learnt_from_others_leads_to_the_number_behind_it() -> None:
    world = World()
    name = at("two.net:1")
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1", name)
    one.deliver(AddressAdded(name, is_static=False))
    world.run(5 * SECOND_MS)
    assert [address for address, _ in one.links()] == [two.address]


def test_links_stay_while_both_sides_live_and_end_when_one_falls_silent() -> None:
    world = World()
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1")
    one.deliver(AddressAdded(two.address))
    world.run(60 * MINUTE_MS)
    assert one.links() == [(two.address, True)]
    del world.homes[two.address]
    world.run(2 * MINUTE_MS)
    assert one.links() == []


def test_a_node_that_restarts_is_linked_again() -> None:
    world = World()
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1")
    one.deliver(AddressAdded(two.address))
    world.run(MINUTE_MS)
    two.deliver(Closed())
    again = node_at(world, "22.0.0.1:1")
    world.run(2 * MINUTE_MS)
    assert one.links() == [(two.address, True)]
    assert again.links() == [(one.address, False)]


def test_after_a_restart_the_anchors_are_dialled_from_what_was_remembered() -> None:
    world = World()
    one, two = node_at(world, "21.0.0.1:1"), node_at(world, "22.0.0.1:1")
    one.deliver(AddressAdded(two.address, is_static=False))
    world.run(2 * MINUTE_MS)
    one.deliver(Closed())
    assert one.remembered.anchors == (two.address,)
    again = node_at(world, "21.0.0.1:1")
    again.deliver(Started((), one.remembered.anchors, one.remembered.known))
    world.run(SECOND_MS)
    assert again.links() == [(two.address, True)]


def test_a_node_that_is_its_own_static_peer_forgets_it() -> None:
    world = World()
    alias = at("me.net:1")
    one = node_at(world, "21.0.0.1:1", alias)
    one.deliver(AddressAdded(alias))
    world.run(10 * MINUTE_MS)
    assert one.links() == []
    assert one.book.status(world.now) == ()


def test_twenty_nodes_that_know_only_the_first_find_each_other() -> None:
    world = World()
    nodes = [node_at(world, f"{20 + number}.0.0.1:1") for number in range(20)]
    for node in nodes[1:]:
        node.deliver(AddressAdded(nodes[0].address, is_static=False))
    world.run(5 * MINUTE_MS)
    ids = {node.node_id for node in nodes}
    assert ids == {identity(node.address) for node in nodes}
    for node in nodes:
        outbound = [address for address, is_outbound in node.links() if is_outbound]
        assert len(outbound) <= CONFIG.outbound_slots
        assert len(node.links()) >= 8
    # A link is a link on both sides.
    links = {(node.node_id, link.node_id) for node in nodes for link in node.book.links}
    assert links == {(there, here) for here, there in links}
