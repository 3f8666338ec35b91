from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]  # ships no types
from eth_account import Account

from parley.errors import ErrorCode, LocalError, PeerError
from parley.ledgers.evm.reverts import printable, revert_reason
from parley.ledgers.evm.transactions import (
    DATA_MAX_BYTES,
    Transaction,
    created_address,
    parse_transaction,
    sign_transaction,
    transaction_hash,
)
from parley.primitives.ids import Address
from tests.oracles import bip340

SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ACCOUNT = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
PLAIN = Transaction(
    chain_id=1,
    nonce=0,
    max_priority_fee_wei=2,
    max_fee_wei=3,
    gas_limit=21_000,
    to=Address(b"\x5a" * 20),
    value_wei=1,
    data=b"\x00\x01",
)


def items(**changes: object) -> bytes:
    """Return a raw transaction made of other fields, by their place."""
    fields = rlp.decode(sign_transaction(PLAIN, SECRET)[1:])
    for place, value in changes.items():
        fields[int(place.removeprefix("at_"))] = value
    encoded: bytes = rlp.encode(fields)
    return b"\x02" + encoded


@pytest.mark.parametrize(
    "transaction",
    [
        PLAIN,
        replace(PLAIN, to=None, data=b"\x60" * 100),
        replace(PLAIN, nonce=2**64 - 2, chain_id=2**64 - 1, gas_limit=2**64 - 1, value_wei=2**256 - 1),
        replace(PLAIN, max_fee_wei=0, max_priority_fee_wei=0, value_wei=0, data=b"", gas_limit=0),
        replace(PLAIN, data=b"\x7f"),
    ],
)
def test_other_wallets_write_the_same_bytes(transaction: Transaction) -> None:
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.max_priority_fee_wei,
        "maxFeePerGas": transaction.max_fee_wei,
        "gas": transaction.gas_limit,
        "value": transaction.value_wei,
        "data": transaction.data,
    }
    if transaction.to is not None:
        fields["to"] = bytes(transaction.to)
    theirs = Account.sign_transaction(fields, SECRET)
    raw = sign_transaction(transaction, SECRET)
    assert raw == bytes(theirs.raw_transaction)
    assert transaction_hash(raw) == bytes(theirs.hash)
    assert parse_transaction(raw) == (transaction, ACCOUNT)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 0},
        {"chain_id": 2**64},
        {"nonce": -1},
        {"nonce": 2**64 - 1},
        {"max_priority_fee_wei": 4},
        {"max_fee_wei": 2**256},
        {"gas_limit": 2**64},
        {"gas_limit": 1.0},
        {"value_wei": -1},
        {"value_wei": True},
        {"data": bytes(DATA_MAX_BYTES + 1)},
        {"to": b"\x00" * 19},
    ],
)
def test_fields_have_ranges(change: dict[str, Any]) -> None:
    with pytest.raises(LocalError) as caught:
        replace(PLAIN, **change)
    assert [caught.value.facts["field"]] == list(change)


def test_what_is_no_key_signs_nothing() -> None:
    with pytest.raises(LocalError):
        sign_transaction(PLAIN, bytes(32))


