"""What peers and strangers can ask of a node: greetings, addresses, queries, and records against work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parley.adapters.jsonrpc.calls import encode_ok
from parley.adapters.jsonrpc.documents import (
    PushDocument,
    QueryDocument,
    RemoveDocument,
    WorkDocument,
    encode_answer,
    parse_query_document,
    parse_record_document,
    parse_removal_document,
)
from parley.adapters.jsonrpc.greetings import AddressesDocument, HelloDocument, encode_hello_answer
from parley.errors import ErrorCode, Rejected
from parley.node.acts import PUSH_PURPOSE, QUERY_PURPOSE, act_of_query
from parley.node.registry import Audience, Command, RawResult, Refusal
from parley.node.wiring import Node
from parley.pool.addresses import source_network
from parley.pool.allowance import quote_query
from parley.pool.messages import encode_record
from parley.primitives.ids import NodeId

__all__ = ["FOREIGN_COMMANDS", "Caller", "peer_addresses", "peer_hello", "pool_push", "pool_query", "pool_remove"]

_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request to `/v2/foreign`.

    Attributes:
        node_id: whose signature the request carries; empty for an anonymous stranger.
        host: IP address it came from.
    """

    node_id: NodeId
    host: str


async def peer_hello(node: Node, parameters: HelloDocument, caller: Caller) -> RawResult | Rejected:
    """Tell who this node is, and greet back at the caller's address before it becomes a link."""
    if not caller.node_id:
        return Rejected(ErrorCode.UNAUTHORIZED)
    if parameters.network != node.config.network:
        return Rejected(ErrorCode.PEER_REFUSED, {"network": node.config.network})
    answer = await node.links.answer_hello(parameters, caller.node_id, caller.host)
    return answer if isinstance(answer, Rejected) else RawResult(encode_ok(encode_hello_answer(answer)))


async def peer_addresses(node: Node, parameters: AddressesDocument, caller: Caller) -> list[str] | Rejected:
    """Tell a link addresses of other nodes."""
    if not node.links.is_link(caller.node_id):
        return Rejected(ErrorCode.NOT_PUBLIC)
    return list(node.links.shared_addresses(caller.node_id, parameters.limit))


async def pool_query(node: Node, parameters: QueryDocument, caller: Caller) -> RawResult | Rejected | Refusal:
    """Answer a copy of a query: for a link against its allowance, for a stranger against work."""
    query = parse_query_document(parameters)
    is_link = node.links.is_link(caller.node_id)
    if not is_link:
        cost_units = quote_query(
            remaining=min(query.remaining, node.config.pool.deepness_max),
            size_limit=min(query.size_limit, node.config.pool.size_limit_max),
            links=len(node.links.links),
            units_max=node.config.pool.bucket_units,
        )
        units = node.config.work.query_units * (-(-cost_units // _THOUSAND))
        act = act_of_query(query)
        refusal = await _admit(node, caller, parameters.work, act=act, purpose=QUERY_PURPOSE, units=units)
        if refusal is not None:
            return refusal
    answer = await node.queries.of_link(caller.node_id, query, is_paid=not is_link)
    outcome = answer.code.name.lower() if isinstance(answer, Rejected) else "ok"
    node.metrics.queries.labels("link" if is_link else "stranger", outcome).inc()
    return answer if isinstance(answer, Rejected) else RawResult(encode_ok(encode_answer(answer)))


async def pool_push(node: Node, parameters: PushDocument, caller: Caller) -> dict[str, Any] | Rejected | Refusal:
    """Take a stranger's record in, against work."""
    record = parse_record_document(parameters.record)
    refused = node.check(record)
    if refused is not None:
        return refused
    refusal = await _admit(
        node,
        caller,
        parameters.work,
        act=encode_record(record),
        purpose=PUSH_PURPOSE,
        units=node.config.work.push_units,
    )
    if refusal is not None:
        return refusal
    outcome = node.push(record, f"host:{source_network(caller.host)}")
    if isinstance(outcome, Rejected):
        return outcome
    return {"id": outcome.entry.id().hex(), "stored": not outcome.is_repeat, "evicted": outcome.evicted}


async def pool_remove(node: Node, parameters: RemoveDocument, caller: Caller) -> Rejected | None:
    """Take a stranger's record out on its author's signed order."""
    if not node.config.public and not node.links.is_link(caller.node_id):
        return Rejected(ErrorCode.NOT_PUBLIC)
    outcome = node.remove(parse_removal_document(parameters.removal))
    return outcome if isinstance(outcome, Rejected) else None


async def _admit(
    node: Node, caller: Caller, work: WorkDocument | None, *, act: bytes, purpose: str, units: int
) -> Rejected | Refusal | None:
    if not node.config.public:
        return Rejected(ErrorCode.NOT_PUBLIC)
    return await node.gate.admit(sender=caller.node_id, act=act, purpose=purpose, units=units, work=work)


_WORK_CODES = (ErrorCode.NOT_PUBLIC, ErrorCode.WORK_REQUIRED, ErrorCode.WORK_REJECTED, ErrorCode.ALREADY_SPENT)

FOREIGN_COMMANDS = (
    Command(
        method="peer_hello",
        audience=Audience.FOREIGN,
        parameters=HelloDocument,
        run=peer_hello,
        summary="Tell who this node is, and offer a link.",
        result="{id, version, network, address, signature}",
        codes=(ErrorCode.UNAUTHORIZED, ErrorCode.PEER_REFUSED),
    ),
    Command(
        method="peer_addresses",
        audience=Audience.FOREIGN,
        parameters=AddressesDocument,
        run=peer_addresses,
        summary="Tell a link addresses of other nodes.",
        result="list of URLs",
        codes=(ErrorCode.NOT_PUBLIC,),
    ),
    Command(
        method="pool_query",
        audience=Audience.FOREIGN,
        parameters=QueryDocument,
        run=pool_query,
        summary="Answer a copy of a query.",
        result="{items, stats, duplicate}",
        codes=(ErrorCode.RATE_LIMITED, ErrorCode.BUSY, *_WORK_CODES),
    ),
    Command(
        method="pool_push",
        audience=Audience.FOREIGN,
        parameters=PushDocument,
        run=pool_push,
        summary="Take a signed record in, against work.",
        result="{id, stored, evicted}",
        codes=(ErrorCode.BAD_SIGNATURE, ErrorCode.STALE_SEQUENCE, ErrorCode.QUOTA_EXCEEDED, *_WORK_CODES),
    ),
    Command(
        method="pool_remove",
        audience=Audience.FOREIGN,
        parameters=RemoveDocument,
        run=pool_remove,
        summary="Take a record out on its author's signed order.",
        codes=(ErrorCode.NOT_PUBLIC, ErrorCode.NOT_FOUND, ErrorCode.BAD_SIGNATURE, ErrorCode.STALE_SEQUENCE),
    ),
)
