"""The command `parley chain dev`: the embedded chain as a server that every tool for Ethereum can call."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from parley.node.program import Program, Tone
from parley.node.registry import Audience, Command

if TYPE_CHECKING:  # slow to load
    from parley.node.devchain_serving import ServedChain

__all__ = ["CHAIN_COMMANDS", "RunDevchain", "run_devchain"]

_MS_PER_SECOND: Final = 1_000


class RunDevchain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `chain dev`."""

    port: Annotated[int, Meta(ge=0, le=65_535, description="to listen on, at 127.0.0.1; 0 takes a free one")] = 8_545
    block_time: Annotated[
        float,
        Meta(title="SECONDS", ge=0, le=86_400, description="from block to block; 0 makes one for each transaction"),
    ] = 0.0
    accounts: (
        Annotated[int, Meta(ge=1, le=1_000, description="rich accounts, of a new chain; 10 unless said")] | None
    ) = None
    round_blocks: (
        Annotated[int, Meta(ge=1, le=1_000_000, description="blocks in a round, of a new chain; 50 unless said")] | None
    ) = None
    call_timeout: Annotated[
        float,
        Meta(title="SECONDS", ge=0.001, le=3_600, description="for one call or estimate; others wait meanwhile"),
    ] = 5.0


async def run_devchain(program: Program, parameters: RunDevchain) -> int:
    """Run an Ethereum-like chain until it is told to stop (Ctrl-C, SIGTERM)."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        with program.output.progress("starting the chain"):
            served = await stack.enter_async_context(_serving(program, parameters))
        _show(program, served)
        sys.stdout.flush()
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait({waiting, served.mining or waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if served.mining is not None and served.mining.done():
            await served.mining  # which raises why no more blocks can be made
    return 0


def _serving(program: Program, parameters: RunDevchain) -> AbstractAsyncContextManager[ServedChain]:
    from parley.devchains.evm import ChainConfig, ContractsConfig
    from parley.node.devchain_serving import served_chain

    rounds = parameters.round_blocks
    return served_chain(
        data_dir=program.data_dir,
        port=parameters.port,
        block_ms=round(parameters.block_time * _MS_PER_SECOND),
        call_ms=round(parameters.call_timeout * _MS_PER_SECOND),
        chain=None if parameters.accounts is None else ChainConfig(accounts=parameters.accounts),
        contracts=None if rounds is None else ContractsConfig(round_blocks=rounds),
    )


def _show(program: Program, served: ServedChain) -> None:
    from parley.ledgers.evm.addresses import checksum_text

    output = program.output
    deployment, number = served.devchain.deployment, served.devchain.chain.local.head.header.number
    contracts = {name: checksum_text(getattr(deployment, name)) for name in ("broker", "rounds", "recipients")}
    accounts = [
        {"address": checksum_text(account.address), "secret": "0x" + account.secret.hex()}
        for account in served.devchain.accounts
    ]
    output.item(
        {
            "rpc": served.url,
            "chain_id": deployment.chain_id,
            "block": number,
            "data_dir": program.data_dir,
            "contracts": contracts,
            "accounts": accounts,
        },
        f"chain {deployment.chain_id} at block {number}",
    )
    output.line(f"JSON-RPC     {served.url}", Tone.GOOD)
    output.line(f"kept in      {program.data_dir or 'memory, until this ends; --data-dir keeps it'}")
    for name, address in contracts.items():
        output.line(f"{name:<12} {address}")
    output.line()
    output.table(("account", "secret key"), [(one["address"], one["secret"]) for one in accounts], "rich accounts")
    output.line("Everybody knows these keys: what is sent to them on a real chain is stolen.", Tone.BAD)
    output.line("stop with Ctrl-C", Tone.FAINT)


CHAIN_COMMANDS: Final = (
    Command(
        method="chain_dev",
        audience=Audience.LOCAL,
        parameters=RunDevchain,
        run=run_devchain,
        summary="Run an Ethereum-like chain of your own, with the lottery's contracts, for any tool to call.",
        words=("chain", "dev"),
    ),
)
"""What can be done with chains."""
