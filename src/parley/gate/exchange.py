"""One exchange of ASGI: the body read up to a limit and given on, the answer passed on and taken down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from starlette.types import Message, Receive, Scope, Send

from parley.errors import ErrorCode, Rejected
from parley.gate.answers import Answer

__all__ = ["AnyApp", "AnyValue", "Recorder", "given_body", "header_values", "read_body", "send_answer", "target_of"]

AnyValue: TypeAlias = Any
"""A scope, `receive` or `send` of any framework: they agree on ASGI, but not on the types for it."""

AnyApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""An application of any framework."""

_CACHE_CONTROL: Final = b"cache-control"
_DIGITS_MAX: Final = 18
_NOT_QUOTED: Final = "/:@!$&'()*+,;=~-._"


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return all values of a header, by its name in lower case."""
    return [value for key, value in scope["headers"] if key == name]


def target_of(scope: Scope) -> bytes:
    """Return path and query as they were sent."""
    raw_path: bytes | None = scope.get("raw_path")
    if raw_path is None:
        raw_path = quote(scope["path"], safe=_NOT_QUOTED).encode()
    query: bytes = scope["query_string"]
    return raw_path + b"?" + query if query else raw_path


async def read_body(scope: Scope, receive: Receive, maximum_bytes: int) -> bytes | Rejected | None:
    """Read a body to its end.

    Returns:
        The body; Rejected(TOO_LARGE), as soon as that is known; None when the client went away.
    """
    for declared in header_values(scope, b"content-length"):
        if len(declared) > _DIGITS_MAX or (declared.isdigit() and int(declared) > maximum_bytes):
            return _too_large(maximum_bytes)
    chunks: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk: bytes = message.get("body", b"")
        size_bytes += len(chunk)
        if size_bytes > maximum_bytes:
            return _too_large(maximum_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(maximum_bytes: int) -> Rejected:
    return Rejected(ErrorCode.TOO_LARGE, {"maximum_bytes": maximum_bytes})


def given_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body in one piece and then what the server has."""
    left = [body]

    async def give() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return give


async def send_answer(answer: Answer, send: Send, *, has_body: bool = True) -> None:
    """Send a whole answer.

    Args:
        answer: to send.
        send: of the server.
        has_body: False after HEAD.
    """
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body if has_body else b"", "more_body": False})


class Recorder:
    """Passes an answer on as it comes, with headers of ours, and takes it down while it is small."""

    def __init__(self, send: Send, headers: Iterable[tuple[bytes, bytes]], maximum_bytes: int) -> None:
        """Pass on to `send`.

        Args:
            send: of the server.
            headers: in place of those of the same names; Cache-Control only where the answer has none.
            maximum_bytes: of a body that is taken down; 0 for none.
        """
        self._send = send
        self._own = tuple(headers)
        self._replaced = frozenset(name for name, _ in self._own if name != _CACHE_CONTROL)
        self._left_bytes = maximum_bytes
        self._is_kept = maximum_bytes > 0
        self._status = 0
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._chunks: list[bytes] = []
        self._is_whole = False

    def __call__(self, message: Message) -> Awaitable[None]:
        """Take one message of the application; what is returned sends it on."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = self._with_own(message.get("headers", ()))
            message = {**message, "headers": list(self._headers)}
        elif message["type"] == "http.response.body":
            self._note(message)
        else:
            # An extension of the server, such as a file that it reads itself: what is sent is not seen here.
            self._forget()
        return self._send(message)

    def answer(self) -> Answer | None:
        """Return the whole answer; None where it was too large or did not come to its end."""
        if not (self._is_kept and self._is_whole):
            return None
        return Answer(self._status, self._headers, b"".join(self._chunks))

    def _note(self, message: Message) -> None:
        chunk: bytes = message.get("body", b"")
        self._left_bytes -= len(chunk)
        if self._left_bytes < 0:
            self._forget()
        elif self._is_kept:
            self._chunks.append(bytes(chunk))
        self._is_whole = not message.get("more_body", False)

    def _forget(self) -> None:
        self._is_kept = False
        self._chunks.clear()

    def _with_own(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
        own, theirs = self._own, []
        for given, value in headers:
            name = bytes(given)
            lower = name.lower()
            if lower == _CACHE_CONTROL:
                own = tuple(item for item in own if item[0] != _CACHE_CONTROL)
            if lower not in self._replaced:
                theirs.append((name, bytes(value)))
        return (*theirs, *own)
