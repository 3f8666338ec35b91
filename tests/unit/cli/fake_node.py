"""A node that answers what a test tells it to: a real HTTP server with JSON-RPC and basic auth, in a thread."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import socket
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO

import uvicorn

__all__ = ["SECRET", "FakeNode", "write_data_dir"]

SECRET = "5e" * 32

Message = MutableMapping[str, Any]

HELD: list[TextIO] = []
"""Locks of data directories, held to the end of the process: without its lock a note of a node is not believed."""


@dataclass
class FakeNode:
    """Answers each call with what the test put under its method.

    Attributes:
        data_dir: directory that points at this node, as a running node leaves it.
        answers: by method, from params to the answer's members (`result` or `error`).
        raw: sent instead of any answer, when set: status and body.
        calls: what arrived, (method, params).
    """

    data_dir: Path
    answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    raw: tuple[int, bytes] | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def ok(self, method: str, value: object, **siblings: object) -> None:
        """Let a method succeed with a value."""
        self.answers[method] = lambda _: {"result": {"Ok": value, **siblings}}

    def refuse(self, method: str, code: int, *, message: str = "", data: object = None) -> None:
        """Let a method be refused."""
        self.answers[method] = lambda _: {"error": {"code": code, "message": message, "data": data}}

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._answer, interface="asgi3", ws="none", lifespan="off", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        write_data_dir(self.data_dir, self.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    async def _answer(self, scope: Message, receive: Callable[[], Any], send: Callable[[Message], Any]) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        status, answer = self.raw or self._answer_call(dict(scope["headers"]), scope["path"], body)
        headers = [(b"content-type", b"application/json"), (b"location", b"/elsewhere")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer_call(self, headers: dict[bytes, bytes], path: str, body: bytes) -> tuple[int, bytes]:
        wanted = b"Basic " + base64.b64encode(f"parley:{SECRET}".encode())
        if path != "/v2/owner" or headers.get(b"authorization") != wanted:
            error = {"code": 2009, "message": "no", "data": {"facts": {}, "next": "authenticate"}}
            return 401, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        call = json.loads(body)
        self.calls.append((call["method"], call["params"]))
        members = self.answers[call["method"]](call["params"])
        return 200, json.dumps({"jsonrpc": "2.0", "id": call["id"], **members}).encode()


def write_data_dir(path: Path, url: str, secret: str = SECRET) -> None:
    """Make a data directory as a running node leaves it."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "owner_secret").write_text(secret + "\n")
    (path / "owner_secret").chmod(0o600)
    lock = (path / "lock").open("w")
    with contextlib.suppress(BlockingIOError):  # held already, by an earlier call for the same directory
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    HELD.append(lock)
    (path / "node.json").write_text(json.dumps({"http": url, "pid": os.getpid(), "id": "ab" * 32}))
