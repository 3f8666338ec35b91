"""A load of requests on a server: raw HTTP/1.1 over a few connections, so that the client costs little."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import uvloop

__all__ = ["load"]


def load(port: int, requests: Iterator[bytes], *, count: int, connections: int) -> int:
    """Send requests, each when an answer is whole, and read all answers.

    Args:
        port: on the loopback interface.
        requests: whole requests, at least `count` plus `connections` of them; made without an event loop.
        count: how many answers to wait for.
        connections: how many to open.

    Returns:
        The count.
    """

    async def run() -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        left = [count]
        opened = [
            await loop.create_connection(lambda: _Connection(requests, left, done), "127.0.0.1", port)
            for _ in range(connections)
        ]
        await done
        for transport, _ in opened:
            transport.close()

    uvloop.run(run())
    return count


class _Connection(asyncio.Protocol):
    """Sends the next request when an answer is whole: HTTP/1.1, keep-alive, answers with a content-length."""

    def __init__(self, requests: Iterator[bytes], left: list[int], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._left = left
        self._done = done
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        head, separator, rest = self._held.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._done.set_exception(RuntimeError(head.decode()))
            return
        length = int(head[head.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._held = b""
        self._left[0] -= 1
        if self._left[0] <= 0:
            if not self._done.done():
                self._done.set_result(None)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed a connection"))

    def _send(self) -> None:
        self._transport.write(next(self._requests))
