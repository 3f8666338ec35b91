"""The HTTP server: uvicorn inside the event loop that runs already, without signal handlers or a log of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
from functools import partial
from typing import Any, Final, Protocol, cast

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from parley.adapters.http.application import LOOPBACK_HOSTS, Application
from parley.adapters.http.connections import ConnectionLimits, OpenConnections
from parley.adapters.http.guard import GuardedConnection
from parley.adapters.http.routes import Credentials, HttpAnswer, HttpRequest, Route, error_answer
from parley.errors import ConfigError, ErrorCode
from parley.pool.addresses import AddressScope, host_scope

__all__ = [
    "LOOPBACK_HOSTS",
    "Application",
    "ConnectionLimits",
    "Credentials",
    "HttpAnswer",
    "HttpRequest",
    "Route",
    "RunningServer",
    "Servable",
    "allowed_hosts",
    "error_answer",
    "listen",
    "serve",
]

_MS_PER_SECOND: Final = 1_000
_BACKLOG: Final = 1_024
_UNREAD_MS: Final = 60_000
_CANCELLED_S: Final = 5


def allowed_hosts(host: str, *names: str) -> frozenset[bytes] | None:
    """Return what a Host header may name at a server that listens on `host`; None for anything.

    Args:
        host: name or address to listen on.
        names: further hosts under which the server is called, such as its onion service; without port, lower case.
    """
    if host_scope(host) is not AddressScope.LOOPBACK:
        return None
    own = f"[{host}]" if ":" in host else host
    return LOOPBACK_HOSTS | {name.lower().encode() for name in (own, *names)}


class Servable(Protocol):
    """What can be served: an ASGI application that can be told to take nothing new.

    Attributes:
        is_stopping: set when the server stops; from then on every answer is a refusal.
    """

    is_stopping: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""


class RunningServer:
    """A server that listens; `stop` ends it.

    Attributes:
        host: IP address that it listens on.
        port: that it listens on, also where port 0 was asked for.
        url: of its root, without a slash at the end.
    """

    def __init__(
        self,
        server: uvicorn.Server,
        listener: socket.socket,
        application: Servable,
        connections: OpenConnections,
    ) -> None:
        """Describe a server that has started."""
        self._server = server
        self._application = application
        self._connections = connections
        self.host, self.port = listener.getsockname()[:2]
        self.url = f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def stop(self, *, grace_ms: int) -> None:
        """Take nothing new, let what is under way finish, then cut whatever is left; stopping twice is harmless.

        Args:
            grace_ms: how long to wait for requests under way, and for their answers to be read.
        """
        self._application.is_stopping = True
        for listening in self._server.servers:
            listening.close()
        self._connections.finish()
        try:
            async with asyncio.timeout(grace_ms / _MS_PER_SECOND):
                await self._connections.wait_until_none()
        except TimeoutError:
            self._connections.abort()
            await self._connections.wait_until_none()
        left = tuple(self._server.server_state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CANCELLED_S)
        for listening in self._server.servers:
            await listening.wait_closed()


async def serve(
    application: Servable, listener: socket.socket, *, limits: ConnectionLimits | None = None
) -> RunningServer:
    """Answer on a socket that listens already.

    Args:
        application: answers.
        listener: from `listen`.
        limits: of connections.

    Returns:
        The running server.
    """
    limits = ConnectionLimits() if limits is None else limits
    connections = OpenConnections(limits)
    config = uvicorn.Config(
        application,
        # uvicorn only calls it, with keyword arguments.
        http=cast("type[asyncio.Protocol]", partial(_guarded, limits=limits, connections=connections)),
        interface="asgi3",
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,  # a header must not say where a request comes from
        server_header=False,
        date_header=False,  # the clock of a hidden service tells which machine it is
        timeout_keep_alive=max(1, limits.keep_alive_ms // _MS_PER_SECOND),
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    return RunningServer(server, listener, application, connections)


def _guarded(
    *,
    limits: ConnectionLimits,
    connections: OpenConnections,
    **arguments: Any,  # noqa: ANN401  # the parser's own
) -> GuardedConnection:
    return GuardedConnection(_SealedHead(**arguments), limits, connections)


class _SealedHead(HttpToolsProtocol):
    """The parser, kept from adding the trailers of a body to the headers of its request; it has no setting for it."""

    def on_headers_complete(self) -> None:
        """Hand the headers out as they are now; what comes later goes into a list that nobody reads."""
        self.scope["headers"] = tuple(self.headers)
        super().on_headers_complete()


async def listen(host: str, port: int) -> socket.socket:
    """Listen on one address, so that its port is known before there is anything to answer.

    Args:
        host: IP address or name; of a name, the first address that it has.
        port: 0 for any that is free.

    Raises:
        ConfigError: ADDRESS_IN_USE, or CONFIG_INVALID where this machine has no such address.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="http", host=host) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Who asks and never reads the answer keeps it in this node's memory for so long and no longer.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(ErrorCode.ADDRESS_IN_USE, host=host, port=port) from None
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="http", host=host, port=port) from None
    return listener
