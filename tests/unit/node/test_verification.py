from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from parley.adapters.jsonrpc.documents import record_document
from parley.errors import ErrorCode, PeerError
from parley.node.verification import FILE_BYTES_MAX, verify_file
from parley.pool.messages import Record, record_id
from parley.primitives.instants import Instant
from tests.unit.node.parts import NOW, signed_record

RECORD = signed_record(("swap", "btc"), "an offer")


def document(record: Record) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(record_document(record))
    return built


def shown(record: Record) -> dict[str, Any]:
    return {"Node": "n", "Keys": list(record.keys), "Message": record.message, "Record": document(record)}


@pytest.mark.parametrize(
    "content",
    [
        document(RECORD),
        [document(RECORD)],
        {"record": document(RECORD)},
        {"Ok": [shown(RECORD)]},
        {"jsonrpc": "2.0", "id": 1, "result": {"Ok": [shown(RECORD)], "stats": {}}},
    ],
)
def test_every_form_of_file_is_read(content: object) -> None:
    (found,) = verify_file(json.dumps(content).encode(), NOW)
    assert (found.fault, found.time_fault) == (None, None)
    assert found.record_id == record_id(RECORD).hex()
    assert found.record == RECORD


def test_an_altered_record_is_found() -> None:
    (found,) = verify_file(json.dumps(document(replace(RECORD, message="another"))).encode(), NOW)
    assert found.fault is not None
    assert found.fault.code is ErrorCode.BAD_SIGNATURE


def test_what_is_shown_beside_the_proof_must_be_what_was_signed() -> None:
    entry = shown(RECORD) | {"Message": "another"}
    (found,) = verify_file(json.dumps({"Ok": [entry]}).encode(), NOW)
    assert found.fault is not None
    assert found.fault.code is ErrorCode.BAD_SIGNATURE


def test_an_expired_record_is_genuine_but_not_live() -> None:
    (found,) = verify_file(json.dumps(document(RECORD)).encode(), Instant(NOW + 600_000))
    assert found.fault is None
    assert found.time_fault is not None
    assert found.time_fault.code is ErrorCode.EXPIRED


@pytest.mark.parametrize(
    "change", [{"author": "zz" * 32}, {"extra": 1}, {"sequence": -1}, {"keys": []}, {"keys": ["\x00"]}]
)
def test_a_record_of_wrong_form_is_a_fault_not_a_crash(change: dict[str, Any]) -> None:
    (found,) = verify_file(json.dumps(document(RECORD) | change).encode(), NOW)
    assert found.fault is not None
    assert found.record_id == ""


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b"3", b"\xff", b"[" * 2_000, b'{"Ok":null}'])
def test_what_holds_no_record_is_refused(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        verify_file(raw, NOW)
    assert caught.value.code is ErrorCode.MALFORMED


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(PeerError) as caught:
        verify_file(bytes(FILE_BYTES_MAX + 1), NOW)
    assert caught.value.code is ErrorCode.TOO_LARGE
