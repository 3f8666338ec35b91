"""An Ethereum machine for tests: real transactions without keys, blocks that pass when told to, exact gas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth.abc import ComputationAPI, StateAPI
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_abi import decode, encode  # type: ignore[attr-defined]  # built at import from a codec
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.crypto import keccak

__all__ = ["Contract", "Event", "Evm", "Receipt", "Reverted", "account", "signature"]

ROOT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = ROOT / "src/parley/ledgers/evm/artifacts"
STAND_INS: Final = ROOT / "contracts/testing/artifacts"
RICH_WEI: Final = 10**30
GAS_LIMIT: Final = 30_000_000
REFUND_QUOTIENT: Final = 5  # EIP-3529
ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")
Abi = Mapping[str, Any]


class Reverted(Exception):  # noqa: N818 - it says what happened
    """A call was reverted; the text is what the contract said, empty where it said nothing."""


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded event: its name and its fields by name."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did."""

    gas_used: int
    events: tuple[Event, ...]

    def named(self, name: str) -> list[Mapping[str, Any]]:
        """Return the fields of each event of this name."""
        return [event.fields for event in self.events if event.name == name]


def account(number: int) -> bytes:
    """Name the account with this number; it holds no key."""
    return bytes(keccak(b"account" + number.to_bytes(4, "big"))[12:])


def _type_of(entry: Abi) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_type_of(part) for part in entry["components"]) + ")" + kind.removeprefix("tuple")


def _types_of(entries: list[Abi]) -> list[str]:
    return [_type_of(entry) for entry in entries]


def _plain(value: object) -> object:
    """Turn what the codec returns into bytes for addresses, and tuples for structures."""
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    if isinstance(value, tuple | list):
        return tuple(_plain(part) for part in value)
    return value


def signature(entry: Abi) -> str:
    """Return a function or an event as its selector or topic hashes it."""
    return f"{entry['name']}({','.join(_types_of(entry['inputs']))})"


