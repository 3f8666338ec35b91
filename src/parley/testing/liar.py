"""A node that lies: it greets, keeps links and takes records like any other, but what it answers to queries is false.

    python -m parley.testing.liar --data-dir DIR --peer http://127.0.0.1:7420 --lie expired --lie forged

It is the real node with one command replaced. The lies are told in turn, one per query, and for ever; strangers get
none, as nobody pays for an answer before it is checked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from typing import Final

from parley.adapters.http.server import RunningServer
from parley.adapters.jsonrpc.calls import encode_ok
from parley.adapters.jsonrpc.documents import QueryDocument, encode_answer, parse_query_document
from parley.errors import ParleyError, Rejected
from parley.node.commands import ALL_COMMANDS
from parley.node.config import NodeConfig, Setting, load_config
from parley.node.foreign import Caller, pool_query
from parley.node.identity import Identity
from parley.node.program import Program
from parley.node.registry import Audience, Command, RawResult, Refusal, Registry
from parley.node.running import running_node
from parley.node.wiring import Node
from parley.pool.messages import SIGNATURE_BYTES, Answer, Item, Query, Record, record_id
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant
from parley.testing.output import KeptOutput

__all__ = ["Lie", "lying_registry", "main", "running_liar", "tell"]

_HOUR_MS: Final = 3_600_000


class Lie(Enum):
    """What is false about an answer."""

    FORGED = "forged"
    """Where a record names its author's key, it names the liar's; where there are no records, one is made up."""
    EXPIRED = "expired"
    """A record, signed well, whose time was over an hour ago."""
    UNASKED = "unasked"
    """A record, signed well, under keys that nobody asked for."""
    CROWDED = "crowded"
    """More records than the size limit of the query."""


def tell(lie: Lie, answer: Answer, query: Query, teller: Identity, now: Instant) -> Answer:
    """Return a false answer in place of an honest one.

    Args:
        lie: to tell.
        answer: what an honest node would say.
        query: what was asked.
        teller: in whose interest, and who signs what has to be signed.
        now: the moment.
    """
    match lie:
        case Lie.FORGED:
            honest = answer.items or (Item("", _signed(teller, query.keys, created_ms=Instant(now - 1))),)
            items = tuple(replace(item, record=_altered(item.record, teller)) for item in honest)
        case Lie.EXPIRED:
            items = (Item("", _signed(teller, query.keys, created_ms=Instant(now - 2 * _HOUR_MS))),)
        case Lie.UNASKED:
            items = (Item("", _signed(teller, ("unasked", *query.keys[1:]), created_ms=Instant(now - 1))),)
        case Lie.CROWDED:
            items = (Item("", _signed(teller, query.keys, created_ms=Instant(now - 1))),) * (query.size_limit + 1)
    return replace(answer, items=items)


def lying_registry(lies: Sequence[Lie]) -> Registry:
    """Return the commands of a node whose answers to queries of its links are these lies in turn.

    Args:
        lies: one or more.
    """
    turns = itertools.cycle(lies)
    return Registry(_lying(command, turns) if command.run is pool_query else command for command in ALL_COMMANDS)


@contextlib.asynccontextmanager
async def running_liar(
    config: NodeConfig, settings: tuple[Setting, ...], lies: Sequence[Lie]
) -> AsyncIterator[tuple[Node, RunningServer]]:
    """Run a liar inside a block, as `parley.node.running.running_node` does an honest node.

    Raises:
        ConfigError: the directory or the address cannot be used.
    """
    registry = lying_registry(lies)
    program = Program(load_registry=lambda: registry, output=KeptOutput(), data_dir=None, environment={})
    async with running_node(program, config, settings) as (node, server):
        yield node, server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a liar until SIGINT or SIGTERM.

    Returns:
        The exit code: 0 done, 1 failed.
    """
    given = _parser().parse_args(arguments)
    lies = tuple(Lie(name) for name in given.lie) or (Lie.FORGED,)
    flags = {"data_dir": given.data_dir, "http": given.http, "peers": tuple(given.peer) or None}
    try:
        config, settings = load_config(flags=flags, environment=os.environ)
        asyncio.run(_run(config, settings, lies))
    except ParleyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _lying(honest: Command, turns: Iterator[Lie]) -> Command:
    async def lie(node: Node, parameters: QueryDocument, caller: Caller) -> RawResult | Rejected | Refusal:
        if not node.links.is_link(caller.node_id):
            return await pool_query(node, parameters, caller)
        query = parse_query_document(parameters)
        answer = await node.queries.of_link(caller.node_id, query, is_paid=True)
        if isinstance(answer, Rejected) or answer.duplicate:
            return RawResult(encode_ok(encode_answer(answer))) if isinstance(answer, Answer) else answer
        told = tell(next(turns), answer, query, node.identity, node.clock.now())
        return RawResult(encode_ok(encode_answer(told)))

    return Command(
        method=honest.method,
        audience=Audience.FOREIGN,
        parameters=honest.parameters,
        run=lie,
        summary=honest.summary,
        result=honest.result,
        codes=honest.codes,
    )


async def _run(config: NodeConfig, settings: tuple[Setting, ...], lies: Sequence[Lie]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running_liar(config, settings, lies):
        await stopped.wait()


def _signed(teller: Identity, keys: tuple[str, ...], *, created_ms: Instant) -> Record:
    expires_ms = Instant(created_ms + _HOUR_MS)
    author = AuthorKey(teller.node_id)
    unsigned = Record(author, keys, "{}", created_ms, created_ms, expires_ms, bytes(SIGNATURE_BYTES))
    return replace(unsigned, signature=teller.sign_now(record_id(unsigned)))


def _altered(record: Record, teller: Identity) -> Record:
    """Put the teller's key where the author wrote its own; whatever the message, it is another afterwards."""
    message = record.message.replace(record.author.hex(), teller.node_id.hex())
    return replace(record, message=message if message != record.message else f"{record.message} ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parley.testing.liar", description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", metavar="DIR", required=True, help="the liar's directory")
    parser.add_argument("--http", metavar="HOST:PORT", default="127.0.0.1:0", help="address to listen on")
    parser.add_argument("--peer", metavar="URL", action="append", default=[], help="whom to link with")
    parser.add_argument("--lie", choices=[lie.value for lie in Lie], action="append", default=[], help="in turn")
    return parser


if __name__ == "__main__":
    sys.exit(main())
