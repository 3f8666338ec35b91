"""What is sent to the broker: redemptions, funding and unlocking, in both interfaces.

    ours       ticket = (address,address,uint256,uint256,uint256,bytes32,uint256,bytes32)     eight words, all static
    deployed   ticket = (address,address,uint256,uint256,uint256,bytes32,bytes)               the last one is `auxData`

    redeemWinningTicket(ticket,bytes,uint256)               one winner: its signature, and recipientRand
    batchRedeemWinningTickets(ticket[],bytes[],uint256[])   several

    head  what is static stands in it, of what is dynamic the offset;   tail  what is dynamic, in the head's order

Offsets count bytes from the start of the head that holds them: that of the call, of an array, or of a ticket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.ledgers.evm.packing import WORD_BYTES, bytes_tail, pack_address, pack_uint256, selector
from parley.lottery.tickets import Ticket, auxiliary_data
from parley.lottery.wire import Winner
from parley.primitives.ids import Address

__all__ = [
    "CANCEL_UNLOCK",
    "INITIALIZE_ROUND",
    "TICKET_TUPLE",
    "UNLOCK",
    "WITHDRAW",
    "Redemption",
    "TicketForm",
    "approve_signer_call",
    "batch_redeem_call",
    "fund_call",
    "redeem_call",
    "register_call",
    "revoke_signer_call",
    "winner_redemption",
]

TICKET_TUPLE: Final = "(address,address,uint256,uint256,uint256,bytes32,bytes)"
"""The type of a ticket in the deployed contract's interface."""

_ROUND_TUPLE: Final = "(address,address,uint256,uint256,uint256,bytes32,uint256,bytes32)"


class TicketForm(Enum):
    """How a broker takes tickets; the value is the type of a ticket in its interface."""

    ROUND = _ROUND_TUPLE
    AUXILIARY = TICKET_TUPLE


UNLOCK: Final = selector("unlock()")
"""The call that begins the unlock period."""

CANCEL_UNLOCK: Final = selector("cancelUnlock()")
"""The call that ends the unlock period."""

WITHDRAW: Final = selector("withdraw()")
"""The call that pays deposit and reserve out."""

INITIALIZE_ROUND: Final = selector("initializeRound()")
"""The call to our contract of rounds that begins the present one; anybody may."""

_REGISTER: Final = selector("register(uint256)")
_FUND_DEPOSIT: Final = selector("fundDeposit()")
_FUND_RESERVE: Final = selector("fundReserve()")
_FUND_BOTH: Final = selector("fundDepositAndReserve(uint256,uint256)")
_APPROVE_SIGNER: Final = selector("approveSigner(address)")
_REVOKE_SIGNER: Final = selector("revokeSigner(address)")
_REDEEM: Final[Mapping[TicketForm, bytes]] = MappingProxyType(
    {form: selector(f"redeemWinningTicket({form.value},bytes,uint256)") for form in TicketForm}
)
_REDEEM_BATCH: Final[Mapping[TicketForm, bytes]] = MappingProxyType(
    {form: selector(f"batchRedeemWinningTickets({form.value}[],bytes[],uint256[])") for form in TicketForm}
)
_AUXILIARY_TICKET_WORDS: Final = 7


