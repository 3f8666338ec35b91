"""A small SOCKS5 proxy (RFC 1928, no authentication) that knows where onion services are."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Socks5Server", "running_socks5"]

_CONNECT: Final = 1
_IPV4: Final = 1


@dataclass
class Socks5Server:
    """Which names lead where, how to behave, and what was asked for.

    Attributes:
        services: port on the loopback interface, by host name or IP address.
        reply: code of the reply; 0 connects, all others refuse.
        raw_reply: bytes to send in place of everything; None to behave.
        closes: whether to close after `raw_reply`.
        is_silent: whether to accept connections and say nothing.
        asked: (type of address, host, port) of every request.
    """

    services: Mapping[str, int]
    reply: int = 0
    raw_reply: bytes | None = None
    closes: bool = False
    is_silent: bool = False
    port: int = 0
    asked: list[tuple[int, str, int]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_silent:
            await reader.read()
            return
        if self.raw_reply is not None:
            writer.write(self.raw_reply)
            await writer.drain()
            if not self.closes:
                await reader.read()
            return
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, command, _, kind = await reader.readexactly(4)
        if kind == _IPV4:
            host = ".".join(str(part) for part in await reader.readexactly(4))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        self.asked.append((kind, host, port))
        reply = 7 if command != _CONNECT else self.reply if host in self.services else 4
        writer.write(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        await writer.drain()
        if reply == 0:
            onward = await asyncio.open_connection("127.0.0.1", self.services[host])
            await asyncio.gather(_pump(reader, onward[1]), _pump(onward[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def running_socks5(server: Socks5Server) -> AsyncIterator[Socks5Server]:
    """Run a proxy on a free port; all its connections end with it."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.serve(reader, writer))
        tasks.add(task)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
