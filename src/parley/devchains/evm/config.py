"""What an embedded chain and its contracts are made with, and how a chain remembers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from parley.devchains.evm.storage import Storage
from parley.errors import ConfigError, ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["USUAL_TIP_WEI", "ChainConfig", "ContractsConfig", "keep_config", "kept_config"]

USUAL_TIP_WEI: Final = 10**9
"""What is paid per gas to the maker of a block, where nobody says otherwise."""

_CHAIN_KEY: Final = b"mchain"
_CONTRACTS_KEY: Final = b"mcontracts"
_MAX_EXACT: Final = 2**53
_ACCOUNTS_MAX: Final = 1_000
_GAS_LEAST: Final = 8_000_000
_GAS_MOST: Final = 2**40
_FEE_MOST_WEI: Final = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainConfig:
    """What an embedded chain is made with; fixed once the first block is there, but for `is_automatic`.

    Attributes:
        chain_id: 1 <= chain_id < 2**53.
        accounts: how many development accounts are rich, 0..1000.
        balance_wei: what each of them holds at first.
        balances: other accounts, in wei.
        gas_limit: of a block, 8,000,000 and more: a contract must fit.
        base_fee_wei: per gas, of the first block, at most 10**15.
        is_automatic: whether each published transaction gets a block at once.
    """

    chain_id: int = 31_337
    accounts: int = 10
    balance_wei: int = 10_000 * 10**18
    balances: Mapping[Address, int] = field(default_factory=dict)
    gas_limit: int = 30_000_000
    base_fee_wei: int = 10**9
    is_automatic: bool = True

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LocalError: a field is out of its range; the fact `field` names it.
        """
        _check("chain_id", self.chain_id, 1, _MAX_EXACT - 1)
        _check("accounts", self.accounts, 0, _ACCOUNTS_MAX)
        _check("gas_limit", self.gas_limit, _GAS_LEAST, _GAS_MOST)
        _check("base_fee_wei", self.base_fee_wei, 0, _FEE_MOST_WEI)
        for balance_wei in (self.balance_wei, *self.balances.values()):
            _check("balance_wei", balance_wei, 0, UINT256_MAX)
        for account in self.balances:
            _check("balances", len(account), ADDRESS_BYTES, ADDRESS_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractsConfig:
    """What the contracts are made with; fixed once they are there.

    Attributes:
        round_blocks: blocks in a round, >= 1.
        unlock_rounds: how long a sender waits for its money, >= ticket_validity_rounds.
        freeze_rounds: how long a sender's reserve is frozen, >= ticket_validity_rounds.
        ticket_validity_rounds: in how many rounds a ticket can be redeemed, that of its creation included, >= 1.
        minimum_stake_wei: of a recipient, >= 0.
        recipients_max: in a round, >= 1.
    """

    round_blocks: int = 50
    unlock_rounds: int = 2
    freeze_rounds: int = 2
    ticket_validity_rounds: int = 2
    minimum_stake_wei: int = 10**18
    recipients_max: int = 100

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            LocalError: a field is out of its range; the fact `field` names it.
        """
        _check("ticket_validity_rounds", self.ticket_validity_rounds, 1, UINT256_MAX)
        validity = self.ticket_validity_rounds  # or senders could withdraw in front of winners
        least = {"unlock_rounds": validity, "freeze_rounds": validity, "minimum_stake_wei": 0}
        for one in fields(self):
            _check(one.name, getattr(self, one.name), least.get(one.name, 1), UINT256_MAX)


def kept_config(
    storage: Storage, chain: ChainConfig | None, contracts: ContractsConfig | None = None
) -> tuple[ChainConfig, ContractsConfig]:
    """Return what a stored chain was made with, or what is wanted where nothing is stored.

    Raises:
        ConfigError: CONFIG_INVALID: something else is wanted than the chain was made with.
    """
    kept_chain = _kept(storage, _CHAIN_KEY)
    kept_contracts = _kept(storage, _CONTRACTS_KEY)
    if kept_chain is not None:
        kept_chain["balances"] = {Address(bytes.fromhex(key)): value for key, value in kept_chain["balances"].items()}
        kept = ChainConfig(**kept_chain)
        if chain is not None and replace(chain, is_automatic=True) != kept:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="chain", wanted="as the stored chain was made")
        chain = replace(kept, is_automatic=chain is None or chain.is_automatic)
    if kept_contracts is not None:
        if contracts is not None and asdict(contracts) != kept_contracts:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="contracts", wanted="as the stored chain has them")
        contracts = ContractsConfig(**kept_contracts)
    return chain or ChainConfig(), contracts or ContractsConfig()


def keep_config(config: ChainConfig | ContractsConfig) -> dict[bytes, bytes]:
    """Return the change of the storage that remembers a configuration."""
    document = asdict(config)
    if isinstance(config, ChainConfig):
        document["balances"] = {account.hex(): value for account, value in config.balances.items()}
        document["is_automatic"] = True
    key = _CHAIN_KEY if isinstance(config, ChainConfig) else _CONTRACTS_KEY
    return {key: json.dumps(document, sort_keys=True).encode()}


def _kept(storage: Storage, key: bytes) -> dict[str, Any] | None:
    raw = storage.get(key)
    return None if raw is None else json.loads(raw)


def _check(name: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name, wanted=f"{least} <= {name} <= {most}")
