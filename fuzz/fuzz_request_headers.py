"""Heads of requests: lines "name: value", an empty line, the body. Nobody is believed but the one who signed."""

from __future__ import annotations

from parley.adapters.http.application import LOOPBACK_HOSTS
from parley.adapters.http.requests import check_request
from parley.adapters.http.routes import Credentials, is_one_of
from parley.errors import PeerError, Rejected
from parley.primitives.ids import NodeId
from parley.primitives.instants import Instant

__all__ = ["fuzz_one"]

# Those of tests/golden/wire_v1.json: the corpus holds requests of this peer, and nothing can forge another.
_PEER = bytes.fromhex("531fe6068134503d2723133227c867ac8fa6c83c537e9a44c3c5bdbdcb1fe337")
_OWN_ID = NodeId(bytes.fromhex("4d4b6cd1361032ca9bd2aeb9d900aa4d45d9ead80ac9423374c451a7254d0766"))
_NOW = Instant(1_800_000_000_123)
_CREDENTIALS = Credentials("parley", "secret")


def fuzz_one(data: bytes) -> None:
    """Read a head and judge it as a server does before it looks at the body."""
    head, _, body = data.partition(b"\n\n")
    headers = [
        (name.strip().lower(), value.strip())
        for name, separator, value in (line.partition(b":") for line in head.split(b"\n"))
        if separator
    ]
    for name, value in headers:
        if name == b"host" and is_one_of(value, LOOPBACK_HOSTS) and b"evil" in value:
            message = "a foreign host was taken for an own one"
            raise AssertionError(message)
        if name == b"authorization":
            _CREDENTIALS.is_given(value)
    for is_greeting in (False, True):
        outcome = check_request(headers, body, own_id=_OWN_ID, now=_NOW, skew_ms=1_000, is_greeting=is_greeting)
        if isinstance(outcome, Rejected):
            raise PeerError(outcome.code)
        if outcome is not None and outcome != _PEER:
            message = "somebody was believed who cannot have signed"
            raise AssertionError(message)
