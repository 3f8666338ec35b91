"""Refusals as `application/problem+json` (RFC 9457): what it is, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from parley.adapters.http.problems import PROBLEM_TYPE, problem_body
from parley.errors import ErrorCode, Fact
from parley.gate.answers import Answer

__all__ = ["problem"]


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
    body = problem_body(status, code, detail=detail, facts=facts, members=members)
    own = (
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    )
    return Answer(status, (*own, *headers), body)
