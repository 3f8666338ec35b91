"""Requests and answers of the hot routes as values, and what may be said on each route."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from parley.adapters.jsonrpc.calls import encode_error
from parley.errors import ErrorCode, LocalError, ParleyError, Rejected

__all__ = [
    "BODY_LIMIT_BYTES",
    "Credentials",
    "Handler",
    "HttpAnswer",
    "HttpRequest",
    "Route",
    "error_answer",
    "is_one_of",
]

BODY_LIMIT_BYTES: Final = 256 * 1_024
"""The longest body of a request, unless the route says otherwise."""

_JSON: Final = b"application/json"
_MISDIRECTED: Final = 421


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One request, its body read.

    Attributes:
        headers: names in lower case, in the order of the wire.
        body: at most the limit of the route.
        source: IP address of the other end of the connection; empty where there is none.
    """

    headers: list[tuple[bytes, bytes]]
    body: bytes
    source: str

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of that name, given in lower case."""
        return next((value for known, value in self.headers if known == name), None)


class HttpAnswer(msgspec.Struct, frozen=True, gc=False):
    """What is answered.

    Attributes:
        body: of the answer; none is an answer without content.
        status: HTTP status; 204 where the body is empty.
        content_type: of the body.
        headers: further ones, names in lower case.
    """

    body: bytes
    status: int = 200
    content_type: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Handler = Callable[[HttpRequest], Awaitable[HttpAnswer]]


class Credentials:
    """A user's name and password, compared in a time that does not depend on where they differ."""

    __slots__ = ("_header", "_pair")

    def __init__(self, user: str, password: str) -> None:
        """Take both; the password is never shown.

        Raises:
            LocalError: a colon in the name, which HTTP cannot carry, or no password.
        """
        if ":" in user or not password:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, value="user or password")
        self._pair = f"{user}:{password}".encode()
        self._header = b"Basic " + base64.b64encode(self._pair)

    def is_given(self, header: bytes | None) -> bool:
        """Say whether the value of an Authorization header shows them (RFC 7617)."""
        if header is None:
            return False
        if hmac.compare_digest(header, self._header):
            return True
        scheme, _, encoded = header.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            pair = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(pair, self._pair)

    def __repr__(self) -> str:
        """Return the name of the class alone."""
        return "Credentials(<redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One exact path that is served before anything else is looked at.

    Attributes:
        method: of HTTP, upper case.
        path: begins with a slash, no parameters.
        handler: answers; raises nothing.
        body_limit_bytes: the longest body that is read.
        credentials: who may call; None for everybody.
    """

    method: str
    path: str
    handler: Handler
    body_limit_bytes: int = BODY_LIMIT_BYTES
    credentials: Credentials | None = field(default=None, repr=False)


def error_answer(
    status: int, refusal: Rejected | ParleyError, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> HttpAnswer:
    """Return a refusal of the server itself, in the form of a JSON-RPC error that belongs to no call."""
    return HttpAnswer(encode_error(None, refusal), status=status, headers=headers)


def is_one_of(host: bytes, names: Iterable[bytes]) -> bool:
    """Say whether a Host header names one of these hosts, at any port.

    Args:
        host: value of the header; the port, where there is one, is of no matter here, as tunnels change it.
        names: in lower case, IPv6 addresses in brackets.
    """
    name = host.strip().lower()
    without_port = name.rpartition(b":")[0] if name[-1:].isdigit() and b":" in name else name
    return name in names or without_port.removesuffix(b".") in names
