from __future__ import annotations

import pytest

from parley.devchains.evm.config import ChainConfig
from parley.devchains.evm.embedded import EmbeddedChain
from parley.errors import UnavailableError
from parley.node.play_money import take_play_money
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.clock import VirtualClock

ACCOUNT = Address(b"\x77" * 20)
ETHER = 10**18


async def test_an_account_is_filled_up_and_no_further() -> None:
    chain = EmbeddedChain()
    clock = VirtualClock(Instant(0))
    await take_play_money(chain, clock, ACCOUNT, 3 * ETHER)
    assert await chain.balance_wei(ACCOUNT) == 3 * ETHER
    await take_play_money(chain, clock, ACCOUNT, 2 * ETHER)
    assert await chain.balance_wei(ACCOUNT) == 3 * ETHER
    await take_play_money(chain, clock, ACCOUNT, 4 * ETHER)
    assert await chain.balance_wei(ACCOUNT) == 4 * ETHER


async def test_more_than_anybody_has_is_refused() -> None:
    with pytest.raises(UnavailableError) as caught:
        await take_play_money(EmbeddedChain(), VirtualClock(Instant(0)), ACCOUNT, 10**30)
    assert caught.value.facts["fault"] == "no development account gave money"
    assert await EmbeddedChain(ChainConfig()).balance_wei(ACCOUNT) == 0
