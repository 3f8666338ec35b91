"""Two nodes exchange sealed messages, with work done in between; crashes lose nothing that was acknowledged."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.functional.nodes import Node, Nodes, Reply, wait_until
from tests.functional.program import Done, parley

pytestmark = pytest.mark.functional

CHEAP = """
[peering]
outbound_slots = 0
[upload]
floor_units = 16
[relay]
backoff_ms = 100
backoff_cap_ms = 200
attempts_max = 1000
"""
"""A ticket costs 65,536 tries; a failed attempt is made again soon."""

SECRET_TEXT = "meet me at the usual place"


def cli(node: Node, *arguments: str, given: str = "") -> Done:
    done = parley(*arguments, data_dir=node.directory.path, given=given)
    assert done.code == 0, done.stderr
    return done


def contact_of(node: Node) -> str:
    contact = cli(node, "inbox", "address", "--json").document["contact"]
    assert isinstance(contact, str)
    return contact


def mailbox_of(contact: str) -> str:
    return contact.removeprefix("parley:").partition("@")[0]


def inbox(node: Node) -> list[dict[str, Any]]:
    found = cli(node, "inbox", "list", "--json").document
    assert isinstance(found, list)
    return found


def own_ticket(node: Node, sender: str, recipient: str) -> str:
    body = json.dumps({"sender": sender, "recipient": recipient}).encode()
    answer = node.request("POST", f"/address/{sender}/ticket", body, node.authorization).json
    assert answer["valid"] is True
    ticket_id = answer["ticket_id"]
    assert isinstance(ticket_id, str)
    return ticket_id


def put(node: Node, ticket: str, part: str, content: bytes) -> Reply:
    return node.request("POST", f"/incoming/{part}", content, {"X-Bitmaelum-Ticket": ticket})


def header(sender: str, recipient: str) -> bytes:
    return json.dumps({"from": {"address": sender}, "to": {"address": recipient}}).encode()


@pytest.fixture
def pair(nodes: Nodes) -> tuple[Node, Node]:
    alice = nodes.describe("alice", settings=CHEAP)
    bob = nodes.describe("bob", settings=CHEAP)
    nodes.start(alice, bob)
    return alice, bob


@pytest.fixture(scope="module")
def shared(shared_nodes: Nodes) -> Node:
    """One node for the tests that leave nothing in its boxes."""
    return shared_nodes.add("shared", settings=CHEAP)


def test_a_sealed_message_is_earned_and_brought_to_another_node(pair: tuple[Node, Node], tmp_path: Path) -> None:
    alice, bob = pair
    contact = contact_of(bob)
    file = tmp_path / "picture.bin"
    file.write_bytes(os.urandom(1_300_000))
    arguments = ("--message", "-", "--file", str(file), "--wait", "--json")
    sent = cli(alice, "send", contact, *arguments, given=SECRET_TEXT).document
    assert sent["stage"] == "delivered"
    [listed] = alice.owner("outbox_list", {}).ok
    assert (listed["id"], listed["stage"], listed["route"]) == (sent["id"], "delivered", bob.url)
    assert 'upload_tickets_earned_total{method="pow"} 1.0' in bob.request("GET", "/metrics").body.decode()

    [message] = inbox(bob)
    assert (message["text"], message["opened"]) == (SECRET_TEXT, True)
    assert message["files"] == [{"name": "picture.bin", "size_bytes": 1_300_000}]
    assert SECRET_TEXT in cli(bob, "inbox", "read", message["id"][:8]).stdout
    folder = tmp_path / "saved"
    folder.mkdir()
    for _ in range(2):
        cli(bob, "inbox", "save", message["id"], "--folder", str(folder))
    assert {path.name for path in folder.iterdir()} == {"picture.bin", "picture-1.bin"}
    assert (folder / "picture.bin").read_bytes() == file.read_bytes()
    for node in pair:
        kept = [path for path in node.directory.path.rglob("*") if path.is_file() and path.suffix != ".log"]
        assert all(SECRET_TEXT.encode() not in path.read_bytes() for path in kept)
    cli(bob, "inbox", "remove", message["id"])
    assert inbox(bob) == []
    assert not list((bob.directory.path / "blobs").glob("[0-9a-f]*"))


def test_the_owner_lists_fetches_and_removes(pair: tuple[Node, Node]) -> None:
    alice, bob = pair
    contact = contact_of(bob)
    cli(alice, "send", contact, "--message", "one", "--wait")
    [message] = bob.owner("inbox_list", {}).ok
    mailbox = mailbox_of(contact)
    assert message["mailbox"] == mailbox
    fetched = bob.owner("inbox_fetch", {"mailbox": mailbox, "id": message["id"]}).ok
    catalog = base64.b64decode(fetched["content"])
    assert catalog.startswith(b"age-encryption.org/v1\n")
    path = f"/box/{mailbox}"
    assert bob.request("GET", f"{path}/{message['id']}/catalog", headers=bob.authorization).body == catalog
    assert bob.request("GET", path, headers=bob.authorization).json["messages"] == [message]
    refused: list[Mapping[str, str]] = [{}, alice.authorization, {"Authorization": "Bearer x"}]
    for wanted in (path, f"/box/{'0' * 64}", f"/box/{'z' * 64}", f"{path}/{message['id']}"):
        assert [bob.request("GET", wanted, headers=headers).status for headers in refused] == [401] * 3
    assert bob.request("DELETE", f"{path}/{message['id']}", headers=alice.authorization).status == 401
    assert bob.owner("inbox_remove", {"mailbox": mailbox, "id": message["id"]}).ok is None
    assert bob.owner("inbox_list", {"mailbox": mailbox}).ok == []
    assert bob.request("GET", f"{path}/{message['id']}", headers=bob.authorization).status == 404


def test_a_message_to_the_own_node_needs_no_work(pair: tuple[Node, Node]) -> None:
    _, bob = pair
    sent = cli(bob, "send", contact_of(bob), "--message", "to myself", "--json").document
    assert sent["stage"] == "delivered"
    assert [one["text"] for one in inbox(bob)] == ["to myself"]
    assert bob.owner("mail_status", {}).ok == {"address": bob.url, "messages": 1, "outgoing": 0, "uploading_bytes": 0}


def test_nobody_learns_whether_a_recipient_exists(pair: tuple[Node, Node]) -> None:
    alice, bob = pair
    known = contact_of(bob)
    unknown = known.replace(mailbox_of(known), "ab" * 32)
    for contact in (known, unknown):
        assert cli(alice, "send", contact, "--message", "x", "--wait", "--json").document["stage"] == "delivered"
    assert len(bob.owner("inbox_list", {}).ok) == 1


def test_parts_that_were_acknowledged_survive_a_kill(pair: tuple[Node, Node], nodes: Nodes) -> None:
    node, _ = pair
    sender, recipient = "01" * 32, mailbox_of(contact_of(node))
    ticket = own_ticket(node, sender, recipient)
    assert put(node, ticket, "header", header(sender, recipient)).status == 200
    assert put(node, ticket, "catalog", b"sealed").status == 200
    parts = {f"block/{number}": os.urandom(60_000) for number in range(8)}
    acknowledged: dict[str, str] = {}
    some = threading.Event()

    def upload() -> None:
        for name, content in parts.items():
            try:
                reply = put(node, ticket, name, content)
            except OSError:
                return
            if reply.status == 200:
                acknowledged[name] = hashlib.sha256(content).hexdigest()
                if len(acknowledged) == 3:
                    some.set()

    uploading = threading.Thread(target=upload)
    uploading.start()
    assert some.wait(timeout=60)
    node.kill()
    uploading.join()
    nodes.restart(node)
    assert node.request("POST", "/incoming", b"", {"Parley-Ticket": ticket}).status == 202
    [message] = node.owner("inbox_list", {}).ok
    kept = {part["name"]: part["sha256"] for part in message["parts"]}
    assert kept["catalog"] == hashlib.sha256(b"sealed").hexdigest()
    assert acknowledged.items() <= kept.items()
    for name, digest in acknowledged.items():
        path = f"/box/{recipient}/{message['id']}/{name}"
        assert hashlib.sha256(node.request("GET", path, headers=node.authorization).body).hexdigest() == digest

    node.kill()
    nodes.restart(node)
    assert node.request("POST", "/incoming", b"", {"Parley-Ticket": ticket}).json == {"status": "message accepted"}
    assert [one["id"] for one in node.owner("inbox_list", {}).ok] == [message["id"]]
    assert put(node, ticket, "catalog", b"late").status == 409


def test_a_torn_body_leaves_nothing(pair: tuple[Node, Node]) -> None:
    node, _ = pair
    sender = "01" * 32
    ticket = own_ticket(node, sender, sender)
    host, port = node.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /incoming/catalog HTTP/1.1\r\nHost: {host}\r\nX-Bitmaelum-Ticket: {ticket}\r\n"
        connection.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + bytes(50_000))
    assert put(node, ticket, "header", header(sender, sender)).status == 200
    blobs = node.directory.path / "blobs"
    wait_until(lambda: list((blobs / ".unfinished").iterdir()) == [], "the torn body is gone")
    assert len([path for path in blobs.rglob("*") if path.is_file()]) == 1


def test_an_upload_can_be_deleted_and_not_completed_after(shared: Node) -> None:
    node, sender = shared, "01" * 32
    ticket = own_ticket(node, sender, sender)
    named = {"X-Bitmaelum-Ticket": ticket}
    assert put(node, ticket, "header", header(sender, sender)).status == 200
    assert node.request("DELETE", "/incoming", None, named).json == {"status": "message removed"}
    assert node.request("DELETE", "/incoming", None, named).status == 200
    refused = node.request("POST", "/incoming", b"", named)
    assert (refused.status, refused.headers["content-type"]) == (410, "application/problem+json")


@pytest.mark.parametrize("part", ["header", "catalog", "block/a", "attachment/a"])
def test_without_a_ticket_nothing_is_taken(shared: Node, part: str) -> None:
    node = shared
    assert node.request("POST", f"/incoming/{part}", b"x").status == 401
    assert put(node, "unknown", part, b"x").status == 404
    wanted = json.dumps({"sender": "01" * 32, "recipient": "02" * 32, "preference": ["pow"]}).encode()
    unpaid = node.request("POST", "/ticket", wanted).json["ticket_id"]
    refused = put(node, unpaid, part, b"x")
    assert (refused.status, refused.json["reason"]) == (402, "work_required")


def stages(node: Node) -> list[str]:
    return [entry["stage"] for entry in node.owner("outbox_list", {}).ok]


def test_the_outbox_survives_a_kill_and_delivers_once(pair: tuple[Node, Node], nodes: Nodes) -> None:
    alice, bob = pair
    contact = contact_of(bob)
    bob.kill()
    for number in range(3):
        assert cli(alice, "send", contact, "--message", f"{number}", "--json").document["stage"] == "waiting"
    wait_until(lambda: all(entry["attempts"] for entry in alice.owner("outbox_list", {}).ok), "each was tried")
    alice.kill()
    with closing(sqlite3.connect(alice.directory.store_path)) as connection:
        rows = connection.execute("SELECT count(*) FROM documents WHERE namespace = 'upload/outbox'").fetchone()
    assert rows == (3,)
    nodes.restart(bob)
    nodes.restart(alice)
    wait_until(lambda: set(stages(alice)) == {"delivered"}, "all are delivered")
    assert sorted(one["text"] for one in inbox(bob)) == ["0", "1", "2"]


def test_kills_while_messages_are_carried_never_double_one(pair: tuple[Node, Node], nodes: Nodes) -> None:
    alice, bob = pair
    contact = contact_of(bob)
    for number in range(4):
        cli(alice, "send", contact, "--message", f"{number}", "--json")
        victim = (alice, bob)[number % 2]
        victim.kill()
        nodes.restart(victim)
    wait_until(lambda: set(stages(alice)) <= {"delivered", "unknown"}, "each has ended")
    texts = sorted(one["text"] for one in inbox(bob))
    assert len(texts) == len(set(texts))
    assert stages(alice).count("delivered") <= len(texts)


def test_a_contact_names_where_the_node_is_advertised(nodes: Nodes) -> None:
    node = nodes.add("A", "--advertise", "http://mail.example:8000", settings=CHEAP)
    assert "@http://mail.example:8000#age1" in contact_of(node)


def test_a_node_that_asks_for_too_much_is_not_paid(nodes: Nodes) -> None:
    limits = CHEAP.replace("attempts_max = 1000", "attempts_max = 1\ntries_max = 1000")
    alice = nodes.describe("alice", settings=limits)
    bob = nodes.describe("bob", settings=CHEAP)
    nodes.start(alice, bob)
    done = parley("send", contact_of(bob), "--message", "x", "--wait", "--json", data_dir=alice.directory.path)
    assert done.code == 1
    assert (done.document["stage"], done.document["reason"]) == ("failed", "too_expensive")


def test_a_wrong_contact_or_file_is_refused_before_anything_is_sent(shared: Node) -> None:
    contact = contact_of(shared)
    for arguments in (
        ("parley:nobody", "--message", "x"),
        (contact,),
        (contact, "--file", "/nonexistent/file"),
    ):
        assert parley("send", *arguments, data_dir=shared.directory.path).code == 1
    assert parley("inbox", "read", "ff", data_dir=shared.directory.path).code == 1
    assert shared.owner("outbox_list", {}).ok == []
    assert shared.owner("inbox_list", {}).ok == []
