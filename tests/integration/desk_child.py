"""A process that is paid: desk_child.py STORE NUMBER STEP MOMENT, a line for each receipt: commitment; taken; winners.

Every such process is offered the same tickets, each in its own order.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from parley.adapters.lottery.desk import Desk
from parley.adapters.sqlite import SqliteStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.errors import Rejected
from parley.lottery.opened import Moment
from parley.lottery.params import TicketParams
from parley.lottery.recipient import Recipient
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.verdicts import Receipt
from parley.primitives.instants import Instant
from parley.testing.broker_model import ModelBroker
from parley.testing.byzantine_senders import Payer
from parley.testing.winnings_model import ModelWinnings
from tests.unit.lottery.desk_parts import ETHER, PRICE, RECIPIENT, SECRET

__all__ = ["COMMITMENTS", "NONCES"]

COMMITMENTS = 6
NONCES = 1_200
PER_PAYMENT = 10
TASKS = 4
ANNA = Payer(b"\xa1" * 32)
CONFIG = RecipientConfig(cost_multiplier=1)


async def params_of(broker: ModelBroker, commitment: int, quoted_at: Instant) -> TicketParams:
    """Return parameters that are the same in each process, since the chain in memory is."""
    view = await broker.view()
    money = await broker.sender_view(ANNA.address, RECIPIENT)
    quote = Recipient(SECRET, RECIPIENT, CONFIG).quote(
        Moment(quoted_at, view, money, 0),
        sender=ANNA.address,
        expected_value_wei=10**13,
        price=PRICE,
        salt=bytes(23) + bytes([commitment]),
    )
    if isinstance(quote, Rejected):
        raise SystemExit(str(quote))
    return quote


def say(commitment: int, receipt: Receipt) -> None:
    taken = [str(verdict.nonce) for verdict in receipt.verdicts if verdict.fault is None]
    won = [str(winner.signed.nonce) for winner in receipt.winners]
    os.write(1, f"{commitment} {','.join(taken)}; {','.join(won)};\n".encode())


async def main(arguments: list[str]) -> None:
    """Say that it is up, wait to be told, and take what is offered: several tasks at once."""
    path, number, step = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    quoted_at = Instant(int(arguments[3]))
    broker = ModelBroker()
    broker.register(RECIPIENT)
    broker.fund(ANNA.address, deposit_wei=1_000 * ETHER, reserve_wei=1_000 * ETHER)
    store = await SqliteStore.open(path, busy_timeout_ms=60_000)
    desk = Desk(
        SECRET,
        RECIPIENT,
        broker,
        store.claims,
        store.documents,
        entropy=SystemEntropy(),
        clock=SystemClock(),
        winnings=ModelWinnings(),
        config=CONFIG,
    )
    quotes = [await params_of(broker, commitment, quoted_at) for commitment in range(COMMITMENTS)]
    os.write(1, b"up\n")
    sys.stdin.readline()
    offers = [
        (commitment, range(first, first + PER_PAYMENT))
        for commitment in range(COMMITMENTS)
        for first in range(1, NONCES, PER_PAYMENT)
    ]
    # Another place to begin at in each process, and around.
    offers = offers[number * step :] + offers[: number * step]

    async def run(task: int) -> None:
        for commitment, nonces in offers[task::TASKS]:
            say(commitment, await desk.receive(ANNA.pay(quotes[commitment], nonces, PRICE)))

    await asyncio.gather(*(run(task) for task in range(TASKS)))
    await desk.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
