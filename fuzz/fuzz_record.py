"""Records: what parses encodes to the same bytes, has the form that nodes check, and is read alike from the table."""

from __future__ import annotations

from parley.errors import ErrorCode, Rejected
from parley.pool.config import PoolConfig
from parley.pool.entries import Entry
from parley.pool.messages import (
    MESSAGE_BYTES_CEILING,
    Item,
    body_address,
    body_id,
    encode_address,
    encode_record,
    item_bytes,
    parse_record,
    record_body,
    record_id,
)
from parley.pool.rules import check_form, check_record

__all__ = ["fuzz_one"]

_CONFIG = PoolConfig(message_bytes_max=MESSAGE_BYTES_CEILING, lifetime_ms_max=30 * 86_400_000)


def fuzz_one(data: bytes) -> None:
    """Parse `data`, encode it again, and judge it as a node would at the moment it was made."""
    record = parse_record(data)
    if encode_record(record) != data:
        message = "what was parsed encodes to other bytes"
        raise AssertionError(message)
    refusal = check_form(record, _CONFIG)
    if refusal is not None:
        message = f"what was parsed has no form: {refusal}"
        raise AssertionError(message)
    body = record_body(record)
    if body_address(body, record) != encode_address(record.author, record.keys) or body_id(body) != record_id(record):
        message = "address or id differ by the way they are made"
        raise AssertionError(message)
    entry = Entry(data, record.expires_ms, record.expires_ms, 1)
    if entry.record() != record or entry.id() != record_id(record):
        message = "the table reads another record"
        raise AssertionError(message)
    if item_bytes(Item("", record)) < len(data):
        message = "the bound of its JSON is below its bytes"
        raise AssertionError(message)
    checked = check_record(record, record.created_ms, _CONFIG)
    if isinstance(checked, Rejected):
        if checked.code not in {ErrorCode.BAD_SIGNATURE, ErrorCode.LIFETIME_TOO_LONG}:
            message = f"refused at the moment it was made: {checked}"
            raise AssertionError(message)
    elif checked != body:
        message = "another body was checked"
        raise AssertionError(message)
