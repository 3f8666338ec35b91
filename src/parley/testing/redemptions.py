"""The adversary of a redemption: a chain that says anything, in any order, and a driver that repeats itself."""

from __future__ import annotations

import random
from typing import Final

from parley.errors import ErrorCode
from parley.lottery.params import CreationRound
from parley.lottery.redemption import Redemption
from parley.lottery.redemption_config import RedemptionConfig
from parley.lottery.redemption_events import (
    BlockSeen,
    CallBegun,
    CallConfirmed,
    CallDropped,
    CallRejected,
    CallSeen,
    CallUndone,
    RedemptionEvent,
    TrialPassed,
    TrialRefused,
    UseAnswered,
)
from parley.lottery.redemption_records import RedemptionRecord
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ecdsa import address_of, public_key
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.winners import make_winner

__all__ = ["draw_redemption_event", "make_redemption"]

_SECRET: Final = b"\x07" * 32
_SENDER: Final = address_of(public_key(_SECRET))
_RECIPIENT: Final = Address(b"\x02" * 20)
_BROKER: Final = Address(b"\xb0" * 20)
_MADE_IN: Final = CreationRound(5, b"\x05" * 32)
_FACE_VALUE_WEI: Final = 1_000
_CODES: Final = (ErrorCode.REVERTED, ErrorCode.REVERTED, ErrorCode.FUNDS_TOO_LOW, ErrorCode.TOO_EXPENSIVE)
_REASONS: Final = ("ticket is used", "", "x" * 5_000, "\ud800")


def make_redemption() -> Redemption:
    """Return the redemption of a ticket of round 5 that is good for two rounds, with one confirmation to wait for."""
    winner = make_winner(_SECRET, _RECIPIENT, _MADE_IN, face_value_wei=_FACE_VALUE_WEI, expiration_block=20)
    return Redemption(RedemptionRecord(winner=winner), RedemptionConfig(confirmations=1, retry_blocks=9))


def draw_redemption_event(dice: random.Random, _now: Instant) -> RedemptionEvent:
    """Draw what a chain, a wallet or a driver may say, true or not."""
    exchange = dice.choice((1, 1, 1, 2, 2, 2, 3, 3, 4, 5))
    match dice.choices(range(10), weights=(7, 7, 4, 8, 9, 5, 2, 3, 4, 2))[0]:
        case 0:
            return _block(dice)
        case 1:
            return TrialPassed(exchange, dice.choice((0, 5, 5, 2**70)))
        case 2:
            return TrialRefused(exchange, dice.choice(_REASONS))
        case 3:
            return UseAnswered(exchange, is_used=bool(dice.randrange(2)))
        case 4:
            return CallBegun(f"call {dice.randrange(3)}", dice.choice((1, 1, 2)))
        case 5:
            return CallRejected(dice.choice(_CODES))
        case 6:
            return CallDropped()
        case 7:
            return CallSeen(dice.randrange(4), dice.choice((None, bytes(32))))
        case 8:
            return CallUndone()
        case _:
            return CallConfirmed(
                paid_wei=dice.choice((0, 400, _FACE_VALUE_WEI)),
                cost_wei=dice.choice((0, 7)),
                refusal=dice.choice(("", *_REASONS)),
                transaction_hash=bytes([dice.randrange(4)]) * 32,
                is_used=bool(dice.randrange(2)),
            )


def _block(dice: random.Random) -> BlockSeen:
    if dice.randrange(2):
        # A head at which nothing is missing, so that the machine gets anywhere.
        return BlockSeen(_chain(5, 30, gas_price_wei=1), _sender(_FACE_VALUE_WEI, 0, SenderState.LOCKED))
    chain = _chain(
        dice.choice((4, 5, 6, 7, 9)),
        dice.choice((0, 19, 20, 30, 31, 32)),
        gas_price_wei=dice.choice((0, 1, 10**6)),
        is_round_initialized=bool(dice.randrange(3)),
        ticket_validity_rounds=dice.choice((1, 2, 2)),
    )
    state = dice.choice(tuple(SenderState))
    sender = _sender(dice.choice((0, 400, 10**20)), dice.choice((0, 300, 10**20)), state, dice.choice((0, 5, 6, 9)))
    return BlockSeen(chain, sender, dice.choice((0, 0, 300, 10**30)))


def _chain(
    round_number: int,
    block_number: int,
    *,
    gas_price_wei: int,
    is_round_initialized: bool = True,
    ticket_validity_rounds: int = 2,
) -> ChainView:
    return ChainView(
        chain_id=1,
        broker=_BROKER,
        block_number=block_number,
        block_hash=bytes(32),
        creation_round=CreationRound(round_number, bytes([round_number]) * 32),
        previous_round=None,
        is_round_initialized=is_round_initialized,
        ticket_validity_rounds=ticket_validity_rounds,
        recipients=1,
        gas_price_wei=gas_price_wei,
    )


def _sender(deposit_wei: int, claimable_wei: int, state: SenderState, withdraw_round: int = 0) -> SenderView:
    return SenderView(
        sender=_SENDER,
        block_hash=bytes(32),
        deposit_wei=deposit_wei,
        reserve_wei=claimable_wei,
        claimable_wei=claimable_wei,
        state=state,
        withdraw_round=withdraw_round,
    )
