"""What a node's owner can ask of the pool: the seed's two methods, and those around them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from parley.adapters.jsonrpc.documents import (
    RecordDocument,
    RemovalDocument,
    parse_record_document,
    parse_removal_document,
)
from parley.adapters.jsonrpc.owner_documents import encode_owner_answer
from parley.errors import ErrorCode, Rejected
from parley.node.registry import Audience, Command, NoParameters, RawResult
from parley.pool.entries import Entry
from parley.pool.messages import Query, Record, Removal, is_keys, record_id, removal_id
from parley.pool.table import OWNER_LINK
from parley.primitives.ids import AuthorKey, RecordId, RequestId
from parley.primitives.instants import Instant

if TYPE_CHECKING:  # slow to load, and the command line only reads the commands
    from parley.node.wiring import Node

__all__ = [
    "OWNER_COMMANDS",
    "PoolTree",
    "PushMessage",
    "QueryMessage",
    "RemoveMessage",
    "pool_status",
    "pool_tree",
    "push_message",
    "query_message",
    "remove_message",
]

_MS_PER_SECOND = 1_000
_REQUEST_ID_BYTES = 16
_EXPIRATION_DEFAULT_S = 600

Keys = Annotated[list[str], Meta(max_length=8, description="1 to 8 keys of 1 to 64 bytes, from general to particular")]
Seconds = Annotated[int, Meta(ge=1, le=2_592_000)]


class PushMessage(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"keys": "Keys", "message": "Message", "expiration": "Expiration"},
):
    """Parameters of push_message: either Keys, Message and Expiration, or a signed record."""

    keys: Keys = msgspec.field(default_factory=list)
    message: Annotated[str, Meta(description="any text; may be JSON", extra={"stdin": True})] | None = None
    expiration: Annotated[Seconds, Meta(description="seconds until the record ends")] = _EXPIRATION_DEFAULT_S
    sequence: (
        Annotated[int, Meta(ge=0, le=2**53 - 1, description="higher than any before; left out: the time")] | None
    ) = None
    record: Annotated[RecordDocument, Meta(description="an already signed record, instead of all others")] | None = None


class QueryMessage(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of query_message."""

    keys: Keys
    deepness: Annotated[int, Meta(ge=1, le=16, description="1: this node only; each more: one hop farther")] = 4
    size_limit: Annotated[int, Meta(ge=1, le=100_000, description="most records to return")] = 1_000
    expiration: Annotated[int, Meta(ge=1, le=2_592_000, description="largest age in seconds")] | None = None
    stats: Annotated[bool, Meta(description="say how complete the answer is")] = False
    proofs: Annotated[bool, Meta(description="add the signed record to each entry")] = False
    budget_ms: Annotated[int, Meta(ge=1, le=600_000, description="answer within so many milliseconds")] | None = None


class RemoveMessage(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of remove_message: keys or id of an own record, or a signed removal."""

    keys: Keys = msgspec.field(default_factory=list)
    id: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="record id")] | None = None
    removal: Annotated[RemovalDocument, Meta(description="another author's signed removal")] | None = None


class PoolTree(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of pool_tree."""

    keys: Keys = msgspec.field(default_factory=list)


async def push_message(node: Node, parameters: PushMessage) -> Rejected | None:
    """Put a record into this node's pool, signed by the node unless it comes signed."""
    is_plain = bool(parameters.keys) or parameters.message is not None or parameters.sequence is not None
    if parameters.record is not None and is_plain:
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "record", "fault": "beside the parts of a plain push"})
    record = (
        parse_record_document(parameters.record) if parameters.record is not None else _own_record(node, parameters)
    )
    if isinstance(record, Rejected):
        return record
    outcome = node.push(record, OWNER_LINK)
    return outcome if isinstance(outcome, Rejected) else None


def _own_record(node: Node, parameters: PushMessage) -> Record | Rejected:
    if not parameters.keys or parameters.message is None:
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "Keys and Message, or record"})
    now = node.clock.now()
    keys = tuple(parameters.keys)
    author = AuthorKey(node.identity.node_id)
    sequence = parameters.sequence
    if sequence is None:
        held = node.table.held_sequence(keys, author)
        sequence = now if held is None else max(now, held + 1)
    expires_ms = Instant(now + parameters.expiration * _MS_PER_SECOND)
    unsigned = Record(author, keys, parameters.message, sequence, now, expires_ms, bytes(64))
    refusal = node.check(unsigned)
    if refusal is not None:
        return refusal
    return replace(unsigned, signature=node.identity.sign_now(record_id(unsigned)))


async def query_message(node: Node, parameters: QueryMessage) -> RawResult | Rejected:
    """Find records under a prefix of keys, as deep as asked."""
    config = node.config.pool
    keys = tuple(parameters.keys)
    max_age_ms = None if parameters.expiration is None else parameters.expiration * _MS_PER_SECOND
    if parameters.deepness == 1 and not parameters.stats:
        entries = node.router.local(keys, parameters.size_limit, max_age_ms, node.clock.now())
        if isinstance(entries, Rejected):
            return entries
        return RawResult(node.shown.encode(entries, proofs=parameters.proofs))
    budget_ms = config.budget_ms if parameters.budget_ms is None else min(parameters.budget_ms, config.seen_ms)
    query = Query(
        RequestId(node.entropy.take(_REQUEST_ID_BYTES)),
        keys,
        parameters.deepness,
        parameters.size_limit,
        max_age_ms,
        budget_ms,
    )
    answer = await node.query(query)
    if isinstance(answer, Rejected):
        return answer
    return RawResult(encode_owner_answer(answer, stats=parameters.stats, proofs=parameters.proofs))


