"""What the command line does in its own process: run a node, say who it is, show settings, verify files."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from parley.errors import ErrorCode, LocalError
from parley.node.config import load_config
from parley.node.data_directory import DataDirectory
from parley.node.program import Program, Tone
from parley.node.registry import Audience, Command, NoParameters

__all__ = ["LOCAL_COMMANDS", "NodeRun", "VerifyFile", "config_show", "node_id", "node_run", "verify"]


class NodeRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `node run`."""

    http: (
        Annotated[str, Meta(title="HOST:PORT", description="address to listen on; port 0 takes a free one")] | None
    ) = None
    peer: Annotated[list[str], Meta(title="URL", description="peer to keep linked, such as http://127.0.0.1:7421")] = (
        msgspec.field(default_factory=list)
    )
    public: Annotated[bool, Meta(description="serve strangers too, against work")] = False
    advertise: Annotated[str, Meta(title="URL", description="where peers reach this node")] | None = None
    name: Annotated[str, Meta(description="what this node calls itself in answers")] | None = None
    socks5: Annotated[str, Meta(title="HOST:PORT", description="proxy for .onion peers")] | None = None
    log_level: (
        Annotated[Literal["debug", "info", "warning", "error"], Meta(description="what to write to stderr")] | None
    ) = None


class VerifyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `verify`."""

    file: Annotated[
        str, Meta(title="FILE", description="JSON with records or an answer with proofs; - for standard input")
    ]


async def node_run(program: Program, parameters: NodeRun) -> int:
    """Run a node until it is told to stop (Ctrl-C, SIGTERM)."""
    from parley.node.running import run_node

    flags: dict[str, Any] = {
        "data_dir": program.data_dir,
        "http": parameters.http,
        "peers": tuple(parameters.peer) or None,
        "public": parameters.public or None,
        "advertise": parameters.advertise,
        "name": parameters.name,
        "socks5": parameters.socks5,
        "log_level": parameters.log_level,
    }
    config, settings = load_config(flags=flags, environment=program.environment)
    return await run_node(program, config, settings)


async def node_id(program: Program, parameters: NoParameters) -> int:
    """Print this node's public key; makes the key at the first call."""
    from parley.adapters.system import SystemEntropy
    from parley.node.identity import Identity

    del parameters
    config, _ = load_config(flags={"data_dir": program.data_dir}, environment=program.environment)
    directory = DataDirectory(config.data_dir)
    directory.prepare()
    entropy = SystemEntropy()
    own_id = Identity(directory.node_key(entropy), entropy).node_id.hex()
    program.output.item({"id": own_id}, own_id)
    return 0


async def config_show(program: Program, parameters: NoParameters) -> int:
    """Print every setting with its value and where the value comes from."""
    del parameters
    _, settings = load_config(flags={"data_dir": program.data_dir}, environment=program.environment)
    program.output.document([{"name": one.name, "value": one.value, "origin": one.origin} for one in settings])
    program.output.table(("setting", "value", "origin"), [(one.name, one.value, one.origin) for one in settings])
    return 0


async def verify(program: Program, parameters: VerifyFile) -> int:
    """Verify the records in a file: id, signature and times, re-derived without a node."""
    from parley.adapters.system import SystemClock
    from parley.node.verification import FILE_BYTES_MAX, verify_file

    raw = await asyncio.to_thread(_read, parameters.file, FILE_BYTES_MAX + 1)
    found = verify_file(raw, SystemClock().now())
    bad = sum(one.fault is not None for one in found)
    for one in found:
        fault = one.fault or one.time_fault
        state = "good" if fault is None else ("BAD" if one.fault is not None else "good, but")
        keys = "/".join(one.record.keys) if one.record is not None else ""
        program.output.line(
            f"{state}  {one.record_id or '-'}  {keys}{'' if fault is None else f'  ({fault})'}",
            Tone.GOOD if one.fault is None else Tone.BAD,
        )
    program.output.line(f"{len(found) - bad} of {len(found)} records verify")
    program.output.document(
        {
            "valid": bad == 0,
            "records": [
                {
                    "id": one.record_id,
                    "valid": one.fault is None,
                    "live": one.fault is None and one.time_fault is None,
                    "reason": None if (reason := one.fault or one.time_fault) is None else reason.code.name.lower(),
                }
                for one in found
            ],
        }
    )
    return 1 if bad else 0


def _read(name: str, limit_bytes: int) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(limit_bytes)
    try:
        with Path(name).open("rb") as file:
            return file.read(limit_bytes)
    except OSError as error:
        raise LocalError(ErrorCode.NOT_FOUND, file=name, reason=error.strerror or "not readable") from error


LOCAL_COMMANDS = (
    Command(
        method="node_run",
        audience=Audience.LOCAL,
        parameters=NodeRun,
        run=node_run,
        summary="Run a node; needs no configuration.",
        words=("node", "run"),
    ),
    Command(
        method="node_key",
        audience=Audience.LOCAL,
        parameters=NoParameters,
        run=node_id,
        summary="Print this node's public key.",
        words=("node", "id"),
    ),
    Command(
        method="config_show",
        audience=Audience.LOCAL,
        parameters=NoParameters,
        run=config_show,
        summary="Show every setting, its value and its origin.",
        words=("config", "show"),
    ),
    Command(
        method="verify",
        audience=Audience.LOCAL,
        parameters=VerifyFile,
        run=verify,
        summary="Verify the records in a file, without a node.",
        words=("verify",),
        arguments=("file",),
    ),
)
