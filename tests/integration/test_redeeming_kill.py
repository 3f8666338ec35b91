"""A redeemer is killed with -9 again and again, at each of its requests to the chain: every winner is paid once."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Final

import pytest
from starlette.types import Receive, Scope, Send

from parley.adapters.lottery.redemption_book import RedemptionBook
from parley.adapters.sqlite import SqliteStore
from parley.devchains.evm.rpc import RpcServer
from parley.devchains.evm.rpc_application import RpcApplication
from parley.lottery.redemption_records import RedemptionEnd, winner_hash
from tests.integration import redeeming_child
from tests.integration.loopback import serving
from tests.integration.redeeming_chain import ETHER, Payers, open_payers

KILLED_AT: Final = ((3, False), (7, True), (11, False), (13, True), (16, False), (19, True))
"""At which request of its life a process is killed, and whether the request still has its effect."""

WINNERS: Final = 3


class Gallows:
    """The chain as a server that kills who asks it: at one request, before or after it has its effect."""

    def __init__(self, application: RpcApplication) -> None:
        self._application = application
        self.requests_left = -1
        self.is_after = False
        self.condemned: Process | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requests_left -= 1
        if self.requests_left != 0 or self.condemned is None:
            await self._application(scope, receive, send)
            return
        if self.is_after:
            with contextlib.suppress(OSError):
                await self._application(scope, receive, _nowhere)
        self.condemned.kill()


async def _nowhere(_message: object) -> None:
    """Send the answer to nobody."""


async def start(path: Path, url: str, payers: Payers) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        redeeming_child.__name__,
        str(path),
        url,
        payers.broker.address.hex(),
        payers.dev.accounts[9].secret.hex(),
        stdout=PIPE,
        stderr=PIPE,
        cwd=Path(__file__).parents[2],
    )


async def hear(process: Process) -> str:
    if process.stdout is None:
        pytest.fail("the process has no output")
    return (await process.stdout.readline()).decode().strip()


async def finish(process: Process, payers: Payers) -> None:
    """Let blocks come until nothing waits any more, then end the process."""
    while await hear(process) != "0":
        await payers.dev.chain.mine()
    process.kill()
    await process.communicate()


@pytest.mark.slow
async def test_whatever_request_is_the_last_every_winner_is_paid_once(tmp_path: Path) -> None:
    payers = await open_payers(is_automatic=False)
    path = tmp_path / "store.sqlite3"
    store = await SqliteStore.open(path, busy_timeout_ms=60_000)
    await payers.fund(1, deposit_wei=100 * ETHER)
    server = RpcServer(payers.dev.chain.local, payers.dev.deployment)
    gallows = Gallows(RpcApplication(server, host_names=None))
    winners = []
    async with serving(gallows) as url, asyncio.timeout(300):
        for killed_at, is_after in KILLED_AT:
            winners += [await payers.won(store.documents, 1) for _ in range(WINNERS)]
            child = await start(path, url, payers)
            gallows.condemned, gallows.requests_left, gallows.is_after = child, killed_at, is_after
            while await hear(child):
                await payers.dev.chain.mine()
            assert (await child.wait()) == -9
        gallows.condemned = None
        await finish(await start(path, url, payers), payers)
    records = await RedemptionBook(store.documents).records()
    assert set(records) == {winner_hash(winner) for winner in winners}
    assert [(item.end, item.paid_wei) for item in records.values()] == [
        (RedemptionEnd.REDEEMED, ETHER) for _ in winners
    ]
    assert await payers.credited_wei() == len(winners) * ETHER
    assert sum(item.attempts for item in records.values()) == 0
    await store.close()
    await payers.dev.chain.close()