async def remove_message(node: Node, parameters: RemoveMessage) -> Rejected | None:
    """Take a record out of this node's pool; its address stays closed until the old expiry."""
    now = node.clock.now()
    if bool(parameters.keys) + (parameters.id is not None) + (parameters.removal is not None) != 1:
        return Rejected(ErrorCode.INVALID_PARAMS, {"parameter": "one of keys, id and removal"})
    if parameters.removal is not None:
        removal = parse_removal_document(parameters.removal)
    elif parameters.keys and not is_keys(tuple(parameters.keys)):
        return Rejected(ErrorCode.KEYS_INVALID)
    else:
        entry = _own_entry(node, parameters, now)
        if entry is None:
            return Rejected(ErrorCode.NOT_FOUND)
        unsigned = Removal(entry.author, entry.keys(), entry.sequence, bytes(64))
        removal = replace(unsigned, signature=node.identity.sign_now(removal_id(unsigned)))
    outcome = node.remove(removal)
    return outcome if isinstance(outcome, Rejected) else None


def _own_entry(node: Node, parameters: RemoveMessage, now: Instant) -> Entry | None:
    author = AuthorKey(node.identity.node_id)
    if parameters.keys:
        return node.table.find(tuple(parameters.keys), author, now)
    wanted = None if parameters.id is None else RecordId(bytes.fromhex(parameters.id))
    return next((entry for entry in node.table.of_author(author) if entry.id() == wanted), None)


async def pool_status(node: Node, parameters: NoParameters) -> dict[str, Any]:
    """Say what the pool holds, its limits, and who holds most."""
    del parameters
    node.table.expire(node.clock.now())
    config = node.config.pool
    return {
        "records": node.table.records - node.table.tombstones,
        "tombstones": node.table.tombstones,
        "size_bytes": node.table.size_bytes,
        "records_max": config.records_max,
        "pool_bytes_max": config.pool_bytes_max,
        "open_queries": node.router.open_queries,
        "links": {
            link.name: {"records": link.records, "size_bytes": link.size_bytes, "authors": len(link.authors)}
            for link in node.table.links()
        },
        "quotas": {
            "author_records_max": config.author_records_max,
            "author_bytes_max": config.author_bytes_max,
            "link_records_max": config.link_records_max,
            "link_bytes_max": config.link_bytes_max,
        },
    }


async def pool_tree(node: Node, parameters: PoolTree) -> list[dict[str, Any]] | Rejected:
    """List the keys that follow a prefix in this node's pool, with the number of live records under each."""
    keys = tuple(parameters.keys)
    if keys and not is_keys(keys):
        return Rejected(ErrorCode.KEYS_INVALID)
    return [{"key": key, "records": count} for key, count in node.table.children(keys, node.clock.now())]


_PUSH_CODES = (
    ErrorCode.INVALID_PARAMS,
    ErrorCode.TOO_LARGE,
    ErrorCode.KEYS_INVALID,
    ErrorCode.BAD_SIGNATURE,
    ErrorCode.EXPIRED,
    ErrorCode.CLOCK_SKEW,
    ErrorCode.LIFETIME_TOO_LONG,
    ErrorCode.STALE_SEQUENCE,
    ErrorCode.REMOVED,
    ErrorCode.QUOTA_EXCEEDED,
)

OWNER_COMMANDS = (
    Command(
        method="push_message",
        audience=Audience.OWNER,
        parameters=PushMessage,
        run=push_message,
        summary="Put a record into this node's pool.",
        words=("pool", "push"),
        arguments=("keys",),
        codes=_PUSH_CODES,
    ),
    Command(
        method="query_message",
        audience=Audience.OWNER,
        parameters=QueryMessage,
        run=query_message,
        summary="Find records under a prefix of keys, as deep as asked.",
        words=("pool", "query"),
        arguments=("keys",),
        result="list of {Node, Keys, Message}; with proofs also Record; with stats a sibling `stats`",
        codes=(ErrorCode.KEYS_INVALID, ErrorCode.INVALID_PARAMS, ErrorCode.BUSY),
    ),
    Command(
        method="remove_message",
        audience=Audience.OWNER,
        parameters=RemoveMessage,
        run=remove_message,
        summary="Take a record out of this node's pool.",
        words=("pool", "rm"),
        arguments=("keys",),
        codes=(
            ErrorCode.INVALID_PARAMS,
            ErrorCode.KEYS_INVALID,
            ErrorCode.NOT_FOUND,
            ErrorCode.STALE_SEQUENCE,
            ErrorCode.BAD_SIGNATURE,
        ),
    ),
    Command(
        method="pool_status",
        audience=Audience.OWNER,
        parameters=NoParameters,
        run=pool_status,
        summary="Say what the pool holds, its limits, and who holds how much.",
        words=("pool", "status"),
        result="counts, bytes, limits, holdings per link",
    ),
    Command(
        method="pool_tree",
        audience=Audience.OWNER,
        parameters=PoolTree,
        run=pool_tree,
        summary="List the keys that follow a prefix in this node's pool.",
        words=("pool", "tree"),
        arguments=("keys",),
        result="list of {key, records}",
        codes=(ErrorCode.KEYS_INVALID,),
    ),
)
