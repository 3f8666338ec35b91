"""The redeemer at the stand-in of the deployed broker, under the rules of both builds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from parley.adapters.evm.wallet import EvmWallet
from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.lottery.redemption_book import keep_winner
from parley.adapters.memory.store import MemoryDocuments, MemoryStore
from parley.lottery.livepeer_rules import LivepeerRules
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.wire import Winner
from parley.primitives.one_shot import SecretKey
from parley.testing.clock import VirtualClock
from tests.onchain.broker_world import LivepeerChain

# The tickets of these tests are worth some wei, and no gas is worth that.
CONFIG = RedemptionConfig(confirmations=2, retry_blocks=1, worth_percent=0, waits_for_params=False)
ROUND_11 = (11, b"\x11" * 32)
ROUND_12 = (12, b"\x12" * 32)


@dataclass
class World:
    """A redeemer at the deployed broker."""

    chain: LivepeerChain
    documents: MemoryDocuments
    redeemer: Redeemer

    @classmethod
    async def begin(cls, rules: LivepeerRules, *, batch_max: int = 1) -> World:
        chain = await LivepeerChain.begin(rules, batch_max=batch_max)
        documents = MemoryStore().documents
        wallet = EvmWallet(chain.dev.chain, SecretKey(chain.dev.accounts[9].secret), documents)
        return cls(chain, documents, Redeemer(chain.broker, wallet, documents, VirtualClock(), CONFIG))

    async def won(self, nonce: int, face_value: int = 1_000) -> Winner:
        winner = await self.chain.winner(nonce=nonce, face_value=face_value)
        await keep_winner(self.documents, winner)
        return winner

    async def turns(self, count: int) -> None:
        for _ in range(count):
            await self.redeemer.turn()
            await self.chain.dev.chain.mine()

    @property
    def statuses(self) -> tuple[RedemptionStatus, ...]:
        return self.redeemer.redemptions()


@pytest.mark.parametrize("rules", list(LivepeerRules))
@pytest.mark.parametrize("batch_max", [1, 16])
async def test_winners_are_paid_one_by_one_or_together(rules: LivepeerRules, batch_max: int) -> None:
    world = await World.begin(rules, batch_max=batch_max)
    await world.chain.fund(5_000, 0)
    for nonce in (1, 2, 3):
        await world.won(nonce)
    await world.turns(4)
    assert [(item.phase, item.paid_wei) for item in world.statuses] == [(RedemptionPhase.REDEEMED, 1_000)] * 3


@pytest.mark.parametrize(
    ("rules", "phase", "paid_wei"),
    [
        (LivepeerRules.BUILD_2023, RedemptionPhase.REDEEMED, 700),
        (LivepeerRules.BUILD_2026, RedemptionPhase.EXPIRED, None),
    ],
)
async def test_a_short_sender_pays_what_it_has_in_the_last_round_where_the_build_allows_it(
    rules: LivepeerRules, phase: RedemptionPhase, paid_wei: int | None
) -> None:
    world = await World.begin(rules)
    await world.chain.fund(700, 0)
    await world.won(1)
    await world.turns(3)
    assert [(item.phase, item.reason) for item in world.statuses] == [(RedemptionPhase.WAITING, WaitReason.FUNDS_SHORT)]
    await world.chain.set_round(*ROUND_11)
    await world.turns(4)
    await world.chain.set_round(*ROUND_12)
    await world.turns(4)
    assert [(item.phase, item.paid_wei) for item in world.statuses] == [(phase, paid_wei)]
