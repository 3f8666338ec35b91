"""The server as an ASGI application: POST of JSON to any path, for programs and for pages of this machine.

A chain on the loopback interface is within reach of every web page that its owner opens. So the Host must be this
machine's (a page cannot give it another name), and a page that calls must be served from this machine, or be part of an
extension of the browser, as wallets are. To these the answers of CORS are given.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.types import Receive, Scope, Send

from parley.devchains.evm.rpc import RpcServer

__all__ = ["BODY_MAX_BYTES", "RpcApplication"]

BODY_MAX_BYTES: Final = 2_097_152
"""The longest body of a request: a large transaction in hexadecimal, or a batch."""

_OWN_PAGES: Final = re.compile(rb"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?")
_EXTENSIONS: Final = re.compile(rb"(?:chrome|moz|safari-web)-extension://[0-9A-Za-z-]{1,64}")
_JSON: Final = (b"content-type", b"application/json")
_GREETING: Final = b'{"chain":"parley devchain","call":"POST JSON-RPC 2.0 to this address"}'


class RpcApplication:
    """Answers HTTP requests about one chain.

    Attributes:
        is_stopping: set by who stops the server; from then on every answer is 503.
    """

    def __init__(self, server: RpcServer, *, host_names: frozenset[bytes] | None) -> None:
        """Serve a chain.

        Args:
            server: answers the bodies.
            host_names: what a Host header may name, lower case, without port; None for anything.
        """
        self._server = server
        self._host_names = host_names
        self.is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        status = self._refusal(headers, origin)
        cross = [] if origin is None or status else _cross_origin(origin)
        body = b""
        if status:
            pass
        elif scope["method"] == "OPTIONS":
            status = 204
        elif scope["method"] in {"GET", "HEAD"}:
            status, body = 200, _GREETING
        elif scope["method"] != "POST":
            status = 405
        else:
            status, body = await self._answer(receive, headers)
        await _send(send, status, b"" if scope["method"] == "HEAD" else body, cross)

    def _refusal(self, headers: dict[bytes, bytes], origin: bytes | None) -> int:
        """Return the status of a refusal, 0 for none."""
        if self.is_stopping:
            return 503
        host = re.sub(rb":\d{1,5}$", b"", headers.get(b"host", b"").lower())
        if self._host_names is not None and host not in self._host_names:
            return 421
        is_welcome = origin is None or _OWN_PAGES.fullmatch(origin) or _EXTENSIONS.fullmatch(origin)
        return 0 if is_welcome else 403

    async def _answer(self, receive: Receive, headers: dict[bytes, bytes]) -> tuple[int, bytes]:
        content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if b"origin" in headers and content_type != b"application/json":
            return 415, b""  # else a page could call without asking first (CORS)
        announced = headers.get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > BODY_MAX_BYTES:
            return 413, b""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return 400, b""
            body += message.get("body", b"")
            if len(body) > BODY_MAX_BYTES:
                return 413, b""
            if not message.get("more_body"):
                break
        answer = await self._server.answer_in_turns(bytes(body))
        return (200, answer) if answer else (204, b"")


def _cross_origin(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
        (b"access-control-max-age", b"600"),
        (b"vary", b"Origin"),
    ]


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    closing = [(b"connection", b"close")] if status == 413 else []  # noqa: PLR2004  # the rest of the body is not read
    length = [] if status == 204 else [_JSON, (b"content-length", b"%d" % len(body))]  # noqa: PLR2004  # no content
    guards = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": [*guards, *headers, *closing, *length]})
    await send({"type": "http.response.body", "body": body})
