"""Starts `anvil`, a development node of another making, on a port of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.rpc_client import Refusal, RpcClient, RpcLimits

__all__ = ["KEYS", "Anvil", "needs_anvil", "started"]

ANVIL = shutil.which("anvil")
LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
START_S = 30

KEYS = tuple(
    bytes.fromhex(digits)
    for digits in (
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    )
)
"""Of the public test phrase that every development node knows; worth nothing anywhere."""

needs_anvil = pytest.mark.skipif(ANVIL is None, reason="anvil is not installed: npm install -g @foundry-rs/anvil")


class Anvil:
    """A running node and its controls (a `parley.testing.chain_rig.ChainRig`)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.chain = JsonRpcChain(url)
        self.keys: Sequence[bytes] = KEYS
        self._controls = RpcClient(url, RpcLimits())

    async def tell(self, method: str, *params: object) -> bytes:
        """Use one of the node's own methods."""
        answer = await self._controls.ask(method, params)
        assert not isinstance(answer, Refusal), answer
        return answer

    async def mine(self, count: int = 1) -> None:
        """Make blocks now."""
        for _ in range(count):
            await self.tell("evm_mine")

    async def reorganise(self, depth: int) -> None:
        """Replace the newest blocks by empty ones."""
        await self.tell("anvil_reorg", depth, [])

    async def close(self) -> None:
        """Close the connections."""
        await self.chain.close()
        await self._controls.close()


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[Anvil]:
    """Start a fresh node that makes a block only when it is told to."""
    process = await asyncio.create_subprocess_exec(
        ANVIL or "anvil", "--no-mining", "--port", "0", *arguments, stdout=asyncio.subprocess.PIPE
    )
    stdout = process.stdout
    assert stdout is not None
    try:
        async with asyncio.timeout(START_S):
            found = None
            while found is None:
                line = await stdout.readline()
                assert line, "anvil ended before it listened"
                found = LISTENING.search(line.decode())
        drained = asyncio.create_task(stdout.read())
        anvil = Anvil(f"http://127.0.0.1:{found[1]}")
        try:
            yield anvil
        finally:
            await anvil.close()
    finally:
        process.terminate()
        await process.wait()
    await drained
