"""What programs of strangers use of a node over HTTP: tickets, uploads, boxes, payments; one application for all."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from parley.adapters.http.problems import problem_response
from parley.adapters.lottery.payment_routes import payment_routes
from parley.adapters.upload.incoming_routes import incoming_routes
from parley.adapters.upload.ticket_routes import ticket_routes
from parley.errors import ErrorCode, Rejected
from parley.node.inbox import OwnerBoxes
from parley.node.ticket_desk import Desk
from parley.node.wiring import Node

__all__ = ["UPLOAD_WORDS", "upload_application"]

UPLOAD_WORDS: Final = ("account", "address", "box", "incoming", "lottery", "ticket")
"""First words of the paths that it answers."""

_NOT_ALLOWED: Final = 405


def upload_application(node: Node) -> Starlette:
    """Make the application of a node."""
    boxes, accounts = OwnerBoxes(node.mail.mailbox), node.accounts
    routes = [
        *ticket_routes(Desk(node.tickets, accounts), node.supervisor.call),
        *payment_routes(node.payments, node.supervisor.call),
        *incoming_routes(node.mail.uploads, boxes, accounts.authenticate, node.supervisor.call),
    ]
    application = Starlette(routes=routes, exception_handlers={HTTPException: _refuse})
    application.router.redirect_slashes = False
    return application


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer a path that is none, or a method that it does not take."""
    del request
    if isinstance(error, HTTPException) and error.status_code == _NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        return problem_response(Rejected(ErrorCode.METHOD_NOT_FOUND, {"allowed": allowed}), headers={"allow": allowed})
    return problem_response(Rejected(ErrorCode.NOT_FOUND))
