"""An embedded chain that is ready for use: contracts in place, rounds that begin by themselves, rich accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley.devchains.evm.accounts import DevelopmentAccount, development_accounts
from parley.devchains.evm.config import ChainConfig, ContractsConfig
from parley.devchains.evm.deployment import Deployment, RoundKeeper, deploy, send
from parley.devchains.evm.embedded import EmbeddedChain
from parley.devchains.evm.storage import Storage
from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import pack_uint256, selector
from parley.ports.chain import Call, Receipt

__all__ = ["Devchain", "open_devchain"]

_REGISTER = selector("register(uint256)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Devchain:
    """A chain with all that the lottery needs.

    Attributes:
        chain: the chain itself.
        deployment: where its contracts are.
        accounts: rich ones, whose keys everybody knows.
        contracts: what the contracts were made with.
    """

    chain: EmbeddedChain
    deployment: Deployment
    accounts: tuple[DevelopmentAccount, ...]
    contracts: ContractsConfig

    async def send(self, account: DevelopmentAccount, call: Call, *, gas: int | None = None) -> Receipt:
        """Have a call done by an account whose key is at hand, in a block of its own.

        Raises:
            LocalError: REVERTED, where `gas` is None: the contract would refuse it.
        """
        local = self.chain.local
        transaction_hash = send(local, account.secret, account.address, call, gas=gas)
        if not local.is_automatic:
            await self.chain.mine()
        receipt = await self.chain.receipt(transaction_hash)
        if receipt is None:
            raise LocalError(ErrorCode.WRONG_STATE, fault="no block took the transaction")
        return receipt

    async def register(self, account: DevelopmentAccount, *, commission: int = 0) -> None:
        """Make an account a recipient from the next round on, with the least stake.

        Args:
            account: who registers, and pays the stake.
            commission: parts per million of the fees that it keeps before the rest is shared by stake.
        """
        data = _REGISTER + pack_uint256(commission)
        stake_wei = self.contracts.minimum_stake_wei
        await self.send(account, Call(to=self.deployment.recipients, data=data, value_wei=stake_wei))

    async def next_round(self, rounds: int = 1) -> None:
        """Mine until as many rounds have begun."""
        answer = await self.chain.call(Call(to=self.deployment.rounds, data=selector("currentRoundStartBlock()")))
        if not isinstance(answer, bytes):
            raise LocalError(ErrorCode.WRONG_STATE, fault="the contract of rounds does not answer")
        head = await self.chain.head()
        goal = int.from_bytes(answer, "big") + rounds * self.contracts.round_blocks
        await self.chain.mine(goal - head.number)


async def open_devchain(
    config: ChainConfig | None = None,
    contracts: ContractsConfig | None = None,
    *,
    storage: Storage | None = None,
    now_s: Callable[[], int] | None = None,
) -> Devchain:
    """Begin a chain and put the contracts on it, or go on with the one that is stored.

    Args:
        config: of a new chain.
        contracts: of a new chain.
        storage: where it is kept; in memory where None.
        now_s: seconds since 1970, for the time of blocks; without it, blocks are 12 s apart and equal acts make
            equal chains.
    """
    chain = EmbeddedChain(config, storage=storage, now_s=now_s)
    deployment, contracts = deploy(chain.local, contracts)
    chain.local.keepers.append(RoundKeeper(chain.local, deployment))
    if chain.local.head.header.number == _DEPLOYED_AT:
        await chain.mine()  # begins the first round
    accounts = development_accounts(chain.local.config.accounts)
    return Devchain(chain=chain, deployment=deployment, accounts=accounts, contracts=contracts)


_DEPLOYED_AT = 3
