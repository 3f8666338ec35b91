"""A process that pays from one sender's deposit: purse_child.py STORE COUNT, one line for each payment it made."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from parley.adapters.lottery.purse import Purse
from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.lottery.limits import SenderLimits
from parley.lottery.params import Payment
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from tests.unit.lottery.sender_parts import SENDER, SENDER_KEY, worth

__all__ = ["COMMITMENTS"]

COMMITMENTS = 2
TASKS = 4


async def pay(purse: Purse, broker: ModelBroker, number: int) -> None:
    view = await broker.view()
    params = replace(
        worth(1),
        recipient_rand_hash=bytes([number % COMMITMENTS + 1]) * 32,
        creation_round=view.creation_round,
        expiration_block=view.block_number + 40,
    )
    payment = await purse.pay(params, count=1 + number % 3)
    if isinstance(payment, Payment):
        nonces = " ".join(str(signed.nonce) for signed in payment.tickets)
        os.write(1, f"{number % COMMITMENTS} {nonces}\n".encode())


async def main(arguments: list[str]) -> None:
    """Say that it is up, wait to be told, and pay: several tasks at once, one payment after the other in each."""
    path, count = Path(arguments[0]), int(arguments[1])
    broker = ModelBroker()
    broker.fund(SENDER, deposit_wei=10**18, reserve_wei=10**18)
    store = await SqliteStore.open(path, busy_timeout_ms=60_000)
    limits = SenderLimits(nonces_max=20_000, window_nonces=10)
    purse = Purse(SecretKey(SENDER_KEY), broker, store.claims, SystemEntropy(), SystemClock(), limits=limits)
    os.write(1, b"up\n")
    sys.stdin.readline()

    async def run(task: int) -> None:
        for number in range(task, count, TASKS):
            await pay(purse, broker, number)

    await asyncio.gather(*(run(task) for task in range(TASKS)))
    await purse.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
