"""Links between real nodes: made by their owners' word, kept, used, ended."""

from __future__ import annotations

import hashlib
import signal

import pytest

from parley.primitives import schnorr
from tests.functional.nodes import Nodes, fresh_key, wait_until

pytestmark = pytest.mark.functional

GREETING = {"version": 1, "nonce": "22" * 32, "address": None, "network": "main"}
COPY = {
    "request_id": "33" * 16,
    "keys": ["peers"],
    "remaining": 2,
    "size_limit": 10,
    "max_age_ms": None,
    "budget_ms": 5_000,
}
NOT_PUBLIC, PEER_REFUSED = 4010, 4011

TELLING = "[peering]\noutbound_slots = 0\nexchanges_loopback = true\n"
"""Settings of a node that tells its links of each other, although they are on this machine only."""


def test_a_peer_is_added_used_and_removed(nodes: Nodes) -> None:
    a, b = nodes.add("A"), nodes.add("B")
    b.owner("push_message", {"Keys": ["peers"], "Message": "of B", "Expiration": 60})
    assert a.messages("peers", deepness=2) == []
    assert a.owner("peers_add", {"url": b.url}).ok is None
    nodes.wait_linked(a, b)
    [seen_by_a], [seen_by_b] = a.owner("peers_list", {}).ok, b.owner("peers_list", {}).ok
    assert (seen_by_a["address"], seen_by_a["outbound"], seen_by_a["static"]) == (b.url, True, True)
    assert (seen_by_b["address"], seen_by_b["outbound"], seen_by_b["static"]) == (a.url, False, False)
    assert a.messages("peers", deepness=2) == ["of B"]
    assert a.owner("peers_remove", {"url": b.url}).ok is None
    assert a.owner("peers_list", {}).ok == []
    assert a.messages("peers", deepness=2) == []


def test_nodes_tell_links_of_links(nodes: Nodes) -> None:
    """A knows C alone, and C knows B: A is told of B and links with it, as its settings let it dial."""
    c = nodes.add("C", settings=TELLING)
    b = nodes.add_linked("B", c)
    a = nodes.add_linked("A", c, settings="[peering]\nexchanges_loopback = true\n")
    wait_until(lambda: b.id.hex() in a.links(), "A has found B")
    assert set(a.links()) == {b.id.hex(), c.id.hex()}


def test_a_link_speaks_in_its_own_name(nodes: Nodes) -> None:
    """Signed by B's key, requests to A are those of a link; with any other key they are a stranger's."""
    a = nodes.add("A", settings=TELLING)
    b = nodes.add_linked("B", a)
    c = nodes.add_linked("C", a)
    c.owner("push_message", {"Keys": ["peers"], "Message": "of C", "Expiration": 60})
    assert a.foreign("peer_addresses", {"limit": 8}, b.key).ok == [c.url]
    assert a.foreign("peer_addresses", {"limit": 8}, fresh_key()).code == NOT_PUBLIC
    answer = a.foreign("pool_query", COPY, b.key).ok
    assert [(item["node"], item["record"]["message"]) for item in answer["items"]] == [("C", "of C")]
    assert (answer["stats"]["asked"], answer["stats"]["hops"], answer["duplicate"]) == (1, 1, False)
    again = a.foreign("pool_query", COPY, b.key).ok
    assert (again["items"], again["duplicate"]) == ([], True)


def test_a_greeting_is_answered_by_the_holder_of_the_key(nodes: Nodes) -> None:
    a = nodes.add("A")
    b = nodes.add_linked("B", a)
    answer = a.foreign("peer_hello", GREETING, b.key).ok
    tag = hashlib.sha256(b"parley/peer/hello/v1").digest()
    address = hashlib.sha256(a.url.encode()).digest()
    digest = hashlib.sha256(tag + tag + a.id + b.id + bytes.fromhex(str(GREETING["nonce"])) + address).digest()
    assert answer["address"] == a.url
    assert schnorr.verify(a.id, digest, bytes.fromhex(answer["signature"]))
    assert a.foreign("peer_hello", GREETING, fresh_key()).code == PEER_REFUSED


def test_a_node_that_is_gone_is_counted_and_comes_back(nodes: Nodes) -> None:
    a = nodes.add("A")
    b = nodes.add_linked("B", a)
    b.kill()
    result = a.owner("query_message", {"keys": ["peers"], "deepness": 2, "stats": True}).json["result"]
    assert (result["Ok"], result["stats"]["asked"], result["stats"]["answered"]) == ([], 1, 0)
    assert (result["stats"]["refused"], result["stats"]["timed_out"], result["stats"]["hops"]) == (1, 0, 0)
    nodes.restart(b)
    b.owner("push_message", {"Keys": ["peers"], "Message": "back", "Expiration": 60})
    nodes.wait_linked(a, b)
    wait_until(lambda: a.messages("peers", deepness=2) == ["back"], "B answers again")


def test_a_node_that_hangs_costs_its_own_records_only(nodes: Nodes) -> None:
    """Stopped by the system, it takes connections and never answers; the others' records still come, within budget."""
    hanging, quick = nodes.add("H"), nodes.add("Q")
    a = nodes.add_linked("A", hanging, quick)
    for node in (hanging, quick):
        node.owner("push_message", {"Keys": ["peers"], "Message": f"of {node.name}", "Expiration": 60})
    asked = {"keys": ["peers"], "deepness": 2, "stats": True}
    hanging.signal(signal.SIGSTOP)
    result = a.owner("query_message", {**asked, "budget_ms": 3_000}).json["result"]
    assert [entry["Message"] for entry in result["Ok"]] == ["of Q"]
    assert (result["stats"]["asked"], result["stats"]["answered"]) == (2, 1)
    assert (result["stats"]["timed_out"], result["stats"]["refused"]) == (1, 0)
    hanging.signal(signal.SIGCONT)
    wait_until(lambda: a.messages("peers", deepness=2) == ["of H", "of Q"], "H answers again")


def test_a_node_says_what_it_is_and_how_it_is_set(nodes: Nodes) -> None:
    a = nodes.add("A")
    known = a.owner("node_id", {}).ok
    assert (known["id"], known["name"], known["address"]) == (a.id.hex(), "A", a.url)
    assert (known["network"], known["public"]) == ("main", False)
    settings = {one["name"]: (one["value"], one["origin"]) for one in a.owner("config_show", {}).ok}
    assert settings["name"] == ("A", "command line")
    assert settings["peering.outbound_slots"] == ("0", str(a.directory.config_path))
    assert settings["pool.records_max"] == ("10000", "default")
    health = a.request("GET", "/healthz").json
    assert (health["status"], health["id"]) == ("ok", a.id.hex())
    described = {method["name"] for method in a.request("GET", "/openrpc.json").json["methods"]}
    assert {"push_message", "query_message", "peers_add"} <= described
    metrics = a.request("GET", "/metrics").body.decode()
    assert "parley_peer_links 0.0" in metrics
