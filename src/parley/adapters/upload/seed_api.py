"""Requests for tickets and answers to them as JSON, in the form that the protocol's page prints.

    ask       {"sender": H, "recipient": H, "subscription_id": "", "preference": ["pow"]}     H: 64 hex digits
    answer    {"ticket_id": T, "valid": false, "expires": 1780000000, "worktype": "pow", "pow": {"bits": 22, "data": D}}
    prove     {"pow": {"result": 23415}}                                                      and {"proof": 23415}
    answer    {"ticket_id": T, "valid": true, "expires": 1780000000}

One answer speaks two dialects: beside these members stand the capitalised ones of BitMaelum's servers, as both ask with
the same body at the same path and nothing tells them apart. Readers of either ignore members that they do not know; no
two names are the same without regard to case, save `valid` and `Valid`, which always agree.

Further members: `expected_tries`, what the work costs on average, and `alternatives`, other kinds of work for the same
permission, each with a ticket id of its own. Paying by one of them spends all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.texts import check_text, is_json, is_repeating
from parley.adapters.upload.bitmaelum import capitalised
from parley.errors import ErrorCode, Rejected
from parley.protocol.challenges import Params, is_name
from parley.upload.messages import (
    PREFERENCE_MAX_COUNT,
    SUBSCRIPTION_MAX_BYTES,
    TicketAnswer,
    TicketRequest,
    is_short_text,
)

__all__ = [
    "BODY_MAX_BYTES",
    "COMPATIBLE_METHOD",
    "TicketProof",
    "answer_document",
    "parse_hash",
    "parse_ticket_body",
    "parse_ticket_proof",
    "parse_ticket_request",
]

BODY_MAX_BYTES: Final = 16_384
"""The longest body of a request for a ticket, or of a proof."""

COMPATIBLE_METHOD: Final = "pow"
"""The kind of work that a flat `{"proof": n}` is of."""

_HASH_BYTES: Final = 32
_MS_PER_SECOND: Final = 1_000

Hash = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", max_length=64)]


Name = Annotated[str, Meta(max_length=32)]


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sender: Hash
    recipient: Hash
    subscription_id: Annotated[str, Meta(max_length=SUBSCRIPTION_MAX_BYTES)] = ""
    # A client in Go that prefers nothing sends null.
    preference: Annotated[list[Name], Meta(max_length=PREFERENCE_MAX_COUNT)] | None = None


class _Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    result: int | str


_ASK: Final = msgspec.json.Decoder(_Ask)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RESULT: Final = msgspec.json.Decoder(_Result)
_FLAT: Final = msgspec.json.Decoder(int)
_FLAT_NAME: Final = "proof"


@dataclass(frozen=True, slots=True)
class TicketProof:
    """What is presented for a ticket.

    Attributes:
        method: name of the kind of work.
        result: as JSON has it; None for a result that no work can have.
    """

    method: str
    result: int | str | None


def parse_hash(text: str) -> bytes | None:
    """Return the 32 bytes of 64 hexadecimal digits, None for anything else."""
    if len(text) != 2 * _HASH_BYTES or not text.isascii() or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def parse_ticket_request(raw: bytes) -> TicketRequest | Rejected:
    """Read a request for a ticket.

    Args:
        raw: the body.

    Returns:
        The request, or PARSE_ERROR, INVALID_PARAMS or TOO_LARGE.
    """
    refusal = _check_body(raw)
    if refusal is not None:
        return refusal
    try:
        ask = _ASK.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _misfit(raw, "sender and recipient of 64 hexadecimal digits, and maybe subscription_id, preference")
    if is_repeating(raw):
        return _repeated()
    if not is_short_text(ask.subscription_id, SUBSCRIPTION_MAX_BYTES):
        return _misfit(raw, "a subscription_id of at most 128 bytes")
    names = tuple(dict.fromkeys(name for name in ask.preference or () if is_name(name)))
    return TicketRequest(bytes.fromhex(ask.sender), bytes.fromhex(ask.recipient), ask.subscription_id, names)


def parse_ticket_proof(raw: bytes) -> TicketProof | Rejected:
    """Read a proof of work: `{"<method>": {"result": n}}`, or `{"proof": n}` as BitMaelum's clients send it.

    To those clients a proof of zero means that nothing was done yet, so a flat zero is no result.

    Args:
        raw: the body.

    Returns:
        The proof, or PARSE_ERROR, INVALID_PARAMS or TOO_LARGE.
    """
    refusal = _check_body(raw)
    if refusal is not None:
        return refusal
    expected = '{"<kind of work>": {"result": ...}}'
    try:
        members = _MEMBERS.decode(raw)
        if len(members) != 1:
            return _misfit(raw, expected)
        ((name, value),) = members.items()
        if name == _FLAT_NAME:
            return TicketProof(COMPATIBLE_METHOD, _FLAT.decode(value) or None)  # beyond 64 bits it is no counter
        proof = TicketProof(name, _RESULT.decode(value).result)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _misfit(raw, expected)
    if is_repeating(raw):
        return _repeated()
    return proof if is_name(name) else _misfit(raw, expected)


def parse_ticket_body(raw: bytes) -> TicketRequest | TicketProof | Rejected:
    """Read what may be posted to a ticket: a request names its sender, anything else is a proof."""
    refusal = _check_body(raw)
    if refusal is not None:
        return refusal
    try:
        names = _MEMBERS.decode(raw).keys()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _misfit(raw, "a request for a ticket, or a proof")
    return parse_ticket_request(raw) if "sender" in names or "recipient" in names else parse_ticket_proof(raw)


def answer_document(answer: TicketAnswer, shown: Iterable[str] = ()) -> dict[str, object]:
    """Return an answer as a JSON object in both dialects.

    Args:
        answer: to show.
        shown: kinds of work with a picture and a sound, whose paths are added.
    """
    visual = frozenset(shown)
    document: dict[str, object] = {
        "ticket_id": answer.ticket_id,
        "valid": answer.is_valid,
        "expires": answer.expires_ms // _MS_PER_SECOND,
    }
    if not answer.is_valid:
        document |= _work_members(answer.ticket_id, answer.worktype, answer.work, answer.expected_tries, visual)
        if answer.alternatives:
            document["alternatives"] = [
                {"ticket_id": one.ticket_id}
                | _work_members(one.ticket_id, one.worktype, one.work, one.expected_tries, visual)
                for one in answer.alternatives
            ]
    return document | capitalised(answer)


def _work_members(
    ticket_id: str, worktype: str, work: Params, expected_tries: int, visual: frozenset[str]
) -> dict[str, object]:
    inside: dict[str, object] = dict(work)
    if worktype in visual:
        inside |= {"image_url": f"/ticket/{ticket_id}/image", "audio_url": f"/ticket/{ticket_id}/audio"}
    members: dict[str, object] = {"worktype": worktype, worktype: inside}
    if expected_tries:
        members["expected_tries"] = expected_tries
    return members


def _check_body(raw: bytes) -> Rejected | None:
    if len(raw) > BODY_MAX_BYTES:
        return Rejected(ErrorCode.TOO_LARGE, {"value": "body", "limit_bytes": BODY_MAX_BYTES})
    return check_text(raw)


def _misfit(raw: bytes, expected: str) -> Rejected:
    if not is_json(raw):
        return Rejected(ErrorCode.PARSE_ERROR)
    return Rejected(ErrorCode.INVALID_PARAMS, {"expected": expected})


def _repeated() -> Rejected:
    return Rejected(ErrorCode.INVALID_PARAMS, {"fault": "a name repeats, upper and lower case being the same"})
