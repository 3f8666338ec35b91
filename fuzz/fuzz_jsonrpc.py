"""Bodies of JSON-RPC calls, and their parameters: what is read is JSON without repetitions, and reads the same again.

A refusal is a value there; here it is raised, so that the runner can tell it from an input that was read.
"""

from __future__ import annotations

import json
from typing import Annotated, NoReturn

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.calls import (
    Call,
    Request,
    encode_batch,
    encode_error,
    encode_ok,
    encode_result,
    parse_calls,
)
from parley.adapters.jsonrpc.documents import PushDocument, QueryDocument, RemoveDocument
from parley.adapters.jsonrpc.greetings import AddressesDocument, HelloDocument
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import PeerError, Rejected

__all__ = ["fuzz_one"]


class _Mixed(msgspec.Struct, forbid_unknown_fields=True, rename={"message": "Message"}):
    keys: Annotated[list[str], Meta(max_length=8)] = []
    message: str | None = None
    deepness: Annotated[int, Meta(ge=1, le=16)] = 1
    stats: bool = False


_KINDS = (_Mixed, QueryDocument, PushDocument, RemoveDocument, HelloDocument, AddressesDocument)


def fuzz_one(data: bytes) -> None:
    """Read a body the way both addresses of a node do."""
    request = parse_calls(data)
    if isinstance(request, Rejected):
        encode_error(None, request)
        raise PeerError(request.code)
    _check_strictness(data)
    json.loads(encode_batch([_answer(call) for call in request.calls]))
    refused = [call for call in request.calls if isinstance(call, Rejected)]
    if refused:
        raise PeerError(refused[0].code)


def _check_strictness(data: bytes) -> None:
    """Expect that what was read is strict JSON to another reader as well."""
    json.loads(data.decode(), parse_constant=_fail)


def _answer(call: Call | Rejected) -> bytes:
    if isinstance(call, Rejected):
        return encode_error(None, call)
    for kind in _KINDS:
        _check_params(call.params, kind)
    again = _body(call)
    if parse_calls(again) != Request((call,), is_batch=False):
        _fail("a call that was read is another one when it is read again")
    return encode_result(call.id, encode_ok(b"null"))


def _body(call: Call) -> bytes:
    members: dict[str, object] = {"jsonrpc": "2.0", "method": call.method}
    if call.params:
        members["params"] = msgspec.Raw(call.params)
    if not call.is_notification:
        members["id"] = call.id
    return msgspec.json.encode(members)


def _check_params(raw: bytes, kind: type[msgspec.Struct]) -> None:
    parsed = parse_params(raw, kind)
    if isinstance(parsed, Rejected):
        encode_error(1, parsed)
        return
    if parse_params(msgspec.json.encode(parsed), kind) != parsed:
        _fail("parameters that were read are others when they are read again")
    pairs_seen: list[bool] = []
    json.loads(raw.decode() or "{}", object_pairs_hook=lambda pairs: pairs_seen.append(len(dict(pairs)) < len(pairs)))
    if any(pairs_seen):
        _fail("a name that repeats was let pass")


def _fail(what: str) -> NoReturn:
    raise AssertionError(what)
