"""Documents: every range is kept, every conversion raises PeerError and nothing else, and both ways agree."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.adapters.jsonrpc.documents import (
    AnswerDocument,
    QueryDocument,
    RecordDocument,
    RemovalDocument,
    WorkDocument,
    encode_answer,
    parse_answer_document,
    parse_query_document,
    parse_record_document,
    parse_removal_document,
    parse_work_document,
    query_params,
    record_document,
    removal_document,
    stats_document,
    work_document,
)
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ErrorCode, PeerError, Rejected
from parley.pool.messages import Answer, Item, Query, Record, Removal, Stats
from parley.primitives.ids import AuthorKey, ChallengeId, RequestId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge

RECORD: Final[dict[str, Any]] = {
    "author": "ab" * 32,
    "keys": ["swap", "btc"],
    "message": "text",
    "sequence": 7,
    "created_ms": 1_000,
    "expires_ms": 2_000,
    "signature": "cd" * 64,
}
REMOVAL: Final[dict[str, Any]] = {"author": "ab" * 32, "keys": ["swap"], "sequence": 7, "signature": "cd" * 64}
QUERY: Final[dict[str, Any]] = {
    "request_id": "ef" * 16,
    "keys": ["swap"],
    "remaining": 3,
    "size_limit": 10,
    "max_age_ms": None,
    "budget_ms": 100,
}
STATS: Final[dict[str, Any]] = {
    "asked": 1,
    "answered": 1,
    "timed_out": 0,
    "refused": 0,
    "duplicates": 0,
    "truncated_by": ["n"],
    "hops": 1,
}


class PushOnly(msgspec.Struct, forbid_unknown_fields=True):
    record: RecordDocument


def read_record(fields: dict[str, Any]) -> Record | Rejected:
    read = parse_params(json.dumps({"record": fields}).encode(), PushOnly)
    return read if isinstance(read, Rejected) else parse_record_document(read.record)


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"author": "ab" * 31}, "record.author"),
        ({"author": "ab" * 33}, "record.author"),
        ({"author": 5}, "record.author"),
        ({"signature": "cd" * 63}, "record.signature"),
        ({"signature": None}, "record.signature"),
        ({"keys": []}, "record.keys"),
        ({"keys": ["k"] * 9}, "record.keys"),
        ({"keys": [""]}, "record.keys"),
        ({"keys": ["k" * 65]}, "record.keys"),
        ({"keys": "swap"}, "record.keys"),
        ({"message": "x" * 65_537}, "record.message"),
        ({"message": None}, "record.message"),
        ({"sequence": -1}, "record.sequence"),
        ({"sequence": 2**53}, "record.sequence"),
        ({"sequence": 1.5}, "record.sequence"),
        ({"created_ms": -1}, "record.created_ms"),
        ({"expires_ms": 2**53}, "record.expires_ms"),
        ({"more": 1}, "record"),
    ],
)
def test_a_record_out_of_range_is_refused_by_the_decoder(change: dict[str, Any], parameter: str) -> None:
    refusal = read_record(RECORD | change)
    assert isinstance(refusal, Rejected)
    assert refusal.code is ErrorCode.INVALID_PARAMS
    assert refusal.facts["parameter"] == parameter


@pytest.mark.parametrize("name", sorted(RECORD))
def test_every_field_of_a_record_is_needed(name: str) -> None:
    refusal = read_record({other: value for other, value in RECORD.items() if other != name})
    assert isinstance(refusal, Rejected)
    assert refusal.facts["parameter"] == f"record.{name}"
    assert refusal.facts["fault"] == "missing"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"author": "xy" * 32}, ErrorCode.MALFORMED),
        ({"author": "a " * 32}, ErrorCode.MALFORMED),
        ({"author": "\u0661a" * 32}, ErrorCode.MALFORMED),
        ({"signature": "0x" + "ab" * 63}, ErrorCode.MALFORMED),
        ({"keys": ["a\x00"]}, ErrorCode.KEYS_INVALID),
        ({"keys": ["\u20ac" * 22]}, ErrorCode.KEYS_INVALID),
        ({"message": "\u20ac" * 21_846}, ErrorCode.TOO_LARGE),
        ({"created_ms": 2_000}, ErrorCode.MALFORMED),
        ({"created_ms": 2_001}, ErrorCode.MALFORMED),
    ],
)
def test_a_record_that_ranges_cannot_judge_is_refused_by_the_conversion(
    change: dict[str, Any], code: ErrorCode
) -> None:
    with pytest.raises(PeerError) as caught:
        read_record(RECORD | change)
    assert caught.value.code is code


@pytest.mark.parametrize(
    "change",
    [
        {"message": ""},
        {"message": "x" * 65_536},
        {"message": "\u20ac" * 21_845},
        {"keys": ["\u20ac" * 21] * 8},
        {"sequence": 2**53 - 1, "created_ms": 0, "expires_ms": 2**53 - 1},
        {"author": "AB" * 32},
    ],
)
def test_a_record_at_its_limits_is_read(change: dict[str, Any]) -> None:
    record = read_record(RECORD | change)
    assert isinstance(record, Record)
    assert record.author == b"\xab" * 32


def test_a_removal_is_read_and_refused() -> None:
    document = msgspec.convert(REMOVAL, RemovalDocument)
    removal = parse_removal_document(document)
    assert removal == Removal(AuthorKey(b"\xab" * 32), ("swap",), 7, b"\xcd" * 64)
    assert removal_document(removal) == document
    for change, code in (
        ({"author": "g" * 64}, ErrorCode.MALFORMED),
        ({"signature": "g" * 128}, ErrorCode.MALFORMED),
        ({"keys": ["\x7f"]}, ErrorCode.KEYS_INVALID),
    ):
        with pytest.raises(PeerError) as caught:
            parse_removal_document(msgspec.convert(REMOVAL | change, RemovalDocument))
        assert caught.value.code is code


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"request_id": "ef" * 15}, "request_id"),
        ({"remaining": 0}, "remaining"),
        ({"remaining": 17}, "remaining"),
        ({"size_limit": 0}, "size_limit"),
        ({"size_limit": 100_001}, "size_limit"),
        ({"max_age_ms": -1}, "max_age_ms"),
        ({"budget_ms": 0}, "budget_ms"),
        ({"budget_ms": 600_001}, "budget_ms"),
        ({"work": {"challenge": "", "proof": "", "more": 1}}, "work"),
        ({"work": {"challenge": "x" * 20_000, "proof": ""}}, "work.challenge"),
        ({"work": {"challenge": "", "proof": "x" * 30_000}}, "work.proof"),
    ],
)
def test_a_query_out_of_range_is_refused(change: dict[str, Any], parameter: str) -> None:
    refusal = parse_params(json.dumps(QUERY | change).encode(), QueryDocument)
    assert isinstance(refusal, Rejected)
    assert refusal.facts["parameter"] == parameter


def test_a_query_that_ranges_cannot_judge_is_refused() -> None:
    for change, code in (({"request_id": "g" * 32}, ErrorCode.MALFORMED), ({"keys": ["\x00"]}, ErrorCode.KEYS_INVALID)):
        document = parse_params(json.dumps(QUERY | change).encode(), QueryDocument)
        assert isinstance(document, QueryDocument)
        with pytest.raises(PeerError) as caught:
            parse_query_document(document)
        assert caught.value.code is code


def test_work_comes_back_as_it_was() -> None:
    challenge = Challenge(ChallengeId(bytes(16)), "pow", {"tries": 5}, bytes(32), Instant(9), bytes(32))
    assert parse_work_document(work_document(challenge, b"\xff\x00")) == (challenge, b"\xff\x00")


@pytest.mark.parametrize(
    ("challenge", "proof", "code"),
    [
        ("!!!!", "", ErrorCode.MALFORMED),
        ("AAA", "", ErrorCode.MALFORMED),
        ("\u20ac", "", ErrorCode.MALFORMED),
        ("", "A", ErrorCode.MALFORMED),
        ("", "", ErrorCode.MALFORMED),
        ("AAAA", "", ErrorCode.MALFORMED),
    ],
)
def test_work_that_is_none_is_refused(challenge: str, proof: str, code: ErrorCode) -> None:
    with pytest.raises(PeerError) as caught:
        parse_work_document(WorkDocument(challenge, proof))
    assert caught.value.code is code


def answer_json(**changes: Any) -> bytes:  # noqa: ANN401  # JSON
    fields = {"items": [{"node": "n", "record": RECORD}], "stats": STATS, "duplicate": False}
    return json.dumps(fields | changes).encode()


def test_an_answer_is_read() -> None:
    answer = parse_answer_document(answer_json())
    assert answer.items[0].node == "n"
    assert answer.items[0].record.created_ms == 1_000
    assert answer.stats == Stats(1, 1, 0, 0, 0, ("n",), 1)
    assert not answer.duplicate


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 100_000,
        b"\xff",
        answer_json(items=None),
        answer_json(items=[{"node": "n" * 129, "record": RECORD}]),
        answer_json(items=[{"node": "n", "record": RECORD, "more": 1}]),
        answer_json(items=[{"node": "n", "record": RECORD | {"author": "zz" * 32}}]),
        answer_json(items=[{"node": "n", "record": RECORD | {"sequence": 10**30}}]),
        answer_json(stats=STATS | {"asked": -1}),
        answer_json(stats=STATS | {"asked": 2**31}),
        answer_json(stats=STATS | {"hops": 17}),
        answer_json(stats=STATS | {"truncated_by": ["n"] * 33}),
        answer_json(stats=STATS | {"truncated_by": ["n" * 129]}),
        answer_json(duplicate=0),
        answer_json(more=1),
        answer_json()[:-1],
        answer_json() + b"x",
        answer_json().replace(b'"n"', b'"\xff"'),
    ],
)
def test_an_answer_that_is_none_is_malformed(raw: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse_answer_document(raw)
    assert caught.value.code is ErrorCode.MALFORMED


def test_keys_in_an_answer_are_checked() -> None:
    with pytest.raises(PeerError) as caught:
        parse_answer_document(answer_json(items=[{"node": "n", "record": RECORD | {"keys": ["\x01"]}}]))
    assert caught.value.code is ErrorCode.KEYS_INVALID


def test_what_a_document_cannot_hold_of_statistics_is_cut() -> None:
    huge = Stats(2**40, 2**40, 2**40, 2**40, 2**40, ("n" * 200,) * 40, 99)
    cut = stats_document(huge)
    assert (cut.asked, cut.answered, cut.timed_out, cut.refused, cut.duplicates) == (2**31 - 1,) * 5
    assert cut.truncated_by == ("n" * 128,) * 32
    assert cut.hops == 16
    assert parse_answer_document(encode_answer(Answer((), huge))).stats.asked == 2**31 - 1


def test_a_long_node_name_is_cut() -> None:
    record = parse_record_document(msgspec.convert(RECORD, RecordDocument))
    read = msgspec.json.decode(encode_answer(Answer((Item("n" * 200, record),))), type=AnswerDocument)
    assert read.items[0].node == "n" * 128


keys = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=16), min_size=1, max_size=8
).map(tuple)
numbers = st.integers(0, 2**53 - 1)
records = st.builds(
    Record,
    author=st.binary(min_size=32, max_size=32).map(AuthorKey),
    keys=keys,
    message=st.text(st.characters(codec="utf-8"), max_size=60),
    sequence=numbers,
    created_ms=st.integers(0, 2**52).map(Instant),
    expires_ms=st.integers(2**52 + 1, 2**53 - 1).map(Instant),
    signature=st.binary(min_size=64, max_size=64),
)


@given(records)
def test_a_record_survives_the_way_through_json(record: Record) -> None:
    encoded = msgspec.json.encode(record_document(record))
    assert parse_record_document(msgspec.json.decode(encoded, type=RecordDocument)) == record
    # the escapes of another encoder mean the same
    other = json.dumps(json.loads(encoded)).encode()
    assert parse_record_document(msgspec.json.decode(other, type=RecordDocument)) == record


@given(
    st.builds(
        Query,
        request_id=st.binary(min_size=16, max_size=16).map(RequestId),
        keys=keys,
        remaining=st.integers(1, 16),
        size_limit=st.integers(1, 100_000),
        max_age_ms=st.none() | numbers,
        budget_ms=st.integers(1, 600_000),
    )
)
def test_a_query_survives_the_way_through_json(query: Query) -> None:
    document = parse_params(query_params(query), QueryDocument)
    assert isinstance(document, QueryDocument)
    assert parse_query_document(document) == query


@given(
    st.lists(st.builds(Item, node=st.text(max_size=20, alphabet="abc\u20ac"), record=records), max_size=3),
    st.booleans(),
)
def test_an_answer_survives_the_way_through_json(items: list[Item], duplicate: bool) -> None:  # noqa: FBT001  # drawn
    answer = Answer(tuple(items), replace(Stats(), asked=len(items)), duplicate)
    assert parse_answer_document(encode_answer(answer)) == answer
