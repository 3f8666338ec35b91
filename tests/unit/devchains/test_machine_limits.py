"""Loading the machine leaves the process as safe as it was, what nests deeply still runs, and calls have a time."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import msgspec
import pytest

from parley.devchains.evm.embedded import EmbeddedChain
from parley.devchains.evm.local_chain import LocalChain
from parley.devchains.evm.machine import Raised
from parley.devchains.evm.rpc import RpcServer
from parley.errors import ErrorCode, UnavailableError
from parley.ports.chain import Call
from parley.testing.chain_contracts import creation_code
from tests.unit.devchains.chain_parts import ANN, chain_of, signed

READ_BRACKETS = """
import parley.devchains.evm.machine
import msgspec
try:
    msgspec.json.decode(b"[" * 1_000_000)
except RecursionError:
    print("stopped")
"""


def test_nested_input_is_stopped_and_does_not_end_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", READ_BRACKETS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "stopped\n")


def test_contract_that_calls_itself_until_gas_runs_out_ends() -> None:
    local = chain_of()
    # sstore(0, 1 + sload(0)) · call(gas, address, 0, 0, 0, 0, 0) · stop
    runtime = bytes.fromhex("6001600054016000556000600060006000600030 5af100")
    local.publish(signed(0, Call(to=None, data=creation_code(runtime))))
    contract = local.head.outcomes[0].contract
    assert contract is not None
    local.publish(signed(1, Call(to=contract, data=b""), gas=30_000_000))
    assert local.head.outcomes[0].succeeded
    assert local.history.state().slot(contract, 0) > 200


# jumpdest · jump(0)
ENDLESS = bytes.fromhex("5b600056")
# call(gas, address, 0, 0, 0, 0, 0) · jump(0): every frame is short
ENDLESS_FRAMES = bytes.fromhex("5b6000600060006000600030 5af1600056")
LATE = Raised(b"", is_revert=False, is_late=True)


def with_contract(runtime: bytes) -> tuple[LocalChain, Call]:
    local = chain_of()
    local.publish(signed(0, Call(to=None, data=creation_code(runtime))))
    return local, Call(to=local.head.outcomes[0].contract, data=b"")


@pytest.mark.parametrize("runtime", [ENDLESS, ENDLESS_FRAMES])
def test_a_call_that_does_not_end_is_given_up_and_leaves_nothing_behind(runtime: bytes) -> None:
    local, endless = with_contract(runtime)
    before = local.head
    local.call_limit.call_ms = 1
    state = local.history.state()
    assert state.call(endless) == state.estimate_gas(endless) == LATE
    local.call_limit.call_ms = 60_000
    account = Call(to=ANN.address, data=b"")
    assert local.history.state() is state
    assert (state.call(account), state.estimate_gas(account)) == (b"", 21_000)
    assert local.head is before
    # Less gas ends it by itself.
    assert state.call(endless, gas=50_000) == Raised(b"", is_revert=False)


def test_a_transaction_has_no_limit_but_its_gas() -> None:
    local, endless = with_contract(ENDLESS)
    local.call_limit.call_ms = 1
    local.publish(signed(1, endless, gas=200_000))
    outcome = local.head.outcomes[0]
    assert (outcome.succeeded, outcome.gas_used) == (False, 200_000)


async def test_the_chain_does_not_answer_a_call_that_takes_too_long() -> None:
    chain = EmbeddedChain()
    chain.local.publish(signed(0, Call(to=None, data=creation_code(ENDLESS))))
    endless = Call(to=chain.local.head.outcomes[0].contract, data=b"")
    chain.local.call_limit.call_ms = 1
    for ask in (chain.call, chain.estimate_gas):
        with pytest.raises(UnavailableError) as raised:
            await ask(endless)
        assert raised.value.code is ErrorCode.BUSY


def test_tools_are_told_in_the_words_of_nodes() -> None:
    local, endless = with_contract(ENDLESS)
    local.call_limit.call_ms = 1
    assert endless.to is not None
    wanted = {"to": "0x" + endless.to.hex()}
    for method in ("eth_call", "eth_estimateGas"):
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": [wanted]})
        answer = msgspec.json.decode(RpcServer(local).answer(body))
        assert answer["error"] == {"code": -32_000, "message": "execution aborted (timeout)"}


async def test_between_the_requests_of_a_batch_others_have_their_turn() -> None:
    local = chain_of()
    server, first = RpcServer(local), local.head.header.number
    one = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
    body = msgspec.json.encode([one] * 3)

    async def mine() -> None:
        local.mine()

    answer, _ = await asyncio.gather(server.answer_in_turns(body), mine())
    assert [int(each["result"], 16) for each in msgspec.json.decode(answer)] == [first, first + 1, first + 1]
    for other in (b"[]", b"{", msgspec.json.encode(one), msgspec.json.encode([{"jsonrpc": "2.0", "method": "x"}])):
        assert await server.answer_in_turns(other) == server.answer(other)
