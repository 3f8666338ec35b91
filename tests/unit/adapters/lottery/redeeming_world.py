"""A recipient with winners, a chain in memory, a store that survives, and processes that do not."""

from __future__ import annotations

from typing import Final

from parley.adapters.lottery.redeeming import Redeemer
from parley.adapters.lottery.redemption_book import keep_winner
from parley.adapters.memory.store import MemoryStore
from parley.lottery.params import CreationRound
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_records import winner_hash
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.wire import Winner
from parley.ports.store import Documents
from parley.primitives.ecdsa import address_of, public_key
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.broker_model import ModelBroker
from parley.testing.clock import VirtualClock
from parley.testing.wallet_model import ModelWallet
from parley.testing.winners import make_winner

__all__ = ["CONFIG", "ETHER", "RECIPIENT", "REDEEMER", "SECRETS", "SENDERS", "RedeemingWorld", "stands"]

ETHER: Final = 10**18
SECRETS: Final = tuple(bytes([number]) * 32 for number in (1, 2, 3))
SENDERS: Final = tuple(address_of(public_key(secret)) for secret in SECRETS)
RECIPIENT: Final = Address(b"\x0a" * 20)
REDEEMER: Final = Address(b"\x0b" * 20)
CONFIG: Final = RedemptionConfig(confirmations=3, retry_blocks=2)


def stands(status: RedemptionStatus) -> tuple[RedemptionPhase, WaitReason | None]:
    """Return where a winner stands, and what it waits for."""
    return status.phase, status.reason


class RedeemingWorld:
    """Everything around one redeemer."""

    def __init__(
        self,
        config: RedemptionConfig = CONFIG,
        *,
        batch_max: int = 10,
        mines_at_once: bool = False,
        documents: Documents | None = None,
        broker: ModelBroker | None = None,
    ) -> None:
        self.config = config
        self.broker = ModelBroker(batch_max=batch_max) if broker is None else broker
        self.broker.register(RECIPIENT)
        self.wallet = ModelWallet(self.broker, REDEEMER, mines_at_once=mines_at_once)
        self.documents: Documents = MemoryStore().documents if documents is None else documents
        self.clock = VirtualClock(Instant(1_800_000_000_000))
        self.nonce = 0
        self.redeemer = self.restarted()

    def restarted(self) -> Redeemer:
        """Begin another process on the same store, the same account and the same chain."""
        self.redeemer = Redeemer(self.broker, self.wallet, self.documents, self.clock, self.config)
        return self.redeemer

    def fund(self, sender: int = 0, *, deposit_wei: int = 10 * ETHER, reserve_wei: int = 0) -> None:
        self.broker.fund(SENDERS[sender], deposit_wei=deposit_wei, reserve_wei=reserve_wei)

    def made(
        self, sender: int = 0, *, face_value_wei: int = ETHER, expiration_block: int = 1, win_prob: int = 2**256 - 1
    ) -> Winner:
        """Return a winner of the present round."""
        self.nonce += 1
        hashes = self.broker.state.round_hashes
        number = max(hashes)
        return make_winner(
            SECRETS[sender],
            RECIPIENT,
            CreationRound(number, hashes[number]),
            face_value_wei=face_value_wei,
            nonce=self.nonce,
            recipient_rand=self.nonce,
            expiration_block=expiration_block,
            win_prob=win_prob,
        )

    async def won(
        self, sender: int = 0, *, face_value_wei: int = ETHER, expiration_block: int = 1, win_prob: int = 2**256 - 1
    ) -> Winner:
        """Win, and write it down."""
        winner = self.made(sender, face_value_wei=face_value_wei, expiration_block=expiration_block, win_prob=win_prob)
        await keep_winner(self.documents, winner)
        return winner

    async def turns(self, count: int = 1) -> None:
        """Let the redeemer look, and then mine a block, some times."""
        for _ in range(count):
            await self.redeemer.turn()
            self.broker.mine()

    def status(self, winner: Winner) -> RedemptionStatus:
        """Return how a winner stands."""
        [found] = [item for item in self.redeemer.redemptions() if item.ticket_hash == winner_hash(winner)]
        return found

    def phases(self) -> list[RedemptionPhase]:
        """Return where each winner stands, in the order in which people see them."""
        return [item.phase for item in self.redeemer.redemptions()]

    @property
    def credited_wei(self) -> int:
        """What the recipient's fee pool got."""
        return self.broker.state.credited_wei.get(RECIPIENT, 0)

    @property
    def calls(self) -> int:
        """How many calls the wallet began, ever."""
        return len(self.broker.acts)
