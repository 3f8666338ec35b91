"""The stand-in of the deployed broker with its neighbours, and people who use it."""

from __future__ import annotations

from typing import Any, Final

from eth_utils.crypto import keccak

from parley.lottery.livepeer_rules import LivepeerRules
from tests.onchain.evm import Evm, Receipt, account
from tests.onchain.tickets import ALWAYS, RAND, Key, rand_hash

__all__ = ["FOO", "LIVEPEER_ROUND", "UNLOCK_ROUNDS", "LivepeerTicket", "LivepeerWorld", "auxiliary"]

FOO: Final = bytes(keccak(b"foo"))
LIVEPEER_ROUND: Final = 10
UNLOCK_ROUNDS: Final = 20
LivepeerTicket = tuple[bytes, bytes, int, int, int, bytes, bytes]


def auxiliary(number: int = LIVEPEER_ROUND, round_hash: bytes = FOO) -> bytes:
    """Return round and hash as the deployed broker takes them."""
    return number.to_bytes(32, "big") + round_hash


class LivepeerWorld:
    """Round 10 with the hash of "foo", as the deployed broker's own tests have it; the recipient is active, alone."""

    def __init__(self, rules: LivepeerRules = LivepeerRules.BUILD_2023) -> None:
        self.evm = Evm()
        self.owner = account(500)
        newer = rules is LivepeerRules.BUILD_2026
        self.protocol = self.evm.deploy("LivepeerProtocol", newer, stand_in=True, sender=self.owner)
        self.broker = self.evm.deploy(
            "LivepeerBroker", self.protocol.address, UNLOCK_ROUNDS, 2, rules.value, stand_in=True, sender=self.owner
        )
        self.key = Key(1)
        self.sender = self.key.address
        self.recipient = account(1)
        self.stranger = account(1_000)
        self.set_round(LIVEPEER_ROUND)
        self.activate(self.recipient)
        self.protocol.send(self.owner, "setPoolSize", 1)

    def set_round(self, number: int, round_hash: bytes = FOO, *, initialized: bool = True) -> None:
        """Make a round the present one."""
        self.protocol.send(self.owner, "setRound", number, round_hash, initialized)

    def activate(self, *recipients: bytes, active: bool = True) -> None:
        """Let recipients be registered and active, or registered only."""
        for recipient in recipients:
            flags = (True, active)  # registered, active
            self.protocol.send(self.owner, "setTranscoder", recipient, *flags)

    def pause(self) -> None:
        """Stop the system."""
        paused = True
        self.protocol.send(self.owner, "setPaused", paused)

    def fund(self, deposit: int, reserve: int, sender: bytes | None = None) -> Receipt:
        """Fund a sender by itself."""
        return self.broker.send(
            sender or self.sender, "fundDepositAndReserve", deposit, reserve, value_wei=deposit + reserve
        )

    def ticket(self, face_value: int = 1_000, **fields: Any) -> LivepeerTicket:  # noqa: ANN401 - fields of it
        """Make a ticket of round 10 that always wins; its fields in the order of the structure."""
        values: dict[str, Any] = {
            "recipient": self.recipient,
            "sender": self.sender,
            "face_value": face_value,
            "win_prob": ALWAYS,
            "nonce": 0,
            "rand_hash": rand_hash(RAND),
            "auxiliary": auxiliary(),
            **fields,
        }
        return tuple(values.values())

    def sign(self, ticket: LivepeerTicket, key: Key | None = None) -> bytes:
        """Sign a ticket as its sender."""
        packed = ticket[0] + ticket[1] + b"".join(n.to_bytes(32, "big") for n in ticket[2:5]) + ticket[5] + ticket[6]
        return (key or self.key).sign(bytes(keccak(packed)))

    def redeem(self, ticket: LivepeerTicket, signature: bytes | None = None, rand: int = RAND) -> Receipt:
        """Redeem a ticket, signed by its sender unless a signature is given."""
        signed = self.sign(ticket) if signature is None else signature
        return self.broker.send(self.recipient, "redeemWinningTicket", ticket, signed, rand)

    def redeem_all(self, tickets: list[LivepeerTicket], signatures: list[bytes] | None = None) -> Receipt:
        """Redeem several tickets in one transaction."""
        signed = signatures or [self.sign(ticket) for ticket in tickets]
        return self.broker.send(self.recipient, "batchRedeemWinningTickets", tickets, signed, [RAND] * len(tickets))

    def deposit(self, sender: bytes | None = None) -> int:
        """Return a sender's deposit."""
        return int(self.broker.call("getSenderInfo", sender or self.sender)[0][0])

    def reserve(self, sender: bytes | None = None) -> int:
        """Return what remains of a sender's reserve."""
        return int(self.broker.call("getSenderInfo", sender or self.sender)[1][0])

    def fees(self, recipient: bytes | None = None) -> int:
        """Return what was booked for a recipient."""
        return int(self.protocol.call("feesOf", recipient or self.recipient))

    def held(self) -> int:
        """Return what the minter holds for all senders."""
        return self.evm.balance(self.protocol.address)
