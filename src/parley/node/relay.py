"""Bringing messages to other nodes: a ticket is asked for and earned, the parts are uploaded, the whole is completed.

    own node                                recipient's node
    POST /ticket              ──────────►   a price
    works, within its budget
    POST /ticket/ID           ──────────►   EARNED           written down here before anything is uploaded
    POST /incoming/...        ──────────►   UPLOADING
                                            COMPLETING       written down here before completing is asked for
    POST /incoming            ──────────►   delivered, or: that ticket was completed before

**At most once.** The id of the ticket names the message at the recipient's node, and completing it again gives the
same answer; so an answer that was lost is asked for again with the same ticket. Another ticket is asked for only
while completing the last one was never asked for, or was plainly refused. Where that cannot be told any more, the
message is UNKNOWN and stays so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from msgspec.structs import replace

from parley.adapters.upload.ticket_client import TICKET_HEADER, Offer, RemoteAnswer
from parley.errors import ErrorCode, ParleyError, PeerError, UnavailableError
from parley.node.mailbox import Part
from parley.node.outbox import Outbox, Outgoing, Stage
from parley.node.relay_config import RelayConfig
from parley.pool.addresses import Address
from parley.ports.blobs import Blobs
from parley.ports.clock import Clock
from parley.primitives.instants import Instant

__all__ = ["Carrier", "Earner", "Relay"]

_LOGGER = logging.getLogger("parley.node")
_UPLOADS_MAX: Final = 8
_POLL_MS: Final = 500
_BACKOFF_DOUBLINGS_MAX: Final = 20
_MS_PER_SECOND: Final = 1_000
_FULL: Final = 507
_LOST: Final = frozenset({401, 402, 404, 409, 410})
"""The ticket admits nothing any more."""

_LATER: Final = frozenset({429, 500, 502, 503, 504, 507})
"""Coming again later may help; 507 is a box that is full."""


class Earner(Protocol):
    """Earns tickets."""

    async def earn(self, route: Address, *, sender: bytes, recipient: bytes) -> Offer:
        """Return a ticket that admits an upload.

        Raises:
            UnavailableError: the node did not answer; trying again may help.
            PeerError: TOO_EXPENSIVE, METHOD_UNKNOWN, or the node refuses.
        """


class Carrier(Protocol):
    """Sends one request to a node; `parley.adapters.upload.ticket_client.TicketClient` does."""

    async def call(
        self, method: str, url: Address, path: str, body: bytes | None, headers: dict[str, str]
    ) -> RemoteAnswer:
        """Send one request.

        Raises:
            UnavailableError: no answer; whether the node acted is unknown.
            PeerError: what came is no answer.
        """


class Relay:
    """Carries what is in the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        blobs: Blobs,
        *,
        carrier: Carrier,
        earner: Earner,
        clock: Clock,
        config: RelayConfig,
        note: Callable[[Stage], None] = lambda _: None,
    ) -> None:
        """Carry messages.

        Args:
            outbox: says which; loaded already.
            blobs: hold the parts.
            carrier: speaks to other nodes.
            earner: earns their tickets.
            clock: gives `now`.
            config: limits.
            note: is told the stage of each message that ended.
        """
        self._outbox = outbox
        self._blobs = blobs
        self._carrier = carrier
        self._earner = earner
        self._clock = clock
        self._config = config
        self._note = note
        self._slots = asyncio.Semaphore(_UPLOADS_MAX)

    async def run(self) -> None:
        """Carry whatever is due, for as long as the node runs."""
        under_way: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                now = self._clock.now()
                for message_id, task in tuple(under_way.items()):
                    if task.done():
                        del under_way[message_id]
                        _check_ended(task)
                entries = self._outbox.entries()
                # One at a time to each node: one that is slow delays its own messages, not those to others.
                # The one that is due for longest comes first, so that none waits behind another that fails.
                busy = {entry.route for entry in entries if entry.message.id in under_way}
                for entry in sorted(entries, key=lambda one: one.due_ms):
                    if not entry.is_ended and entry.due_ms <= now and entry.route not in busy:
                        busy.add(entry.route)
                        under_way[entry.message.id] = asyncio.create_task(self.carry(entry.message.id))
                await self._clock.sleep_until(Instant(now + _POLL_MS))
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def carry(self, message_id: str) -> None:
        """Try once to bring a message to its recipient's node; how it went is in the outbox.

        Raises:
            UnavailableError: the own store does not answer; carrying again is harmless.
        """
        async with self._slots:
            entry = self._outbox.find(message_id)
            if entry is None or entry.is_ended:
                return
            # What is written as COMPLETING may have been asked for before this attempt began.
            is_doubtful = entry.stage is Stage.COMPLETING
            while True:
                try:
                    entry = await self._advance(entry, is_doubtful=is_doubtful)
                except ParleyError as error:
                    await self._fail(entry, error)
                    return
                await self._outbox.keep(entry)
                if entry.stage is Stage.DELIVERED or entry.stage is Stage.UNKNOWN:
                    self._note(entry.stage)
                    return

    async def _advance(self, entry: Outgoing, *, is_doubtful: bool) -> Outgoing:
        """Take the next step; its result is written down before the next one is taken."""
        message = entry.message
        match entry.stage:
            case Stage.WAITING:
                sender, recipient = bytes.fromhex(message.sender), bytes.fromhex(message.recipient)
                offer = await self._earner.earn(Address(entry.route), sender=sender, recipient=recipient)
                return replace(entry, stage=Stage.EARNED, ticket_id=offer.ticket_id)
            case Stage.EARNED:
                for part in message.parts:
                    _judge(await self._call(entry, f"/incoming/{part.name}", await self._content(message.id, part)))
                return replace(entry, stage=Stage.COMPLETING)
            case _:
                stage = await self._complete(entry, is_doubtful=is_doubtful)
                return replace(entry, stage=stage, due_ms=self._clock.now(), reason="")

    async def _complete(self, entry: Outgoing, *, is_doubtful: bool) -> Stage:
        answer = await self._call(entry, "/incoming", b"")
        if is_doubtful and not answer.is_ok and answer.status not in _LATER:
            return Stage.UNKNOWN
        _judge(answer)
        return Stage.DELIVERED

    async def _content(self, message_id: str, part: Part) -> bytes:
        reading = await self._blobs.read(f"{message_id}/{part.leaf}")
        if reading is None:
            raise _EndlessError(ErrorCode.NOT_FOUND, part=part.name)
        return b"".join([chunk async for chunk in reading])

    async def _call(self, entry: Outgoing, path: str, body: bytes) -> RemoteAnswer:
        headers = {TICKET_HEADER: entry.ticket_id}
        return await self._carrier.call("POST", Address(entry.route), path, body, headers)

    async def _fail(self, entry: Outgoing, error: ParleyError) -> None:
        """Write down that an attempt failed, and when to make the next one, if there is to be one."""
        now, attempts = self._clock.now(), entry.attempts + 1
        stage, ticket_id = entry.stage, entry.ticket_id
        if isinstance(error, _LostTicketError):
            stage, ticket_id = Stage.WAITING, ""
        elif isinstance(error, _FullBoxError) and stage is Stage.COMPLETING:
            stage = Stage.EARNED
        if isinstance(error, _EndlessError) or attempts >= self._config.attempts_max:
            # What may have been completed is not called failed.
            stage = Stage.UNKNOWN if stage is Stage.COMPLETING else Stage.FAILED
        doublings = min(entry.attempts, _BACKOFF_DOUBLINGS_MAX)
        wait_ms = min(self._config.backoff_ms << doublings, self._config.backoff_cap_ms)
        if isinstance(error, UnavailableError):
            wait_ms = max(wait_ms, min(error.retry_after_ms, self._config.backoff_cap_ms))
        failed = replace(
            entry, stage=stage, ticket_id=ticket_id, attempts=attempts, due_ms=now + wait_ms, reason=error.code.name
        )
        if failed.is_ended:
            failed = replace(failed, due_ms=now)
            self._note(failed.stage)
        await self._outbox.keep(failed)


def _check_ended(task: asyncio.Task[None]) -> None:
    """Let what a task raised escape, but for a store that did not answer: the message is carried again."""
    try:
        task.result()
    except UnavailableError as error:
        _LOGGER.warning("a message waits: %s", error)


class _LostTicketError(PeerError):
    """The ticket admits nothing any more."""


class _FullBoxError(PeerError):
    """The recipient's box has no room, and nothing was completed."""


class _EndlessError(PeerError):
    """Trying again would not help."""


def _judge(answer: RemoteAnswer) -> None:
    """Raise what a refusal means; return where there is none."""
    if answer.is_ok:
        return
    if answer.status in _LOST:
        raise _LostTicketError(ErrorCode.EXPIRED, status=answer.status)
    if answer.status == _FULL:
        raise _FullBoxError(ErrorCode.QUOTA_EXCEEDED, status=answer.status)
    if answer.status in _LATER:
        seconds = answer.retry_after_s or 1
        raise UnavailableError(ErrorCode.BUSY, status=answer.status, retry_after_ms=seconds * _MS_PER_SECOND)
    raise _EndlessError(ErrorCode.PEER_REFUSED, status=answer.status)
