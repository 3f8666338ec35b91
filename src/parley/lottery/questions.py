"""What the broker and its neighbours are asked, and how their answers are read: words and nothing else.

    question = selector · arguments, each one word          answer = a number of words that the question knows

An answer of another size, an address or a truth value with stray bits, and a round beyond the wire are refused: what
stands at the address is then no broker, or lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from parley.errors import ErrorCode, PeerError
from parley.ledgers.evm.packing import WORD_BYTES, pack_address, pack_uint256, selector
from parley.lottery.rules import SenderState
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address

__all__ = [
    "CONTROLLER",
    "CURRENT_ROUND",
    "FREEZE_PERIOD",
    "LAST_INITIALIZED_ROUND",
    "MINIMUM_STAKE",
    "POOL_SIZE",
    "RECIPIENTS",
    "RECIPIENT_COUNT",
    "ROUNDS",
    "TICKET_VALIDITY",
    "UNLOCK_PERIOD",
    "Question",
    "as_address",
    "as_flag",
    "as_round",
    "as_state",
    "as_word",
    "ask_active",
    "ask_claimable",
    "ask_contract",
    "ask_livepeer_sender",
    "ask_registered",
    "ask_round_hash",
    "ask_sender",
    "ask_signer",
    "ask_state",
    "ask_used",
    "parse_words",
]

_INT64_MAX: Final = 2**63 - 1
_ADDRESS_MAX: Final = 2 ** (8 * ADDRESS_BYTES) - 1
_OUR_SENDER_WORDS: Final = 6
_LIVEPEER_SENDER_WORDS: Final = 4

_STATES: Final[Mapping[int, SenderState]] = MappingProxyType(
    {1: SenderState.UNLOCKED, 2: SenderState.LOCKED, 4: SenderState.UNLOCKING, 8: SenderState.FROZEN}
)


@dataclass(frozen=True, slots=True)
class Question:
    """A call that reads.

    Attributes:
        data: selector and arguments.
        words: how many the answer has.
    """

    data: bytes
    words: int = 1


CURRENT_ROUND: Final = Question(selector("currentRound()"))
"""Rounds: the present round, initialised or not."""

LAST_INITIALIZED_ROUND: Final = Question(selector("lastInitializedRound()"))
"""Rounds: the newest round that was initialised."""

RECIPIENT_COUNT: Final = Question(selector("recipientCount()"))
"""Recipients, ours: how many the present round has."""

POOL_SIZE: Final = Question(selector("getTranscoderPoolSize()"))
"""BondingManager, deployed: how many the pool has; a part of a reserve is one by this number."""

MINIMUM_STAKE: Final = Question(selector("minimumStake()"))
"""Recipients, ours: what a recipient must have staked of its own, in wei."""

TICKET_VALIDITY: Final = Question(selector("ticketValidityPeriod()"))
"""Broker: in how many rounds a ticket can be redeemed."""

UNLOCK_PERIOD: Final = Question(selector("unlockPeriod()"))
"""Broker: how many rounds a sender waits between unlocking and withdrawing."""

FREEZE_PERIOD: Final = Question(selector("freezePeriod()"))
"""Broker, ours: how many rounds a sender waits after its reserve is frozen until it may fund or withdraw."""

ROUNDS: Final = Question(selector("rounds()"))
"""Broker, ours: the contract that counts rounds."""

RECIPIENTS: Final = Question(selector("recipients()"))
"""Broker, ours: the contract of registered recipients."""

CONTROLLER: Final = Question(selector("controller()"))
"""Broker, deployed: the contract that knows its neighbours by name."""

_ROUND_HASH: Final = selector("blockHashForRound(uint256)")
_SENDER_INFO: Final = selector("getSenderInfo(address)")
_SENDER_STATE: Final = selector("senderState(address)")
_CLAIMABLE: Final = selector("claimableReserve(address,address)")
_APPROVED: Final = selector("isApprovedSigner(address,address,uint256)")
_USED: Final = selector("usedTickets(bytes32)")
_CONTRACT: Final = selector("getContract(bytes32)")
_REGISTERED: Final = selector("isRegistered(address,uint256)")
_ACTIVE: Final = selector("isActiveTranscoder(address)")


def ask_round_hash(number: int) -> Question:
    """Ask Rounds for the block hash of a round; zeros where it has none."""
    return Question(_ROUND_HASH + pack_uint256(number))


def ask_sender(sender: Address) -> Question:
    """Ask our broker for a sender: deposit, withdraw round, and of the reserve what it was and what remains.

    Two more words follow: round of the freeze, and the recipients of that round.
    """
    return Question(_SENDER_INFO + pack_address(sender), _OUR_SENDER_WORDS)


def ask_livepeer_sender(sender: Address) -> Question:
    """Ask the deployed broker for a sender: deposit, withdraw round, what remains of the reserve, what was claimed."""
    return Question(_SENDER_INFO + pack_address(sender), _LIVEPEER_SENDER_WORDS)


def ask_state(sender: Address) -> Question:
    """Ask our broker what a sender may do (`as_state`)."""
    return Question(_SENDER_STATE + pack_address(sender))


def ask_claimable(holder: Address, claimant: Address) -> Question:
    """Ask a broker what a claimant could get from a reserve now."""
    return Question(_CLAIMABLE + pack_address(holder) + pack_address(claimant))


def ask_signer(sender: Address, signer: Address, creation_round: int) -> Question:
    """Ask our broker whether a key may sign a sender's tickets of a round."""
    return Question(_APPROVED + pack_address(sender) + pack_address(signer) + pack_uint256(creation_round))


