"""How much of a bare HTTP request a query of ten records costs on top, on one server in one process of its own."""

from __future__ import annotations

import atexit
import base64
import subprocess
import sys
from itertools import cycle
from pathlib import Path

from bench.http_load import load
from bench.http_server import BOOKS, EMPTY_PATH, RECORDS_PER_BOOK
from bench.measure import Case

CONNECTIONS = 32
REQUESTS = 4_000


class _Server:
    """The server process, started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._secret = ""

    def _start(self) -> None:
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.http_server"],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.kill)
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        port, self._secret = line.split()
        self._port = int(port)

    def _request(self, path: str, body: bytes) -> bytes:
        user = base64.b64encode(f"parley:{self._secret}".encode()).decode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Basic {user}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _bodies(self) -> list[bytes]:
        return [
            b'{"jsonrpc":"2.0","method":"query_message","params":{"keys":["swap","coin%d"],"deepness":1,'
            b'"size_limit":%d,"expiration":600},"id":1}' % (book, 10 * RECORDS_PER_BOOK)
            for book in range(BOOKS)
        ]

    def empty(self) -> int:
        self._start()
        return self._load([self._request(EMPTY_PATH, body) for body in self._bodies()])

    def query(self) -> int:
        self._start()
        return self._load([self._request("/v2/owner", body) for body in self._bodies()])

    def _load(self, requests: list[bytes]) -> int:
        return load(self._port, cycle(requests), count=REQUESTS, connections=CONNECTIONS)


_SERVER = _Server()

CASES = [
    Case(
        name="http_query_ten_records",
        description=(
            "query_message at deepness 1 that finds 10 of 1,000 records (100 books in turn, basic auth, JSON-RPC), "
            "against a route of the same server that answers {} to the same body; requests per second"
        ),
        reference=_SERVER.empty,
        subject=_SERVER.query,
        target=0.5,
    ),
]
