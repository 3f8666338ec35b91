"""The broker with its real neighbours on one chain, and people who use it."""

from __future__ import annotations

from typing import Any, Final

from tests.onchain.evm import Contract, Evm, Receipt, account
from tests.onchain.tickets import RAND, Key, RoundTicket

__all__ = ["FREEZE", "UNLOCK", "VALIDITY", "World"]

ROUND_BLOCKS: Final = 5
UNLOCK: Final = 2
FREEZE: Final = 3
VALIDITY: Final = 2
FROZEN: Final = 8


class World:
    """A chain in an initialised round, with a sender that holds a key and recipients who may register."""

    def __init__(self, *, registered: int = 0) -> None:
        self.evm = Evm()
        self.rounds = self.evm.deploy("Rounds", ROUND_BLOCKS)
        self.recipients = self.evm.deploy("Recipients", self.rounds.address, 1, 100)
        self.broker = self.evm.deploy(
            "TicketBroker", self.rounds.address, self.recipients.address, UNLOCK, FREEZE, VALIDITY
        )
        self.key = Key(1)
        self.sender = self.key.address
        self.members = tuple(account(number) for number in range(registered))
        self.stranger = account(1_000)
        for member in self.members:
            self.register(member)
        self.next_round()

    @property
    def round(self) -> int:
        """Return the present round."""
        return int(self.rounds.call("currentRound"))

    def next_round(self, count: int = 1) -> None:
        """Let rounds pass, and initialise each."""
        for _ in range(count):
            self.evm.pass_blocks(ROUND_BLOCKS)
            self.rounds.send(self.stranger, "initializeRound")

    def register(self, recipient: bytes) -> None:
        """Register a recipient, for the next round on, with one wei of its own and no commission."""
        self.recipients.send(recipient, "register", 0, value_wei=1)

    def fund(self, deposit: int, reserve: int, sender: bytes | None = None) -> Receipt:
        """Fund the sender."""
        return self.broker.send(
            sender or self.sender, "fundDepositAndReserve", deposit, reserve, value_wei=deposit + reserve
        )

    def ticket(self, recipient: bytes, face_value: int, **fields: Any) -> RoundTicket:  # noqa: ANN401 - fields of it
        """Make a ticket of the present round that always wins."""
        number = self.round
        round_hash = self.rounds.call("blockHashForRound", number)
        values = {"sender": self.sender, "creation_round": number, "creation_hash": round_hash, **fields}
        return RoundTicket(recipient=recipient, face_value=face_value, **values)

    def redeem(
        self, ticket: RoundTicket, signature: bytes | None = None, *, rand: int = RAND, caller: bytes | None = None
    ) -> Receipt:
        """Redeem a ticket, signed by the sender unless a signature is given."""
        signed = self.key.sign(ticket.hash()) if signature is None else signature
        return self.broker.send(caller or self.stranger, "redeemWinningTicket", ticket.arguments(), signed, rand)

    def deposit(self, sender: bytes | None = None) -> int:
        """Return the sender's deposit."""
        return int(self.broker.call("getSenderInfo", sender or self.sender)[0][0])

    def reserve(self, sender: bytes | None = None) -> int:
        """Return what remains of the sender's reserve."""
        return int(self.broker.call("getSenderInfo", sender or self.sender)[1][1])

    def state(self, sender: bytes | None = None) -> str:
        """Return the name of the sender's state."""
        number = int(self.broker.call("senderState", sender or self.sender))
        return {1: "unlocked", 2: "locked", 4: "unlocking", FROZEN: "frozen"}[number]

    def pool(self, recipient: bytes, number: int | None = None) -> int:
        """Return the fees of a recipient for a round, the present one unless another is named."""
        return int(self.recipients.call("feePool", recipient, self.round if number is None else number))

    def held(self, contract: Contract | None = None) -> int:
        """Return what the broker, or another contract, holds."""
        return self.evm.balance((contract or self.broker).address)
