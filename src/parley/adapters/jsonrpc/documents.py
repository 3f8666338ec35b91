"""The JSON documents of the pool and of its peers, and how they become the values of the pool and back.

Every field is declared with its range, so that the decoder refuses what is out of it; what a range cannot say (hex,
UTF-8 lengths, one number below another) the conversions check. They raise PeerError and nothing else. Hex is lower
case on output and of either case on input.

Source: docs/spec/pool.md; docs/spec/peers.md.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, PeerError
from parley.pool.messages import (
    KEY_BYTES_MAX,
    KEYS_MAX,
    MESSAGE_BYTES_CEILING,
    SEQUENCE_MAX,
    Answer,
    Item,
    Query,
    Record,
    Removal,
    Stats,
    is_keys,
)
from parley.primitives.ids import AuthorKey, RequestId
from parley.primitives.instants import INSTANT_MAX_MS, Instant
from parley.protocol.challenges import CHALLENGE_MAX_BYTES, Challenge, encode_challenge, parse_challenge

__all__ = [
    "AnswerDocument",
    "ItemDocument",
    "PushDocument",
    "QueryDocument",
    "RecordDocument",
    "RemovalDocument",
    "RemoveDocument",
    "StatsDocument",
    "WorkDocument",
    "answer_document",
    "decode_document",
    "encode_answer",
    "parse_answer_document",
    "parse_query_document",
    "parse_record_document",
    "parse_removal_document",
    "parse_work_document",
    "push_params",
    "query_params",
    "record_document",
    "removal_document",
    "remove_params",
    "stats_document",
    "work_document",
]

DocumentT = TypeVar("DocumentT")

_PROOF_BYTES_MAX: Final = 16_384
_ITEMS_MAX: Final = 100_000
_COUNT_MAX: Final = 2**31 - 1
_NODE_NAME_MAX: Final = 128
_NAMES_MAX: Final = 32
_DEEPNESS_CEILING: Final = 16
_BUDGET_MS_MAX: Final = 600_000


def _base64_characters(size_bytes: int) -> int:
    return (size_bytes + 2) // 3 * 4


Hex16 = Annotated[str, Meta(min_length=32, max_length=32, description="16 bytes in hex")]
Hex32 = Annotated[str, Meta(min_length=64, max_length=64, description="32 bytes in hex")]
Hex64 = Annotated[str, Meta(min_length=128, max_length=128, description="64 bytes in hex")]
Key = Annotated[str, Meta(min_length=1, max_length=KEY_BYTES_MAX)]
Keys = Annotated[tuple[Key, ...], Meta(min_length=1, max_length=KEYS_MAX)]
Sequence = Annotated[int, Meta(ge=0, le=SEQUENCE_MAX)]
InstantNumber = Annotated[int, Meta(ge=0, le=INSTANT_MAX_MS)]
Count = Annotated[int, Meta(ge=0, le=_COUNT_MAX)]
NodeName = Annotated[str, Meta(max_length=_NODE_NAME_MAX)]


class RecordDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A signed record."""

    author: Hex32
    keys: Keys
    message: Annotated[str, Meta(max_length=MESSAGE_BYTES_CEILING)]
    sequence: Sequence
    created_ms: InstantNumber
    expires_ms: InstantNumber
    signature: Hex64


class RemovalDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A signed order to remove what stands at an address."""

    author: Hex32
    keys: Keys
    sequence: Sequence
    signature: Hex64


class WorkDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A challenge that was solved, and the proof of it."""

    challenge: Annotated[str, Meta(max_length=_base64_characters(CHALLENGE_MAX_BYTES), description="base64")]
    proof: Annotated[str, Meta(max_length=_base64_characters(_PROOF_BYTES_MAX), description="base64")]


class QueryDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False, omit_defaults=True):
    """Parameters of pool_query."""

    request_id: Hex16
    keys: Keys
    remaining: Annotated[int, Meta(ge=1, le=_DEEPNESS_CEILING)]
    size_limit: Annotated[int, Meta(ge=1, le=_ITEMS_MAX)]
    max_age_ms: InstantNumber | None
    budget_ms: Annotated[int, Meta(ge=1, le=_BUDGET_MS_MAX)]
    work: WorkDocument | None = None


class PushDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False, omit_defaults=True):
    """Parameters of pool_push."""

    record: RecordDocument
    work: WorkDocument | None = None


class RemoveDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Parameters of pool_remove."""

    removal: RemovalDocument


class ItemDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A found record, and what the node that found it calls itself."""

    node: NodeName
    record: RecordDocument


class StatsDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How complete an answer is."""

    asked: Count
    answered: Count
    timed_out: Count
    refused: Count
    duplicates: Count
    truncated_by: Annotated[tuple[NodeName, ...], Meta(max_length=_NAMES_MAX)]
    hops: Annotated[int, Meta(ge=0, le=_DEEPNESS_CEILING)]


class AnswerDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What pool_query answers."""

    items: Annotated[tuple[ItemDocument, ...], Meta(max_length=_ITEMS_MAX)]
    stats: StatsDocument
    duplicate: bool


_ANSWER: Final = msgspec.json.Decoder(AnswerDocument)
_encode: Final = msgspec.json.Encoder().encode


def _refuse(field: str) -> NoReturn:
    raise PeerError(ErrorCode.MALFORMED, field=field)


