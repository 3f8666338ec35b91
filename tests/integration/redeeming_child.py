"""A process that redeems the winners of a store at a broker: redeeming_child.py STORE URL BROKER SECRET."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.parley_broker import ParleyBroker
from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock
from parley.errors import UnavailableError
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from tests.integration.redeeming_chain import CONFIG

__all__ = ["main"]


async def main(arguments: list[str]) -> None:
    """Turn again and again, and say after each turn how many winners have not ended."""
    path, url, broker_hex, secret_hex = arguments
    clock, store = SystemClock(), await SqliteStore.open(Path(path), busy_timeout_ms=60_000)
    chain = JsonRpcChain(url)
    wallet = EvmWallet(
        chain,
        SecretKey(bytes.fromhex(secret_hex)),
        store.documents,
        WalletConfig(final_blocks=CONFIG.confirmations),
    )
    broker = ParleyBroker(chain, Address(bytes.fromhex(broker_hex)), clock)
    redeemer = Redeemer(broker, wallet, store.documents, clock, CONFIG)
    while True:
        try:
            await redeemer.turn()
        except UnavailableError:
            os.write(1, b"-\n")
            continue
        waiting = sum(1 for item in redeemer.redemptions() if item.ended_ms is None)
        os.write(1, f"{waiting}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
