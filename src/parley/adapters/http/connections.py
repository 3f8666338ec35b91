"""What connections may cost, and which ones are open."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

from parley.errors import ConfigError, ErrorCode
from parley.pool.addresses import AddressScope, host_scope, source_network

__all__ = ["Connection", "ConnectionLimits", "OpenConnections"]

_RANGES: Final = (
    ("connections_max", 1, 100_000),
    ("host_connections_max", 1, 100_000),
    ("keep_alive_ms", 1_000, 3_600_000),
    ("request_ms", 100, 600_000),
    ("head_bytes_max", 1_024, 1_048_576),
    ("pipelined_max", 1, 10_000),
    ("message_bytes_max", 1_024, 2**37),
    ("progress_bytes", 1, 2**30),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What the connections of one server may cost."""

    connections_max: int = 1_024
    """Most connections at once; who comes above it is turned away."""
    host_connections_max: int = 128
    """Most connections at once from one IPv4 address or one IPv6 /64; the loopback interface is free."""
    keep_alive_ms: int = 75_000
    """How long a connection without a request stays open."""
    request_ms: int = 20_000
    """The longest that a request may take to arrive whole, or to bring so much of its body as is progress."""
    head_bytes_max: int = 16_384
    """Longest head of a request that does not arrive at once."""
    pipelined_max: int = 64
    """Most requests that may wait behind the one that is being answered."""
    message_bytes_max: int = 4 * 2**20
    """Most bytes of one request on the wire, as chunks and trailers make it longer than its body."""
    progress_bytes: int = 131_072
    """A body that brings so many bytes while `request_ms` pass may take as long once more."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of range.
        """
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(ErrorCode.CONFIG_INVALID, setting=f"http.{name}", minimum=low, maximum=high)


class Connection(Protocol):
    """One open connection, as whoever stops the server sees it."""

    def finish(self) -> None:
        """Close once what is under way is answered."""

    def abort(self) -> None:
        """Close at once."""


class OpenConnections:
    """All connections of one server, and how many of them come from where."""

    def __init__(self, limits: ConnectionLimits) -> None:
        """Begin with none."""
        self._limits = limits
        self._networks: dict[Connection, str] = {}
        self._counts: Counter[str] = Counter()
        self._none_open = asyncio.Event()
        self._none_open.set()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._networks)

    def admit(self, connection: Connection, host: str) -> bool:
        """Take a connection in; it counts until it is released, also when it is one too many.

        Args:
            connection: that was made.
            host: IP address at its other end; any other text counts for no host.

        Returns:
            Whether it may be served.
        """
        network = _network(host)
        is_free = not network or self._counts[network] < self._limits.host_connections_max
        is_admitted = is_free and len(self._networks) < self._limits.connections_max
        self._networks[connection] = network
        self._counts[network] += 1
        self._none_open.clear()
        return is_admitted

    def release(self, connection: Connection) -> None:
        """Let go of a connection that is closed."""
        network = self._networks.pop(connection)
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]
        if not self._networks:
            self._none_open.set()

    def finish(self) -> None:
        """Close each connection once what is under way on it is answered."""
        for connection in tuple(self._networks):
            connection.finish()

    def abort(self) -> None:
        """Close each connection at once."""
        for connection in tuple(self._networks):
            connection.abort()

    async def wait_until_none(self) -> None:
        """Return once all connections are closed."""
        await self._none_open.wait()


def _network(host: str) -> str:
    """Return where a caller is counted; empty for the loopback interface, where nobody is."""
    return "" if host_scope(host) is AddressScope.LOOPBACK else source_network(host)
