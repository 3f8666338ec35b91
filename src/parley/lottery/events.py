"""The events of both brokers and of their rounds, as values.

    topics   Keccak-256 of the event's type · each indexed field as a word
    data     the other fields: words; what is dynamic as an offset, and there its length and its bytes

A redeemed winner is named by all its fields, so its hash can be computed; what it was paid stands in the
`WinningTicketTransfer` before it, which is missing where it was paid nothing. A batch of ours names each ticket that it
refused; a batch of the deployed broker leaves no trace of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.packing import WORD_BYTES
from parley.lottery.draws import recipient_rand_hash
from parley.lottery.questions import as_address, as_word, parse_words
from parley.lottery.tickets import Ticket
from parley.primitives.hashing import keccak256
from parley.primitives.ids import Address

__all__ = [
    "BROKER_TOPICS",
    "NEW_ROUND_TOPIC",
    "BrokerEvent",
    "DepositFunded",
    "NewRound",
    "ReserveClaimed",
    "ReserveFrozen",
    "ReserveFunded",
    "SignerApproved",
    "SignerRevoked",
    "TicketRefused",
    "Unlock",
    "UnlockCancelled",
    "WinningTicketRedeemed",
    "WinningTicketTransfer",
    "Withdrawal",
    "parse_event",
    "printable",
]

_REASON_MAX_CHARACTERS: Final = 256
_AUXILIARY_BYTES: Final = 64
_REDEEMED_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class DepositFunded:
    """Somebody's deposit grew by so many wei."""

    sender: Address
    amount_wei: int


@dataclass(frozen=True, slots=True)
class ReserveFunded:
    """Somebody's reserve grew by so many wei."""

    sender: Address
    amount_wei: int


@dataclass(frozen=True, slots=True)
class ReserveFrozen:
    """A winner exceeded a deposit; the reserve belongs to so many recipients of a round from now on."""

    sender: Address
    freeze_round: int
    recipients: int


@dataclass(frozen=True, slots=True)
class ReserveClaimed:
    """A recipient was paid so many wei from a reserve."""

    sender: Address
    recipient: Address
    amount_wei: int


@dataclass(frozen=True, slots=True)
class WinningTicketTransfer:
    """The winner that is named next was paid so many wei, from deposit and reserve together."""

    sender: Address
    recipient: Address
    amount_wei: int


@dataclass(frozen=True, slots=True)
class WinningTicketRedeemed:
    """A winner is used up, and the recipient's number is public."""

    ticket: Ticket
    recipient_rand: int


@dataclass(frozen=True, slots=True)
class TicketRefused:
    """A batch did not redeem this ticket; the reason is the contract's own, made printable."""

    ticket_hash: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class SignerApproved:
    """A key may sign a sender's tickets."""

    sender: Address
    signer: Address


@dataclass(frozen=True, slots=True)
class SignerRevoked:
    """A key may sign a sender's tickets up to those of a round."""

    sender: Address
    signer: Address
    last_round: int


@dataclass(frozen=True, slots=True)
class Unlock:
    """A sender wants its money back, and gets it from the end round on."""

    sender: Address
    start_round: int
    end_round: int


