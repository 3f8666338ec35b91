"""The command line of a stranger: ask a public node, or give it a record, without running one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta

from parley.errors import ConfigError, ErrorCode, LocalError, Rejected
from parley.node.program import Program
from parley.node.registry import Audience, Command

if TYPE_CHECKING:  # slow to load, and `parley --help` needs none of it
    from parley.node.stranger import Stranger

__all__ = ["STRANGER_COMMANDS", "PushAt", "QueryAt", "push_at", "query_at"]

ValueT = TypeVar("ValueT")

_MS_PER_SECOND = 1_000
_REQUEST_ID_BYTES = 16
_RECORD_FILE_BYTES_MAX = 262_144

Url = Annotated[str, Meta(title="URL", description="of a public node, such as https://pool.example.org")]
Tries = Annotated[int, Meta(ge=1, le=2**53, description="most work to do, in expected hash tries")]


class QueryAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `pool query-at`."""

    url: Url
    keys: Annotated[list[str], Meta(min_length=1, max_length=8, description="prefix of 1 to 8 keys")]
    deepness: Annotated[int, Meta(ge=1, le=16, description="1: that node only; each more: one hop farther")] = 1
    size_limit: Annotated[int, Meta(ge=1, le=100_000, description="most records to return")] = 100
    tries: Tries = 10_000_000


class PushAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `pool push-at`."""

    url: Url
    file: Annotated[str, Meta(title="FILE", description="JSON of one signed record")]
    tries: Tries = 10_000_000


async def query_at(program: Program, parameters: QueryAt) -> int:
    """Ask a public node for records, and verify each of them."""
    from parley.adapters.jsonrpc.owner_documents import encode_owner_answer
    from parley.adapters.system import SystemEntropy
    from parley.pool.messages import Query
    from parley.primitives.ids import RequestId

    query = Query(
        RequestId(SystemEntropy().take(_REQUEST_ID_BYTES)),
        tuple(parameters.keys),
        parameters.deepness,
        parameters.size_limit,
        None,
        8 * _MS_PER_SECOND,
    )
    answer = await _with_stranger(program, parameters.url, parameters.tries, lambda stranger: stranger.query(query))
    program.output.document(msgspec.json.decode(encode_owner_answer(answer, stats=True, proofs=True)))
    program.output.table(
        ("node", "keys", "message"),
        [(item.node, "/".join(item.record.keys), item.record.message) for item in answer.items],
        title=f"{len(answer.items)} records, all verified",
    )
    return 0


async def push_at(program: Program, parameters: PushAt) -> int:
    """Give a signed record to a public node."""
    import asyncio

    from parley.adapters.jsonrpc.documents import RecordDocument, parse_record_document

    try:
        raw = await asyncio.to_thread(Path(parameters.file).read_bytes)
        record = parse_record_document(msgspec.json.decode(raw[:_RECORD_FILE_BYTES_MAX], type=RecordDocument))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LocalError(ErrorCode.MALFORMED, file=parameters.file, wanted="JSON of one signed record") from error
    await _with_stranger(program, parameters.url, parameters.tries, lambda stranger: stranger.push(record))
    program.output.result({"stored": True})
    return 0


async def _with_stranger(
    program: Program, url: str, tries_max: int, act: Callable[[Stranger], Awaitable[ValueT]]
) -> ValueT:
    from parley.adapters.http.client import HttpTransport
    from parley.adapters.solving import WorkSolver
    from parley.adapters.system import SystemClock, SystemEntropy
    from parley.node.config import load_config
    from parley.node.identity import Identity
    from parley.node.requests import PeerRequests
    from parley.node.running import proxy_of
    from parley.node.stranger import Stranger
    from parley.pool.addresses import parse_address
    from parley.primitives.one_shot import SecretKey
    from parley.protocol.proof_of_work import ProofOfWork
    from parley.protocol.work import Registry

    address = parse_address(url)
    if isinstance(address, Rejected):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="URL", **address.facts)
    config, _ = load_config(flags={"data_dir": program.data_dir}, environment=program.environment)
    clock, entropy = SystemClock(), SystemEntropy()
    identity = Identity(SecretKey(entropy.take(32)), entropy)
    async with HttpTransport(proxy_of(config)) as transport, WorkSolver() as solver:
        requests = PeerRequests(
            identity=identity, clock=clock, entropy=entropy, transport=transport, network=config.network
        )
        with program.output.progress("asking, and working for it") as progress:
            stranger = Stranger(
                requests,
                own_id=identity.node_id,
                address=address,
                methods=Registry((ProofOfWork(),)),
                tries_max=tries_max,
                clock=clock,
                solver=solver,
                on_progress=lambda made: progress.advance(made.tries, f"{made.tries:,} tries"),
            )
            return await act(stranger)


STRANGER_COMMANDS = (
    Command(
        method="pool_query_at",
        audience=Audience.LOCAL,
        parameters=QueryAt,
        run=query_at,
        summary="Ask a public node without running one; pays by work.",
        words=("pool", "query-at"),
        arguments=("url", "keys"),
    ),
    Command(
        method="pool_push_at",
        audience=Audience.LOCAL,
        parameters=PushAt,
        run=push_at,
        summary="Give a signed record to a public node; pays by work.",
        words=("pool", "push-at"),
        arguments=("url", "file"),
    ),
)
