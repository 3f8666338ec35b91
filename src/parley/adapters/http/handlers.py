"""What the handlers of plain routes share: bodies of limited size, and errors that are answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from parley.adapters.http.problems import problem_response
from parley.errors import ErrorCode, ParleyError, Rejected

__all__ = ["Handler", "Supervise", "read_body", "supervised"]

Supervise = Callable[[Awaitable[Response], str], Awaitable[Response | ParleyError]]
"""Waits for an answer and returns the error where one escapes."""

Handler = Callable[[Request], Awaitable[Response]]


def supervised(handler: Handler, supervise: Supervise, name: str) -> Handler:
    """Return a handler whose errors are answers."""

    async def answer(request: Request) -> Response:
        outcome = await supervise(handler(request), name)
        return problem_response(outcome) if isinstance(outcome, ParleyError) else outcome

    return answer


async def read_body(request: Request, limit_bytes: int) -> bytes | Rejected:
    """Read a body of limited size; what is too long is read to its end and dropped.

    Few clients read an answer before they have sent all; how much that may be is the connection's to limit.

    Raises:
        ParleyError: INVALID_REQUEST: the sender went away before the end.
    """
    body = bytearray()
    size_bytes = 0
    try:
        async for chunk in request.stream():
            size_bytes += len(chunk)
            if size_bytes <= limit_bytes:
                body += chunk
    except ClientDisconnect:
        raise ParleyError(ErrorCode.INVALID_REQUEST, fault="the body ends early") from None
    if size_bytes > limit_bytes:
        return Rejected(ErrorCode.TOO_LARGE, {"value": "body", "limit_bytes": limit_bytes})
    return bytes(body)
