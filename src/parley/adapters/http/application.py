"""The node's one application: exact routes first, then whatever pages there are, nothing without the common checks.

    a request ─► stopping? 503 ─► Host foreign? 421 ─► sent by a foreign page? 403 ─► an exact route?
        yes ─► content type of a page's request 415 ─► credentials 401 ─► length 413 ─► body 413 ─► handler
        no  ─► the path with another method? 405 ─► an application that is mounted there, its body as it comes
            ─► the pages, with a limited body, or 404

A node on the loopback interface is within reach of every web page that its owner opens. A page can make the browser
call it (so a request that a foreign page sent is refused), and can rename its own host to 127.0.0.1 (so a Host that
is not the node's is refused).

Refusals of the server itself are JSON-RPC errors that belong to no call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.adapters.http.routes import BODY_LIMIT_BYTES, HttpAnswer, HttpRequest, Route, error_answer, is_one_of
from parley.errors import ErrorCode, LocalError, Rejected

__all__ = ["LOOPBACK_HOSTS", "Application"]

LOOPBACK_HOSTS: Final = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
"""Names under which a node on the loopback interface may be called."""

_OK: Final = 200
_NO_CONTENT: Final = 204
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BODILESS_METHODS: Final = frozenset({"GET", "HEAD"})
_FOREIGN_SITES: Final = frozenset({b"cross-site", b"same-site"})
_CLOSE: Final = ((b"connection", b"close"),)
_GUARDS: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_PAGE_GUARDS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class Application:
    """An ASGI application of exact routes and, behind them, another application."""

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        pages: ASGIApp | None = None,
        mounts: Mapping[str, ASGIApp] | None = None,
        host_names: frozenset[bytes] | None = None,
    ) -> None:
        """Serve routes.

        Args:
            routes: no two of one method and path.
            pages: answers all other paths.
            mounts: applications by the first word of the path; they read bodies themselves, of any size, and answer
                all paths that begin with the word.
            host_names: what a Host header may name, in lower case; None for anything (a node that is not on the
                loopback interface).

        Raises:
            LocalError: two routes of one method and path.
        """
        self._routes: dict[tuple[str, str], Route] = {}
        self._methods: dict[str, list[str]] = {}
        for route in routes:
            names = [route.method, "HEAD"] if route.method == "GET" else [route.method]
            for name in names:
                if self._routes.setdefault((route.path, name), route) is not route:
                    raise LocalError(ErrorCode.INVALID_ARGUMENT, path=route.path, method=name)
            self._methods.setdefault(route.path, []).extend(names)
        self._pages = pages
        self._mounts = dict(mounts or {})
        self._host_names = host_names
        self.is_stopping = False

    def routes(self) -> tuple[Route, ...]:
        """Return the exact routes."""
        return tuple(dict.fromkeys(self._routes.values()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        method = scope["method"]
        if b"expect" in headers:
            receive, send = _closing_unless_read(receive, send)
        refusal = self._refusal(method, headers)
        route = self._routes.get((scope["path"], method))
        if refusal is not None:
            await _send(send, refusal)
        elif route is not None:
            await self._serve(route, scope, headers, receive, send)
        else:
            await self._serve_other(scope, headers, receive, send)

    def _refusal(self, method: str, headers: Mapping[bytes, bytes]) -> HttpAnswer | None:
        """Run the checks that stand before every route."""
        if self.is_stopping:
            return error_answer(503, Rejected(ErrorCode.SHUTTING_DOWN), _CLOSE)
        host = headers.get(b"host", b"")
        if self._host_names is not None and not is_one_of(host, self._host_names):
            allowed = b", ".join(sorted(self._host_names)).decode()
            return error_answer(421, Rejected(ErrorCode.INVALID_REQUEST, {"header": "Host", "allowed": allowed}))
        if method in _SAFE_METHODS:
            return None
        if b"upgrade" in headers:
            # The parser takes what follows such a head for another protocol, so the body is lost.
            facts = {"header": "Upgrade", "fault": "not understood; send HTTP/1.1"}
            return error_answer(400, Rejected(ErrorCode.INVALID_REQUEST, facts), _CLOSE)
        origin = headers.get(b"origin")
        if headers.get(b"sec-fetch-site") in _FOREIGN_SITES or not (
            origin is None or (host and origin in (b"http://" + host, b"https://" + host))
        ):
            return error_answer(403, Rejected(ErrorCode.UNAUTHORIZED, {"header": "Origin", "fault": "another site"}))
        return None

    async def _serve(
        self, route: Route, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        refusal = _route_refusal(route, headers)
        if refusal is not None:
            await _send(send, refusal)
            return
        body = await _read_body(receive, headers, route.body_limit_bytes)
        if body is None:
            return
        if isinstance(body, HttpAnswer):
            await _send(send, body)
            return
        client = scope.get("client")
        request = HttpRequest(scope["headers"], body, client[0] if client else "")
        await _send(send, await route.handler(request))

    async def _serve_other(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send) -> None:
        methods = self._methods.get(scope["path"])
        if methods is not None:
            allowed = ", ".join(methods)
            refused = Rejected(ErrorCode.METHOD_NOT_FOUND, {"allowed": allowed})
            await _send(send, error_answer(405, refused, ((b"allow", allowed.encode()),)))
        elif (mounted := self._mounts.get(scope["path"].removeprefix("/").partition("/")[0])) is not None:
            await mounted(scope, receive, _guarding(send))
        elif self._pages is None:
            await _send(send, error_answer(404, Rejected(ErrorCode.NOT_FOUND)))
        elif scope["method"] in _BODILESS_METHODS:
            await self._pages(scope, receive, _guarding(send))
        else:
            body = await _read_body(receive, headers, BODY_LIMIT_BYTES)
            if isinstance(body, HttpAnswer):
                await _send(send, body)
            elif body is not None:
                await self._pages(scope, _replaying(body, receive), _guarding(send))


def _route_refusal(route: Route, headers: Mapping[bytes, bytes]) -> HttpAnswer | None:
    """Run the checks of one route; what a browser sends for a page must say that it is JSON."""
    if route.method == "POST" and b"origin" in headers:
        content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type != b"application/json":
            facts = {"header": "Content-Type", "expected": "application/json"}
            return error_answer(415, Rejected(ErrorCode.INVALID_REQUEST, facts))
    if route.credentials is not None and not route.credentials.is_given(headers.get(b"authorization")):
        wanted = ((b"www-authenticate", b'Basic realm="parley", charset="UTF-8"'),)
        return error_answer(401, Rejected(ErrorCode.UNAUTHORIZED), wanted)
    return None


async def _read_body(receive: Receive, headers: Mapping[bytes, bytes], limit_bytes: int) -> bytes | HttpAnswer | None:
    """Read a body; the answer to give instead when it is too long, None when the caller has gone.

    What is too long is read to its end and dropped, as few clients read an answer before they have sent all. How
    much and how long that may be is the connection's to limit (`guard.GuardedConnection`).
    """
    announced = headers.get(b"content-length", b"0")
    is_too_large = not announced.isdigit() or int(announced) > limit_bytes
    if is_too_large and b"expect" in headers:
        return _too_large(limit_bytes)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks = [body]
        size_bytes = len(body)
        while message.get("more_body"):
            message = await receive()
            chunk = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes <= limit_bytes:
                chunks.append(chunk)
            else:
                chunks.clear()
        is_too_large = is_too_large or size_bytes > limit_bytes
        body = b"".join(chunks)
    if message["type"] != "http.request":
        return None
    return _too_large(limit_bytes) if is_too_large or len(body) > limit_bytes else body


def _too_large(limit_bytes: int) -> HttpAnswer:
    return error_answer(413, Rejected(ErrorCode.TOO_LARGE, {"value": "body", "limit_bytes": limit_bytes}))


async def _send(send: Send, answer: HttpAnswer) -> None:
    body = answer.body
    status = answer.status if body or answer.status != _OK else _NO_CONTENT
    headers = [*_GUARDS, *answer.headers]
    if body:
        headers += [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, then what else comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _closing_unless_read(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Return both so that an answer which does not wait for the body ends the connection (RFC 9110, 10.1.1).

    The caller may leave out the body that it was not asked for, or send it all the same: what comes next on this
    connection is a body to one side and a request to the other.
    """
    reads: list[bool] = []

    async def receive_noted() -> Message:
        reads.append(True)
        return await receive()

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start" and not reads:
            message = {**message, "headers": [*message.get("headers", ()), *_CLOSE]}
        await send(message)

    return receive_noted, send_closing


def _guarding(send: Send) -> Send:
    """Return a `send` that adds the headers which guard a page, where the page does not set them itself."""

    async def guard(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in _PAGE_GUARDS if name not in present]
            message = {**message, "headers": headers}
        await send(message)

    return guard
