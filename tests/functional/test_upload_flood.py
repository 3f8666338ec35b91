"""A bounded flood against one node: honest senders go on being served, and nothing of the flood is kept."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.functional.nodes import DEADLINE_S, Node, Nodes, Reply
from tests.functional.program import parley
from tests.unit.node.ticket_work import is_good

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SETTINGS = """
[peering]
outbound_slots = 0
[upload]
floor_units = 4
target_per_minute = 20
size_max_bytes = 65_536
part_max_bytes = 65_536
"""
"""A ticket costs 16,384 tries, which are 14 bits; twenty tickets for waiting are issued at once."""

PRICE_BITS = 14
FLOODERS = 8
SENDERS = 3
LETTERS = 2
LETTER_BYTES = 20_000
LARGE_BYTES = 2**20
MEMORY_MAX_BYTES = 32 * 2**20
STORE_MAX_BYTES = 5 * 2**20
"""More than the log of the store may hold before it is taken over, which is 4 MiB."""

LOG_MAX_BYTES = 100_000
HALF_SENT = 32

PLAN = {
    "ask": 250,
    "wait": 40,
    "wrong": 14,
    "invented": 14,
    "altered": 6,
    "guess": 6,
    "large": 3,
    "garbage": 10,
    "deep": 5,
    "unpaid": 5,
    "large_unpaid": 3,
    "stranger": 5,
    "pretender": 5,
}
"""What each flooder sends at least, and how often; it goes on asking until the honest senders are done."""

ASKED_MAX = 2_000
"""Where a flooder stops even if they are not."""

ALLOWED = {
    "ask": {200},
    "wait": {200, 429},
    "wrong": {200},
    "invented": {404},
    "altered": {404},
    "guess": {200},
    "large": {413},
    "garbage": {400},
    "deep": {400},
    "unpaid": {402},
    "large_unpaid": {402},
    "stranger": {401},
    "pretender": {401},
}
"""What each may be answered."""


class Caller:
    """One connection to a node, kept for many requests."""

    def __init__(self, node: Node) -> None:
        place = urlsplit(node.url)
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=DEADLINE_S)

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        self._connection.request(method, path, body, dict(headers or {}))
        response = self._connection.getresponse()
        return Reply(response.status, dict(response.headers), response.read())

    def ask(self, sender: str, recipient: str, method: str) -> Reply:
        body = {"sender": sender, "recipient": recipient, "subscription_id": "", "preference": [method]}
        return self.send("POST", "/ticket", json.dumps(body).encode())

    def submit(self, ticket_id: str, method: str, result: int) -> Reply:
        return self.send("POST", f"/ticket/{ticket_id}", json.dumps({method: {"result": result}}).encode())

    def put(self, ticket_id: str, part: str, content: bytes) -> Reply:
        return self.send("POST", f"/incoming/{part}", content, {"X-Bitmaelum-Ticket": ticket_id})

    def close(self) -> None:
        self._connection.close()


def name_of(*words: object) -> str:
    """Return 64 hexadecimal digits that nobody else has."""
    return hashlib.sha256(repr(words).encode()).hexdigest()


@dataclass
class Flooder:
    """Sends what costs it nothing, over one connection, and counts the answers."""

    number: int
    caller: Caller
    recipient: str
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    offered: dict[str, Any] = field(default_factory=dict)
    sent: int = 0

    def flood(self, are_served: threading.Event, is_under_way: threading.Event) -> None:
        # Each kind is spread over the whole flood.
        places = [((turn + 0.5) / times, kind) for kind, times in PLAN.items() for turn in range(times)]
        for _, kind in sorted(places):
            self.act(kind)
            if self.sent > len(places) // 10:
                is_under_way.set()
        while not are_served.is_set() and self.sent < ASKED_MAX:
            self.act("ask")

    def act(self, kind: str) -> None:
        self.sent += 1
        reply = getattr(self, kind)()
        self.answers[kind, reply.status] += 1
        assert reply.status in ALLOWED[kind], (kind, reply.status, reply.body[:200])
        if reply.status >= 400:
            assert reply.headers["content-type"] == "application/problem+json"
            assert len(reply.body) < 2_000
        if reply.status == 429:
            assert int(reply.headers["retry-after"]) > 0

    def ask(self) -> Reply:
        reply = self.caller.ask(name_of(self.number, self.sent), self.recipient, "pow")
        self.offered = reply.json
        return reply

    def wait(self) -> Reply:
        return self.caller.ask(name_of(self.number, self.sent), self.recipient, "wait")

    def wrong(self) -> Reply:
        data, bits = self.offered["pow"]["data"], self.offered["pow"]["bits"]
        bad = next(counter for counter in count(1) if not is_good(data, counter, bits))
        reply = self.caller.submit(self.offered["ticket_id"], "pow", bad)
        assert reply.json["valid"] is False
        return reply

    def invented(self) -> Reply:
        return self.caller.submit(name_of("ticket", self.number, self.sent), "pow", 1)

    def altered(self) -> Reply:
        ticket_id = self.offered["ticket_id"]
        place = self.sent % len(ticket_id)
        letter = "b" if ticket_id[place] == "a" else "a"
        return self.caller.submit(ticket_id[:place] + letter + ticket_id[place + 1 :], "pow", 1)

    def guess(self) -> Reply:
        asked = self.caller.ask(name_of(self.number, self.sent), self.recipient, "math").json
        reply = self.caller.submit(asked["ticket_id"], "math", 10**9)
        assert reply.json["valid"] is False
        return reply

    def large(self) -> Reply:
        return self.caller.send("POST", "/ticket", b" " * LARGE_BYTES)

    def garbage(self) -> Reply:
        return self.caller.send("POST", "/ticket", hashlib.sha512(b"%d" % self.sent).digest() * 8)

    def deep(self) -> Reply:
        return self.caller.send("POST", f"/ticket/{self.offered['ticket_id']}", b"[" * 2_000)

    def unpaid(self) -> Reply:
        return self.caller.put(self.offered["ticket_id"], "header", b"{}")

    def large_unpaid(self) -> Reply:
        return self.caller.put(self.offered["ticket_id"], "block/x", bytes(LARGE_BYTES))

    def stranger(self) -> Reply:
        return self.caller.send("POST", "/incoming/catalog", bytes(1_000))

    def pretender(self) -> Reply:
        headers = {"Authorization": f"Bearer {name_of(self.sent)}"}
        return self.caller.send("POST", f"/address/{self.recipient}/ticket", b"{}", headers)


def write_letters(caller: Caller, number: int, recipient: str) -> list[str]:
    """Fetch a ticket, work, upload and complete, for each letter; return the digests of their contents."""
    sender = name_of("honest", number)
    digests = []
    for letter in range(LETTERS):
        offered = caller.ask(sender, recipient, "pow").json
        data, bits = offered["pow"]["data"], offered["pow"]["bits"]
        # The second letter costs half as much again, rounded up to the next power of two; the flood costs them nothing.
        assert bits == PRICE_BITS + letter
        good = next(counter for counter in count(1) if is_good(data, counter, bits))
        assert caller.submit(offered["ticket_id"], "pow", good).json["valid"] is True
        ticket_id = offered["ticket_id"]
        header = {"from": {"address": sender}, "to": {"address": recipient}}
        content = hashlib.sha256(f"{number} {letter}".encode()).digest() * (LETTER_BYTES // 32)
        assert caller.put(ticket_id, "header", json.dumps(header).encode()).status == 200
        assert caller.put(ticket_id, "catalog", content).status == 200
        assert caller.send("POST", "/incoming", b"", {"X-Bitmaelum-Ticket": ticket_id}).status == 202
        digests.append(hashlib.sha256(content).hexdigest())
    return digests


@contextmanager
def half_sent(node: Node) -> Iterator[None]:
    """Keep requests open whose bodies never come."""
    place = urlsplit(node.url)
    head = f"POST /ticket HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\n\r\n{{"
    with ExitStack() as stack:
        for _ in range(HALF_SENT):
            connection = socket.create_connection((str(place.hostname), place.port or 0))
            stack.enter_context(closing(connection)).sendall(head.encode())
        yield


def memory_bytes(node: Node) -> int:
    """Return the resident memory of a node; 0 where the system does not tell."""
    status = Path(f"/proc/{node.pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return 0 if found is None else int(found[1]) * 1_024


def counters(node: Node) -> dict[str, float]:
    """Return the metrics of tickets, by name and labels as /metrics writes them."""
    lines = node.request("GET", "/metrics").body.decode().splitlines()
    values = (line.rsplit(" ", 1) for line in lines if line.startswith("parley_upload_"))
    return {name.removeprefix("parley_upload_"): float(value) for name, value in values}


def rows(node: Node) -> tuple[dict[str, int], int]:
    """Return how many documents each namespace of uploads holds, and how many claims there are."""
    with closing(sqlite3.connect(node.directory.store_path)) as connection:
        found = "SELECT namespace, count(*) FROM documents WHERE namespace LIKE 'upload/%' GROUP BY namespace"
        documents = dict(connection.execute(found).fetchall())
        (claims,) = connection.execute("SELECT count(*) FROM claims").fetchone()
    return documents, claims


def sizes(node: Node) -> dict[str, int]:
    """Return the sizes of the node's files, by the path in its directory."""
    folder = node.directory.path
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def meet(node: Node, recipient: str) -> tuple[list[Flooder], list[str]]:
    """Let the flood and the honest senders meet; the flood lasts until each letter is delivered."""
    flooders = [Flooder(number, Caller(node), recipient) for number in range(FLOODERS)]
    callers = [Caller(node) for _ in range(SENDERS)]
    are_served, is_under_way = threading.Event(), threading.Event()

    def write(caller: Caller, number: int) -> list[str]:
        assert is_under_way.wait(DEADLINE_S)
        return write_letters(caller, number, recipient)

    with ThreadPoolExecutor(FLOODERS + SENDERS) as pool:
        floods = [pool.submit(one.flood, are_served, is_under_way) for one in flooders]
        honest = [pool.submit(write, caller, number) for number, caller in enumerate(callers)]
        try:
            digests = [digest for one in honest for digest in one.result()]
        finally:
            are_served.set()
        for flood in floods:
            flood.result()
    for caller in (*callers, *(one.caller for one in flooders)):
        caller.close()
    return flooders, digests


