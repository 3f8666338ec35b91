"""The HTTP client: the transport to peers, directly or through a SOCKS5 proxy.

What a peer answers is never trusted to be small, quick, or from where it says: answers are read up to a limit and a
deadline, redirects are not followed, cookies not kept, the environment's proxies not used, compression not asked for.
An `.onion` host is reached through the proxy, which resolves it, or not at all: its name never goes to the resolver
of this machine. The name of a public host that resolves to a private address is not followed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError, ProxyType

from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.pool.addresses import Address, AddressKind, AddressScope, address_kind, host_scope
from parley.ports.transport import check_outgoing

__all__ = ["CheckedResolver", "HttpTransport", "Socks5"]

_MS_PER_SECOND: Final = 1_000
_CONNECTIONS_MAX: Final = 1_024
_HOST_CONNECTIONS_MAX: Final = 100
"""Below what a server allows one host."""
_KEEP_ALIVE_S: Final = 30
"""Shorter than any server keeps a connection, so that a request seldom meets one that is just being closed."""
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


@dataclass(frozen=True, slots=True)
class Socks5:
    """A SOCKS5 proxy that resolves names itself, such as Tor's.

    Attributes:
        host: of the proxy.
        port: of the proxy.
        for_all: whether to reach every peer through it, not `.onion` services alone.
    """

    host: str
    port: int
    for_all: bool = False


class HttpTransport:
    """Sends requests to peers by HTTP POST (a `parley.ports.transport.Transport`); connections are kept and shared."""

    def __init__(self, socks5: Socks5 | None = None) -> None:
        """Open nothing yet.

        Args:
            socks5: the way to `.onion` services; None: they are not reached.
        """
        self._socks5 = socks5
        self._direct: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None
        self._is_closed = False

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
        session = self._session(address)
        try:
            async with (
                asyncio.timeout(timeout_ms / _MS_PER_SECOND),
                session.post(url, data=body, headers={**headers, **_HEADERS}, allow_redirects=False) as response,
            ):
                return await _read(response, answer_limit_bytes)
        except aiohttp.ClientResponseError:
            raise PeerError(ErrorCode.MALFORMED, value="HTTP") from None
        except TimeoutError:
            raise UnavailableError(ErrorCode.UNREACHABLE, timeout_ms=timeout_ms) from None
        except (aiohttp.ClientError, ProxyConnectionError, ProxyTimeoutError, ProxyError, OSError):
            raise UnavailableError(ErrorCode.UNREACHABLE) from None

    async def close(self) -> None:
        """Close all connections; closing twice is harmless."""
        self._is_closed = True
        for session in (self._direct, self._proxied):
            if session is not None:
                await session.close()

    async def __aenter__(self) -> Self:
        """Return the transport itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def _session(self, address: Address) -> aiohttp.ClientSession:
        """Return the way to an address, opened when it is first needed."""
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        is_onion = address_kind(address) is AddressKind.ONION
        if self._socks5 is not None and (is_onion or self._socks5.for_all):
            if self._proxied is None:
                self._proxied = _open(_proxy_connector(self._socks5))
            return self._proxied
        if is_onion:
            raise UnavailableError(ErrorCode.UNREACHABLE, fault="no SOCKS5 proxy is set for .onion peers")
        if self._direct is None:
            self._direct = _open(_direct_connector())
        return self._direct


class CheckedResolver(AbstractResolver):
    """Resolves names, and drops what lies nearer to this machine than the name says."""

    def __init__(self, inner: AbstractResolver) -> None:
        """Check what another resolver finds."""
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name.

        Raises:
            OSError: nothing is found that may be followed.
        """
        wanted = host_scope(host)
        scopes = {wanted, AddressScope.PUBLIC} if wanted is AddressScope.PRIVATE else {wanted}
        found = await self._inner.resolve(host, port, family)
        kept = [result for result in found if host_scope(result["host"]) in scopes]
        if not kept:
            raise OSError(None, "resolves to an address of another scope")
        return kept

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


def _direct_connector() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(
        limit=_CONNECTIONS_MAX,
        limit_per_host=_HOST_CONNECTIONS_MAX,
        keepalive_timeout=_KEEP_ALIVE_S,
        resolver=CheckedResolver(aiohttp.ThreadedResolver()),
    )


def _proxy_connector(socks5: Socks5) -> ProxyConnector:
    return ProxyConnector(
        proxy_type=ProxyType.SOCKS5,
        host=socks5.host,
        port=socks5.port,
        rdns=True,
        limit=_CONNECTIONS_MAX,
        limit_per_host=_HOST_CONNECTIONS_MAX,
        keepalive_timeout=_KEEP_ALIVE_S,
    )


def _open(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Read an answer up to the limit; leaving the response unread closes its connection."""
    status, is_json = response.status, response.content_type == _JSON
    if status == _NO_CONTENT:
        return b""
    if status != _OK and not is_json:
        if status in _GATEWAY_STATUSES:
            raise UnavailableError(ErrorCode.UNREACHABLE, status=status)
        raise PeerError(ErrorCode.MALFORMED, status=status)
    announced = response.content_length
    if announced is not None and announced > limit_bytes:
        response.close()
        raise PeerError(ErrorCode.TOO_LARGE, limit_bytes=limit_bytes)
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in response.content.iter_any():
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            response.close()
            raise PeerError(ErrorCode.TOO_LARGE, limit_bytes=limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)
