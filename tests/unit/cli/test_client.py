"""The client of the owner's interface against a server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from parley.cli.client import OwnerClient, connect
from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from tests.unit.cli.fake_node import SECRET, FakeNode, write_data_dir


def client_of(node: FakeNode) -> OwnerClient:
    return connect(str(node.data_dir), {})[0]


def test_a_call_brings_the_whole_result(node: FakeNode) -> None:
    node.ok("query_message", [1], stats={"asked": 2})
    assert client_of(node).call("query_message", {"keys": ["a"]}) == {"Ok": [1], "stats": {"asked": 2}}
    assert node.calls == [("query_message", {"keys": ["a"]})]


def test_the_data_directory_can_come_from_the_environment(node: FakeNode) -> None:
    node.ok("node_id", None)
    client, config = connect(None, {"PARLEY_DATA_DIR": str(node.data_dir)})
    assert client.call("node_id", {}) == {"Ok": None}
    assert config.data_dir == node.data_dir


def test_a_refusal_is_a_value_with_its_facts(node: FakeNode) -> None:
    data = {"facts": {"limit_bytes": 5, "name": "x"}, "next": "other words", "retry_after_ms": 70}
    node.refuse("push_message", 2002, message="ignored: our own words are used", data=data)
    refusal = client_of(node).call("push_message", {})
    assert refusal == Rejected(ErrorCode.TOO_LARGE, {"limit_bytes": 5, "name": "x", "retry_after_ms": 70})


def test_a_refusal_may_come_without_data(node: FakeNode) -> None:
    node.refuse("push_message", 4004)
    assert client_of(node).call("push_message", {}) == Rejected(ErrorCode.NOT_FOUND, {})


def test_a_refusal_that_this_release_does_not_know_keeps_its_words_apart(node: FakeNode) -> None:
    node.refuse("push_message", 4999, message="\x1b[1mnew")
    with pytest.raises(PeerError) as caught:
        client_of(node).call("push_message", {})
    assert caught.value.facts == {"error_code": 4999}
    assert caught.value.untrusted_text == "\x1b[1mnew"
    assert "new" not in str(caught.value)


def test_a_wrong_secret_is_refused(node: FakeNode) -> None:
    write_data_dir(node.data_dir, node.url, secret="00" * 32)
    refusal = client_of(node).call("node_id", {})
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.UNAUTHORIZED


def test_proxies_of_the_environment_are_not_used(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    node.ok("node_id", 1)
    assert client_of(node).call("node_id", {}) == {"Ok": 1}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (200, b'{"jsonrpc":"2.0","id":1}'),
        (200, b'{"jsonrpc":"1.0","id":1,"result":{"Ok":1}}'),
        (200, b'{"jsonrpc":"2.0","id":1,"result":[1]}'),
        (404, b"not found"),
        (307, b""),
    ],
)
def test_what_is_no_answer_of_a_node_is_told_so(node: FakeNode, status: int, body: bytes) -> None:
    node.raw = (status, body)
    with pytest.raises(ConfigError) as caught:
        client_of(node).call("node_id", {})
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING
    assert caught.value.facts["http_status"] == status
    assert caught.value.facts["reason"] == "what answers there is no node"


@pytest.mark.parametrize(("limit_bytes", "fits"), [(100, True), (99, False)])
def test_an_answer_is_read_up_to_a_limit(node: FakeNode, limit_bytes: int, *, fits: bool) -> None:
    empty = len(json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"Ok": ""}}))
    node.ok("node_id", "x" * (100 - empty))
    client = OwnerClient(node.url, SECRET, answer_bytes_max=limit_bytes)
    if fits:
        assert client.call("node_id", {}) == {"Ok": "x" * (100 - empty)}
    else:
        with pytest.raises(PeerError) as caught:
            client.call("node_id", {})
        assert caught.value.code is ErrorCode.TOO_LARGE


def test_nothing_listens_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    write_data_dir(tmp_path / "data", f"http://127.0.0.1:{port}")
    with pytest.raises(ConfigError) as caught:
        connect(str(tmp_path / "data"), {})[0].call("node_id", {})
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING
    assert caught.value.facts == {"host": "127.0.0.1", "port": port}


def test_whoever_hangs_up_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(65_536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        write_data_dir(tmp_path / "data", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(UnavailableError) as caught:
            connect(str(tmp_path / "data"), {})[0].call("node_id", {})
        thread.join()
    assert caught.value.code is ErrorCode.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["", "nonsense", "https://127.0.0.1:1", "http://127.0.0.1", "http://x:99999", "http://["]
)
def test_only_urls_of_nodes_are_called(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OwnerClient(url, SECRET)
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING


def test_a_directory_without_a_node_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(str(tmp_path / "nothing"), {})
    assert caught.value.code is ErrorCode.NODE_NOT_RUNNING
