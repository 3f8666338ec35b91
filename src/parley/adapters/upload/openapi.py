"""The OpenAPI document of tickets, uploads and boxes: written by hand, as data, and tested against the running node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from parley import __version__
from parley.adapters.http.problems import PROBLEM_TYPE
from parley.upload.messages import PREFERENCE_MAX_COUNT, SUBSCRIPTION_MAX_BYTES
from parley.upload.tokens import TOKEN_MAX_CHARACTERS

__all__ = ["openapi_document"]

_TEXTS: Final[Mapping[int, str]] = {
    400: "the bytes do not decode, or make no sense",
    401: "the authentication is missing or wrong, or there is no ticket",
    402: "the ticket is not earned yet",
    403: "what was sent is not what the ticket, or the authentication, is for",
    404: "there is no such thing",
    405: "another method",
    409: "spent already, or not possible in this state",
    410: "expired",
    413: "too large",
    422: "the work is no good, or of a kind that is not on offer",
    429: "asked too often; see Retry-After",
    503: "too much is under way; see Retry-After",
    507: "no more is kept here",
}
_ANY: Final = (400, 401, 402, 403, 404, 405, 409, 410, 413, 422, 429, 503, 507)
_HASH: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": "^[0-9a-fA-F]{64}$",
    "description": "SHA-256 of a name, in hexadecimal",
}
_NAME: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,31}$"}
_RESULT: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["result"],
    "additionalProperties": False,
    "properties": {"result": {"type": ["integer", "string"]}},
}


def openapi_document() -> dict[str, Any]:
    """Return an OpenAPI 3.1 document as plain JSON-able values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley: tickets, uploads and boxes",
            "version": __version__,
            "summary": "Permission to send, by work or by grant, and what it admits.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {**_ticket_paths(), **_incoming_paths(), **_box_paths()},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "account": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "owner": {"type": "http", "scheme": "basic"},
                "ticket": {"type": "apiKey", "in": "header", "name": "x-bitmaelum-ticket"},
            },
        },
    }


def _ticket_paths() -> dict[str, Any]:
    own = {
        "post": _operation(
            "Ask for a ticket in the name of an account of this node: valid at once.",
            body=_named("TicketRequest"),
            answers={200: ("the ticket", _named("Ticket"))},
            security=[{"account": []}, {"owner": []}],
        ),
        "parameters": [_path("hash", _HASH)],
    }
    ticket_id = _path("id", {"type": "string", "pattern": "^[A-Za-z0-9-]+$", "maxLength": TOKEN_MAX_CHARACTERS})
    return {
        "/address/{hash}/ticket": own,
        "/account/{hash}/ticket": own,
        "/ticket": {
            "post": _operation(
                "Ask for a ticket: valid, or with the work that makes it valid.",
                body=_named("TicketRequest"),
                answers={200: ("the ticket", _named("Ticket"))},
            )
        },
        "/ticket/{id}": {
            "post": _operation(
                "Present the result of the work; or ask for a ticket, where the body names a sender.",
                body={"anyOf": [_named("TicketRequest"), _named("Proof"), _named("FlatProof")]},
                answers={200: ("the valid ticket; another one where the result is wrong", _named("Ticket"))},
            ),
            "parameters": [ticket_id],
        },
        "/ticket/{id}/image": _picture("image/png", "The picture of a captcha.", ticket_id),
        "/ticket/{id}/audio": _picture("audio/wav", "The recording of a captcha.", ticket_id),
    }


def _picture(media_type: str, summary: str, ticket_id: dict[str, Any]) -> dict[str, Any]:
    answered = {"200": {"description": summary, "content": {media_type: {}}}}
    return {
        "get": {"summary": summary, "responses": {**answered, **_problems()}},
        "parameters": [ticket_id],
    }


