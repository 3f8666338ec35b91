"""A process that holds a till open until it is ended: till_child.py FOLDER URL CHAIN_ID BROKER."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from parley.gate.till import LotteryTill

__all__ = ["PASSPHRASE", "main"]

PASSPHRASE = "for a test"


async def main(arguments: list[str]) -> None:
    """Open the till, say which account is paid, and wait."""
    folder, url, chain_id, broker = arguments
    till = LotteryTill(Path(folder), chain_url=url, chain_id=int(chain_id), broker=broker, passphrase=PASSPHRASE)
    os.write(1, f"{(await till.recipient()).hex()}\n".encode())
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