def _bytes_of(text: str, field: str) -> bytes:
    """Read hex whose length the decoder has checked."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        _refuse(field)


def record_document(record: Record) -> RecordDocument:
    """Return a record as a document."""
    return RecordDocument(
        record.author.hex(),
        record.keys,
        record.message,
        record.sequence,
        record.created_ms,
        record.expires_ms,
        record.signature.hex(),
    )


def parse_record_document(document: RecordDocument) -> Record:
    """Return the record of a document; form only, neither times nor signature.

    Raises:
        PeerError: KEYS_INVALID, TOO_LARGE (the message), or MALFORMED (hex, or expires before created).
    """
    if not is_keys(document.keys):
        raise PeerError(ErrorCode.KEYS_INVALID)
    message = document.message
    if not message.isascii() and len(message.encode()) > MESSAGE_BYTES_CEILING:
        raise PeerError(ErrorCode.TOO_LARGE, field="message", limit_bytes=MESSAGE_BYTES_CEILING)
    if document.created_ms >= document.expires_ms:
        _refuse("created_ms or expires_ms")
    return Record(
        AuthorKey(_bytes_of(document.author, "author")),
        document.keys,
        message,
        document.sequence,
        Instant(document.created_ms),
        Instant(document.expires_ms),
        _bytes_of(document.signature, "signature"),
    )


def removal_document(removal: Removal) -> RemovalDocument:
    """Return a removal as a document."""
    return RemovalDocument(removal.author.hex(), removal.keys, removal.sequence, removal.signature.hex())


def parse_removal_document(document: RemovalDocument) -> Removal:
    """Return the removal of a document; form only, not the signature.

    Raises:
        PeerError: KEYS_INVALID or MALFORMED (hex).
    """
    if not is_keys(document.keys):
        raise PeerError(ErrorCode.KEYS_INVALID)
    author = AuthorKey(_bytes_of(document.author, "author"))
    return Removal(author, document.keys, document.sequence, _bytes_of(document.signature, "signature"))


def work_document(challenge: Challenge, proof: bytes) -> WorkDocument:
    """Return a solved challenge as a document."""
    raw = encode_challenge(challenge)
    return WorkDocument(base64.b64encode(raw).decode(), base64.b64encode(proof).decode())


def parse_work_document(document: WorkDocument) -> tuple[Challenge, bytes]:
    """Return the challenge and the proof of a document; whether they are good is not judged.

    Raises:
        PeerError: MALFORMED or TOO_LARGE.
    """
    try:
        raw = base64.b64decode(document.challenge, validate=True)
        proof = base64.b64decode(document.proof, validate=True)
    except ValueError:
        _refuse("work")
    return parse_challenge(raw), proof


def query_params(query: Query, work: WorkDocument | None = None) -> bytes:
    """Return the parameters of pool_query, as JSON."""
    return _encode(
        QueryDocument(
            query.request_id.hex(),
            query.keys,
            query.remaining,
            query.size_limit,
            query.max_age_ms,
            query.budget_ms,
            work,
        )
    )


def parse_query_document(document: QueryDocument) -> Query:
    """Return the query of a document.

    Raises:
        PeerError: KEYS_INVALID or MALFORMED (hex).
    """
    if not is_keys(document.keys):
        raise PeerError(ErrorCode.KEYS_INVALID)
    return Query(
        RequestId(_bytes_of(document.request_id, "request_id")),
        document.keys,
        document.remaining,
        document.size_limit,
        document.max_age_ms,
        document.budget_ms,
    )


def push_params(record: Record, work: WorkDocument | None = None) -> bytes:
    """Return the parameters of pool_push, as JSON."""
    return _encode(PushDocument(record_document(record), work))


def remove_params(removal: Removal) -> bytes:
    """Return the parameters of pool_remove, as JSON."""
    return _encode(RemoveDocument(removal_document(removal)))


def stats_document(stats: Stats) -> StatsDocument:
    """Return statistics as a document; counts above what a document holds are cut, as they only inform."""
    return StatsDocument(
        asked=min(stats.asked, _COUNT_MAX),
        answered=min(stats.answered, _COUNT_MAX),
        timed_out=min(stats.timed_out, _COUNT_MAX),
        refused=min(stats.refused, _COUNT_MAX),
        duplicates=min(stats.duplicates, _COUNT_MAX),
        truncated_by=tuple(name[:_NODE_NAME_MAX] for name in stats.truncated_by[:_NAMES_MAX]),
        hops=min(stats.hops, _DEEPNESS_CEILING),
    )


def answer_document(answer: Answer) -> AnswerDocument:
    """Return an answer as a document."""
    items = tuple(ItemDocument(item.node[:_NODE_NAME_MAX], record_document(item.record)) for item in answer.items)
    return AnswerDocument(items, stats_document(answer.stats), answer.duplicate)


def encode_answer(answer: Answer) -> bytes:
    """Return what pool_query answers, as JSON, without the `Ok` around it."""
    return _encode(answer_document(answer))


def parse_answer_document(raw: bytes) -> Answer:
    """Read what pool_query answered; records are checked for form only.

    Args:
        raw: JSON of the value under `Ok`, see `answers.parse_reply`.

    Raises:
        PeerError: the bytes are no such answer.
    """
    document = decode_document(raw, _ANSWER, "answer")
    items = tuple(Item(item.node, parse_record_document(item.record)) for item in document.items)
    stats = document.stats
    counted = Stats(
        stats.asked,
        stats.answered,
        stats.timed_out,
        stats.refused,
        stats.duplicates,
        stats.truncated_by,
        stats.hops,
    )
    return Answer(items, counted, document.duplicate)


def decode_document(raw: bytes, decoder: msgspec.json.Decoder[DocumentT], name: str) -> DocumentT:
    """Decode a document of a remote.

    Raises:
        PeerError: MALFORMED, naming the document.
    """
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PeerError(ErrorCode.MALFORMED, document=name) from None
