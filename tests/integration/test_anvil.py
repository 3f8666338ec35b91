"""The adapter of chains behind JSON-RPC against a real node, and a wallet on it."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from parley.adapters.evm.jsonrpc_chain import JsonRpcChain
from parley.adapters.evm.wallet import EvmWallet, WalletConfig
from parley.adapters.memory import MemoryStore
from parley.adapters.sqlite import SqliteStore
from parley.errors import ErrorCode, Rejected
from parley.ports.chain import Call, Log
from parley.ports.wallet import Included, Waiting
from parley.primitives.ecdsa import address_of, public_key
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.testing.chain_conformance import check_chain
from parley.testing.chain_contracts import HERALD, REFUSAL, creation_code, error_string
from parley.testing.chain_rig import ChainRig, Hand
from tests.integration import wallet_child
from tests.integration.anvil import KEYS, Anvil, needs_anvil, started

pytestmark = needs_anvil

SHOP = Address(b"\x5a" * 20)
ROUNDS = 4
ACTS_PER_ROUND = 12


async def test_a_node_behind_json_rpc_obeys_the_port() -> None:
    def make() -> AbstractAsyncContextManager[ChainRig]:
        return started()

    await check_chain(make)


def opened(node: Anvil, store: MemoryStore, config: WalletConfig = wallet_child.CONFIG) -> EvmWallet:
    return EvmWallet(node.chain, SecretKey(KEYS[0]), store.documents, config)


async def test_a_wallet_acts_once_on_a_real_node() -> None:
    async with started() as node:
        store = MemoryStore()
        wallet = opened(node, store)
        assert wallet.address == address_of(public_key(KEYS[0]))
        names = [f"pay {number}" for number in range(20)]
        calls = asyncio.gather(*(wallet.act(name, Call(to=SHOP, data=b"", value_wei=1)) for name in names * 2))
        assert {type(status) for status in await calls} == {Waiting}
        await node.mine()
        await wallet.tend()
        assert await node.chain.balance_wei(SHOP) == 20
        wallet = opened(node, store)
        assert {type(await wallet.act(name, Call(to=SHOP, data=b"", value_wei=9))) for name in names} == {Included}
        await node.reorganise(1)
        assert await node.chain.balance_wei(SHOP) == 0
        for _ in range(6):
            await wallet.tend()
            await node.mine()
        assert await node.chain.balance_wei(SHOP) == 20
        final = await wallet.status(names[7])
        assert isinstance(final, Included)
        assert final.receipt.succeeded
        assert final.confirmations == 6


async def test_a_wallet_raises_its_fee_on_a_real_node() -> None:
    async with started() as node:
        wallet = opened(node, MemoryStore())
        first = await wallet.act("pay", Call(to=SHOP, data=b"", value_wei=1))
        assert isinstance(first, Waiting)
        head = await node.chain.head()
        status = None
        for _ in range(3):
            await node.tell("anvil_setNextBlockBaseFeePerGas", hex(head.base_fee_wei * 4))
            await node.mine()
            await wallet.tend()
            status = await wallet.status("pay")
        assert isinstance(status, Waiting)
        assert len(status.transaction_hashes) == 2
        await node.mine()
        included = await wallet.status("pay")
        assert isinstance(included, Included)
        assert included.receipt.transaction_hash == status.transaction_hashes[1]
        assert await node.chain.balance_wei(SHOP) == 1


async def test_what_a_real_contract_or_a_purse_refuses_is_not_begun() -> None:
    async with started() as node:
        refusal = await Hand(node, 1).create(REFUSAL)
        wallet = opened(node, MemoryStore())
        for limit in (None, 100_000):
            refused = await wallet.act("no", Call(to=refusal, data=error_string(b"ticket is used")), gas_limit=limit)
            assert refused == Rejected(ErrorCode.REVERTED, {"reason": "ticket is used"})
        everything_wei = await node.chain.balance_wei(wallet.address)
        for value_wei in (everything_wei, everything_wei + 1):
            poor = await wallet.act("no", Call(to=SHOP, data=b"", value_wei=value_wei))
            assert isinstance(poor, Rejected)
            assert poor.code is ErrorCode.FUNDS_TOO_LOW
        thrifty = opened(node, MemoryStore(), replace(wallet_child.CONFIG, fee_cap_wei=1))
        dear = await thrifty.act("no", Call(to=SHOP, data=b""))
        assert isinstance(dear, Rejected)
        assert dear.code is ErrorCode.TOO_EXPENSIVE
        starving = await wallet.act("no", Call(to=SHOP, data=b""), gas_limit=20_000)
        assert isinstance(starving, Rejected | Waiting)
        assert await node.chain.transaction_count(wallet.address, pending=True) == 0


async def test_a_wallet_creates_a_contract_on_a_real_node() -> None:
    async with started() as node:
        wallet = opened(node, MemoryStore())
        await wallet.act("create", Call(to=None, data=creation_code(HERALD)))
        await node.mine()
        status = await wallet.status("create")
        assert isinstance(status, Included)
        created = status.receipt.contract
        assert created is not None
        assert await node.chain.code(created) == HERALD


@pytest.mark.slow
async def test_killed_again_and_again_a_wallet_does_each_act_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with started() as node:
        contract = await Hand(node, 1).create(HERALD)
        promised: set[int] = set()
        for turn in range(ROUNDS):
            promised |= await kill_in_the_midst(node, path, contract, turn)
        store = await SqliteStore.open(path)
        wallet = EvmWallet(node.chain, SecretKey(KEYS[0]), store.documents, wallet_child.CONFIG)
        for _ in range(8):
            await wallet.tend()
            await node.mine()
        await store.close()
        done = [int.from_bytes(log.data, "big") for log in await all_logs(node.chain, contract)]
        assert len(promised) >= ROUNDS * ACTS_PER_ROUND
        assert len(done) == len(set(done))
        assert promised <= set(done)
        assert await node.chain.transaction_count(wallet.address) == len(done)


async def kill_in_the_midst(node: Anvil, path: Path, contract: Address, turn: int) -> set[int]:
    """Let a process act while blocks are made and lost; kill it; return what it said to be begun."""
    arguments = [wallet_child.__file__, node.url, str(path), KEYS[0].hex(), contract.hex(), str(turn * 1_000)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    stdout = process.stdout
    assert stdout is not None
    promised: set[int] = set()
    while len(promised) < ACTS_PER_ROUND:
        line = await stdout.readline()
        assert line, "the process ended by itself"
        promised.add(int(line))
        if len(promised) % 3 == 0:
            await node.mine()
        if len(promised) % 7 == 0:
            await node.reorganise(1)
    process.send_signal(signal.SIGKILL)
    rest = await stdout.read()
    await process.wait()
    return promised | {int(line) for line in rest.splitlines()}


async def all_logs(chain: JsonRpcChain, contract: Address) -> tuple[Log, ...]:
    head = await chain.head()
    return await chain.logs(contract, (), 0, head.number)
