"""A desk on a chain in memory, and stores that fail or wait when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from parley.adapters.lottery.desk import Desk
from parley.adapters.memory import MemoryStore, SeededEntropy
from parley.errors import ErrorCode, Rejected, UnavailableError
from parley.lottery.params import Payment, Price, TicketParams
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.redemption_records import winner_hash
from parley.lottery.verdicts import Fault, Receipt
from parley.lottery.wire import Winner, parse_winner
from parley.ports.store import Claims, Document, Documents
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.byzantine_senders import Payer
from parley.testing.clock import VirtualClock
from parley.testing.winnings_model import ModelWinnings

__all__ = ["ETHER", "PRICE", "RECIPIENT", "SECRET", "DoorDocuments", "Shop", "faults"]

ETHER = 10**18
PRICE = Price(10**9)
RECIPIENT = Address(b"\x77" * 20)
SECRET = SecretKey(b"\x05" * 32)
NOW = Instant(1_800_000_000_000)


@dataclass
class DoorDocuments:
    """Documents that fail, or wait until the door is opened, as long as a test says so.

    Attributes:
        inner: what keeps them.
        fails: how many of the next writes raise.
        door: writes wait for it.
        reached: set once a write has come to the door.
    """

    inner: Documents
    fails: int = 0
    door: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.door.set()

    async def get(self, namespace: str, key: str) -> bytes | None:
        return await self.inner.get(namespace, key)

    async def put(self, namespace: str, key: str, value: bytes) -> None:
        self.reached.set()
        await self.door.wait()
        if self.fails:
            self.fails -= 1
            raise UnavailableError(ErrorCode.STORE_UNAVAILABLE)
        await self.inner.put(namespace, key, value)

    async def delete(self, namespace: str, key: str) -> bool:
        return await self.inner.delete(namespace, key)

    async def list(self, namespace: str) -> tuple[Document, ...]:
        return await self.inner.list(namespace)


class Shop:
    """A recipient's desk and all around it.

    Attributes:
        broker: with the recipient registered and `anna` funded.
        anna: pays.
        documents: of the store.
        winnings: what a redeemer would hold.
        desk: of the first process.
    """

    def __init__(self, config: RecipientConfig | None = None, *, claims: Claims | None = None) -> None:
        self.config = config
        self.broker = ModelBroker()
        self.broker.register(RECIPIENT)
        self.anna = Payer(b"\xa1" * 32)
        self.broker.fund(self.anna.address, deposit_wei=100 * ETHER, reserve_wei=100 * ETHER)
        self.store = MemoryStore()
        self.claims = self.store.claims if claims is None else claims
        self.documents = DoorDocuments(self.store.documents)
        self.clock = VirtualClock(NOW)
        self.winnings = ModelWinnings()
        self.started = 0
        self.desk = self.start()

    def start(self) -> Desk:
        """Start one more process on the same store."""
        self.started += 1
        return Desk(
            SECRET,
            RECIPIENT,
            self.broker,
            self.claims,
            self.documents,
            entropy=SeededEntropy(f"desk {self.started}".encode()),
            clock=self.clock,
            winnings=self.winnings,
            config=self.config,
        )

    async def quote(self, expected_wei: int = 10**12, *, payer: Payer | None = None) -> TicketParams:
        sender = self.anna.address if payer is None else payer.sender
        params = await self.desk.quote(sender, expected_wei, PRICE)
        if isinstance(params, Rejected):
            pytest.fail(str(params))
        return params

    async def pay(self, nonces: Sequence[int], expected_wei: int = 10**12) -> Payment:
        return self.anna.pay(await self.quote(expected_wei), nonces, PRICE)

    async def written(self) -> list[Winner]:
        """Return the winners in the store, each under its ticket's hash."""
        documents = await self.store.documents.list("lottery/winners")
        winners = [parse_winner(document.value) for document in documents]
        assert [winner_hash(winner).hex() for winner in winners] == [document.key for document in documents]
        return winners


def faults(receipt: Receipt) -> list[Fault | None]:
    return [verdict.fault for verdict in receipt.verdicts]
