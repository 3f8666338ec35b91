"""The HTTP of uploads and boxes.

    POST   /incoming/header · /incoming/catalog · /incoming/block/ID · /incoming/attachment/ID
    POST   /incoming                       the message is complete: 202
    DELETE /incoming                       it is taken back
    GET    /box/HASH                       messages of one account
    GET    /box/HASH/MESSAGE               one of them
    GET    /box/HASH/MESSAGE/PART...       the content of one part
    DELETE /box/HASH/MESSAGE               removed for good

Uploads carry their ticket in `x-bitmaelum-ticket` or `Parley-Ticket`; boxes are opened by their account's token or by
the secret of the node's owner. Refusals are problem+json. Content is sent as bytes to keep, never to show: it is what
a stranger wrote.

Source: docs/spec/upload.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from parley.adapters.http.problems import problem_response
from parley.adapters.upload.mail_header import parse_mailbox
from parley.errors import ErrorCode, ParleyError, Rejected
from parley.ports.blobs import Stored

__all__ = ["TICKET_HEADERS", "Boxes", "UploadDesk", "incoming_routes"]

TICKET_HEADERS: Final = ("x-bitmaelum-ticket", "parley-ticket")
"""Either carries the ticket of an upload."""

_ACCEPTED: Final = 202
_WANTED: Final[Mapping[str, str]] = {"www-authenticate": 'Basic realm="parley", charset="UTF-8", Bearer'}
_PRIVATE: Final[Mapping[str, str]] = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_SAVED: Final[Mapping[str, str]] = {
    "header": "saved message header",
    "catalog": "saved message catalog",
    "block": "saved message block",
    "attachment": "saved message attachment",
}
_DIGITS_MAX: Final = 12

Outcome = Response | Rejected | ParleyError
Guard = Callable[[Awaitable[Any], str], Awaitable[Any]]
"""Waits for something on somebody's behalf; what escapes is logged, and returned as a ParleyError."""

Authenticate = Callable[[bytes, bytes | None], Awaitable[bool]]
"""Says whether the value of an Authorization header speaks for an account."""


class UploadDesk(Protocol):
    """Takes uploads; `parley.node.uploads.Uploads` does."""

    async def put_part(
        self, ticket_id: str, name: str, chunks: AsyncIterable[bytes], *, announced_bytes: int = 0
    ) -> Stored | Rejected:
        """Take one part."""

    async def complete(self, ticket_id: str) -> Rejected | None:
        """End an upload."""

    async def delete(self, ticket_id: str) -> Rejected | None:
        """Take a message back."""


class Boxes(Protocol):
    """Shows boxes to their owners, who have authenticated."""

    def listing(self, mailbox: bytes) -> object:
        """Return what is in a box, JSON-able."""

    def message(self, mailbox: bytes, message_id: str) -> object | None:
        """Return one message, JSON-able, or None."""

    async def content(self, mailbox: bytes, message_id: str, part: str) -> AsyncIterator[bytes] | None:
        """Return the content of one part in chunks, or None."""

    async def discard(self, mailbox: bytes, message_id: str) -> bool:
        """Remove one message; return whether it was there."""


def incoming_routes(desk: UploadDesk, boxes: Boxes, authenticate: Authenticate, guard: Guard) -> tuple[Route, ...]:
    """Return the routes of uploads and boxes.

    Args:
        desk: takes uploads.
        boxes: show what came.
        authenticate: says who may look.
        guard: runs each request.
    """

    def route(path: str, method: str, handle: Callable[[Request], Awaitable[Outcome]]) -> Route:
        async def answer(request: Request) -> Response:
            outcome: Outcome = await guard(handle(request), f"{method} {path}")
            if isinstance(outcome, Response):
                return outcome
            is_unknown = outcome.code is ErrorCode.UNAUTHORIZED
            return problem_response(outcome, headers=_WANTED if is_unknown else None)

        return Route(path, answer, methods=[method])

    uploads = _UploadRoutes(desk)
    shown = _BoxRoutes(boxes, authenticate)
    return (
        *(route(f"/incoming/{name}", "POST", uploads.put) for name in ("header", "catalog")),
        *(route(f"/incoming/{kind}/{{id}}", "POST", uploads.put) for kind in ("block", "attachment")),
        *(route(path, "POST", uploads.complete) for path in ("/incoming", "/incoming/")),
        *(route(path, "DELETE", uploads.delete) for path in ("/incoming", "/incoming/")),
        route("/box/{mailbox}", "GET", shown.listing),
        route("/box/{mailbox}/{message}", "GET", shown.message),
        route("/box/{mailbox}/{message}", "DELETE", shown.discard),
        route("/box/{mailbox}/{message}/{part:path}", "GET", shown.content),
    )


