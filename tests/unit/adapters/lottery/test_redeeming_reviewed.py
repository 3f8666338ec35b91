"""What a review found in the redeemer: each of these once lost a winner, or took a public number for a secret."""

from __future__ import annotations

from collections.abc import Sequence

from parley.errors import ErrorCode, PeerError
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.views import ChainView, SenderView
from parley.lottery.wire import Winner
from parley.ports.broker import Redeemed
from parley.ports.chain import Receipt
from parley.primitives.ids import Address
from parley.testing.broker_model import ModelBroker
from tests.unit.adapters.lottery.redeeming_world import ETHER, RECIPIENT, SENDERS, RedeemingWorld

SOON = RedemptionConfig(confirmations=3, waits_for_params=False)


async def test_a_number_that_was_revealed_stays_so_over_a_restart_while_its_parameters_hold() -> None:
    world = RedeemingWorld(SOON, mines_at_once=True)
    world.fund()
    winner = await world.won(expiration_block=1_000)
    await world.turns(8)
    assert world.status(winner).phase is RedemptionPhase.REDEEMED
    commitment = winner.params.recipient_rand_hash
    assert world.redeemer.is_revealed(commitment)
    again = world.restarted()
    await again.load()
    assert again.is_revealed(commitment)


class Garbled(ModelBroker):
    """A broker one of whose receipts cannot be read."""

    garbled: Winner | None = None

    def redeemed(self, winners: Sequence[Winner], receipt: Receipt) -> tuple[Redeemed, ...]:
        if self.garbled in winners:
            raise PeerError(ErrorCode.MALFORMED, field="event")
        return super().redeemed(winners, receipt)


async def test_a_receipt_that_cannot_be_read_holds_up_no_other_winner() -> None:
    broker = Garbled(batch_max=1)
    world = RedeemingWorld(broker=broker)
    world.fund()
    broker.garbled = await world.won()
    await world.turns(5)
    other = await world.won()
    await world.turns(8)
    assert world.status(other).phase is RedemptionPhase.REDEEMED
    assert world.redeemer.failure is not None


class Behind(ModelBroker):
    """A broker whose head may be older than the wallet's."""

    held: tuple[ChainView, SenderView] | None = None

    async def view(self) -> ChainView:
        return await super().view() if self.held is None else self.held[0]

    async def sender_view(
        self, sender: Address, recipient: Address | None, signers: frozenset[Address] = frozenset()
    ) -> SenderView:
        return await super().sender_view(sender, recipient, signers) if self.held is None else self.held[1]


async def test_money_that_a_call_has_just_taken_is_not_promised_to_the_next_winner() -> None:
    broker = Behind(batch_max=1)
    world = RedeemingWorld(RedemptionConfig(confirmations=3), broker=broker)
    world.fund(deposit_wei=10 * ETHER, reserve_wei=3 * ETHER)
    await world.won(face_value_wei=10 * ETHER)
    await world.redeemer.turn()
    second = await world.won(face_value_wei=10 * ETHER)
    before = await broker.view(), await broker.sender_view(SENDERS[0], RECIPIENT)
    broker.mine()
    broker.held = before
    await world.redeemer.turn()
    broker.held = None
    await world.turns(10)
    status = world.status(second)
    assert (status.phase, status.reason) == (RedemptionPhase.WAITING, WaitReason.FUNDS_SHORT)
