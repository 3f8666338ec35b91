"""Accounts and subscriptions of a node, by its commands and by the tickets that they bring."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.functional.nodes import Node, Nodes

pytestmark = pytest.mark.functional

ALICE, BOB = (hashlib.sha256(name).hexdigest() for name in (b"alice", b"bob"))
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x11" * 32).public_key()
PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ask(node: Node, path: str, headers: dict[str, str] | None = None, **changes: str) -> tuple[int, Any]:
    body = json.dumps({"sender": ALICE, "recipient": BOB, **changes}).encode()
    reply = node.request("POST", path, body, headers)
    return reply.status, json.loads(reply.body)


def test_accounts_come_and_go(nodes: Nodes) -> None:
    node = nodes.add("a")
    assert node.owner("account_add", {"name": "alice", "keys": [PEM]}).ok == {"hash": ALICE}
    assert node.owner("account_list", {}).ok == [{"hash": ALICE, "name": "alice", "keys": ["EdDSA"]}]
    status, ticket = ask(node, f"/address/{ALICE}/ticket", node.authorization)
    assert (status, ticket["valid"]) == (200, True)
    assert ask(node, f"/address/{ALICE}/ticket")[0] == 401
    assert node.owner("account_remove", {"hash": ALICE}).ok is None
    assert node.owner("account_list", {}).ok == []


def test_subscriptions_survive_a_restart(nodes: Nodes) -> None:
    node = nodes.add("a")
    assert node.owner("subscription_add", {"id": "friends", "senders": [ALICE]}).ok is None
    assert nodes.stop(node) == 0
    nodes.restart(node)
    assert node.owner("subscription_list", {}).ok == [{"id": "friends", "senders": [ALICE]}]
    assert ask(node, "/ticket", subscription_id="friends")[1]["valid"] is True
    assert ask(node, "/ticket", subscription_id="friends", sender=BOB)[1]["valid"] is False
    assert node.owner("subscription_remove", {"id": "friends"}).ok is None
    status, ticket = ask(node, "/ticket", subscription_id="friends")
    assert (status, ticket["valid"], ticket["worktype"]) == (200, False, "pow")


def test_the_documents_of_both_interfaces_are_served(nodes: Nodes) -> None:
    node = nodes.add("a")
    document = json.loads(node.request("GET", "/openapi.json").body)
    assert "/ticket/{id}" in document["paths"]
    refused = node.request("POST", "/ticket", b"{}", {"Origin": "http://elsewhere.example"})
    assert refused.status == 403
