"""Loading the machine leaves the process as safe as it was, and what nests deeply still runs."""

from __future__ import annotations

import subprocess
import sys

from parley.ports.chain import Call
from parley.testing.chain_contracts import creation_code
from tests.unit.devchains.chain_parts import chain_of, signed

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
