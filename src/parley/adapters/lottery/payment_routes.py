"""Where a node takes lottery tickets for whatever its owner agreed to be paid for.

    GET  /lottery/params?sender=0x...&worth_wei=N    what tickets must look like: each worth so much on average
    POST /lottery/payment                            tickets, in JSON, or in the header `Livepeer-Payment` without body

A payment is answered 200 where every ticket was taken, and 402 where one was not, with the verdict of each ticket that
was not. Which tickets won is the recipient's secret and is in no answer.

Source: docs/spec/lottery.md §7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from parley.adapters.http.handlers import Supervise, read_body, supervised
from parley.adapters.http.problems import problem_response
from parley.adapters.lottery.documents import PAYMENT_TEXT_MAX_BYTES, encode_params_text, parse_payment_text
from parley.adapters.lottery.headers import PAYMENT_HEADER, parse_payment_header
from parley.errors import ErrorCode, PeerError, Rejected
from parley.ledgers.evm.addresses import parse_address
from parley.lottery.params import Payment, TicketParams
from parley.lottery.verdicts import Receipt
from parley.primitives.ids import Address

__all__ = ["PaymentDesk", "payment_routes"]

_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,77}")
_JSON: Final = "application/json"
_NO_STORE: Final[Mapping[str, str]] = {"cache-control": "no-store"}


class PaymentDesk(Protocol):
    """What the routes ask of a node."""

    async def quote(self, sender: Address, worth_wei: int) -> TicketParams | Rejected:
        """Make ticket parameters for a sender.

        Args:
            sender: 20 bytes.
            worth_wei: what one ticket is to be worth on average, >= 1.
        """

    async def receive(self, payment: Payment) -> Receipt:
        """Judge a payment and take its tickets."""


def payment_routes(desk: PaymentDesk, supervise: Supervise) -> list[Route]:
    """Return the routes.

    Args:
        desk: what answers.
        supervise: waits for each answer.
    """

    async def params(request: Request) -> Response:
        return await _params(desk, request)

    async def payment(request: Request) -> Response:
        return await _payment(desk, request)

    return [
        Route("/lottery/params", supervised(params, supervise, "ticket parameters"), methods=["GET"]),
        Route("/lottery/payment", supervised(payment, supervise, "payment"), methods=["POST"]),
    ]


async def _params(desk: PaymentDesk, request: Request) -> Response:
    given = request.query_params
    worth = given.get("worth_wei", "")
    if len(given.multi_items()) != len({"sender", "worth_wei"}) or _AMOUNT.fullmatch(worth) is None:
        return problem_response(Rejected(ErrorCode.INVALID_PARAMS, {"wanted": "sender=0x... and worth_wei=N"}))
    quoted = await desk.quote(parse_address(given.get("sender", "")), int(worth))
    if isinstance(quoted, Rejected):
        return problem_response(quoted)
    return Response(encode_params_text(quoted), headers=_NO_STORE, media_type=_JSON)


async def _payment(desk: PaymentDesk, request: Request) -> Response:
    body = await read_body(request, PAYMENT_TEXT_MAX_BYTES)
    if isinstance(body, Rejected):
        return problem_response(body)
    header = request.headers.get(PAYMENT_HEADER)
    if header is not None and body:
        raise PeerError(ErrorCode.MALFORMED, fault="a payment in the header and a body")
    receipt = await desk.receive(parse_payment_text(body) if header is None else parse_payment_header(header))
    refusal = receipt.rejected()
    if refusal is None:
        document = {"taken": receipt.taken, "credited_wei": str(receipt.credited_wei)}
        return Response(msgspec.json.encode(document), headers=_NO_STORE, media_type=_JSON)
    refused = [
        {"nonce": verdict.nonce, "reason": verdict.fault.text, "reaction": verdict.fault.reaction.value}
        for verdict in receipt.verdicts
        if verdict.fault is not None
    ]
    members = {"taken": receipt.taken, "credited_wei": str(receipt.credited_wei), "refused": refused}
    return problem_response(refusal, members=members)
