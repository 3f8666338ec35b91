"""A lottery ticket, its packed bytes and its hash: the same in Parley, in go-livepeer and in the contracts.

    offset  0   recipient               20 bytes        offset 104  sender nonce            32, big endian
           20   sender                  20                     136  hash of recipientRand   32
           40   face value, wei         32, big endian         168  creation round          32, big endian
           72   win probability         32, big endian         200  block hash of the round 32

    ticket hash = keccak256(these 232 bytes)

The last 64 bytes are what the deployed broker calls `auxData`. Round 0 with a hash of zeros stands for "none", and
is left out: 168 bytes remain. No contract pays such a ticket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import UINT256_MAX, WORD_BYTES
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = ["HASH_BYTES", "Ticket", "auxiliary_data", "packed", "ticket_hash"]

HASH_BYTES: Final = 32
"""Size of a ticket's hash, of a commitment and of a block hash."""

_NO_HASH: Final = bytes(HASH_BYTES)
_SIZES: Final = (
    ("recipient", ADDRESS_BYTES),
    ("sender", ADDRESS_BYTES),
    ("recipient_rand_hash", HASH_BYTES),
    ("creation_round_hash", HASH_BYTES),
)
_NUMBERS: Final = ("face_value", "win_prob", "sender_nonce", "creation_round")


@dataclass(frozen=True, slots=True)
class Ticket:
    """A payment that is worth `face_value` with probability `win_prob` / (2**256 - 1), and else nothing.

    Attributes:
        recipient: who is paid, 20 bytes.
        sender: whose deposit pays, 20 bytes.
        face_value: wei, 0 <= face_value < 2**256.
        win_prob: 0 <= win_prob < 2**256; the ticket wins when the draw is below it.
        sender_nonce: tells the tickets under one commitment apart, 0 <= nonce < 2**256; on the wire below 2**32.
        recipient_rand_hash: the recipient's commitment, 32 bytes.
        creation_round: the round in which the ticket was made, 0 <= round < 2**256.
        creation_round_hash: the block hash that the chain stored for this round, 32 bytes.
    """

    recipient: Address
    sender: Address
    face_value: int
    win_prob: int
    sender_nonce: int
    recipient_rand_hash: bytes
    creation_round: int
    creation_round_hash: bytes

    def __post_init__(self) -> None:
        """Refuse what has no packed form."""
        for name, size_bytes in _SIZES:
            if len(getattr(self, name)) != size_bytes:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name, wanted_bytes=size_bytes)
        for name in _NUMBERS:
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= UINT256_MAX:
                raise LocalError(ErrorCode.INVALID_ARGUMENT, field=name, wanted="0 <= value < 2**256")


def auxiliary_data(ticket: Ticket) -> bytes:
    """Return the round and its block hash as the deployed broker takes them.

    Returns:
        64 bytes, or none for round 0 with a hash of zeros.

    Source: vectors/lottery/auxiliary_data.json.
    """
    if ticket.creation_round == 0 and ticket.creation_round_hash == _NO_HASH:
        return b""
    return ticket.creation_round.to_bytes(WORD_BYTES, "big") + ticket.creation_round_hash


def packed(ticket: Ticket) -> bytes:
    """Return the bytes of a ticket in the layout of the module, 232 or 168 of them."""
    return b"".join(
        (
            ticket.recipient,
            ticket.sender,
            ticket.face_value.to_bytes(WORD_BYTES, "big"),
            ticket.win_prob.to_bytes(WORD_BYTES, "big"),
            ticket.sender_nonce.to_bytes(WORD_BYTES, "big"),
            ticket.recipient_rand_hash,
            auxiliary_data(ticket),
        )
    )


def ticket_hash(ticket: Ticket) -> bytes:
    """Return the name of a ticket, 32 bytes: what is signed, and what is spent once.

    Source: docs/spec/lottery.md §2 (vectors/lottery/tickets.json).
    """
    return keccak256(packed(ticket))
