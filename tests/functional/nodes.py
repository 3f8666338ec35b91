"""Real nodes for tests: started as separate processes, spoken to over HTTP only, their directories kept on failure."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from parley.errors import UnavailableError
from parley.primitives import schnorr
from parley.testing.processes import LIAR_MODULE, NodeProcess, stop_all

DEADLINE_S = 60
"""How long anything may take before a test gives up on it: far more than it takes on a busy machine."""

STILL_GRAPH = "[peering]\noutbound_slots = 0\n"
"""Settings of nodes that dial nobody but the peers named to them."""


def wait_until(is_so: Callable[[], bool], wanted: str) -> None:
    """Look again and again until something is so, and fail when it never is."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"never seen: {wanted}")
        time.sleep(0.02)


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  # any JSON
        return json.loads(self.body)

    @property
    def ok(self) -> Any:  # noqa: ANN401  # any JSON
        """Return the value under `Ok`; fail on a refusal, showing it."""
        answer = self.json
        assert "result" in answer, answer
        return answer["result"]["Ok"]

    @property
    def code(self) -> int:
        """Return the code of the refusal; fail where there is none, showing the answer."""
        answer = self.json
        assert "error" in answer, answer
        code = answer["error"]["code"]
        assert isinstance(code, int)
        return code

    @property
    def data(self) -> Any:  # noqa: ANN401  # any JSON
        return self.json["error"]["data"]


@dataclass(frozen=True)
class Key:
    """A key pair with which a caller signs its requests, as docs/spec/peers.md has it."""

    secret: bytes

    @property
    def id(self) -> bytes:
        return schnorr.public_key(self.secret)

    def headers(self, recipient: bytes, body: bytes, *, sent_ms: int | None = None) -> dict[str, str]:
        sent = time.time_ns() // 1_000_000 if sent_ms is None else sent_ms
        tag = hashlib.sha256(b"parley/peer/request/v1").digest()
        digest = hashlib.sha256(
            tag + tag + self.id + recipient + sent.to_bytes(8, "big") + hashlib.sha256(body).digest()
        ).digest()
        return {
            "Parley-Caller": self.id.hex(),
            "Parley-Recipient": recipient.hex(),
            "Parley-Sent": str(sent),
            "Parley-Signature": schnorr.sign(self.secret, digest, bytes(32)).hex(),
        }


def fresh_key() -> Key:
    return Key(os.urandom(32))


def encode_call(method: str, params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


class Node(NodeProcess):
    """A node process and the ways to speak with it."""

    @property
    def id(self) -> bytes:
        running = self.running()
        assert running is not None
        return bytes.fromhex(running.id)

    @property
    def key(self) -> Key:
        """The node's own key, to speak in its name."""
        return Key(bytes.fromhex(self.directory.node_key_path.read_text().strip()))

    @property
    def authorization(self) -> dict[str, str]:
        secret = self.directory.owner_secret_path.read_text().strip()
        return {"Authorization": "Basic " + base64.b64encode(f"parley:{secret}".encode()).decode()}

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def post_owner(self, body: bytes) -> Reply:
        return self.request("POST", "/v2/owner", body, self.authorization)

    def owner(self, method: str, params: object) -> Reply:
        """Call a method of the owner."""
        return self.post_owner(encode_call(method, params))

    def foreign(self, method: str, params: object, caller: Key | None = None) -> Reply:
        """Call a method of peers and strangers: signed by a caller, or anonymously."""
        body = encode_call(method, params)
        headers = {} if caller is None else caller.headers(self.id, body)
        return self.request("POST", "/v2/foreign", body, headers)

    def links(self) -> list[str]:
        """Return the ids of this node's links."""
        return [peer["id"] for peer in self.owner("peers_list", {}).ok if peer["phase"] == "linked"]

    def messages(self, *keys: str, deepness: int = 1) -> list[str]:
        """Return the messages found under these keys, sorted."""
        found = self.owner("query_message", {"keys": list(keys), "deepness": deepness}).ok
        return sorted(entry["Message"] for entry in found)


class Nodes:
    """The node processes of one test, or of one module of tests."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="parley-functional-"))
        self._nodes: dict[str, Node] = {}

    def describe(self, name: str, *arguments: str, settings: str = STILL_GRAPH, lies: Sequence[str] = ()) -> Node:
        """Prepare a node; nothing is started."""
        directory = self.path / name
        directory.mkdir(mode=0o700)
        (directory / "parley.toml").write_text(settings)
        if lies:
            told = [word for lie in lies for word in ("--lie", lie)]
            node = Node(name, directory, (*arguments, *told), program=(LIAR_MODULE,))
        else:
            node = Node(name, directory, ("--name", name, *arguments))
        self._nodes[name] = node
        return node

    def start(self, *nodes: Node) -> None:
        """Start nodes together and wait until each answers."""
        for node in nodes:
            node.start()
        for node in nodes:
            wait_until(partial(self._is_running, node), f"node {node.name} answers")

    def add(self, name: str, *arguments: str, settings: str = STILL_GRAPH, lies: Sequence[str] = ()) -> Node:
        """Start one node and wait until it answers."""
        node = self.describe(name, *arguments, settings=settings, lies=lies)
        self.start(node)
        return node

    def add_linked(self, name: str, *peers: Node, settings: str = STILL_GRAPH, lies: Sequence[str] = ()) -> Node:
        """Start one node that dials these peers, and wait until they are linked on both sides."""
        words = [word for peer in peers for word in ("--peer", peer.url)]
        node = self.add(name, *words, settings=settings, lies=lies)
        for peer in peers:
            self.wait_linked(node, peer)
        return node

    def wait_linked(self, one: Node, other: Node) -> None:
        """Wait until two nodes are each other's links."""
        wait_until(
            lambda: other.id.hex() in one.links() and one.id.hex() in other.links(),
            f"{one.name} and {other.name} are linked",
        )

    def restart(self, node: Node) -> None:
        """Start a node again that has ended."""
        self.start(node)

    def stop(self, node: Node, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask a node to stop, and return its exit code."""
        node.signal(number)
        return self.wait_ended(node)

    def wait_ended(self, node: Node) -> int:
        """Wait until a node has ended, and return its exit code."""
        wait_until(lambda: node.exit_code is not None, f"node {node.name} has ended")
        assert node.exit_code is not None
        return node.exit_code

    def close(self, *, keep: bool) -> None:
        """End all nodes; keep their directories and say where, or remove them."""
        stop_all(self._nodes.values())
        if keep:
            sys.stderr.write(f"\ndirectories of the nodes are kept: {self.path}\n")
        else:
            shutil.rmtree(self.path)

    def _is_running(self, node: Node) -> bool:
        try:
            return node.running() is not None
        except UnavailableError as error:
            error.add_note("\n".join(node.last_words(20)))
            raise
