"""Refusals as documents of `application/problem+json` (RFC 9457): what it is, why, and what to do next.

The codes are those of the whole house; where what to do next depends on the way that a request came, the document
says it for plain HTTP. No text that came from outside is ever repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from parley.errors import ErrorCode, Fact, Rejected

__all__ = ["PROBLEM_TYPE", "problem_body"]

PROBLEM_TYPE: Final = "application/problem+json"
"""Content type of a refusal."""

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