def ask_used(ticket_hash: bytes) -> Question:
    """Ask a broker whether a ticket is redeemed; the hash has 32 bytes."""
    return Question(_USED + ticket_hash)


def ask_contract(name: str) -> Question:
    """Ask a Livepeer controller for the address of a contract by its name."""
    return Question(_CONTRACT + keccak256(name.encode()))


def ask_registered(recipient: Address, number: int) -> Question:
    """Ask Recipients, ours, whether a recipient belongs to the set of a round (`as_flag`)."""
    return Question(_REGISTERED + pack_address(recipient) + pack_uint256(number))


def ask_active(recipient: Address) -> Question:
    """Ask the BondingManager, deployed, whether a recipient is active in the present round (`as_flag`)."""
    return Question(_ACTIVE + pack_address(recipient))


def parse_words(raw: bytes, count: int) -> tuple[int, ...]:
    """Parse an answer of static values.

    Raises:
        PeerError: MALFORMED: another size.
    """
    if len(raw) != count * WORD_BYTES:
        raise PeerError(ErrorCode.MALFORMED, field="answer", size_bytes=len(raw), wanted_bytes=count * WORD_BYTES)
    return tuple(int.from_bytes(raw[start : start + WORD_BYTES], "big") for start in range(0, len(raw), WORD_BYTES))


def as_word(value: int) -> bytes:
    """Return the 32 bytes of a word."""
    return value.to_bytes(WORD_BYTES, "big")


def as_address(value: int) -> Address:
    """Read a word as an address.

    Raises:
        PeerError: MALFORMED: stray bits.
    """
    if value > _ADDRESS_MAX:
        raise PeerError(ErrorCode.MALFORMED, field="answer", wanted="an address")
    return Address(value.to_bytes(ADDRESS_BYTES, "big"))


def as_flag(value: int) -> bool:
    """Read a word as a truth value.

    Raises:
        PeerError: MALFORMED: neither 0 nor 1.
    """
    if value > 1:
        raise PeerError(ErrorCode.MALFORMED, field="answer", wanted="0 or 1")
    return value == 1


def as_round(value: int) -> int:
    """Read a word as the number of a round, or as a number of them.

    Raises:
        PeerError: MALFORMED: 2**63 or above, which the wire cannot carry.
    """
    if value > _INT64_MAX:
        raise PeerError(ErrorCode.MALFORMED, field="answer", wanted="a round below 2**63")
    return value


def as_state(value: int) -> SenderState:
    """Read a word as what a sender may do.

    Raises:
        PeerError: MALFORMED: no state.
    """
    state = _STATES.get(value)
    if state is None:
        raise PeerError(ErrorCode.MALFORMED, field="answer", wanted="1, 2, 4 or 8")
    return state
