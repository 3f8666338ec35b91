"""A process that acts for an account until it is killed: wallet_child.py URL STORE KEY CONTRACT FIRST."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.sqlite import SqliteStore
from parley.ports.chain import Call
from parley.ports.wallet import Included, Waiting
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey

__all__ = ["ACT_BYTES", "CONFIG"]

ACT_BYTES = 4
CONFIG = WalletConfig(final_blocks=4, patience_blocks=2)
TASKS = 4


async def act(url: str, path: Path, key: SecretKey, contract: Address, first: int) -> None:
    """Begin acts without end from several tasks, tend to them, and say each name once it was answered."""
    store = await SqliteStore.open(path)
    wallet = EvmWallet(JsonRpcChain(url), key, store.documents, CONFIG)
    numbers = count(first)

    async def one_after_another() -> None:
        while True:
            number = next(numbers)
            call = Call(to=contract, data=number.to_bytes(ACT_BYTES, "big"))
            status = await wallet.act(f"act {number}", call, gas_limit=50_000)
            if isinstance(status, Waiting | Included):
                os.write(1, f"{number}\n".encode())
            await wallet.tend()

    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(one_after_another())


if __name__ == "__main__":
    key, contract = (bytes.fromhex(digits) for digits in sys.argv[3:5])
    asyncio.run(act(sys.argv[1], Path(sys.argv[2]), SecretKey(key), Address(contract), int(sys.argv[5])))
