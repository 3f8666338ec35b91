"""The chain, the senders and the desk of `case_gate`, the same in the server's process and in the client's."""

from __future__ import annotations

from parley.adapters.lottery.desk import Desk
from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.system import SystemClock
from parley.lottery.recipient_config import RecipientConfig
from parley.ports.store import Store
from parley.primitives import ecdsa
from parley.primitives.hashing import sha256
from parley.primitives.ids import Address
from parley.primitives.one_shot import SecretKey
from parley.testing.broker_model import ModelBroker
from parley.testing.winnings_model import ModelWinnings

__all__ = ["CHAIN_ID", "PRICE_WEI", "RECIPIENT", "SENDERS", "key_of", "make_broker", "make_desk", "sender_of"]

CHAIN_ID = 1337
PRICE_WEI = 20 * 10**9
RECIPIENT = Address(b"\x70" * 20)
SENDERS = 64


def key_of(number: int) -> SecretKey:
    """Return the key of a sender."""
    return SecretKey(sha256(b"bench sender %d" % number))


def sender_of(number: int) -> Address:
    """Return the address of a sender."""
    return ecdsa.address_of(ecdsa.public_key(key_of(number).reveal()))


def make_broker() -> ModelBroker:
    """Make a chain on which every sender has money; each process makes the same, to the last hash."""
    broker = ModelBroker(chain_id=CHAIN_ID)
    broker.register(RECIPIENT)
    for number in range(SENDERS):
        broker.fund(sender_of(number), deposit_wei=10**18, reserve_wei=10**18)
    return broker


def make_desk(broker: ModelBroker, store: Store, seed: bytes) -> Desk:
    """Make a desk of the recipient; all of them know each other's parameters."""
    return Desk(
        SecretKey(sha256(b"bench recipient")),
        RECIPIENT,
        broker,
        store.claims,
        store.documents,
        entropy=SeededEntropy(seed),
        clock=SystemClock(),
        winnings=ModelWinnings(),
        # So few tickets win that a run seldom has a winner: writing one is a matter of the disk.
        config=RecipientConfig(redeem_gas=100_000),
    )
