"""Development accounts are those that every tool for Ethereum knows."""

from __future__ import annotations

import pytest
from eth_account import Account

from parley.devchains.evm.accounts import (
    DEVELOPMENT_WORDS,
    OWNER_INDEX,
    DevelopmentAccount,
    development_account,
    development_accounts,
)
from parley.errors import ErrorCode, LocalError
from parley.primitives.ids import Address

# As anvil and hardhat print them at each start.
KNOWN = (
    ("f39fd6e51aad88f6f4ce6ab8827279cfffb92266", "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    ("70997970c51812dc3a010c7d01b50e0d17dc79c8", "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    ("3c44cdddb6a900fa2b585dd299e03d12fa4293bc", "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
)


def test_first_accounts_are_the_known_ones() -> None:
    found = development_accounts(3)
    assert tuple((account.address.hex(), account.secret.hex()) for account in found) == KNOWN


def test_account_of_an_index_is_that_of_the_list() -> None:
    assert development_account(2) == development_accounts(3)[2]


@pytest.mark.parametrize("index", [9, OWNER_INDEX, 2**31 - 1])
def test_another_implementation_derives_the_same(index: int) -> None:
    Account.enable_unaudited_hdwallet_features()
    other = Account.from_mnemonic(DEVELOPMENT_WORDS, account_path=f"m/44'/60'/0'/0/{index}")
    assert development_account(index) == DevelopmentAccount(Address(bytes.fromhex(other.address[2:])), bytes(other.key))


def test_secret_is_not_shown() -> None:
    assert KNOWN[0][1] not in repr(development_account(0))


@pytest.mark.parametrize("index", [-1, 2**31])
def test_index_out_of_range_is_refused(index: int) -> None:
    for ask in (development_account, development_accounts):
        with pytest.raises(LocalError) as caught:
            ask(index)
        assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def test_no_accounts_are_none() -> None:
    assert development_accounts(0) == ()
