"""The embedded chain obeys the port of chains: in memory, in a file, and behind its own JSON-RPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.devchains.evm import ChainConfig, EmbeddedChain, development_accounts
from parley.devchains.evm.sqlite_storage import SqliteStorage
from parley.node.devchain_serving import served_chain
from parley.ports.chain import EvmChain
from parley.testing.chain_conformance import check_chain


class Rig:
    """A chain that is looked at from somewhere, and mines when it is told to."""

    def __init__(self, chain: EvmChain, inside: EmbeddedChain) -> None:
        self._chain = chain
        self._inside = inside

    @property
    def chain(self) -> EvmChain:
        return self._chain

    @property
    def keys(self) -> Sequence[bytes]:
        return tuple(account.secret for account in development_accounts(3))

    async def mine(self, blocks: int = 1) -> None:
        await self._inside.mine(blocks)

    async def reorganise(self, depth: int) -> None:
        await self._inside.reorganise(depth, is_keeping=False)


async def test_chain_in_memory_obeys_the_port() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Rig]:
        chain = EmbeddedChain(ChainConfig(is_automatic=False))
        yield Rig(chain, chain)
        await chain.close()

    await check_chain(make)


async def test_chain_in_a_file_obeys_the_port(tmp_path: Path) -> None:
    numbers = count()

    @asynccontextmanager
    async def make() -> AsyncIterator[Rig]:
        chain = EmbeddedChain(
            ChainConfig(is_automatic=False), storage=SqliteStorage(tmp_path / f"{next(numbers)}.sqlite")
        )
        yield Rig(chain, chain)
        await chain.close()

    await check_chain(make)


async def test_chain_behind_its_server_obeys_the_port() -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Rig]:
        async with served_chain() as served:
            inside = served.devchain.chain
            await inside.set_automatic(False)
            chain = JsonRpcChain(served.url)
            yield Rig(chain, inside)
            await chain.close()

    await check_chain(make)
