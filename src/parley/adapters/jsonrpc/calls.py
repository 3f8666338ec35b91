"""JSON-RPC 2.0 calls from bytes, and answers to bytes.

    call     {"jsonrpc": "2.0", "method": text, ["params": object | array], ["id": integer | text | null]}
    answer   {"jsonrpc": "2.0", "id": ..., "result": {"Ok": value}}
    refusal  {"jsonrpc": "2.0", "id": ..., "error": {"code", "message", "data": {"facts", "next", ...}}}

A call without `id` is a notification: it is executed and not answered. A batch is an array of 1 to 32 calls; what is
wrong with one of them concerns only that one.

Source: JSON-RPC 2.0, sections 4 to 6; docs/spec/pool.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

import msgspec

from parley.adapters.jsonrpc.texts import check_text, is_json, is_repeating, may_repeat, quoted
from parley.errors import ErrorCode, Fact, ParleyError, Rejected, UnavailableError

__all__ = [
    "BATCH_MAX",
    "Call",
    "Id",
    "Request",
    "encode_batch",
    "encode_error",
    "encode_ok",
    "encode_result",
    "parse_calls",
]

BATCH_MAX: Final = 32
"""Most calls of one batch."""

_METHOD_CHARACTERS_MAX: Final = 64
_ID_CHARACTERS_MAX: Final = 128
_ID_MAX: Final = 2**53 - 1

Id = int | str | None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call, its parameters not yet read.

    Attributes:
        method: 1..64 characters, from outside: look it up, never show it.
        params: JSON of an object or an array; empty when there are none.
        id: to be echoed.
        is_notification: no answer is wanted.
    """

    method: str
    params: bytes
    id: Id
    is_notification: bool


class Request(msgspec.Struct, frozen=True):
    """What one body asks for.

    Attributes:
        calls: in their order, 1..32; a refusal in the place of what is not a call.
        is_batch: whether the answers go into an array.
    """

    calls: tuple[Call | Rejected, ...]
    is_batch: bool


class _Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    jsonrpc: Literal["2.0"]
    method: Annotated[str, msgspec.Meta(min_length=1, max_length=_METHOD_CHARACTERS_MAX)]
    params: msgspec.Raw = msgspec.Raw()
    id: (
        Annotated[int, msgspec.Meta(ge=-_ID_MAX, le=_ID_MAX)]
        | Annotated[str, msgspec.Meta(max_length=_ID_CHARACTERS_MAX)]
        | msgspec.UnsetType
        | None
    ) = msgspec.UNSET


_WIRE: Final = msgspec.json.Decoder(_Wire)
_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NAMES: Final = quoted(("jsonrpc", "method", "params", "id"))
_EXPECTED: Final = "jsonrpc, method, params and id, each once"


def parse_calls(body: bytes) -> Request | Rejected:
    """Read a body; raises nothing, whatever the bytes are.

    Args:
        body: of a limited size; the cost is linear in it.

    Returns:
        The calls, or PARSE_ERROR or INVALID_REQUEST for the body as a whole.
    """
    refusal = check_text(body)
    if refusal is not None:
        return refusal
    if body[:1] == b"[" or body.lstrip(b" \t\r\n")[:1] == b"[":
        return _parse_batch(body)
    call = _parse_call(body)
    return call if isinstance(call, Rejected) else Request((call,), is_batch=False)


def _parse_batch(body: bytes) -> Request | Rejected:
    try:
        members = _BATCH.decode(body)
    except msgspec.DecodeError:
        return Rejected(ErrorCode.PARSE_ERROR)
    if not 1 <= len(members) <= BATCH_MAX:
        return Rejected(ErrorCode.INVALID_REQUEST, {"calls": len(members), "minimum": 1, "maximum": BATCH_MAX})
    return Request(tuple(_parse_call(bytes(member)) for member in members), is_batch=True)


def _parse_call(raw: bytes) -> Call | Rejected:
    try:
        wire = _WIRE.decode(raw)
    except msgspec.ValidationError:
        if not is_json(raw):
            return Rejected(ErrorCode.PARSE_ERROR)
        return Rejected(ErrorCode.INVALID_REQUEST, {"expected": _EXPECTED})
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Rejected(ErrorCode.PARSE_ERROR)
    params = bytes(wire.params)
    # The parameters are cut out first, as the exact look into a large text is slow; their reader looks at them.
    if may_repeat(raw, _NAMES) and is_repeating(raw.replace(params, b"0", 1) if params else raw):
        return Rejected(ErrorCode.INVALID_REQUEST, {"fault": "a member repeats", "expected": _EXPECTED})
    if params and params[0] not in b"{[":
        return Rejected(ErrorCode.INVALID_REQUEST, {"member": "params", "expected": "an object"})
    if wire.id is msgspec.UNSET:
        return Call(wire.method, params, None, is_notification=True)
    return Call(wire.method, params, wire.id, is_notification=False)


def encode_ok(value_json: bytes) -> bytes:
    """Return the result that says a call succeeded: `{"Ok": value}`.

    Args:
        value_json: JSON of the value.
    """
    return b'{"Ok":%b}' % value_json


def encode_result(id: Id, result_json: bytes) -> bytes:  # noqa: A002  # the member's name
    """Return the answer to a call.

    Args:
        id: of the call.
        result_json: JSON of the whole result, see `encode_ok`.
    """
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (_encode_id(id), result_json)


def encode_error(
    id: Id,  # noqa: A002  # the member's name
    refusal: Rejected | ParleyError,
    *,
    data: Mapping[str, object] | None = None,
) -> bytes:
    """Return the answer to a call that is refused or failed.

    Args:
        id: of the call, None where it could not be read.
        refusal: why. Only code and facts go out; `untrusted_text` and the evidence stay here.
        data: further members of `data`, such as `challenges`; JSON-able.
    """
    facts: dict[str, Fact] = dict(refusal.facts)
    extra: dict[str, object] = {"facts": facts, "next": refusal.code.next_step}
    if isinstance(refusal, UnavailableError):
        extra["retry_after_ms"] = refusal.retry_after_ms
    elif "retry_after_ms" in facts:
        extra["retry_after_ms"] = facts["retry_after_ms"]
    if data:
        extra.update(data)
    error = {"code": int(refusal.code), "message": str(refusal), "data": extra}
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (_encode_id(id), msgspec.json.encode(error))


def encode_batch(answers: Iterable[bytes]) -> bytes:
    """Return the answers to a batch; empty when every call was a notification, as then nothing is answered."""
    joined = b",".join(answers)
    return b"[%b]" % joined if joined else b""


def _encode_id(id: Id) -> bytes:  # noqa: A002  # as above
    return b"%d" % id if type(id) is int else msgspec.json.encode(id)