HIGH_S = (bip340.N - int.from_bytes(rlp.decode(sign_transaction(PLAIN, SECRET)[1:])[11], "big")).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", ErrorCode.MALFORMED),
        (b"\x02", ErrorCode.MALFORMED),
        (b"\x02\xc0", ErrorCode.MALFORMED),
        (b"\x02\x80", ErrorCode.MALFORMED),
        (b"\x01" + items()[1:], ErrorCode.MALFORMED),
        (items()[1:], ErrorCode.MALFORMED),
        (items()[:-1], ErrorCode.MALFORMED),
        (items() + b"\x00", ErrorCode.MALFORMED),
        (b"\x02" + b"\xc1" * 5_000 + b"\xc0", ErrorCode.MALFORMED),
        (items(at_0=b""), ErrorCode.MALFORMED),
        (items(at_1=b"\x00"), ErrorCode.MALFORMED),
        (items(at_1=b"\x00\x05"), ErrorCode.MALFORMED),
        (items(at_1=b"\xff" * 8), ErrorCode.MALFORMED),
        (items(at_2=b"\x04"), ErrorCode.MALFORMED),
        (items(at_4=[]), ErrorCode.MALFORMED),
        (items(at_5=b"\x01" * 19), ErrorCode.MALFORMED),
        (items(at_5=[]), ErrorCode.MALFORMED),
        (items(at_6=b"\x01" + bytes(32)), ErrorCode.MALFORMED),
        (items(at_7=[]), ErrorCode.MALFORMED),
        (items(at_7=bytes(DATA_MAX_BYTES + 1)), ErrorCode.MALFORMED),
        (items(at_8=[[b"\x01" * 20, []]]), ErrorCode.MALFORMED),
        (items(at_8=b""), ErrorCode.MALFORMED),
        (items(at_9=b"\x02"), ErrorCode.BAD_SIGNATURE),
        (items(at_9=b"\xff" * 32), ErrorCode.BAD_SIGNATURE),
        (items(at_10=b""), ErrorCode.BAD_SIGNATURE),
        (items(at_10=b"\xff" * 32), ErrorCode.BAD_SIGNATURE),
        (items(at_11=HIGH_S), ErrorCode.BAD_SIGNATURE),
        (items(at_11=b"\x00"), ErrorCode.MALFORMED),
        (b"\x02" + bytes(2 * DATA_MAX_BYTES), ErrorCode.TOO_LARGE),
    ],
)
def test_what_is_no_transaction_of_this_kind_is_refused(raw: bytes, code: ErrorCode) -> None:
    with pytest.raises(PeerError) as caught:
        parse_transaction(raw)
    assert caught.value.code is code


def test_another_parity_names_another_sender() -> None:
    other = b"\x01" if rlp.decode(items()[1:])[9] == b"" else b""
    transaction, sender = parse_transaction(items(at_9=other))
    assert transaction == PLAIN
    assert sender != ACCOUNT


def test_a_created_contract_has_its_own_address_for_each_nonce() -> None:
    made = {created_address(Address(ACCOUNT), nonce) for nonce in (0, 1, 127, 128, 255, 256, 2**64 - 2)}
    assert len(made) == 7
    # The first two that development nodes tell of for their first account.
    assert created_address(Address(ACCOUNT), 0).hex() == "5fbdb2315678afecb367f032d93f642f64180aa3"
    assert created_address(Address(ACCOUNT), 1).hex() == "e7f1725e7734ce288f8367e1bb143e90bb3f0512"


ERROR = bytes.fromhex("08c379a0") + bytes(31) + b"\x20"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ERROR + bytes(31) + b"\x02" + b"no" + bytes(30), "no"),
        (ERROR + bytes(31) + b"\x02" + b"no", "no"),
        (ERROR + bytes(31) + b"\x00", ""),
        (ERROR + bytes(31) + b"\x03" + b"no", ""),
        (ERROR + b"\xff" * 32 + b"no", ""),
        (ERROR + bytes(10), ""),
        (ERROR[:-1] + b"\x40" + bytes(31) + b"\x02" + b"no", ""),
        (b"\x00" + ERROR + bytes(31) + b"\x02no", ""),
        (b"", ""),
        (ERROR + bytes(31) + b"\x04" + b"a\n\x1bb", "ab"),
        (ERROR + bytes(31) + b"\x02" + b"\xff\xfe", "\ufffd\ufffd"),
        (ERROR + bytes(30) + b"\x01\x2c" + b"x" * 300, "x" * 256),
    ],
)
def test_a_reason_is_read_out_of_a_revert(data: bytes, reason: str) -> None:
    assert revert_reason(data) == reason


def test_what_is_printed_is_printable() -> None:
    assert printable("a\u202eb\u0007c d" + "e" * 300) == "abc d" + "e" * 251
