"""Answers and documents of remotes: what is read encodes to bytes that read the same.

The first byte says which decoder reads the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from parley.adapters.jsonrpc.answers import parse_reply
from parley.adapters.jsonrpc.documents import (
    PushDocument,
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
    work_document,
)
from parley.adapters.jsonrpc.greetings import (
    HelloDocument,
    encode_hello_answer,
    parse_addresses_answer,
    parse_hello_answer,
    parse_nonce,
)
from parley.adapters.jsonrpc.owner_documents import ShownEntries, encode_owner_answer
from parley.adapters.jsonrpc.params import parse_params
from parley.errors import PeerError, Rejected
from parley.pool.entries import Entry
from parley.pool.messages import Record, encode_record, parse_record

__all__ = ["fuzz_one"]


def fuzz_one(data: bytes) -> None:
    """Read a document and, where it can be read, encode it and read it again."""
    _DECODERS[data[0] % len(_DECODERS) if data else 0](data[1:])


def _same(first: object, again: object) -> None:
    if first != again:
        message = "what was read is something else when it is read again"
        raise AssertionError(message)


def _read(raw: bytes, kind: type[msgspec.Struct]) -> Any:  # noqa: ANN401  # the struct of the kind
    parsed = parse_params(raw, kind)
    if isinstance(parsed, Rejected):
        raise PeerError(parsed.code)
    return parsed


def _answer(raw: bytes) -> None:
    answer = parse_answer_document(raw)
    _same(answer, parse_answer_document(encode_answer(answer)))
    encode_owner_answer(answer, stats=True, proofs=True)
    for item in answer.items:
        _canonical(item.record)


def _canonical(record: Record) -> None:
    _same(record, parse_record(encode_record(record)))
    entry = Entry(encode_record(record), record.expires_ms, record.expires_ms, 1)
    ShownEntries("node").encode([entry], proofs=False)


def _record(raw: bytes) -> None:
    record = parse_record_document(_read(raw, RecordDocument))
    _same(record, parse_record_document(record_document(record)))
    _canonical(record)


def _removal(raw: bytes) -> None:
    removal = parse_removal_document(_read(raw, RemovalDocument))
    _same(removal, parse_removal_document(removal_document(removal)))


def _query(raw: bytes) -> None:
    query = parse_query_document(_read(raw, QueryDocument))
    _same(query, parse_query_document(_read(query_params(query), QueryDocument)))


def _work(raw: bytes) -> None:
    challenge, proof = parse_work_document(_read(raw, WorkDocument))
    _same((challenge, proof), parse_work_document(work_document(challenge, proof)))


def _push(raw: bytes) -> None:
    push = _read(raw, PushDocument)
    parse_record_document(push.record)
    if push.work is not None:
        parse_work_document(push.work)


def _hello(raw: bytes) -> None:
    parse_nonce(_read(raw, HelloDocument))


def _hello_answer(raw: bytes) -> None:
    answer = parse_hello_answer(raw)
    _same(answer, parse_hello_answer(encode_hello_answer(answer)))


def _addresses(raw: bytes) -> None:
    parse_addresses_answer(raw)


def _reply(raw: bytes) -> None:
    value = parse_reply(raw)
    msgspec.json.decode(value)


_DECODERS: tuple[Callable[[bytes], None], ...] = (
    _answer,
    _record,
    _removal,
    _query,
    _work,
    _push,
    _hello,
    _hello_answer,
    _addresses,
    _reply,
)
