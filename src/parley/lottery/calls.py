"""What is sent to the broker to redeem a winning ticket, as the deployed contract takes it.

    redeemWinningTicket((address,address,uint256,uint256,uint256,bytes32,bytes),bytes,uint256)
    head  offset of the ticket · offset of the signature · recipientRand
    tail  the ticket: six words, the offset of auxData within it, auxData;  then the signature

Offsets count bytes from the start of the head, or of the ticket.
"""

from __future__ import annotations

from typing import Final

from parley.ledgers.evm.packing import WORD_BYTES, bytes_tail, pack_address, pack_uint256, selector
from parley.lottery.tickets import Ticket, auxiliary_data

__all__ = ["TICKET_TUPLE", "redeem_call"]

TICKET_TUPLE: Final = "(address,address,uint256,uint256,uint256,bytes32,bytes)"
"""The type of a ticket in the deployed contract's interface."""

_REDEEM: Final = selector(f"redeemWinningTicket({TICKET_TUPLE},bytes,uint256)")
_HEAD_WORDS: Final = 3
_TICKET_WORDS: Final = 7


def redeem_call(ticket: Ticket, signature: bytes, recipient_rand: int) -> bytes:
    """Encode the call that redeems a ticket and reveals the number behind its commitment.

    Args:
        ticket: a winner.
        signature: the sender's, 65 bytes.
        recipient_rand: the preimage, 0 <= recipient_rand < 2**256; public from now on.

    Returns:
        548 bytes for a ticket with a round.

    Raises:
        LocalError: recipient_rand out of range.

    Source: Solidity, "Contract ABI Specification" (vectors/lottery/redemptions.json).
    """
    ticket_tail = b"".join(
        (
            pack_address(ticket.recipient),
            pack_address(ticket.sender),
            pack_uint256(ticket.face_value),
            pack_uint256(ticket.win_prob),
            pack_uint256(ticket.sender_nonce),
            ticket.recipient_rand_hash,
            pack_uint256(_TICKET_WORDS * WORD_BYTES),
            bytes_tail(auxiliary_data(ticket)),
        )
    )
    ticket_offset = _HEAD_WORDS * WORD_BYTES
    head = pack_uint256(ticket_offset) + pack_uint256(ticket_offset + len(ticket_tail)) + pack_uint256(recipient_rand)
    return _REDEEM + head + ticket_tail + bytes_tail(signature)