def test_honest_senders_are_served_in_a_flood_of_which_nothing_is_kept(nodes: Nodes) -> None:
    node = nodes.add("target", settings=SETTINGS)
    contact = parley("inbox", "address", "--json", data_dir=node.directory.path).document["contact"]
    recipient = contact.removeprefix("parley:").partition("@")[0]
    assert node.request("POST", "/ticket", b"{}").status == 400
    memory_before_bytes, sizes_before = memory_bytes(node), sizes(node)
    _, claims_before = rows(node)

    with half_sent(node):
        flooders, digests = meet(node, recipient)
    memory_grown_bytes, sizes_after = memory_bytes(node) - memory_before_bytes, sizes(node)

    sent: Counter[tuple[str, int]] = sum((one.answers for one in flooders), Counter())
    kinds: Counter[str] = Counter()
    for (kind, _), times in sent.items():
        kinds[kind] += times
    assert all(one.sent < ASKED_MAX for one in flooders), "the honest senders were served while the flood lasted"
    assert all(kinds[kind] >= FLOODERS * times for kind, times in PLAN.items())

    letters = SENDERS * LETTERS
    delivered = node.owner("inbox_list", {"mailbox": recipient}).ok
    catalogs = [part["sha256"] for one in delivered for part in one["parts"] if part["name"] == "catalog"]
    assert sorted(catalogs) == sorted(digests)
    assert len(digests) == letters

    seen = counters(node)
    assert seen['tickets_earned_total{method="pow"}'] == letters
    assert seen['tickets_ended_total{end="complete"}'] == letters
    assert seen['tickets_issued_total{method="pow"}'] == kinds["ask"] + kinds["wrong"] + letters
    assert seen["price_units"] == 4, "what is free moves no price"
    refused = {name: value for name, value in seen.items() if name.startswith("tickets_refused_total")}
    assert refused == {
        'tickets_refused_total{method="none",reason="not_found"}': kinds["invented"] + kinds["altered"],
        'tickets_refused_total{method="pow",reason="work_rejected"}': kinds["wrong"],
        'tickets_refused_total{method="math",reason="work_rejected"}': kinds["guess"],
        'tickets_refused_total{method="wait",reason="rate_limited"}': sent["wait", 429],
    }
    assert 0 < sent["wait", 429] < kinds["wait"]

    documents, claims = rows(node)
    assert documents == {"upload/boxes": letters, "upload/earned": letters, "upload/tickets": letters} | {
        name: times for name, times in documents.items() if name == "upload/accounts"
    }
    # A ticket that was earned and its end are claimed; and so is what was guessed at, lest it be guessed at again.
    assert claims - claims_before == 2 * letters + kinds["guess"]
    blobs = [name for name in sizes_after if name.startswith("blobs/") and sizes_after[name]]
    assert len(blobs) == 2 * letters
    log = str(node.log_path.relative_to(node.directory.path))
    assert sizes_after[log] - sizes_before[log] < LOG_MAX_BYTES
    assert sum(sizes_after.values()) - sum(sizes_before.values()) < STORE_MAX_BYTES
    assert memory_grown_bytes < MEMORY_MAX_BYTES

    assert node.request("GET", "/healthz").json["status"] == "ok"
    caller = Caller(node)
    assert len(write_letters(caller, SENDERS, recipient)) == LETTERS
    caller.close()
    assert nodes.stop(node) == 0
