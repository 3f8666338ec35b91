"""Nothing acknowledged is lost by `kill -9`; two nodes never share a directory; a node that is told to stop stops."""

from __future__ import annotations

import asyncio
import base64
import signal
import time
from pathlib import Path

import pytest

from parley.adapters.sqlite import SqliteStore
from parley.primitives.instants import Instant
from parley.protocol.challenges import parse_challenge
from parley.protocol.claims import Foreign, Outcome
from tests.functional.nodes import Nodes, fresh_key
from tests.functional.test_strangers import copy, solve

pytestmark = pytest.mark.functional


async def claimed(path: Path, key: bytes) -> Outcome:
    """Ask the store of a node that does not run whether another owner may have this claim."""
    store = await SqliteStore.open(path)
    try:
        now = Instant(time.time_ns() // 1_000_000)
        return await store.claims.claim(key, b"another", Instant(now + 60_000), now)
    finally:
        await store.close()


def test_what_was_acknowledged_survives_a_kill(nodes: Nodes) -> None:
    public = nodes.add("A", settings="public = true\n[peering]\noutbound_slots = 0\n[work]\nquery_units = 1\n")
    asked, caller = copy(1), fresh_key()
    work = solve(public.foreign("pool_query", asked, caller))
    before = public.id, public.authorization
    peers = [f"http://127.0.0.1:{port}" for port in (1, 2, 3)]
    for peer in peers:
        assert public.owner("peers_add", {"url": peer}).ok is None
    assert public.owner("peers_remove", {"url": peers[1]}).ok is None
    assert public.foreign("pool_query", {**asked, "work": work}, caller).ok["items"] == []
    public.kill()
    assert public.exit_code == -signal.SIGKILL

    spent = parse_challenge(base64.b64decode(work["challenge"])).id
    assert isinstance(asyncio.run(claimed(public.directory.store_path, spent)), Foreign)
    assert public.directory.running_path.exists(), "a crash leaves the note of a node that no longer runs"

    nodes.restart(public)
    assert (public.id, public.authorization) == before
    kept = [peer["address"] for peer in public.owner("peers_list", {}).ok if peer["static"]]
    assert sorted(kept) == [peers[0], peers[2]]


def test_records_are_in_memory_only(nodes: Nodes) -> None:
    node = nodes.add("A")
    node.owner("push_message", {"Keys": ["memory"], "Message": "not-on-any-disk", "Expiration": 600})
    node.kill()
    files = [path for path in node.directory.path.rglob("*") if path.is_file()]
    written = [path for path in files if b"not-on-any-disk" in path.read_bytes()]
    assert written == []
    nodes.restart(node)
    assert node.messages("memory") == []


def test_a_directory_has_one_node(nodes: Nodes) -> None:
    node = nodes.add("A")
    second = type(node)("second", node.directory.path, log_path=nodes.path / "second.log")
    second.start()
    nodes.wait_ended(second)
    assert second.exit_code == 1
    [said] = [line for line in second.last_words(20) if line.startswith("parley: ")]
    assert "data directory cannot be used" in said
    assert "another node runs here" in said
    node.owner("push_message", {"Keys": ["alive"], "Message": "still here", "Expiration": 60})
    assert node.messages("alive") == ["still here"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_that_is_told_to_stop_stops(nodes: Nodes, number: signal.Signals) -> None:
    a = nodes.add("A")
    b = nodes.add_linked("B", a)
    assert a.directory.running_path.exists()
    assert nodes.stop(a, number) == 0
    assert not a.directory.running_path.exists()
    assert b.owner("query_message", {"keys": ["any"], "deepness": 2}).ok == []
    nodes.restart(a)
    assert a.messages("any") == []
