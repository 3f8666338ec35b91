"""The wallet on the embedded chain: real rules, real contracts, and reorganisations."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.memory import MemoryStore
from parley.devchains.evm import ChainConfig, EmbeddedChain, development_accounts
from parley.errors import ErrorCode, Rejected
from parley.ports.chain import Call
from parley.ports.wallet import Included, Waiting
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.testing.chain_contracts import HERALD, REFUSAL, creation_code, error_string

SHOP = Address(b"\x5a" * 20)
CONFIG = WalletConfig(final_blocks=4, patience_blocks=2)


@pytest.fixture
async def chain() -> AsyncIterator[EmbeddedChain]:
    """Open a chain that makes a block only when it is told to."""
    opened = EmbeddedChain(ChainConfig(is_automatic=False))
    yield opened
    await opened.close()


def wallet_on(chain: EmbeddedChain, store: MemoryStore) -> EvmWallet:
    return EvmWallet(chain, SecretKey(development_accounts(1)[0].secret), store.documents, CONFIG)


@pytest.mark.parametrize("is_keeping", [False, True])
async def test_acts_are_done_once_across_restarts_and_reorganisations(
    chain: EmbeddedChain,
    is_keeping: bool,  # noqa: FBT001 - a case of the test
) -> None:
    store = MemoryStore()
    wallet = wallet_on(chain, store)
    names = [f"pay {number}" for number in range(5)]
    for name in names:
        assert isinstance(await wallet.act(name, Call(to=SHOP, data=b"", value_wei=1)), Waiting)
    await chain.mine(1)
    await wallet.tend()
    assert await chain.balance_wei(SHOP) == 5
    await chain.reorganise(1, is_keeping=is_keeping)
    wallet = wallet_on(chain, store)
    for _ in range(8):
        await wallet.tend()
        await chain.mine(1)
    assert await chain.balance_wei(SHOP) == 5
    for name in names:
        status = await wallet.act(name, Call(to=SHOP, data=b"", value_wei=100))
        assert isinstance(status, Included)
        assert status.receipt.succeeded
    await chain.mine(1)
    assert await chain.balance_wei(SHOP) == 5


async def test_a_contract_is_created_and_called_and_one_that_refuses_is_left_alone(chain: EmbeddedChain) -> None:
    wallet = wallet_on(chain, MemoryStore())
    made: list[Address] = []
    for name, runtime in (("herald", HERALD), ("refusal", REFUSAL)):
        await wallet.act(name, Call(to=None, data=creation_code(runtime)))
        await chain.mine(1)
        status = await wallet.status(name)
        assert isinstance(status, Included)
        assert status.receipt.contract is not None
        made.append(status.receipt.contract)
    assert [await chain.code(created) for created in made] == [HERALD, REFUSAL]
    await wallet.act("say", Call(to=made[0], data=b"here"))
    await chain.mine(1)
    said = await wallet.status("say")
    assert isinstance(said, Included)
    assert [log.data for log in said.receipt.logs] == [b"here"]
    refused = await wallet.act("no", Call(to=made[1], data=error_string(b"no")))
    assert refused == Rejected(ErrorCode.REVERTED, {"reason": "no"})
    assert await chain.transaction_count(wallet.address, pending=True) == 3