class Evm:
    """One chain in memory with Cancun's rules; a transaction is applied at once, in the present block."""

    def __init__(self) -> None:
        self.block_number = 100
        self.state: StateAPI = CancunState(AtomicDB(), self._context(), BLANK_ROOT_HASH)

    def _context(self) -> ExecutionContext:
        hashes = (Hash32(self.block_hash(self.block_number - back)) for back in range(1, 257))
        return ExecutionContext(
            coinbase=ZERO_ADDRESS,
            timestamp=1_700_000_000 + 12 * self.block_number,
            block_number=BlockNumber(self.block_number),
            difficulty=0,
            mix_hash=Hash32(bytes(32)),
            gas_limit=GAS_LIMIT,
            prev_hashes=hashes,
            chain_id=1337,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )

    @staticmethod
    def block_hash(number: int) -> bytes:
        """Return the hash of a block; every chain of these tests has the same ones."""
        return bytes(keccak(b"block" + number.to_bytes(8, "big", signed=True)))

    def pass_blocks(self, count: int) -> None:
        """Let the block number grow."""
        self.block_number += count
        self.state.execution_context = self._context()

    def balance(self, address: bytes) -> int:
        """Return what an address holds, in wei."""
        return self.state.get_balance(Address(address))

    def apply(self, sender: bytes, to: bytes, data: bytes, value_wei: int) -> tuple[ComputationAPI, int]:
        """Apply one transaction and return the computation and the gas it used."""
        computation = self._run(sender, to, data, value_wei)
        self.state.lock_changes()
        spent = GAS_LIMIT - computation.get_gas_remaining()
        return computation, spent - min(computation.get_gas_refund(), spent // REFUND_QUOTIENT)

    def _run(self, sender: bytes, to: bytes, data: bytes, value_wei: int) -> ComputationAPI:
        if self.balance(sender) < value_wei:
            self.state.set_balance(Address(sender), RICH_WEI)
        unsigned = CancunTransactionBuilder.create_unsigned_transaction(
            nonce=self.state.get_nonce(Address(sender)),
            gas_price=0,
            gas=GAS_LIMIT,
            to=Address(to),
            value=value_wei,
            data=data,
        )
        spoof = SpoofTransaction(unsigned, from_=Address(sender))
        return self.state.apply_transaction(spoof)  # type: ignore[arg-type]  # stands in for a signed one

    def ask(self, to: bytes, data: bytes) -> ComputationAPI:
        """Run a call and take back whatever it did."""
        snapshot = self.state.snapshot()
        try:
            return self._run(b"\x01" * 20, to, data, 0)
        finally:
            self.state.revert(snapshot)
            self.state.lock_changes()

    def deploy(self, name: str, *arguments: object, stand_in: bool = False, sender: bytes = b"\x01" * 20) -> Contract:
        """Deploy a contract from its committed bytecode."""
        folder = STAND_INS if stand_in else SHIPPED
        document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        constructor = next(entry for entry in document["abi"] if entry["type"] == "constructor")
        data = bytes.fromhex(document["bytecode"][2:]) + encode(_types_of(constructor["inputs"]), arguments)
        computation, _ = self.apply(sender, b"", data, 0)
        _raise_for(computation)
        return Contract(self, bytes(computation.msg.storage_address), document["abi"])


def _raise_for(computation: ComputationAPI) -> None:
    if not computation.is_error:
        return
    if not isinstance(computation.error, Revert):
        raise computation.error
    output = bytes(computation.output)
    if output[:4] == ERROR_SELECTOR:
        raise Reverted(decode(["string"], output[4:])[0])
    raise Reverted(output.hex())


class Contract:
    """A deployed contract with its interface."""

    def __init__(self, evm: Evm, address: bytes, abi: list[Abi]) -> None:
        self.evm = evm
        self.address = address
        self.functions = {str(entry["name"]): entry for entry in abi if entry["type"] == "function"}
        self.known_events = {
            bytes(keccak(signature(entry).encode())): entry for entry in abi if entry["type"] == "event"
        }

    def data(self, function: str, *arguments: object) -> bytes:
        """Encode a call."""
        types = _types_of(self.functions[function]["inputs"])
        selector = keccak(f"{function}({','.join(types)})".encode())[:4]
        return bytes(selector + encode(types, arguments))

    def send(self, sender: bytes, function: str, *arguments: object, value_wei: int = 0) -> Receipt:
        """Send a transaction; a revert raises `Reverted` and changes nothing."""
        return self.send_data(sender, self.data(function, *arguments), value_wei)

    def send_data(self, sender: bytes, data: bytes, value_wei: int = 0) -> Receipt:
        """Send a transaction with ready call data."""
        computation, gas_used = self.evm.apply(sender, self.address, data, value_wei)
        _raise_for(computation)
        events = []
        for emitter, topics, raw in computation.get_log_entries():
            if bytes(emitter) == self.address:
                events.append(self._event(topics, raw))
        return Receipt(gas_used, tuple(events))

    def _event(self, topics: tuple[int, ...], raw: bytes) -> Event:
        entry = self.known_events[topics[0].to_bytes(32, "big")]
        plain = [part for part in entry["inputs"] if not part["indexed"]]
        indexed = [part for part in entry["inputs"] if part["indexed"]]
        fields = dict(zip((part["name"] for part in plain), decode(_types_of(plain), raw), strict=True))
        for part, topic in zip(indexed, topics[1:], strict=True):
            (fields[part["name"]],) = decode([part["type"]], topic.to_bytes(32, "big"))
        return Event(str(entry["name"]), {name: _plain(value) for name, value in fields.items()})

    def call(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - the interface says what
        """Ask without changing anything; one result comes as it is, several as a tuple."""
        computation = self.evm.ask(self.address, self.data(function, *arguments))
        _raise_for(computation)
        results = _plain(decode(_types_of(self.functions[function]["outputs"]), bytes(computation.output)))
        return results[0] if isinstance(results, tuple) and len(results) == 1 else results
