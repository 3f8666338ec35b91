"""What a chain is made with: ranges, and that a stored chain stays what it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from parley.devchains.evm.config import ChainConfig, ContractsConfig, keep_config, kept_config
from parley.devchains.evm.storage import MemoryStorage
from parley.errors import ConfigError, ErrorCode, LocalError
from parley.primitives.ids import Address

CHAIN = ChainConfig(chain_id=5, accounts=2, balances={Address(b"\x01" * 20): 2**200}, is_automatic=False)
CONTRACTS = ContractsConfig(round_blocks=7, minimum_stake_wei=0)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"chain_id": 0}, "chain_id"),
        ({"chain_id": 2**53}, "chain_id"),
        ({"chain_id": True}, "chain_id"),
        ({"accounts": -1}, "accounts"),
        ({"accounts": 1_001}, "accounts"),
        ({"balance_wei": 2**256}, "balance_wei"),
        ({"gas_limit": 7_999_999}, "gas_limit"),
        ({"base_fee_wei": -1}, "base_fee_wei"),
        ({"balances": {Address(b"\x01" * 20): -1}}, "balance_wei"),
        ({"balances": {Address(b"\x01" * 19): 1}}, "balances"),
    ],
)
def test_chain_has_ranges(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(LocalError) as caught:
        ChainConfig(**fields)
    assert caught.value.facts["field"] == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("round_blocks", 0),
        ("unlock_rounds", 1),
        ("unlock_rounds", 2**256),
        ("freeze_rounds", 1),
        ("ticket_validity_rounds", 0),
        ("minimum_stake_wei", -1),
        ("recipients_max", 0),
    ],
)
def test_contracts_have_ranges(name: str, value: int) -> None:
    with pytest.raises(LocalError) as caught:
        ContractsConfig(**{name: value})
    assert caught.value.facts["field"] == name


def test_empty_storage_gives_what_is_wanted_or_the_defaults() -> None:
    assert kept_config(MemoryStorage(), CHAIN, CONTRACTS) == (CHAIN, CONTRACTS)
    assert kept_config(MemoryStorage(), None) == (ChainConfig(), ContractsConfig())


def stored() -> MemoryStorage:
    storage = MemoryStorage()
    storage.write({**keep_config(CHAIN), **keep_config(CONTRACTS)})
    return storage


def test_stored_chain_is_what_it_was_made_with() -> None:
    chain, contracts = kept_config(stored(), None)
    assert (chain, contracts) == (replace(CHAIN, is_automatic=True), CONTRACTS)


def test_how_blocks_come_may_change() -> None:
    for is_automatic in (True, False):
        chain, _ = kept_config(stored(), replace(CHAIN, is_automatic=is_automatic), CONTRACTS)
        assert chain.is_automatic is is_automatic


def test_other_wishes_are_refused() -> None:
    for chain, contracts, setting in (
        (replace(CHAIN, chain_id=6), None, "chain"),
        (None, replace(CONTRACTS, round_blocks=8), "contracts"),
    ):
        with pytest.raises(ConfigError) as caught:
            kept_config(stored(), chain, contracts)
        assert (caught.value.code, caught.value.facts["setting"]) == (ErrorCode.CONFIG_INVALID, setting)
