"""A small chain with the real contracts, senders with money, a registered recipient, and winners of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.adapters.evm.parley_broker import ParleyBroker
from parley.adapters.lottery.redemption_book import keep_winner
from parley.devchains.evm.config import ChainConfig, ContractsConfig
from parley.devchains.evm.devchain import Devchain, open_devchain
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.wire import Winner
from parley.ports.store import Documents
from parley.testing.clock import VirtualClock
from parley.testing.winners import make_winner

__all__ = ["CONFIG", "ETHER", "Payers", "open_payers"]

ETHER: Final = 10**18
CONFIG: Final = RedemptionConfig(confirmations=3, retry_blocks=1)
ROUND_BLOCKS: Final = 60


@dataclass
class Payers:
    """Senders and a recipient on one chain.

    Attributes:
        dev: the chain.
        broker: as the recipient sees it.
        nonce: of the last winner made.
    """

    dev: Devchain
    broker: ParleyBroker
    nonce: int = 0

    async def fund(self, sender: int, *, deposit_wei: int, reserve_wei: int = 0) -> None:
        """Let a development account put money up."""
        await self.dev.send(
            self.dev.accounts[sender], self.broker.fund_call(deposit_wei=deposit_wei, reserve_wei=reserve_wei)
        )

    async def made(self, sender: int, *, face_value_wei: int = ETHER, win_prob: int = 2**256 - 1) -> Winner:
        """Return a winner of the present round whose parameters end now."""
        self.nonce += 1
        view = await self.broker.view()
        return make_winner(
            self.dev.accounts[sender].secret,
            self.dev.accounts[0].address,
            view.creation_round,
            face_value_wei=face_value_wei,
            nonce=self.nonce,
            recipient_rand=self.nonce,
            expiration_block=view.block_number,
            win_prob=win_prob,
        )

    async def won(self, documents: Documents, sender: int, **options: int) -> Winner:
        """Win, and write it down."""
        winner = await self.made(sender, **options)
        await keep_winner(documents, winner)
        return winner

    async def credited_wei(self) -> int:
        """Return what the recipient's fee pool holds: all that the contract of recipients has beyond the stake."""
        held = await self.dev.chain.balance_wei(self.dev.deployment.recipients)
        return held - self.dev.contracts.minimum_stake_wei


async def open_payers(*, is_automatic: bool = True) -> Payers:
    """Begin the chain: account 0 is the recipient, 1 to 3 are senders, 9 pays for gas."""
    dev = await open_devchain(ChainConfig(), ContractsConfig(round_blocks=ROUND_BLOCKS))
    await dev.register(dev.accounts[0])
    await dev.next_round()
    payers = Payers(dev, ParleyBroker(dev.chain, dev.deployment.broker, VirtualClock()))
    await dev.chain.set_automatic(is_automatic)
    return payers
