"""An embedded chain and its JSON-RPC server, running side by side for as long as a block lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parley.adapters.http.server import allowed_hosts, listen, serve
from parley.adapters.system import SystemClock
from parley.devchains.evm import ChainConfig, ContractsConfig, Devchain, open_devchain
from parley.devchains.evm.rpc import RpcServer
from parley.devchains.evm.rpc_application import RpcApplication
from parley.devchains.evm.sqlite_storage import SqliteStorage
from parley.errors import ConfigError, ErrorCode

__all__ = ["ServedChain", "served_chain"]

_MS_PER_SECOND: Final = 1_000
_GRACE_MS: Final = 1_000
_HOST: Final = "127.0.0.1"
_FILE: Final = "devchain.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedChain:
    """A chain that is served.

    Attributes:
        devchain: the chain and its contracts.
        url: of the JSON-RPC server.
        mining: makes blocks by the clock, and ends by an error only; None where each transaction makes one.
    """

    devchain: Devchain
    url: str
    mining: asyncio.Task[None] | None


@asynccontextmanager
async def served_chain(
    *,
    data_dir: str | None = None,
    port: int = 0,
    block_ms: int = 0,
    chain: ChainConfig | None = None,
    contracts: ContractsConfig | None = None,
    call_ms: int = 5_000,
) -> AsyncIterator[ServedChain]:
    """Run a chain and its server inside a block.

    Args:
        data_dir: folder that keeps the chain; in memory where None.
        port: at 127.0.0.1; 0 for any that is free.
        block_ms: milliseconds from block to block; 0 makes one for each transaction.
        chain: of a new chain.
        contracts: of a new chain.
        call_ms: for how long one call is tried, >= 1: nobody else is answered meanwhile.

    Raises:
        ConfigError: the folder or the port cannot be used, or the chain there was made otherwise.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        listener = await listen(_HOST, port)
        stack.callback(listener.close)
        storage = None if data_dir is None else _storage(Path(data_dir))
        if storage is not None:
            stack.callback(storage.close)
        devchain = await open_devchain(chain, contracts, storage=storage, now_s=lambda: clock.now() // _MS_PER_SECOND)
        stack.push_async_callback(devchain.chain.close)
        devchain.chain.local.call_limit.call_ms = call_ms
        rpc = RpcServer(devchain.chain.local, devchain.deployment, devchain.accounts)
        server = await serve(RpcApplication(rpc, host_names=allowed_hosts(_HOST)), listener)
        stack.push_async_callback(server.stop, grace_ms=_GRACE_MS)
        mining: asyncio.Task[None] | None = None
        if block_ms > 0:
            devchain.chain.local.is_automatic = False
            mining = asyncio.create_task(devchain.chain.mine_every(block_ms, clock))
            stack.callback(mining.cancel)
        yield ServedChain(devchain=devchain, url=server.url, mining=mining)


def _storage(folder: Path) -> SqliteStorage:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(ErrorCode.DATA_DIR_UNUSABLE, path=str(folder), reason=error.strerror or "") from error
    return SqliteStorage(folder / _FILE)
