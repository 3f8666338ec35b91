"""What a recipient asks for (ticket parameters) and what a sender pays with (a payment), as values.

    recipient → sender   TicketParams: what a ticket must look like to be taken, until which block
    sender → recipient   Payment: the same parameters once, and for each ticket its nonce and signature

Integers of the chain are ints here; on the wire they are bytes (`parley.lottery.wire`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import check_uint256
from parley.lottery.tickets import HASH_BYTES, Ticket
from parley.primitives.ecdsa import SIGNATURE_BYTES
from parley.primitives.encoding import encode_text
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = [
    "EXPIRATION_BLOCKS",
    "NONCE_MAX",
    "PAYMENT_TICKETS_MAX",
    "PRICE_OF_A_WEI",
    "CreationRound",
    "Payment",
    "Price",
    "SignedNonce",
    "TicketParams",
    "params_expiration",
    "payment_tickets",
]

NONCE_MAX: Final = 2**32 - 1
"""The largest sender nonce that the wire carries."""

PAYMENT_TICKETS_MAX: Final = 1_000
"""The most tickets of one payment."""

EXPIRATION_BLOCKS: Final = 40
"""How many blocks of the first layer ticket parameters hold: about 8 minutes. 5 and 10 were too few in practice."""

_INT64_MAX: Final = 2**63 - 1
_UINT32_MAX: Final = 2**32 - 1
_CONSTRAINT_MAX_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class CreationRound:
    """A round of the chain, and the block hash that proves it had begun.

    Attributes:
        number: 0 <= number < 2**63.
        block_hash: 32 bytes.
    """

    number: int
    block_hash: bytes

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check(0 <= self.number <= _INT64_MAX, "number")
        _check(len(self.block_hash) == HASH_BYTES, "block_hash")


@dataclass(frozen=True, slots=True)
class Price:
    """What work costs: so many wei for so many units, and for which capability.

    Attributes:
        per_unit_wei: 0 <= per_unit_wei < 2**63.
        units: 1 <= units < 2**63; the fee is per this many units.
        capability: 0 <= capability < 2**32; 0 is any.
        constraint: at most 256 bytes of UTF-8; empty is none.
    """

    per_unit_wei: int
    units: int = 1
    capability: int = 0
    constraint: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check(0 <= self.per_unit_wei <= _INT64_MAX, "per_unit_wei")
        _check(1 <= self.units <= _INT64_MAX, "units")
        _check(0 <= self.capability <= _UINT32_MAX, "capability")
        _check(len(encode_text(self.constraint, length_bytes=4)) <= _CONSTRAINT_MAX_BYTES + 4, "constraint")


@dataclass(frozen=True, slots=True)
class TicketParams:
    """What a ticket must look like to be taken.

    Attributes:
        recipient: who is paid, 20 bytes.
        face_value: wei, 0 <= face_value < 2**256.
        win_prob: 0 <= win_prob < 2**256.
        recipient_rand_hash: the commitment, 32 bytes.
        seed: names the commitment among those of the recipient, public, 0 <= seed < 2**256.
        expiration_block: the first block of the first layer at which the parameters are worth nothing, < 2**256.
        creation_round: the round for the tickets, or None where the payment carries it alone.
    """

    recipient: Address
    face_value: int
    win_prob: int
    recipient_rand_hash: bytes
    seed: int
    expiration_block: int
    creation_round: CreationRound | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check(len(self.recipient) == ADDRESS_BYTES, "recipient")
        _check(len(self.recipient_rand_hash) == HASH_BYTES, "recipient_rand_hash")
        for name in ("face_value", "win_prob", "seed", "expiration_block"):
            check_uint256(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class SignedNonce:
    """What tells one ticket of a payment from the others.

    Attributes:
        nonce: 0 <= nonce < 2**32.
        signature: 65 bytes; whether it is right is judged with the ticket.
    """

    nonce: int
    signature: bytes

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 0 <= self.nonce <= NONCE_MAX:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="nonce")
        if len(self.signature) != SIGNATURE_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="signature")


@dataclass(frozen=True, slots=True)
class Payment:
    """Some tickets under one set of parameters; without tickets it only names the sender and a price.

    Attributes:
        sender: whose deposit pays, 20 bytes.
        params: the recipient's; None where there are no tickets.
        creation_round: of the tickets; None where there are no tickets.
        tickets: at most 1000.
        expected_price: what the sender understands the price to be; None where it says nothing.
    """

    sender: Address
    params: TicketParams | None = None
    creation_round: CreationRound | None = None
    tickets: tuple[SignedNonce, ...] = ()
    expected_price: Price | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of range, and tickets that say neither for whom nor of which round they are."""
        _check(len(self.sender) == ADDRESS_BYTES, "sender")
        _check(len(self.tickets) <= PAYMENT_TICKETS_MAX, "tickets")
        _check(not self.tickets or (self.params is not None and self.round is not None), "tickets")

    @property
    def round(self) -> CreationRound | None:
        """The round of the tickets: the payment's own, or the parameters' where it has none."""
        if self.creation_round is not None or self.params is None:
            return self.creation_round
        return self.params.creation_round


def params_expiration(last_seen_block: int) -> int:
    """Return the block at which parameters quoted now end.

    Args:
        last_seen_block: number of the newest block of the first layer, >= 0.

    Source: docs/spec/lottery.md §6 (vectors/lottery/quotes.json).
    """
    return last_seen_block + EXPIRATION_BLOCKS


def payment_tickets(payment: Payment) -> tuple[tuple[Ticket, bytes], ...]:
    """Put the tickets of a payment together, each with its signature, in the payment's order.

    Nothing is judged: neither signatures, nor nonces, nor whether the parameters are the recipient's.
    """
    params, made_in = payment.params, payment.round
    if params is None or made_in is None:
        return ()
    return tuple(
        (
            Ticket(
                recipient=params.recipient,
                sender=payment.sender,
                face_value=params.face_value,
                win_prob=params.win_prob,
                sender_nonce=signed.nonce,
                recipient_rand_hash=params.recipient_rand_hash,
                creation_round=made_in.number,
                creation_round_hash=made_in.block_hash,
            ),
            signed.signature,
        )
        for signed in payment.tickets
    )


def _check(holds: bool, name: str) -> None:  # noqa: FBT001 - the outcome of one comparison
    if not holds:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name)


PRICE_OF_A_WEI: Final = Price(1, 1)
"""Of who sells by the wei, so that parameters are good whatever is bought."""
