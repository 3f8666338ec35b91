"""What is kept of a redemption, each in one canonical sequence of bytes.

    record   version u8 = 1 · winner: u32 length, as `parley.lottery.wire` has it
             end u8: 0 not yet · 1 redeemed · 2 expired
             attempts u32 · cost_wei 32 bytes
             paid u8: 0 unknown · 1 known, then paid_wei 32 bytes
             refusal: text, u16 length, at most 1024 bytes
             transaction u8: 0 none · 1 one, then its hash, 32 bytes
             ended_ms u64: 0 before the end
    act      version u8 = 1 · count u16, 1..1000 · ticket hashes, 32 bytes each, in the order of the call

A record stands under the ticket's hash. Until it is written, the winner alone says that the ticket is to be redeemed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from parley.errors import ErrorCode, LocalError, PeerError
from parley.ledgers.evm.packing import check_uint256
from parley.lottery.params import Payment, payment_tickets
from parley.lottery.tickets import HASH_BYTES, Ticket, ticket_hash
from parley.lottery.wire import PAYMENT_MAX_BYTES, Winner, encode_winner, parse_winner
from parley.primitives.encoding import Reader, encode_bytes, encode_text, encode_uint
from parley.primitives.hashing import tagged_hash
from parley.primitives.instants import INSTANT_MAX_MS, Instant

__all__ = [
    "ACT_WINNERS_MAX",
    "REFUSAL_MAX_BYTES",
    "RedemptionEnd",
    "RedemptionRecord",
    "act_name",
    "encode_act",
    "encode_record",
    "parse_act",
    "parse_record",
    "winner_hash",
    "winner_ticket",
]

ACT_WINNERS_MAX: Final = 1_000
"""The most winners of one call."""

REFUSAL_MAX_BYTES: Final = 1_024
"""The longest reason of a contract that is kept, in bytes of UTF-8; a longer one is cut."""

_VERSION: Final = 1
_UINT32_MAX: Final = 2**32 - 1
_WORD_BYTES: Final = 32
_ACT_TAG: Final = "parley/lottery/redemption act"
_ACT_PREFIX: Final = "lottery/redeem/"


class RedemptionEnd(Enum):
    """How a winner ended."""

    REDEEMED = "redeemed"
    EXPIRED = "expired"


_ENDS: Final = (None, *RedemptionEnd)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionRecord:
    """One winner, and what became of it.

    Attributes:
        winner: the ticket with all that redeems it.
        end: how it ended; None before.
        attempts: calls for it that reached the chain, the one that paid not counted, < 2**32.
        cost_wei: its part of what their gas cost, that of the one that paid included, < 2**256. A call that the chain
            has forgotten cost nothing.
        paid_wei: what its recipient was credited with; None before the end, and where another call than ours did it.
        refusal: the contract's own text of the last refusal; empty where there was none.
        transaction_hash: of our last call that is counted above, 32 bytes; None where there was none.
        ended_ms: when the end was seen; 0 before.
    """

    winner: Winner
    end: RedemptionEnd | None = None
    attempts: int = 0
    cost_wei: int = 0
    paid_wei: int | None = None
    refusal: str = ""
    transaction_hash: bytes | None = None
    ended_ms: Instant = Instant(0)  # noqa: RUF009 # the number 0

    def __post_init__(self) -> None:
        """Refuse what has no canonical form."""
        check_uint256("cost_wei", self.cost_wei)
        if self.paid_wei is not None:
            check_uint256("paid_wei", self.paid_wei)
        sizes_fit = self.transaction_hash is None or len(self.transaction_hash) == HASH_BYTES
        if not sizes_fit or not 0 <= self.attempts <= _UINT32_MAX or not 0 <= self.ended_ms <= INSTANT_MAX_MS:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, attempts=self.attempts, ended_ms=self.ended_ms)
        is_paid = self.paid_wei is not None
        if (self.end is None and self.ended_ms) or (is_paid and self.end is not RedemptionEnd.REDEEMED):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, field="end")


def winner_ticket(winner: Winner) -> Ticket:
    """Return the ticket that won."""
    payment = Payment(winner.sender, winner.params, winner.creation_round, (winner.signed,))
    return payment_tickets(payment)[0][0]


def winner_hash(winner: Winner) -> bytes:
    """Return the hash of the ticket that won, 32 bytes: under which it is spent once."""
    return ticket_hash(winner_ticket(winner))


def act_name(attempts: Sequence[tuple[bytes, int]]) -> str:
    """Name the call for some winners, so that the same call has the same name, and another one another.

    Args:
        attempts: of each winner in the call's order, the ticket's hash and the attempts that were made before.

    Returns:
        79 ASCII characters.
    """
    parts = (digest + encode_uint(count, 4) for digest, count in attempts)
    return _ACT_PREFIX + tagged_hash(_ACT_TAG, *parts).hex()


def encode_record(record: RedemptionRecord) -> bytes:
    """Encode a record in its one canonical form; the inverse of `parse_record`."""
    paid, transaction = record.paid_wei, record.transaction_hash
    return b"".join(
        (
            encode_uint(_VERSION, 1),
            encode_bytes(encode_winner(record.winner), length_bytes=4),
            encode_uint(_ENDS.index(record.end), 1),
            encode_uint(record.attempts, 4),
            encode_uint(record.cost_wei, _WORD_BYTES),
            b"\0" if paid is None else b"\1" + encode_uint(paid, _WORD_BYTES),
            encode_text(record.refusal, length_bytes=2),
            b"\0" if transaction is None else b"\1" + transaction,
            encode_uint(record.ended_ms, 8),
        )
    )


def parse_record(raw: bytes) -> RedemptionRecord:
    """Parse a record that was kept.

    Raises:
        PeerError: MALFORMED or TOO_LARGE: not the canonical form.
    """
    reader = Reader(raw)
    _read_version(reader)
    try:
        record = RedemptionRecord(
            winner=parse_winner(reader.bytes_(4, PAYMENT_MAX_BYTES)),
            end=_ENDS[_read_index(reader, len(_ENDS))],
            attempts=reader.uint(4),
            cost_wei=reader.uint(_WORD_BYTES),
            paid_wei=reader.uint(_WORD_BYTES) if _read_index(reader, 2) else None,
            refusal=reader.text(2, REFUSAL_MAX_BYTES),
            transaction_hash=reader.fixed(HASH_BYTES) if _read_index(reader, 2) else None,
            ended_ms=Instant(reader.uint(8)),
        )
    except LocalError:
        raise PeerError(ErrorCode.MALFORMED, field="record") from None
    reader.finish()
    return record


def encode_act(hashes: Sequence[bytes]) -> bytes:
    """Encode which winners a call redeems; the inverse of `parse_act`.

    Args:
        hashes: of their tickets, 1..1000 of 32 bytes, in the order of the call.

    Raises:
        LocalError: none, too many, or another size.
    """
    if not 1 <= len(hashes) <= ACT_WINNERS_MAX or any(len(digest) != HASH_BYTES for digest in hashes):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, winners=len(hashes))
    return encode_uint(_VERSION, 1) + encode_uint(len(hashes), 2) + b"".join(hashes)


def parse_act(raw: bytes) -> tuple[bytes, ...]:
    """Parse which winners a call redeems.

    Raises:
        PeerError: MALFORMED: not the canonical form.
    """
    reader = Reader(raw)
    _read_version(reader)
    count = reader.uint(2)
    if not 1 <= count <= ACT_WINNERS_MAX:
        raise PeerError(ErrorCode.MALFORMED, winners=count)
    hashes = tuple(reader.fixed(HASH_BYTES) for _ in range(count))
    reader.finish()
    return hashes


def _read_version(reader: Reader) -> None:
    version = reader.uint(1)
    if version != _VERSION:
        raise PeerError(ErrorCode.MALFORMED, version=version, wanted=_VERSION)


def _read_index(reader: Reader, count: int) -> int:
    index = reader.uint(1)
    if index >= count:
        raise PeerError(ErrorCode.MALFORMED, index=index, count=count)
    return index
