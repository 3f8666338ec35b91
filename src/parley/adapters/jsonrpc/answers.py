"""The caller's side of JSON-RPC 2.0: one call to bytes, its answer from bytes.

An answer is `{"Ok": value}`. A refusal becomes a PeerError with the code of the one table; what the remote says in
words is kept apart as untrusted text. The challenges that come with WORK_REQUIRED are the error's evidence.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.texts import check_text
from parley.errors import ErrorCode, PeerError
from parley.protocol.challenges import CHALLENGE_MAX_BYTES

__all__ = ["CALL_ID", "encode_call", "parse_reply"]

CALL_ID: Final = 1
"""The id of every call: there is one call in a body, so nothing has to be told apart."""

_CHALLENGES_MAX: Final = 16
_RETRY_MS_MAX: Final = 86_400_000
_BASE64_CHARACTERS_MAX: Final = (CHALLENGE_MAX_BYTES + 2) // 3 * 4
_CODES: Final[Mapping[int, ErrorCode]] = {int(code): code for code in ErrorCode}


class _Challenge(msgspec.Struct):
    challenge: Annotated[str, Meta(max_length=_BASE64_CHARACTERS_MAX)]


class _Data(msgspec.Struct):
    retry_after_ms: Annotated[int, Meta(ge=0, le=_RETRY_MS_MAX)] | None = None
    challenges: Annotated[tuple[_Challenge, ...], Meta(max_length=_CHALLENGES_MAX)] = ()


class _Error(msgspec.Struct):
    code: Annotated[int, Meta(ge=-(2**31), lt=2**31)]
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Result(msgspec.Struct, forbid_unknown_fields=True):
    Ok: msgspec.Raw


class _Reply(msgspec.Struct, forbid_unknown_fields=True):
    jsonrpc: Literal["2.0"]
    id: int | None
    result: _Result | msgspec.UnsetType = msgspec.UNSET
    error: _Error | msgspec.UnsetType = msgspec.UNSET


_REPLY: Final = msgspec.json.Decoder(_Reply)
_DATA: Final = msgspec.json.Decoder(_Data | None)


def encode_call(method: str, params_json: bytes) -> bytes:
    """Return the body of a call.

    Args:
        method: name of a method.
        params_json: JSON of an object.
    """
    return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (CALL_ID, msgspec.json.encode(method), params_json)


def parse_reply(raw: bytes) -> bytes:
    """Read the answer to a call.

    Args:
        raw: of a limited size.

    Returns:
        JSON of the value under `Ok`.

    Raises:
        PeerError: MALFORMED: no answer of JSON-RPC 2.0 to our one call; PEER_REFUSED: a refusal with an unknown code;
            otherwise a refusal, with its code, `retry_after_ms` as a fact where it says one, and as
            evidence the challenges.
    """
    if check_text(raw) is not None:
        raise PeerError(ErrorCode.MALFORMED, value="answer")
    try:
        reply = _REPLY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PeerError(ErrorCode.MALFORMED, value="answer") from None
    if isinstance(reply.error, _Error) and reply.result is msgspec.UNSET:
        raise _refusal(reply.error)
    if not isinstance(reply.result, _Result) or reply.error is not msgspec.UNSET or reply.id != CALL_ID:
        raise PeerError(ErrorCode.MALFORMED, value="answer")
    return bytes(reply.result.Ok)


def _refusal(error: _Error) -> PeerError:
    code = _CODES.get(error.code)
    if code is None:
        # A newer release may refuse for a reason that this one has no name for; that is no misbehaviour.
        return PeerError(ErrorCode.PEER_REFUSED, remote_code=error.code, untrusted_text=error.message)
    try:
        data = _DATA.decode(error.data) or _Data()
        challenges = tuple(base64.b64decode(one.challenge, validate=True) for one in data.challenges)
    except (ValueError, UnicodeDecodeError):
        return PeerError(ErrorCode.MALFORMED, value="error data", untrusted_text=error.message)
    if data.retry_after_ms is None:
        return PeerError(code, evidence=challenges, untrusted_text=error.message)
    return PeerError(code, evidence=challenges, untrusted_text=error.message, retry_after_ms=data.retry_after_ms)
