"""An Ethereum-like chain in this process, with the contracts deployed, and the same chain as a JSON-RPC server."""

from __future__ import annotations

from parley.devchains.evm.accounts import DevelopmentAccount, development_account, development_accounts
from parley.devchains.evm.config import ChainConfig, ContractsConfig
from parley.devchains.evm.deployment import Deployment
from parley.devchains.evm.devchain import Devchain, open_devchain
from parley.devchains.evm.embedded import EmbeddedChain

__all__ = [
    "ChainConfig",
    "ContractsConfig",
    "Deployment",
    "Devchain",
    "DevelopmentAccount",
    "EmbeddedChain",
    "development_account",
    "development_accounts",
    "open_devchain",
]
