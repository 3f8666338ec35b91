"""What `parley verify` does: re-derive from a file, without a node, that records are what their authors signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from parley.adapters.jsonrpc.documents import RecordDocument, parse_record_document
from parley.errors import ErrorCode, ParleyError, PeerError, Rejected
from parley.pool.config import PoolConfig
from parley.pool.messages import MESSAGE_BYTES_CEILING, Record, body_id
from parley.pool.rules import check_form, check_record, check_times
from parley.primitives.instants import Instant

__all__ = ["FILE_BYTES_MAX", "VerifiedRecord", "verify_file"]

FILE_BYTES_MAX = 64 * 2**20
"""Largest file that is read, in bytes."""

_DEPTH_MAX = 4
_ANY_TIME = PoolConfig(message_bytes_max=MESSAGE_BYTES_CEILING, lifetime_ms_max=30 * 86_400_000)


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """One record of the file and what was found.

    Attributes:
        record_id: re-derived, 64 hex digits; empty when the form is wrong.
        record: as read; None when the form is wrong.
        fault: why the signature or the form does not hold; None when they do.
        time_fault: why a node would not take it now; None when it would.
    """

    record_id: str
    record: Record | None
    fault: Rejected | None
    time_fault: Rejected | None


def verify_file(raw: bytes, now: Instant) -> tuple[VerifiedRecord, ...]:
    """Verify every record in a file.

    Args:
        raw: JSON: one record, a list of records, or the answer to a query with proofs, bare or as JSON-RPC result.
        now: for the times.

    Raises:
        PeerError: MALFORMED: there is no record in it; TOO_LARGE.
    """
    if len(raw) > FILE_BYTES_MAX:
        raise PeerError(ErrorCode.TOO_LARGE, limit_bytes=FILE_BYTES_MAX)
    try:
        document = msgspec.json.decode(raw)
        found = list(_records(document, depth=0))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(ErrorCode.MALFORMED, wanted="JSON") from error
    if not found:
        raise PeerError(ErrorCode.MALFORMED, wanted="a record, a list of records, or an answer with proofs")
    return tuple(_verify(one, now) for one in found)


def _records(document: Any, depth: int) -> Iterator[Any]:  # noqa: ANN401  # any JSON
    if isinstance(document, list):
        for member in document:
            yield from _records(member, depth + 1)
    elif (isinstance(document, dict) and "signature" in document) or (
        isinstance(document, dict) and "Record" in document
    ):
        yield document
    elif isinstance(document, dict) and depth <= _DEPTH_MAX:
        for name in ("result", "Ok", "record"):
            if name in document:
                yield from _records(document[name], depth + 1)
                return


def _verify(document: Any, now: Instant) -> VerifiedRecord:  # noqa: ANN401  # any JSON
    entry = document.get("Record", document)
    try:
        record = parse_record_document(msgspec.convert(entry, RecordDocument))
    except msgspec.ValidationError:
        return VerifiedRecord("", None, Rejected(ErrorCode.MALFORMED), None)
    except ParleyError as error:
        return VerifiedRecord("", None, Rejected(error.code, error.facts), None)
    fault = check_form(record, _ANY_TIME) or _shown_otherwise(document, record)
    if fault is not None:
        return VerifiedRecord("", record, fault, None)
    checked = check_record(record, record.created_ms, _ANY_TIME)
    if isinstance(checked, Rejected):
        return VerifiedRecord("", record, checked, None)
    return VerifiedRecord(body_id(checked).hex(), record, None, check_times(record, now, _ANY_TIME))


def _shown_otherwise(document: Any, record: Record) -> Rejected | None:  # noqa: ANN401  # any JSON
    """Compare what an answer shows beside its proof with the proof."""
    shown = (document.get("Keys", list(record.keys)), document.get("Message", record.message))
    if "Record" in document and shown != (list(record.keys), record.message):
        return Rejected(ErrorCode.BAD_SIGNATURE, {"fault": "Keys or Message differ from the signed record"})
    return None
