"""The bytes on the wire are those of version 1, in both directions.

`wire_v1.json` was written by hand-made JSON and by the signatures of `tests/oracles`, not by this package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from parley.adapters.http.requests import ANY_RECIPIENT, check_request, sign_request
from parley.adapters.jsonrpc.answers import encode_call, parse_reply
from parley.adapters.jsonrpc.calls import encode_error, encode_ok, encode_result
from parley.adapters.jsonrpc.documents import (
    PushDocument,
    QueryDocument,
    RecordDocument,
    RemovalDocument,
    RemoveDocument,
    WorkDocument,
    encode_answer,
    parse_answer_document,
    parse_query_document,
    parse_record_document,
    parse_removal_document,
    parse_work_document,
    push_params,
    query_params,
    record_document,
    removal_document,
    remove_params,
    work_document,
)
from parley.adapters.jsonrpc.greetings import (
    AddressesDocument,
    HelloAnswer,
    HelloDocument,
    addresses_params,
    challenge_document,
    encode_hello_answer,
    hello_params,
    parse_addresses_answer,
    parse_hello_answer,
    parse_nonce,
)
from parley.adapters.jsonrpc.owner_documents import ShownEntries, encode_owner_answer
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import ErrorCode, PeerError, Rejected
from parley.pool.entries import Entry
from parley.pool.messages import Answer, Item, Query, Record, Stats, encode_record, parse_record, record_id, removal_id
from parley.pool.rules import check_removal
from parley.primitives import schnorr
from parley.primitives.ids import RequestId
from parley.primitives.instants import Instant
from parley.protocol.challenges import Challenge, parse_challenge

GOLDEN: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "wire_v1.json").read_text(encoding="utf-8"))
RECORD: Final[Record] = parse_record(bytes.fromhex(GOLDEN["canonical"]["record"]))
CHALLENGE: Final[Challenge] = parse_challenge(bytes.fromhex(GOLDEN["canonical"]["challenge"]))
PROOF: Final = bytes(range(8))
STATS: Final = Stats(asked=3, answered=2, timed_out=1, refused=0, duplicates=1, truncated_by=("far",), hops=2)
ANSWER: Final = Answer((Item("north", RECORD),), STATS)
QUERY: Final = Query(RequestId(bytes(range(16))), ("swap",), 3, 100, None, 7_300)
QUERY_OF_THE_LAST_MINUTE: Final = Query(RequestId(bytes(range(16))), ("swap",), 3, 100, 60_000, 7_300)
ADDRESSES: Final = ("http://203.0.113.7:7420", "http://[2001:db8::1]:80")
SENT: Final = Instant(1_800_000_000_123)


def wire(name: str) -> bytes:
    text: str = GOLDEN["wire"][name]
    return text.encode()


def key(name: str) -> bytes:
    return schnorr.public_key(secret(name))


def secret(name: str) -> bytes:
    return bytes.fromhex(GOLDEN["secrets"][name])


class Signer:
    """Signs as the golden file was signed: without entropy."""

    def __init__(self, name: str) -> None:
        self._secret = secret(name)

    @property
    def public_key(self) -> bytes:
        return schnorr.public_key(self._secret)

    async def sign(self, message32: bytes) -> bytes:
        return schnorr.sign(self._secret, message32, bytes(32))


def test_the_record_is_the_one_that_was_signed() -> None:
    assert RECORD.author == key("author")
    assert RECORD.keys == ("swap", "btc", "b\u00fcy")
    assert RECORD.message == '{"rate": "0.001",\n"note": "\u20ac \\ \U0001f600"}'
    assert schnorr.verify(RECORD.author, record_id(RECORD), RECORD.signature)


def test_record() -> None:
    assert msgspec.json.encode(record_document(RECORD)) == wire("record")
    assert parse_record_document(msgspec.json.decode(wire("record"), type=RecordDocument)) == RECORD
    upper = wire("record").replace(key("author").hex().encode(), key("author").hex().upper().encode())
    assert parse_record_document(msgspec.json.decode(upper, type=RecordDocument)) == RECORD


def test_removal() -> None:
    removal = parse_removal_document(msgspec.json.decode(wire("removal"), type=RemovalDocument))
    assert (removal.author, removal.keys, removal.sequence) == (RECORD.author, RECORD.keys, RECORD.sequence)
    assert schnorr.verify(removal.author, removal_id(removal), removal.signature)
    assert check_removal(removal) is None
    assert msgspec.json.encode(removal_document(removal)) == wire("removal")
    assert remove_params(removal) == wire("remove_params")
    assert parse_params(wire("remove_params"), RemoveDocument) == RemoveDocument(removal_document(removal))


def test_work() -> None:
    document = work_document(CHALLENGE, PROOF)
    assert msgspec.json.encode(document) == wire("work")
    assert parse_work_document(msgspec.json.decode(wire("work"), type=WorkDocument)) == (CHALLENGE, PROOF)


@pytest.mark.parametrize(
    ("name", "query", "has_work"),
    [("query_params", QUERY, False), ("query_params_with_work", QUERY_OF_THE_LAST_MINUTE, True)],
)
def test_query(name: str, query: Query, has_work: bool) -> None:  # noqa: FBT001  # a column of the table
    work = work_document(CHALLENGE, PROOF) if has_work else None
    assert query_params(query, work) == wire(name)
    document = parse_params(wire(name), QueryDocument)
    assert isinstance(document, QueryDocument)
    assert parse_query_document(document) == query
    assert document.work == work


def test_push() -> None:
    work = work_document(CHALLENGE, PROOF)
    assert push_params(RECORD) == wire("push_params")
    assert push_params(RECORD, work) == wire("push_params_with_work")
    assert parse_params(wire("push_params"), PushDocument) == PushDocument(record_document(RECORD))
    assert parse_params(wire("push_params_with_work"), PushDocument) == PushDocument(record_document(RECORD), work)


def test_answer() -> None:
    assert encode_answer(ANSWER) == wire("answer")
    assert parse_answer_document(wire("answer")) == ANSWER
    assert encode_answer(Answer(duplicate=True)) == wire("answer_duplicate")
    assert parse_answer_document(wire("answer_duplicate")) == Answer(duplicate=True)


@pytest.mark.parametrize(
    ("name", "address"),
    [("hello_params", "http://203.0.113.7:7420"), ("hello_params_without_address", None)],
)
def test_hello(name: str, address: str | None) -> None:
    nonce = bytes(range(32))
    assert hello_params(version=1, nonce=nonce, address=address, network="test") == wire(name)
    document = parse_params(wire(name), HelloDocument)
    assert document == HelloDocument(1, nonce.hex(), address, "test")
    assert parse_nonce(document) == nonce


def test_hello_answer() -> None:
    answer = parse_hello_answer(wire("hello_answer"))
    assert answer == HelloAnswer(answer.id, 1, "test", None, answer.signature)
    assert answer.id == key("node")
    assert len(answer.signature) == 64
    assert encode_hello_answer(answer) == wire("hello_answer")


def test_addresses() -> None:
    assert addresses_params(32) == wire("addresses_params")
    assert parse_params(wire("addresses_params"), AddressesDocument) == AddressesDocument(32)
    assert parse_addresses_answer(wire("addresses_answer")) == ADDRESSES


def test_challenge() -> None:
    assert msgspec.json.encode(challenge_document(CHALLENGE, 1_000)) == wire("challenge")


def test_owner_result() -> None:
    entry = Entry(encode_record(RECORD), RECORD.expires_ms, RECORD.expires_ms, 1)
    assert ShownEntries("north").encode([entry], proofs=False) == wire("owner_result")
    assert encode_owner_answer(ANSWER, stats=False, proofs=False) == wire("owner_result")
    assert encode_owner_answer(ANSWER, stats=True, proofs=True) == wire("owner_result_with_proofs_and_stats")


def test_call_and_answer() -> None:
    assert encode_call("peer_addresses", wire("addresses_params")) == wire("call")
    assert encode_result(1, encode_ok(wire("addresses_answer"))) == wire("answer_to_call")
    assert parse_reply(wire("answer_to_call")) == wire("addresses_answer")


def test_refusal_with_challenges() -> None:
    refusal = Rejected(ErrorCode.WORK_REQUIRED)
    challenges = [challenge_document(CHALLENGE, 1_000)]
    assert encode_error(1, refusal, data={"challenges": challenges}) == wire("refusal_of_call")
    with pytest.raises(PeerError) as caught:
        parse_reply(wire("refusal_of_call"))
    assert caught.value.code is ErrorCode.WORK_REQUIRED
    assert [parse_challenge(raw) for raw in caught.value.evidence] == [CHALLENGE]


async def test_request_headers() -> None:
    body = GOLDEN["headers"]["body"].encode()
    headers = await sign_request(Signer("peer"), recipient=key("node"), sent_ms=SENT, body=body)
    assert headers == GOLDEN["headers"]["to_node"]
    received = [(name.lower().encode(), value.encode()) for name, value in GOLDEN["headers"]["to_node"].items()]
    assert check_request(received, body, own_id=key("node"), now=SENT, skew_ms=0) == key("peer")


async def test_request_headers_of_a_greeting() -> None:
    golden = GOLDEN["headers"]["greeting_of_empty_body"]
    assert await sign_request(Signer("peer"), recipient=ANY_RECIPIENT, sent_ms=SENT, body=b"") == golden
    received = [(name.lower().encode(), value.encode()) for name, value in golden.items()]
    caller = check_request(received, b"", own_id=key("node"), now=SENT, skew_ms=0, is_greeting=True)
    assert caller == key("peer")
