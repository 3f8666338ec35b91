"""The client's side of tickets and uploads over HTTP: what a relaying node and `parley send` call.

    POST /ticket                    what a node asks for a message from one mailbox to another
    POST /ticket/ID                 the result of the work
    POST /address/HASH/ticket       for an account of that node, with its owner's secret
    POST /incoming/...              the parts, then the whole

Only addresses in their normal form are called; answers are read up to a limit, redirects are not followed, and a
public name that leads into a private network is not followed either.

Source: docs/spec/upload.md.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import aiohttp
import msgspec

from parley.adapters.http.outgoing import Outgoing, Socks5, answering, read_limited
from parley.errors import ErrorCode, LocalError, PeerError, UnavailableError
from parley.pool.addresses import Address, parse_address

__all__ = ["TICKET_HEADER", "Offer", "RemoteAnswer", "TicketClient", "parse_offer"]

TICKET_HEADER: Final = "X-Bitmaelum-Ticket"
"""Carries the ticket of an upload."""

_MS_PER_SECOND: Final = 1_000
_ANSWER_BYTES_MAX: Final = 8 * 2**20
_PARAMS_MAX: Final = 32
_UINT_MAX: Final = 2**53 - 1
_TICKET_CHARACTERS_MAX: Final = 4_096
_CONNECTIONS_MAX: Final = 64
_HOST_CONNECTIONS_MAX: Final = 8
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_OK: Final = 200
_MULTIPLE_CHOICES: Final = 300


@dataclass(frozen=True, slots=True)
class RemoteAnswer:
    """What came back.

    Attributes:
        status: of HTTP.
        body: at most 8 MiB.
        retry_after_s: when to come again, where the answer says it.
    """

    status: int
    body: bytes
    retry_after_s: int | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it was done."""
        return _OK <= self.status < _MULTIPLE_CHOICES

    def document(self) -> dict[str, Any]:
        """Return the JSON object that the body is; empty where it is none."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}


@dataclass(frozen=True, slots=True)
class Offer:
    """A ticket as the issuer sent it.

    Attributes:
        ticket_id: names it, and the message.
        is_valid: whether it admits an upload already.
        expires_ms: when it ends.
        worktype: what has to be done first; empty where nothing has.
        work: its params.
    """

    ticket_id: str
    is_valid: bool
    expires_ms: int
    worktype: str = ""
    work: Mapping[str, str | int] = field(default_factory=dict)


class TicketClient:
    """Calls nodes; connections are kept and shared."""

    def __init__(self, socks5: Socks5 | None = None, *, timeout_ms: int = 60_000) -> None:
        """Open nothing yet.

        Args:
            socks5: the way to `.onion` services; None: they are not reached.
            timeout_ms: the longest that one call may take.
        """
        self._timeout_ms = timeout_ms
        self._outgoing = Outgoing(socks5, connections_max=_CONNECTIONS_MAX, host_connections_max=_HOST_CONNECTIONS_MAX)

    async def request_ticket(
        self, url: Address, *, sender: bytes, recipient: bytes, preference: tuple[str, ...]
    ) -> Offer:
        """Ask a node what a message costs.

        Raises:
            UnavailableError: it did not answer, or is too busy.
            PeerError: it refuses, or what it says is no ticket.
        """
        body = {
            "sender": sender.hex(),
            "recipient": recipient.hex(),
            "subscription_id": "",
            "preference": list(preference),
        }
        return parse_offer(await self.call("POST", url, "/ticket", _json(body)))

    async def request_own_ticket(self, url: Address, *, sender: bytes, recipient: bytes, authorization: str) -> Offer:
        """Ask one's own node for a ticket without work.

        Raises:
            UnavailableError: it did not answer, or is too busy.
            PeerError: it refuses, or what it says is no ticket.
        """
        body = {"sender": sender.hex(), "recipient": recipient.hex(), "subscription_id": ""}
        path = f"/address/{sender.hex()}/ticket"
        return parse_offer(await self.call("POST", url, path, _json(body), {"Authorization": authorization}))

    async def submit(self, url: Address, ticket_id: str, method: str, result: int | str) -> Offer:
        """Hand in the result of the work; the answer is the ticket, valid or with another question.

        Raises:
            UnavailableError: as `request_ticket`.
            PeerError: as `request_ticket`.
        """
        return parse_offer(await self.call("POST", url, f"/ticket/{ticket_id}", _json({method: {"result": result}})))

    async def call(
        self,
        method: str,
        url: Address,
        path: str,
        body: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> RemoteAnswer:
        """Send one request.

        Raises:
            LocalError: the url is no address in its normal form.
            UnavailableError: UNREACHABLE: no answer in time; whether the node acted is unknown.
            PeerError: TOO_LARGE: the answer is. MALFORMED: no HTTP.
        """
        sent = {"Accept-Encoding": "identity", "User-Agent": "parley", **(headers or {})}
        if isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
        if parse_address(url) != url:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, expected="an address in its normal form")
        session = self._outgoing.session(url)
        async with (
            answering(self._timeout_ms),
            session.request(method, f"{url}{path}", data=body, headers=sent, allow_redirects=False) as response,
        ):
            return await _read(response)

    async def close(self) -> None:
        """Close all connections; closing twice is harmless."""
        await self._outgoing.close()

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()


def parse_offer(answer: RemoteAnswer) -> Offer:
    """Read a ticket from an answer, whatever its status: a wrong result is answered with another ticket.

    Raises:
        UnavailableError: BUSY: the node wants to be asked later.
        PeerError: PEER_REFUSED: it refuses. MALFORMED: it is no ticket.
    """
    match answer.document():
        case {"ticket_id": str(ticket_id), "valid": bool(is_valid), "expires": int(expires_s), **rest}:
            pass
        case _ if answer.is_ok:
            raise PeerError(ErrorCode.MALFORMED, value="ticket")
        case _ if answer.status in {429, 502, 503, 504}:
            seconds = min(answer.retry_after_s or 1, 3_600)
            raise UnavailableError(ErrorCode.BUSY, status=answer.status, retry_after_ms=seconds * _MS_PER_SECOND)
        case _:
            raise PeerError(ErrorCode.PEER_REFUSED, status=answer.status)
    worktype = rest.get("worktype", "")
    work = rest.get(worktype, {}) if isinstance(worktype, str) and worktype else {}
    is_form = ticket_id.isascii() and ticket_id.replace("-", "").isalnum() and len(ticket_id) <= _TICKET_CHARACTERS_MAX
    if not is_form or not isinstance(worktype, str) or not _is_params(work) or not 0 <= expires_s <= _UINT_MAX:
        raise PeerError(ErrorCode.MALFORMED, value="ticket")
    return Offer(ticket_id, is_valid, min(expires_s * _MS_PER_SECOND, _UINT_MAX), worktype, work)


def _is_params(work: object) -> bool:
    if not isinstance(work, dict) or len(work) > _PARAMS_MAX:
        return False
    for value in work.values():
        if isinstance(value, bool) or not isinstance(value, str | int):
            return False
        if isinstance(value, int) and not 0 <= value <= _UINT_MAX:
            return False
    return True


def _json(body: object) -> bytes:
    return msgspec.json.encode(body)


async def _read(response: aiohttp.ClientResponse) -> RemoteAnswer:
    body = await read_limited(response, _ANSWER_BYTES_MAX)
    after = response.headers.get("Retry-After", "")
    return RemoteAnswer(response.status, body, int(after) if _SECONDS.fullmatch(after) else None)
