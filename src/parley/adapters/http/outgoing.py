"""Ways out over HTTP: connections to other nodes, directly or through a SOCKS5 proxy, kept and shared.

What answers is never trusted to be small, quick, or from where it says: redirects are for the caller to refuse, cookies
are not kept, the environment's proxies not used, compression not asked for. An `.onion` host is reached through the
proxy, which resolves it, or not at all: its name never goes to the resolver of this machine. The name of a public host
that resolves to a private address is not followed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError, ProxyType

from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.pool.addresses import Address, AddressKind, AddressScope, address_kind, host_scope

__all__ = ["CheckedResolver", "Outgoing", "Socks5", "answering", "read_limited"]

_MS_PER_SECOND: Final = 1_000
_KEEP_ALIVE_S: Final = 30
"""Shorter than any server keeps a connection, so that a request seldom meets one that is just being closed."""


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


class Outgoing:
    """The connections of one client."""

    def __init__(self, socks5: Socks5 | None, *, connections_max: int, host_connections_max: int) -> None:
        """Open nothing yet.

        Args:
            socks5: the way to `.onion` services; None: they are not reached.
            connections_max: in all.
            host_connections_max: to one host; below what a server allows one.
        """
        self._socks5 = socks5
        self._connections_max = connections_max
        self._host_connections_max = host_connections_max
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._is_closed = False

    def session(self, address: Address) -> aiohttp.ClientSession:
        """Return the way to an address, opened when it is first needed.

        Raises:
            UnavailableError: SHUTTING_DOWN: closed. UNREACHABLE: there is no way to it.
        """
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        is_onion = address_kind(address) is AddressKind.ONION
        is_proxied = self._socks5 is not None and (is_onion or self._socks5.for_all)
        if is_onion and not is_proxied:
            raise UnavailableError(ErrorCode.UNREACHABLE, fault="no SOCKS5 proxy is set for .onion peers")
        if is_proxied not in self._sessions:
            self._sessions[is_proxied] = self._open(self._socks5 if is_proxied else None)
        return self._sessions[is_proxied]

    async def close(self) -> None:
        """Close all connections; closing twice is harmless."""
        self._is_closed = True
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def __aenter__(self) -> Self:
        """Return the connections themselves."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def _open(self, socks5: Socks5 | None) -> aiohttp.ClientSession:
        connector: aiohttp.TCPConnector
        if socks5 is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections_max,
                limit_per_host=self._host_connections_max,
                keepalive_timeout=_KEEP_ALIVE_S,
                resolver=CheckedResolver(aiohttp.ThreadedResolver()),
            )
        else:
            connector = ProxyConnector(
                proxy_type=ProxyType.SOCKS5,
                host=socks5.host,
                port=socks5.port,
                rdns=True,
                limit=self._connections_max,
                limit_per_host=self._host_connections_max,
                keepalive_timeout=_KEEP_ALIVE_S,
            )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )


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


@asynccontextmanager
async def answering(timeout_ms: int) -> AsyncIterator[None]:
    """Bound what is done in it by a time, and turn what the network throws into our own errors.

    Raises:
        UnavailableError: UNREACHABLE: no answer in time, or no way; whether the other side acted is unknown.
        PeerError: MALFORMED: no HTTP.
    """
    try:
        async with asyncio.timeout(timeout_ms / _MS_PER_SECOND):
            yield
    except aiohttp.ClientResponseError:
        raise PeerError(ErrorCode.MALFORMED, value="HTTP") from None
    except TimeoutError:
        raise UnavailableError(ErrorCode.UNREACHABLE, timeout_ms=timeout_ms) from None
    except (aiohttp.ClientError, ProxyConnectionError, ProxyTimeoutError, ProxyError, OSError):
        raise UnavailableError(ErrorCode.UNREACHABLE) from None


async def read_limited(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Read an answer up to a limit; leaving the response unread closes its connection.

    Raises:
        PeerError: TOO_LARGE: it is longer.
    """
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
