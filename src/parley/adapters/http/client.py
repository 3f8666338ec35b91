"""The HTTP client: the transport to peers, directly or through a SOCKS5 proxy.

Answers are read up to a limit and a deadline, and redirects are not followed (`parley.adapters.http.outgoing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self

import aiohttp

from parley.adapters.http.outgoing import Outgoing, Socks5, answering, read_limited
from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.ports.transport import check_outgoing

__all__ = ["HttpTransport"]

_CONNECTIONS_MAX: Final = 1_024
_HOST_CONNECTIONS_MAX: Final = 100
"""Below what a server allows one host."""
_OK: Final = 200
_NO_CONTENT: Final = 204
_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})
_JSON: Final = "application/json"
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": _JSON,
    "Accept": _JSON,
    "Accept-Encoding": "identity",
    "User-Agent": "parley",
}


class HttpTransport:
    """Sends requests to peers by HTTP POST (a `parley.ports.transport.Transport`); connections are kept and shared."""

    def __init__(self, socks5: Socks5 | None = None) -> None:
        """Open nothing yet.

        Args:
            socks5: the way to `.onion` services; None: they are not reached.
        """
        self._outgoing = Outgoing(socks5, connections_max=_CONNECTIONS_MAX, host_connections_max=_HOST_CONNECTIONS_MAX)

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        """Send a request and wait for its answer.

        Args:
            url: an address in its normal form (`parley.pool.addresses`) and a path.
            body: to send, JSON.
            headers: that go with it, ASCII.
            timeout_ms: the longest to wait for the whole answer, 1 or more.
            answer_limit_bytes: no more than this is taken.

        Returns:
            The body of the answer, at most `answer_limit_bytes` long; also where its status is that of an error, if
            it is JSON.

        Raises:
            LocalError: the url, a header or a number is none that could be sent.
            UnavailableError: UNREACHABLE: no answer in time, or no way to the peer. Whether the peer acted is unknown.
                SHUTTING_DOWN: this transport is closed.
            PeerError: TOO_LARGE: the answer is above the limit. MALFORMED: no HTTP, or a status without JSON.
        """
        address, _ = check_outgoing(url, headers, timeout_ms=timeout_ms, answer_limit_bytes=answer_limit_bytes)
        session = self._outgoing.session(address)
        async with (
            answering(timeout_ms),
            session.post(url, data=body, headers={**headers, **_HEADERS}, allow_redirects=False) as response,
        ):
            return await _read(response, answer_limit_bytes)

    async def close(self) -> None:
        """Close all connections; closing twice is harmless."""
        await self._outgoing.close()

    async def __aenter__(self) -> Self:
        """Return the transport itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Read an answer, if its status is one that has one."""
    status, is_json = response.status, response.content_type == _JSON
    if status == _NO_CONTENT:
        return b""
    if status != _OK and not is_json:
        if status in _GATEWAY_STATUSES:
            raise UnavailableError(ErrorCode.UNREACHABLE, status=status)
        raise PeerError(ErrorCode.MALFORMED, status=status)
    return await read_limited(response, limit_bytes)