@dataclass(frozen=True, slots=True)
class Redemption:
    """A winner as a broker takes it.

    Attributes:
        ticket: what was signed.
        signature: the sender's or its signer's, 65 bytes.
        recipient_rand: the preimage of the commitment, 0 <= recipient_rand < 2**256; public once it is sent.
    """

    ticket: Ticket
    signature: bytes
    recipient_rand: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One argument of a call, laid out: in the head as it is, or in the tail behind its offset."""

    raw: bytes
    is_dynamic: bool


def winner_redemption(winner: Winner) -> Redemption:
    """Put together from a stored winner what its redemption takes."""
    params, made_in = winner.params, winner.creation_round
    ticket = Ticket(
        recipient=params.recipient,
        sender=winner.sender,
        face_value=params.face_value,
        win_prob=params.win_prob,
        sender_nonce=winner.signed.nonce,
        recipient_rand_hash=params.recipient_rand_hash,
        creation_round=made_in.number,
        creation_round_hash=made_in.block_hash,
    )
    return Redemption(ticket, winner.signed.signature, winner.recipient_rand)


def redeem_call(
    ticket: Ticket, signature: bytes, recipient_rand: int, form: TicketForm = TicketForm.AUXILIARY
) -> bytes:
    """Encode the call that redeems a ticket and reveals the number behind its commitment.

    Args:
        ticket: a winner.
        signature: the sender's, 65 bytes.
        recipient_rand: the preimage, 0 <= recipient_rand < 2**256; public from now on.
        form: how the broker takes tickets.

    Returns:
        548 bytes for a ticket with a round in the deployed form, 452 in ours.

    Raises:
        LocalError: recipient_rand out of range.

    Source: Solidity, "Contract ABI Specification" (vectors/lottery/redemptions.json).
    """
    parts = (_ticket(ticket, form), _dynamic(bytes_tail(signature)), _static(pack_uint256(recipient_rand)))
    return _REDEEM[form] + _lay_out(parts)


def batch_redeem_call(redemptions: Sequence[Redemption], form: TicketForm) -> bytes:
    """Encode the call that redeems several tickets; one that is refused does not keep the others from being paid.

    Args:
        redemptions: 1 or more; how many a broker takes is its own affair.
        form: how the broker takes tickets.

    Raises:
        LocalError: none, or a recipient_rand out of range.

    Source: Solidity, "Contract ABI Specification".
    """
    if not redemptions:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="redemptions", wanted="1 or more")
    parts = (
        _array([_ticket(redemption.ticket, form) for redemption in redemptions]),
        _array([_dynamic(bytes_tail(redemption.signature)) for redemption in redemptions]),
        _array([_static(pack_uint256(redemption.recipient_rand)) for redemption in redemptions]),
    )
    return _REDEEM_BATCH[form] + _lay_out(parts)


def fund_call(*, deposit_wei: int, reserve_wei: int) -> bytes:
    """Encode the call that adds to deposit and reserve; the sum is sent along with it.

    Raises:
        LocalError: nothing to add, or an amount out of range.
    """
    if deposit_wei < 0 or reserve_wei < 0 or deposit_wei + reserve_wei < 1:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, deposit_wei=deposit_wei, reserve_wei=reserve_wei)
    if not reserve_wei:
        return _FUND_DEPOSIT
    if not deposit_wei:
        return _FUND_RESERVE
    return _FUND_BOTH + pack_uint256(deposit_wei) + pack_uint256(reserve_wei)


def register_call(commission: int) -> bytes:
    """Encode the call to our contract of recipients that makes the caller one from the next round on.

    Args:
        commission: parts per million of the fees that it keeps before the rest is shared by stake.
    """
    return _REGISTER + pack_uint256(commission)


def approve_signer_call(signer: Address) -> bytes:
    """Encode the call that lets another key sign the caller's tickets."""
    return _APPROVE_SIGNER + pack_address(signer)


def revoke_signer_call(signer: Address) -> bytes:
    """Encode the call that lets a key sign none of the caller's tickets of later rounds."""
    return _REVOKE_SIGNER + pack_address(signer)


def _static(raw: bytes) -> _Part:
    return _Part(raw, is_dynamic=False)


def _dynamic(raw: bytes) -> _Part:
    return _Part(raw, is_dynamic=True)


def _ticket(ticket: Ticket, form: TicketForm) -> _Part:
    words = b"".join(
        (
            pack_address(ticket.recipient),
            pack_address(ticket.sender),
            pack_uint256(ticket.face_value),
            pack_uint256(ticket.win_prob),
            pack_uint256(ticket.sender_nonce),
            ticket.recipient_rand_hash,
        )
    )
    if form is TicketForm.ROUND:
        return _static(words + pack_uint256(ticket.creation_round) + ticket.creation_round_hash)
    offset = pack_uint256(_AUXILIARY_TICKET_WORDS * WORD_BYTES)
    return _dynamic(words + offset + bytes_tail(auxiliary_data(ticket)))


def _array(parts: Sequence[_Part]) -> _Part:
    return _dynamic(pack_uint256(len(parts)) + _lay_out(parts))


def _lay_out(parts: Sequence[_Part]) -> bytes:
    offset = sum(WORD_BYTES if part.is_dynamic else len(part.raw) for part in parts)
    heads, tails = [], []
    for part in parts:
        if not part.is_dynamic:
            heads.append(part.raw)
            continue
        heads.append(pack_uint256(offset))
        tails.append(part.raw)
        offset += len(part.raw)
    return b"".join(heads + tails)