class _UploadRoutes:
    """What bearers of tickets ask for."""

    def __init__(self, desk: UploadDesk) -> None:
        self._desk = desk

    async def put(self, request: Request) -> Outcome:
        ticket_id = _ticket(request)
        if isinstance(ticket_id, Rejected):
            return ticket_id
        name = request.url.path.removeprefix("/incoming/")
        announced = request.headers.get("content-length", "")
        size_bytes = int(announced) if announced.isdecimal() and len(announced) <= _DIGITS_MAX else 0
        stored = await self._desk.put_part(ticket_id, name, _body(request), announced_bytes=size_bytes)
        if isinstance(stored, Rejected):
            return stored
        status = _SAVED[name.partition("/")[0]]
        return _json({"status": status, "size_bytes": stored.size_bytes, "sha256": stored.sha256.hex()})

    async def complete(self, request: Request) -> Outcome:
        ticket_id = _ticket(request)
        refusal = ticket_id if isinstance(ticket_id, Rejected) else await self._desk.complete(ticket_id)
        return refusal or _json({"status": "message accepted"}, _ACCEPTED)

    async def delete(self, request: Request) -> Outcome:
        ticket_id = _ticket(request)
        refusal = ticket_id if isinstance(ticket_id, Rejected) else await self._desk.delete(ticket_id)
        return refusal or _json({"status": "message removed"})


class _BoxRoutes:
    """What owners of boxes ask for; whoever is not one learns nothing, not even that there is no such box."""

    def __init__(self, boxes: Boxes, authenticate: Authenticate) -> None:
        self._boxes = boxes
        self._authenticate = authenticate

    async def listing(self, request: Request) -> Outcome:
        mailbox = await self._own(request)
        return mailbox if isinstance(mailbox, Rejected) else _json(self._boxes.listing(mailbox))

    async def message(self, request: Request) -> Outcome:
        mailbox = await self._own(request)
        if isinstance(mailbox, Rejected):
            return mailbox
        message = self._boxes.message(mailbox, request.path_params["message"])
        return Rejected(ErrorCode.NOT_FOUND) if message is None else _json(message)

    async def discard(self, request: Request) -> Outcome:
        mailbox = await self._own(request)
        if isinstance(mailbox, Rejected):
            return mailbox
        is_gone = await self._boxes.discard(mailbox, request.path_params["message"])
        return _json({"status": "message removed"}) if is_gone else Rejected(ErrorCode.NOT_FOUND)

    async def content(self, request: Request) -> Outcome:
        mailbox = await self._own(request)
        if isinstance(mailbox, Rejected):
            return mailbox
        chunks = await self._boxes.content(mailbox, request.path_params["message"], request.path_params["part"])
        if chunks is None:
            return Rejected(ErrorCode.NOT_FOUND)
        headers = {**_PRIVATE, "content-disposition": "attachment"}
        return StreamingResponse(chunks, headers=headers, media_type="application/octet-stream")

    async def _own(self, request: Request) -> bytes | Rejected:
        mailbox = parse_mailbox(request.path_params["mailbox"])
        given = request.headers.get("authorization")
        authorization = None if given is None else given.encode("latin-1")
        if mailbox is None or not await self._authenticate(mailbox, authorization):
            return Rejected(ErrorCode.UNAUTHORIZED)
        return mailbox


def _ticket(request: Request) -> str | Rejected:
    found = next((request.headers[name] for name in TICKET_HEADERS if name in request.headers), None)
    return Rejected(ErrorCode.UNAUTHORIZED, {"header": TICKET_HEADERS[0]}) if found is None else found


async def _body(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it arrives.

    Raises:
        ParleyError: INVALID_REQUEST: the sender went away before its end.
    """
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise ParleyError(ErrorCode.INVALID_REQUEST, fault="the body ends early") from None


def _json(document: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, headers=_PRIVATE, media_type="application/json")
