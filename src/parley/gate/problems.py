"""Refusals as `application/problem+json` (RFC 9457): what it is, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from parley.errors import ErrorCode, Fact, Rejected
from parley.gate.answers import Answer

__all__ = ["PROBLEM_TYPE", "problem"]

PROBLEM_TYPE: Final = "application/problem+json"
"""Content type of a refusal."""


def problem(
    status: int,
    code: ErrorCode,
    *,
    detail: str = "",
    facts: Mapping[str, Fact] | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    members: Mapping[str, object] | None = None,
) -> Answer:
    """Return a refusal as a whole answer, which no cache may keep.

    Args:
        status: of HTTP.
        code: gives the type, the title and what to do next.
        detail: what happened, in our own words; empty for those of the code.
        facts: what is known.
        headers: beside those of the body.
        members: further ones of the document.
    """
    known = dict(facts or {})
    document: dict[str, object] = {
        "type": f"urn:parley:error:{code.name.lower().replace('_', '-')}",
        "title": code.summary,
        "status": status,
        "detail": detail or str(Rejected(code, known)),
        "code": int(code),
        "reason": code.name.lower(),
        "next": code.next_step,
        "facts": known,
        **(members or {}),
    }
    body = msgspec.json.encode(document)
    own = (
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    )
    return Answer(status, (*own, *headers), body)
