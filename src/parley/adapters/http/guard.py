"""One connection, kept within its limits: how long a request may take to arrive, and how large it may be.

The parser behind it reads whatever comes for as long as it comes. Here stand the limits that it lacks: they count
bytes, and start one timer where a request is left unfinished, so a request that arrives whole costs nothing.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from parley.adapters.http.connections import ConnectionLimits, OpenConnections
from parley.adapters.jsonrpc.calls import encode_error
from parley.errors import ErrorCode, Rejected, UnavailableError

__all__ = ["GuardedConnection"]

_MS_PER_SECOND: Final = 1_000
_LINGER_S: Final = 2
_BUSY: Final = b"503 Service Unavailable"
_TOO_SLOW: Final = b"408 Request Timeout"
_TOO_LARGE: Final = b"413 Content Too Large"
_HEAD_TOO_LARGE: Final = b"431 Request Header Fields Too Large"
_ANSWER: Final = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"


class GuardedConnection(asyncio.Protocol):
    """One connection, handed on to the parser as long as it keeps within the limits."""

    def __init__(self, inner: HttpToolsProtocol, limits: ConnectionLimits, open_connections: OpenConnections) -> None:
        """Guard a connection that is not made yet."""
        self._inner = inner
        self._limits = limits
        self._open = open_connections
        self._is_refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._unfinished_bytes = 0
        self._timed_bytes = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a connection in, or turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if self._open.admit(self, peer[0] if isinstance(peer, tuple) else ""):
            self._inner.connection_made(self._transport)
            self._start_timer()
        elif len(self._open) > 2 * self._limits.connections_max:
            self._transport.abort()
        else:
            self._refuse(_BUSY, UnavailableError(ErrorCode.BUSY, value="connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out."""
        self._stop_timer()
        self._open.release(self)
        if self._is_served():
            self._inner.connection_lost(exc)

    def finish(self) -> None:
        """Close once what is under way is answered."""
        if self._is_served() and not self._is_refused:
            self._inner.shutdown()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand bytes on; then see whether a request is left unfinished."""
        if self._is_refused:
            return
        inner = self._inner
        before = inner.cycle
        was_in_body = before is not None and before.more_body
        inner.data_received(data)
        cycle = inner.cycle
        is_in_body = cycle is not None and cycle.more_body
        if cycle is not before or (was_in_body and not is_in_body):
            self._unfinished_bytes = 0
            if len(inner.pipeline) > self._limits.pipelined_max:
                self._transport.abort()
            if not is_in_body:
                self._stop_timer()
                return
        self._unfinished_bytes += len(data)
        self._start_timer()
        if is_in_body and self._unfinished_bytes > self._limits.message_bytes_max:
            self._refuse(_TOO_LARGE, _too_large("request", self._limits.message_bytes_max))
        elif not is_in_body and self._unfinished_bytes > self._limits.head_bytes_max:
            self._refuse(_HEAD_TOO_LARGE, _too_large("head", self._limits.head_bytes_max))

    def eof_received(self) -> None:
        """Hand on that the other side sends nothing more."""
        self._inner.eof_received()

    def pause_writing(self) -> None:
        """Hand on that the other side does not read."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the other side reads again."""
        self._inner.resume_writing()

    def _is_served(self) -> bool:
        """Say whether the parser has the connection."""
        return self._inner.transport is not None

    def _start_timer(self) -> None:
        """Start the one timer of an unfinished request; only a large body that arrives at some speed puts it off."""
        if self._timer is None:
            self._timed_bytes = self._unfinished_bytes
            seconds = self._limits.request_ms / _MS_PER_SECOND
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        cycle = self._inner.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self._start_timer()  # an earlier request of this connection is being answered
        elif cycle is not None and cycle.more_body and self._arrived_bytes() >= self._limits.progress_bytes:
            self._start_timer()
        elif self._unfinished_bytes:
            limit_ms = self._limits.request_ms
            self._refuse(_TOO_SLOW, Rejected(ErrorCode.INVALID_REQUEST, {"fault": "too slow", "limit_ms": limit_ms}))
        else:
            self._transport.close()

    def _arrived_bytes(self) -> int:
        """Return how much came of the request since the timer was started."""
        return self._unfinished_bytes - self._timed_bytes

    def _refuse(self, status: bytes, refusal: Rejected | UnavailableError) -> None:
        """Answer in place of the application where it has not begun to, and end the connection.

        What still comes is read and dropped for a moment: closing at once would reset the connection, and the other
        side would never see the answer.
        """
        self._stop_timer()
        self._is_refused = True
        cycle = self._inner.cycle
        if self._transport.is_closing() or (cycle is not None and cycle.more_body and cycle.response_started):
            self._transport.close()
            return
        body = encode_error(None, refusal)
        self._transport.write(_ANSWER % (status, len(body), body))
        self._transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)


def _too_large(value: str, limit_bytes: int) -> Rejected:
    return Rejected(ErrorCode.TOO_LARGE, {"value": value, "limit_bytes": limit_bytes})
