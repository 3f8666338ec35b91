"""The routes of the ticket service.

    POST /address/HASH/ticket    for an account of this node, by whoever authenticates as it: always valid
    POST /account/HASH/ticket    the same, where BitMaelum's clients ask for it
    POST /ticket                 for anybody: valid: false, and the work that makes it valid
    POST /ticket/ID              a proof; or a request, where the body names a sender: then ID is the asker's own
    GET  /ticket/ID/image        the picture of a captcha
    GET  /ticket/ID/audio        the recording of a captcha

A wrong proof is answered 200 with another ticket, `valid: false`, as the protocol's page has it. Everything else that
is refused is `application/problem+json`. What is answered does not depend on whether the recipient, or the account
that somebody pretends to be, is known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from parley.adapters.http.handlers import Supervise, read_body, supervised
from parley.adapters.http.problems import problem_response
from parley.adapters.upload.captcha_pictures import IMAGE_TYPE, SOUND_TYPE
from parley.adapters.upload.seed_api import (
    BODY_MAX_BYTES,
    TicketProof,
    answer_document,
    parse_hash,
    parse_ticket_body,
    parse_ticket_request,
)
from parley.errors import ErrorCode, Rejected
from parley.upload.messages import TicketAnswer, TicketRequest
from parley.upload.policy import NEEDS_SENSES
from parley.upload.tokens import TOKEN_MAX_CHARACTERS

__all__ = ["TicketDesk", "ticket_routes"]

_ID: Final = re.compile(rf"[A-Za-z0-9-]{{1,{TOKEN_MAX_CHARACTERS}}}")
_FORBIDDEN: Final = 403
_CHALLENGE: Final = 'Bearer realm="parley", Basic realm="parley", charset="UTF-8"'


class TicketDesk(Protocol):
    """What the routes ask of a node."""

    async def authenticate(self, account: bytes, authorization: bytes | None) -> bool:
        """Say whether an Authorization header speaks for an account of 32 bytes."""

    async def request(self, request: TicketRequest, *, owner: bytes | None, source: str) -> TicketAnswer | Rejected:
        """Issue a ticket; `owner` is the account that authenticated."""

    async def submit(self, ticket_id: str, method: str, result: object, source: str) -> TicketAnswer | Rejected:
        """Judge a proof."""

    async def picture(self, ticket_id: str, source: str, *, is_sound: bool) -> bytes | Rejected:
        """Draw the picture of a captcha, or speak it."""


def ticket_routes(desk: TicketDesk, supervise: Supervise) -> list[Route]:
    """Return the routes.

    Args:
        desk: what answers.
        supervise: waits for each answer.
    """

    async def own(request: Request) -> Response:
        return await _own_ticket(desk, request)

    async def ask(request: Request) -> Response:
        wanted = await _read(request, parse_ticket_request)
        return wanted if isinstance(wanted, Response) else await _issue(desk, request, wanted, None)

    async def ask_or_prove(request: Request) -> Response:
        return await _ask_or_prove(desk, request)

    async def image(request: Request) -> Response:
        return await _picture(desk, request, is_sound=False)

    async def audio(request: Request) -> Response:
        return await _picture(desk, request, is_sound=True)

    return [
        Route("/address/{hash}/ticket", supervised(own, supervise, "own ticket"), methods=["POST"]),
        Route("/account/{hash}/ticket", supervised(own, supervise, "own ticket"), methods=["POST"]),
        Route("/ticket", supervised(ask, supervise, "ticket"), methods=["POST"]),
        Route("/ticket/{id}", supervised(ask_or_prove, supervise, "proof"), methods=["POST"]),
        Route("/ticket/{id}/image", supervised(image, supervise, "captcha image"), methods=["GET"]),
        Route("/ticket/{id}/audio", supervised(audio, supervise, "captcha audio"), methods=["GET"]),
    ]


async def _own_ticket(desk: TicketDesk, request: Request) -> Response:
    account = parse_hash(request.path_params["hash"])
    if account is None:
        return problem_response(Rejected(ErrorCode.NOT_FOUND))
    header = request.headers.get("authorization")
    if not await desk.authenticate(account, None if header is None else header.encode("latin-1")):
        return problem_response(Rejected(ErrorCode.UNAUTHORIZED), headers={"www-authenticate": _CHALLENGE})
    wanted = await _read(request, parse_ticket_request)
    return wanted if isinstance(wanted, Response) else await _issue(desk, request, wanted, account)


async def _ask_or_prove(desk: TicketDesk, request: Request) -> Response:
    ticket_id = request.path_params["id"]
    if _ID.fullmatch(ticket_id) is None:
        return problem_response(Rejected(ErrorCode.NOT_FOUND))
    body: TicketRequest | TicketProof | Response = await _read(request, parse_ticket_body)
    if isinstance(body, Response):
        return body
    if isinstance(body, TicketRequest):
        return await _issue(desk, request, body, None)
    return _answer(await desk.submit(ticket_id, body.method, body.result, _source(request)))


async def _issue(desk: TicketDesk, request: Request, wanted: TicketRequest, owner: bytes | None) -> Response:
    answer = await desk.request(wanted, owner=owner, source=_source(request))
    if isinstance(answer, Rejected) and answer.code is ErrorCode.UNAUTHORIZED:
        return problem_response(answer, status=_FORBIDDEN)
    return _answer(answer)


async def _picture(desk: TicketDesk, request: Request, *, is_sound: bool) -> Response:
    drawn = await desk.picture(request.path_params["id"], _source(request), is_sound=is_sound)
    if isinstance(drawn, Rejected):
        return problem_response(drawn)
    media_type = SOUND_TYPE if is_sound else IMAGE_TYPE
    return Response(drawn, media_type=media_type, headers={"cache-control": "no-store"})


BodyT = TypeVar("BodyT")


async def _read(request: Request, parse: Callable[[bytes], BodyT | Rejected]) -> BodyT | Response:
    body = await read_body(request, BODY_MAX_BYTES)
    parsed = body if isinstance(body, Rejected) else parse(body)
    return problem_response(parsed) if isinstance(parsed, Rejected) else parsed


def _answer(answer: TicketAnswer | Rejected) -> Response:
    if isinstance(answer, Rejected):
        return problem_response(answer)
    document = answer_document(answer, NEEDS_SENSES)
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(document), headers=headers, media_type="application/json")


def _source(request: Request) -> str:
    return "" if request.client is None else request.client.host
