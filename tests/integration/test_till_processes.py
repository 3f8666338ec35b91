"""Two processes on the folder of one till: the second waits, and takes over when the first has ended in any way."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx
import pytest

from parley.gate import TicketGate
from parley.gate.till import LotteryTill
from parley.ledgers.evm.addresses import checksum_text
from parley.node.devchain_serving import ServedChain, served_chain
from tests.integration import till_child
from tests.integration.loopback import serving
from tests.integration.test_gate_chain import PRICE, UPSTREAM

pytestmark = pytest.mark.slow

PATIENCE_S = 60


async def start(folder: Path, served: ServedChain) -> Process:
    deployment = served.devchain.deployment
    words = [str(folder), served.url, str(deployment.chain_id), checksum_text(deployment.broker)]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", till_child.__name__, *words, stdout=PIPE, cwd=Path(__file__).parents[2]
    )


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_a_second_till_takes_over_when_the_first_has_ended(tmp_path: Path, end: signal.Signals) -> None:
    async with asyncio.timeout(PATIENCE_S), served_chain() as served:
        first = await start(tmp_path, served)
        assert first.stdout is not None
        recipient = (await first.stdout.readline()).decode().strip()
        deployment = served.devchain.deployment
        till = LotteryTill(
            tmp_path,
            chain_url=served.url,
            chain_id=deployment.chain_id,
            broker=checksum_text(deployment.broker),
            passphrase=till_child.PASSPHRASE,
        )
        async with serving(TicketGate(UPSTREAM, price=PRICE, till=till)) as url, httpx.AsyncClient() as client:
            for _ in range(3):
                refused = await client.get(url)
                assert refused.status_code == 503
                # It says when to come again, and that is soon.
                assert 1 <= int(refused.headers["retry-after"]) <= 10
                assert str(tmp_path) not in refused.text
            first.send_signal(end)
            await first.wait()
            while (answer := await client.get(url)).status_code == 503:  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(0.2)
            assert answer.status_code == 402
            assert (await till.recipient()).hex() == recipient
        await till.close()
