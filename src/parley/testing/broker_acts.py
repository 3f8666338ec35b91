"""What can be sent to the broker in memory, as values and as the bytes of a call.

    act = tag[1] · fields            1 redeem: one winner    2 redeem: many    3 fund: deposit[32] · reserve[32]
                                     4 unlock    5 cancel the unlock    6 withdraw

Only the broker in memory reads these bytes; a contract's calls are in `parley.lottery.calls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.lottery.wire import Winner, encode_winner, parse_winner
from parley.primitives.encoding import encode_bytes, encode_uint

__all__ = ["Act", "Funding", "Order", "Redemption", "encode_act", "parse_act"]

_WORD_BYTES: Final = 32
_SIZE_BYTES: Final = 4
_REDEEM_ONE, _REDEEM_MANY, _FUND = b"\x01", b"\x02", b"\x03"


@dataclass(frozen=True, slots=True)
class Redemption:
    """Redeem winners.

    Attributes:
        winners: 1 or more.
        is_batch: whether a refusal of one leaves the others; otherwise there is one, and its refusal is a revert.
    """

    winners: tuple[Winner, ...]
    is_batch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """Add to deposit and reserve of the caller, wei."""

    deposit_wei: int
    reserve_wei: int


@dataclass(frozen=True, slots=True)
class Order:
    """What takes no fields: "unlock", "cancel unlock" or "withdraw"."""

    name: str


Act = Redemption | Funding | Order

_ORDERS: Final[Mapping[str, bytes]] = {"unlock": b"\x04", "cancel unlock": b"\x05", "withdraw": b"\x06"}


def encode_act(act: Act) -> bytes:
    """Encode an act; the inverse of `parse_act`."""
    match act:
        case Redemption(winners, is_batch):
            encoded = b"".join(encode_bytes(encode_winner(winner), length_bytes=_SIZE_BYTES) for winner in winners)
            return (_REDEEM_MANY if is_batch else _REDEEM_ONE) + encoded
        case Funding():
            return _FUND + encode_uint(act.deposit_wei, _WORD_BYTES) + encode_uint(act.reserve_wei, _WORD_BYTES)
        case Order(name):
            return _ORDERS[name]


def parse_act(data: bytes) -> Act:
    """Parse an act.

    Raises:
        LocalError: bytes that `encode_act` does not make.
    """
    tag, fields = data[:1], data[1:]
    if tag in (_REDEEM_ONE, _REDEEM_MANY):
        return Redemption(_parse_winners(fields), tag == _REDEEM_MANY)
    if tag == _FUND:
        return Funding(
            deposit_wei=int.from_bytes(fields[:_WORD_BYTES], "big"),
            reserve_wei=int.from_bytes(fields[_WORD_BYTES:], "big"),
        )
    for name, wanted in _ORDERS.items():
        if data == wanted:
            return Order(name)
    raise LocalError(ErrorCode.INVALID_ARGUMENT, field="data", size_bytes=len(data))


def _parse_winners(fields: bytes) -> tuple[Winner, ...]:
    winners: list[Winner] = []
    while fields:
        end = _SIZE_BYTES + int.from_bytes(fields[:_SIZE_BYTES], "big")
        winners.append(parse_winner(fields[_SIZE_BYTES:end]))
        fields = fields[end:]
    return tuple(winners)
