"""Refusals as documents of `application/problem+json` (RFC 9457): what it is, why, and what to do next.

    status   code
    400      bytes that do not decode, requests that make no sense
    401      the authentication is missing or wrong
    402      permission must be earned first, or what was paid does not do
    403      what authenticated may not do this
    404      no such thing, or nothing that may be told
    409      spent by another, or not in this state
    410      expired
    413      too large
    415      another content type
    422      the bytes decode and the work in them is no good
    429      too often, with Retry-After
    503      something behind this did not answer, with Retry-After


The codes are those of the whole house; where what to do next depends on the way that a request came, the document
says it for plain HTTP. No text that came from outside is ever repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from parley.errors import ErrorCode, Fact, ParleyError, Rejected, UnavailableError

__all__ = ["PROBLEM_TYPE", "problem_body", "problem_response", "problem_status"]

PROBLEM_TYPE: Final = "application/problem+json"
"""Content type of a refusal."""

_MS_PER_SECOND: Final = 1_000
_RETRY_FACT: Final = "retry_after_ms"
_RETRY_STATUSES: Final = frozenset({429, 503})
_RETRY_DEFAULT_MS: Final = 1_000
_UNAVAILABLE: Final = 503
_SERVER_FAULT: Final = 500

_STATUSES: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.PARSE_ERROR: 400,
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.INVALID_PARAMS: 400,
    ErrorCode.MALFORMED: 400,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.BAD_SIGNATURE: 401,
    ErrorCode.WORK_REQUIRED: 402,
    ErrorCode.FUNDS_TOO_LOW: 402,
    ErrorCode.TICKET_REFUSED: 402,
    ErrorCode.PARAMS_EXPIRED: 402,
    ErrorCode.PRICE_TOO_LOW: 402,
    ErrorCode.WRONG_RECIPIENT: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_FOUND: 405,
    ErrorCode.ALREADY_SPENT: 409,
    ErrorCode.WRONG_STATE: 409,
    ErrorCode.PROTOCOL_VIOLATION: 409,
    ErrorCode.REVERTED: 409,
    ErrorCode.NOT_REGISTERED: 409,
    ErrorCode.EXPIRED: 410,
    ErrorCode.REMOVED: 410,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.WORK_REJECTED: 422,
    ErrorCode.METHOD_UNKNOWN: 422,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.QUOTA_EXCEEDED: 507,
}

_NEXT: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.PARSE_ERROR: "send one JSON object in UTF-8",
    ErrorCode.INVALID_REQUEST: "see the route in /openapi.json",
    ErrorCode.METHOD_NOT_FOUND: "see /openapi.json for the routes and their methods",
    ErrorCode.INVALID_PARAMS: "see the route in /openapi.json",
}


def problem_body(
    status: int,
    code: ErrorCode,
    *,
    detail: str = "",
    facts: Mapping[str, Fact] | None = None,
    members: Mapping[str, object] | None = None,
) -> bytes:
    """Return the document for a refusal.

    Args:
        status: of HTTP.
        code: gives the type, the title and what to do next.
        detail: what happened, in our own words; empty for those of the code and the facts.
        facts: what is known.
        members: further ones of the document.
    """
    known = dict(facts or {})
    return msgspec.json.encode(
        {
            "type": f"urn:parley:error:{code.name.lower().replace('_', '-')}",
            "title": code.summary,
            "status": status,
            "detail": detail or str(Rejected(code, known)),
            "code": int(code),
            "reason": code.name.lower(),
            "next": _NEXT.get(code, code.next_step),
            "facts": known,
            **(members or {}),
        }
    )


def problem_status(refusal: Rejected | ParleyError) -> int:
    """Return the status of HTTP that goes with a refusal."""
    if isinstance(refusal, UnavailableError):
        return _UNAVAILABLE
    return _STATUSES.get(refusal.code, _SERVER_FAULT)


def problem_response(
    refusal: Rejected | ParleyError,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> Response:
    """Return a refusal as an answer that no cache keeps.

    Args:
        refusal: its code gives type, title and the next step, its facts the reason.
        status: of HTTP, where another than the code's own is meant.
        headers: further ones.
        members: further ones of the document.
    """
    found = problem_status(refusal) if status is None else status
    code, facts = refusal.code, dict(refusal.facts)
    sent = {"cache-control": "no-store", **(headers or {})}
    if found in _RETRY_STATUSES or _RETRY_FACT in facts:
        sent["retry-after"] = str(-(-_retry_ms(refusal) // _MS_PER_SECOND))
    body = problem_body(found, code, detail=str(refusal), facts=facts, members=members)
    return Response(body, found, headers=sent, media_type=PROBLEM_TYPE)


def _retry_ms(refusal: Rejected | ParleyError) -> int:
    """Return how long to wait before asking again, 1 ms or more."""
    if isinstance(refusal, UnavailableError):
        return max(1, refusal.retry_after_ms)
    wanted = refusal.facts.get(_RETRY_FACT, _RETRY_DEFAULT_MS)
    return max(1, wanted) if isinstance(wanted, int) else _RETRY_DEFAULT_MS
