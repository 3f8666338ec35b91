"""Agreement of transactions, created contracts and key files with the files in vectors/evm/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rlp  # type: ignore[import-untyped]  # ships no types

from parley.adapters.evm.keystore import KeyForm, list_keys, open_key
from parley.ledgers.evm.transactions import (
    Transaction,
    created_address,
    parse_transaction,
    sign_transaction,
    transaction_hash,
)
from parley.primitives.ids import Address
from tests.oracles import ecdsa as oracle
from tests.oracles.keccak import keccak256
from tests.vectors.lottery_values import Case, load


@pytest.mark.parametrize("case", load("evm/transactions.json"))
def test_transactions(case: Case) -> None:
    raw, secret = bytes.fromhex(case["raw"]), bytes.fromhex(case["secret"])
    transaction = Transaction(
        chain_id=case["chain_id"],
        nonce=case["nonce"],
        max_priority_fee_wei=case["max_priority_fee_wei"],
        max_fee_wei=case["max_fee_wei"],
        gas_limit=case["gas_limit"],
        to=Address(bytes.fromhex(case["to"])),
        value_wei=case["value_wei"],
        data=bytes.fromhex(case["data"]),
    )
    sender = keccak256(oracle.public_key(secret))[-20:]
    assert sign_transaction(transaction, secret) == raw
    assert parse_transaction(raw) == (transaction, sender)
    assert transaction_hash(raw) == keccak256(raw)


@pytest.mark.parametrize("case", load("evm/created_addresses.json"))
def test_created_addresses(case: Case) -> None:
    sender = Address(bytes.fromhex(case["sender"]))
    assert created_address(sender, case["nonce"]).hex() == case["created"]
    assert keccak256(rlp.encode([sender, case["nonce"]]))[-20:].hex() == case["created"]


@pytest.mark.parametrize("case", load("evm/keystores.json"))
def test_key_files(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(case["file"]), encoding="utf-8")
    path.chmod(0o600)
    assert open_key(path, case["passphrase"]).reveal().hex() == case["secret"]
    wanted = {3: KeyForm.WEB3_V3, 4: KeyForm.EIP_2335}[case["file"]["version"]]
    assert [(key.path, key.form, key.address) for key in list_keys(tmp_path)] == [(path, wanted, None)]