@dataclass(frozen=True, slots=True)
class UnlockCancelled:
    """A sender keeps its money where it is."""

    sender: Address


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A sender took out all that was left."""

    sender: Address
    deposit_wei: int
    reserve_wei: int


@dataclass(frozen=True, slots=True)
class NewRound:
    """A round was initialised; zeros as its hash where the chain had none to give."""

    number: int
    block_hash: bytes


BrokerEvent = (
    DepositFunded
    | ReserveFunded
    | ReserveFrozen
    | ReserveClaimed
    | WinningTicketTransfer
    | WinningTicketRedeemed
    | TicketRefused
    | SignerApproved
    | SignerRevoked
    | Unlock
    | UnlockCancelled
    | Withdrawal
    | NewRound
)


def parse_event(topics: Sequence[bytes], data: bytes) -> BrokerEvent | None:
    """Read one event.

    Args:
        topics: 0..4 of 32 bytes.
        data: of the log.

    Returns:
        The event, or None where it is none of those that we know.

    Raises:
        PeerError: MALFORMED: it has the name of one of them but not its form.
    """
    known = _EVENTS.get(topics[0]) if topics else None
    if known is None:
        return None
    indexed, read = known
    if len(topics) != 1 + indexed:
        raise PeerError(ErrorCode.MALFORMED, field="topics", count=len(topics), wanted=1 + indexed)
    return read([int.from_bytes(topic, "big") for topic in topics[1:]], data)


def printable(text: str) -> str:
    """Return what a contract said, as something that can be shown: printable characters, at most 256."""
    return "".join(character for character in text if character.isprintable())[:_REASON_MAX_CHARACTERS]


def _deposit_funded(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    (amount_wei,) = parse_words(data, 1)
    return DepositFunded(as_address(indexed[0]), amount_wei)


def _reserve_funded(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    (amount_wei,) = parse_words(data, 1)
    return ReserveFunded(as_address(indexed[0]), amount_wei)


def _reserve_frozen(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    freeze_round, recipients = parse_words(data, 2)
    return ReserveFrozen(as_address(indexed[0]), freeze_round, recipients)


def _reserve_claimed(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    claimant, amount_wei = parse_words(data, 2)
    return ReserveClaimed(as_address(indexed[0]), as_address(claimant), amount_wei)


def _transfer(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    (amount_wei,) = parse_words(data, 1)
    return WinningTicketTransfer(as_address(indexed[0]), as_address(indexed[1]), amount_wei)


def _redeemed(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    face_value, win_prob, nonce, rand, offset, size, made_in, round_hash = parse_words(data, _REDEEMED_WORDS)
    if offset != 5 * WORD_BYTES or size != _AUXILIARY_BYTES:
        raise PeerError(ErrorCode.MALFORMED, field="auxData", wanted_bytes=_AUXILIARY_BYTES)
    ticket = Ticket(
        recipient=as_address(indexed[1]),
        sender=as_address(indexed[0]),
        face_value=face_value,
        win_prob=win_prob,
        sender_nonce=nonce,
        recipient_rand_hash=recipient_rand_hash(rand),
        creation_round=made_in,
        creation_round_hash=as_word(round_hash),
    )
    return WinningTicketRedeemed(ticket, rand)


def _refused(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    offset, size = parse_words(data[: 2 * WORD_BYTES], 2)
    text = data[2 * WORD_BYTES :]
    if offset != WORD_BYTES or len(text) != size + -size % WORD_BYTES:
        raise PeerError(ErrorCode.MALFORMED, field="reason", size_bytes=len(text))
    return TicketRefused(as_word(indexed[0]), printable(text[:size].decode(errors="replace")))


def _signer_approved(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    parse_words(data, 0)
    return SignerApproved(as_address(indexed[0]), as_address(indexed[1]))


def _signer_revoked(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    (last_round,) = parse_words(data, 1)
    return SignerRevoked(as_address(indexed[0]), as_address(indexed[1]), last_round)


def _unlock(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    start_round, end_round = parse_words(data, 2)
    return Unlock(as_address(indexed[0]), start_round, end_round)


def _unlock_cancelled(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    parse_words(data, 0)
    return UnlockCancelled(as_address(indexed[0]))


def _withdrawal(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    deposit_wei, reserve_wei = parse_words(data, 2)
    return Withdrawal(as_address(indexed[0]), deposit_wei, reserve_wei)


def _new_round(indexed: Sequence[int], data: bytes) -> BrokerEvent:
    (block_hash,) = parse_words(data, 1)
    return NewRound(indexed[0], as_word(block_hash))


def _topic(signature: str) -> bytes:
    return keccak256(signature.encode())


_EVENTS: Final[Mapping[bytes, tuple[int, Callable[[Sequence[int], bytes], BrokerEvent]]]] = {
    _topic("DepositFunded(address,uint256)"): (1, _deposit_funded),
    _topic("ReserveFunded(address,uint256)"): (1, _reserve_funded),
    _topic("ReserveFrozen(address,uint256,uint256)"): (1, _reserve_frozen),
    _topic("ReserveClaimed(address,address,uint256)"): (1, _reserve_claimed),
    _topic("WinningTicketTransfer(address,address,uint256)"): (2, _transfer),
    _topic("WinningTicketRedeemed(address,address,uint256,uint256,uint256,uint256,bytes)"): (2, _redeemed),
    _topic("TicketRefused(bytes32,string)"): (1, _refused),
    _topic("SignerApproved(address,address)"): (2, _signer_approved),
    _topic("SignerRevoked(address,address,uint256)"): (2, _signer_revoked),
    _topic("Unlock(address,uint256,uint256)"): (1, _unlock),
    _topic("UnlockCancelled(address)"): (1, _unlock_cancelled),
    _topic("Withdrawal(address,uint256,uint256)"): (1, _withdrawal),
    _topic("NewRound(uint256,bytes32)"): (1, _new_round),
}

NEW_ROUND_TOPIC: Final = _topic("NewRound(uint256,bytes32)")
"""The first topic of a round's beginning, an event of the contract that counts rounds."""

BROKER_TOPICS: Final = tuple(topic for topic in _EVENTS if topic != NEW_ROUND_TOPIC)
"""The first topics of all events of a broker that we know, ours and the deployed one's."""
