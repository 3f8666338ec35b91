"""A transport without a wire: peers are functions in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from parley.errors import ErrorCode, PeerError, UnavailableError
from parley.pool.addresses import Address
from parley.ports.transport import check_outgoing

__all__ = ["MemoryTransport", "Peer"]

_MS_PER_SECOND: Final = 1_000

Peer = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes]]
"""Answers (path, body, headers); may take its time, or raise UnavailableError as if it were not there."""


class MemoryTransport:
    """Reaches peers that were placed at addresses; nobody is anywhere else."""

    def __init__(self) -> None:
        """Begin with nobody anywhere."""
        self._peers: dict[Address, Peer] = {}
        self._is_closed = False

    def place(self, address: Address, peer: Peer) -> None:
        """Let a peer answer at an address, in place of whoever did."""
        self._peers[address] = peer

    def remove(self, address: Address) -> None:
        """Let nobody answer at an address."""
        self._peers.pop(address, None)

    async def request(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_ms: int, answer_limit_bytes: int
    ) -> bytes:
        """Ask the peer at an address; see `parley.ports.transport.Transport`.

        Raises:
            LocalError: the url, a header or a number is none that could be sent.
            UnavailableError: nobody is there, or does not answer in time, or this transport is closed.
            PeerError: TOO_LARGE: the answer is above the limit.
        """
        address, path = check_outgoing(url, headers, timeout_ms=timeout_ms, answer_limit_bytes=answer_limit_bytes)
        if self._is_closed:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN)
        peer = self._peers.get(address)
        if peer is None:
            raise UnavailableError(ErrorCode.UNREACHABLE)
        try:
            async with asyncio.timeout(timeout_ms / _MS_PER_SECOND):
                answer = await peer(path, body, dict(headers))
        except TimeoutError:
            raise UnavailableError(ErrorCode.UNREACHABLE, timeout_ms=timeout_ms) from None
        if len(answer) > answer_limit_bytes:
            raise PeerError(ErrorCode.TOO_LARGE, limit_bytes=answer_limit_bytes)
        return answer

    async def close(self) -> None:
        """Reach nobody any more; closing twice is harmless."""
        self._is_closed = True
