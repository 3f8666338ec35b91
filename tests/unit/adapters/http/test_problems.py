from __future__ import annotations

import json
from typing import Any

import pytest

from parley.adapters.http.problems import problem_response
from parley.errors import ErrorCode, ParleyError, Rejected, UnavailableError

_OVER_HTTP = {
    ErrorCode.PARSE_ERROR: "send one JSON object in UTF-8",
    ErrorCode.INVALID_REQUEST: "see the route in /openapi.json",
    ErrorCode.INVALID_PARAMS: "see the route in /openapi.json",
    ErrorCode.METHOD_NOT_FOUND: "see /openapi.json for the routes and their methods",
}


def shown(refusal: Rejected | ParleyError) -> tuple[int, dict[str, str], dict[str, Any]]:
    response = problem_response(refusal)
    return response.status_code, dict(response.headers), json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ErrorCode.PARSE_ERROR, 400),
        (ErrorCode.INVALID_PARAMS, 400),
        (ErrorCode.UNAUTHORIZED, 401),
        (ErrorCode.WORK_REQUIRED, 402),
        (ErrorCode.WRONG_RECIPIENT, 403),
        (ErrorCode.NOT_FOUND, 404),
        (ErrorCode.ALREADY_SPENT, 409),
        (ErrorCode.EXPIRED, 410),
        (ErrorCode.TOO_LARGE, 413),
        (ErrorCode.WORK_REJECTED, 422),
        (ErrorCode.METHOD_UNKNOWN, 422),
        (ErrorCode.RATE_LIMITED, 429),
    ],
)
def test_each_refusal_has_its_status(code: ErrorCode, status: int) -> None:
    found, headers, document = shown(Rejected(code, {"limit_bytes": 7}))
    assert found == status == document["status"]
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert document["code"] == int(code)
    assert document["reason"] == code.name.lower()
    assert document["next"] == _OVER_HTTP.get(code, code.next_step)
    assert document["type"] == "urn:parley:error:" + code.name.lower().replace("_", "-")
    assert document["facts"] == {"limit_bytes": 7}


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    _, headers, _ = shown(Rejected(ErrorCode.RATE_LIMITED, {"retry_after_ms": 1_001}))
    assert headers["retry-after"] == "2"
    _, headers, _ = shown(Rejected(ErrorCode.RATE_LIMITED))
    assert headers["retry-after"] == "1"


def test_who_came_too_early_is_told_when_to_come_back() -> None:
    status, headers, _ = shown(Rejected(ErrorCode.WORK_REJECTED, {"fault": "early", "retry_after_ms": 59_000}))
    assert (status, headers["retry-after"]) == (422, "59")


def test_what_did_not_answer_is_a_503() -> None:
    status, headers, _ = shown(UnavailableError(ErrorCode.BUSY, retry_after_ms=2_000))
    assert (status, headers["retry-after"]) == (503, "2")


def test_a_bug_is_a_500_with_its_id() -> None:
    status, headers, document = shown(ParleyError(ErrorCode.INTERNAL_ERROR, error_id="ab12"))
    assert status == 500
    assert "retry-after" not in headers
    assert document["facts"] == {"error_id": "ab12"}