def _incoming_paths() -> dict[str, Any]:
    part_id = _path("id", {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"})
    parts = {
        "header": [],
        "catalog": [],
        "block/{id}": [part_id],
        "attachment/{id}": [part_id],
    }
    secured: list[dict[str, Any]] = [{"ticket": []}]
    return {
        **{f"/incoming/{name}": _part(parameters, secured) for name, parameters in parts.items()},
        "/incoming": {
            "post": _operation(
                "Say that the message is complete.",
                answers={202: ("it is delivered, or on its way", _named("Done"))},
                security=secured,
            ),
            "delete": _operation(
                "Take the message back, also after its time.",
                answers={200: ("it is gone", _named("Done"))},
                security=secured,
            ),
        },
    }


def _part(parameters: list[dict[str, Any]], secured: list[dict[str, Any]]) -> dict[str, Any]:
    posted = _operation(
        "Upload one part of a message; it replaces the part of that name.",
        answers={200: ("the part is on disk", _named("Saved"))},
        security=secured,
    )
    posted["requestBody"] = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    return {"post": posted, "parameters": parameters}


def _box_paths() -> dict[str, Any]:
    mailbox = _path("mailbox", _HASH)
    message = _path("message", {"type": "string", "pattern": "^[0-9a-f]{32}$"})
    secured: list[dict[str, Any]] = [{"account": []}, {"owner": []}]
    part = _path("part", {"type": "string", "pattern": "^(header|catalog)$"})
    content = {"200": {"description": "the content, as it came", "content": {"application/octet-stream": {}}}}
    return {
        "/box/{mailbox}": {
            "get": _operation("List the messages of a box.", answers={200: ("messages", _OBJECT)}, security=secured),
            "parameters": [mailbox],
        },
        "/box/{mailbox}/{message}": {
            "get": _operation("Show one message.", answers={200: ("the message", _OBJECT)}, security=secured),
            "delete": _operation(
                "Remove a message for good.", answers={200: ("it is gone", _named("Done"))}, security=secured
            ),
            "parameters": [mailbox, message],
        },
        "/box/{mailbox}/{message}/{part}": {
            "get": {
                "summary": "Read one part of a message; blocks and attachments too, under `block/ID`, `attachment/ID`.",
                "security": secured,
                "responses": {**content, **_problems()},
            },
            "parameters": [mailbox, message, part],
        },
    }


_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}


def _schemas() -> dict[str, Any]:
    return {
        "TicketRequest": {
            "type": "object",
            "required": ["sender", "recipient"],
            "additionalProperties": False,
            "properties": {
                "sender": _HASH,
                "recipient": _HASH,
                "subscription_id": {"type": "string", "maxLength": SUBSCRIPTION_MAX_BYTES // 4},
                "preference": {"type": ["array", "null"], "items": _NAME, "maxItems": PREFERENCE_MAX_COUNT},
            },
        },
        "Proof": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "description": "the kind of work, and its result",
            "propertyNames": {**_NAME, "not": {"enum": ["proof", "sender", "recipient"]}},
            "additionalProperties": _RESULT,
        },
        "FlatProof": {
            "type": "object",
            "required": ["proof"],
            "additionalProperties": False,
            "properties": {"proof": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}},
        },
        "Ticket": _ticket_schema(),
        "Done": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
        "Saved": _saved_schema(),
        "Problem": _problem_schema(),
    }


def _ticket_schema() -> dict[str, Any]:
    offer = {
        "ticket_id": {"type": "string", "pattern": "^[a-z2-7]+$", "maxLength": TOKEN_MAX_CHARACTERS},
        "worktype": {**_NAME, "description": "a member of this name holds what the work is"},
        "expected_tries": {"type": "integer", "minimum": 1},
    }
    capitalised = ("ID", "Expiry", "Sender", "Recipient", "SubscriptionID", "AuthKey")
    other = {"type": "object", "required": ["ticket_id", "worktype"], "properties": offer}
    work = {"type": ["object", "null"], "properties": {name: {"type": "string"} for name in ("Type", "Data")}}
    return {
        "type": "object",
        "required": ["ticket_id", "valid", "expires", "Valid", "Work", *capitalised],
        "properties": {
            **offer,
            "valid": {"type": "boolean"},
            "expires": {"type": "integer", "minimum": 0, "description": "seconds since 1970"},
            "alternatives": {"type": "array", "items": other},
            "Valid": {"type": "boolean"},
            "Work": work,
            **{name: {"type": "string"} for name in capitalised},
        },
    }


def _saved_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["status", "size_bytes", "sha256"],
        "properties": {
            "status": {"type": "string"},
            "size_bytes": {"type": "integer", "minimum": 0},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
    }


def _problem_schema() -> dict[str, Any]:
    texts = ("type", "title", "detail", "reason", "next")
    return {
        "type": "object",
        "required": [*texts, "status", "code", "facts"],
        "properties": {
            **{name: {"type": "string"} for name in texts},
            "status": {"type": "integer"},
            "code": {"type": "integer", "description": "see the reference of errors"},
            "facts": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
        },
    }


def _operation(
    summary: str,
    *,
    answers: Mapping[int, tuple[str, Mapping[str, Any]]],
    body: Mapping[str, Any] | None = None,
    security: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            **{
                str(status): {"description": text, "content": {"application/json": {"schema": schema}}}
                for status, (text, schema) in answers.items()
            },
            **_problems(),
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if security is not None:
        operation["security"] = security
    return operation


def _problems() -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": _named("Problem")}}
    return {str(status): {"description": _TEXTS[status], "content": content} for status in _ANY}


def _path(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
