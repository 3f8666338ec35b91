"""The two methods as the description of the message pool prints them, word for word, and its own example."""

from __future__ import annotations

import json

import pytest

from tests.functional.nodes import Node, Nodes

pytestmark = pytest.mark.functional

PUSH = b"""
{
  "jsonrpc": "2.0",
  "method": "push_message",
  "params": {
     "Keys" : ["key1", "key2", "keyN"],
     "Message" : "Any message in the text format. It can be Json",
     "Expiration" : 600
  },
  "id": 1
}
"""
PUSHED = """
{
  "id": 1,
  "jsonrpc": "2.0",
  "result": {
     "Ok": null
  }
}
"""
QUERY = b"""
{
  "jsonrpc": "2.0",
  "method": "query_message",
  "params": {
      "keys" : ["key1", "key2", "keyN"],
      "deepness" : 5,
      "size_limit" : 1000,
      "expiration" : 600
  },
  "id": 1
}
"""
FOUND = """
{
  "id": 1,
  "jsonrpc": "2.0",
  "result": {
     "Ok": [
        {
            "Node" : "A",
            "Keys" : ["key1", "key2", "keyN"],
            "Message" : "Any message in the text format. It can be Json"
        }
    ]
  }
}
"""


@pytest.fixture(scope="module")
def node(shared_nodes: Nodes) -> Node:
    return shared_nodes.add("A")


def test_push_and_query_as_printed(node: Node) -> None:
    pushed = node.post_owner(PUSH)
    assert (pushed.status, pushed.json) == (200, json.loads(PUSHED))
    found = node.post_owner(QUERY)
    assert (found.status, found.json) == (200, json.loads(FOUND))


@pytest.mark.parametrize(
    "names",
    [
        ("Keys", "Message", "Expiration", "Keys", "Deepness", "Size_limit"),
        ("keys", "message", "expiration", "keys", "deepness", "size_limit"),
        ("KEYS", "MESSAGE", "EXPIRATION", "KEYS", "DEEPNESS", "SIZE_LIMIT"),
    ],
)
def test_parameter_names_in_either_case(node: Node, names: tuple[str, ...]) -> None:
    keys = ["case", names[0]]
    assert node.owner("push_message", {names[0]: keys, names[1]: "text", names[2]: 60}).ok is None
    found = node.owner("query_message", {names[3]: keys, names[4]: 2, names[5]: 10}).ok
    assert found == [{"Node": "A", "Keys": keys, "Message": "text"}]


def test_a_prefix_is_made_of_whole_keys(node: Node) -> None:
    for keys in (["swaps", "btc"], ["swaps", "btc", "buy"], ["swaps", "btcx"]):
        node.owner("push_message", {"Keys": keys, "Message": "/".join(keys), "Expiration": 60})
    assert node.messages("swaps", "btc") == ["swaps/btc", "swaps/btc/buy"]
    assert node.messages("swaps") == ["swaps/btc", "swaps/btc/buy", "swaps/btcx"]
    assert node.messages("swap") == []


def test_the_example_with_four_nodes(nodes: Nodes) -> None:
    """Wallet B asks with deepness 3; A and C are asked with 2, both ask D with 1, and D answers the second empty."""
    d = nodes.add("D")
    a, c = nodes.add_linked("A", d), nodes.add_linked("C", d)
    b = nodes.add_linked("B", a, c)
    for node in (a, b, c, d):
        node.owner("push_message", {"Keys": ["swap", "btc"], "Message": f"offer of {node.name}", "Expiration": 600})
    answer = b.owner("query_message", {"keys": ["swap"], "deepness": 3, "size_limit": 1_000, "stats": True}).json
    found, stats = answer["result"]["Ok"], answer["result"]["stats"]
    assert {(entry["Node"], entry["Message"]) for entry in found} == {(name, f"offer of {name}") for name in "ABCD"}
    assert len(found) == 4
    assert stats == {
        "asked": 4,
        "answered": 4,
        "timed_out": 0,
        "refused": 0,
        "duplicates": 1,
        "truncated_by": [],
        "hops": 2,
    }
