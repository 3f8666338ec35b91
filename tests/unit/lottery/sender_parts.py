"""A sender, a chain, and parameters that an honest recipient would quote; numbers are chosen by hand."""

from __future__ import annotations

from dataclasses import replace

from parley.lottery.params import CreationRound, TicketParams
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from parley.primitives.instants import Instant

# The first two public test keys of development chains, and their addresses.
SENDER_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
SENDER = Address(bytes.fromhex("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"))
SIGNER_KEY = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
SIGNER = Address(bytes.fromhex("70997970C51812dc3A010C7d01b50e0d17dc79C8"))
RECIPIENT, OTHER = Address(b"\x11" * 20), Address(b"\x12" * 20)
COMMITMENT = b"\x33" * 32
ROUND = CreationRound(10, b"\x22" * 32)
PROBABILITY_ONE = 2**256 - 1
ONE_IN_255 = PROBABILITY_ONE // 255
"""Exactly: 255 divides 2**256 - 1."""
NOW = Instant(1_800_000_000_000)
FACE_VALUE_WEI = 255 * 10**12
"""A ticket is worth 10**12 wei: below the default limits of 3 * 10**12 for one, 2 * 10**13 for a payment."""

VIEW = ChainView(
    chain_id=1337,
    broker=Address(b"\xb0" * 20),
    block_number=100,
    block_hash=b"\x44" * 32,
    creation_round=ROUND,
    previous_round=CreationRound(9, b"\x21" * 32),
    is_round_initialized=True,
    ticket_validity_rounds=2,
    recipients=1,
    gas_price_wei=10**9,
)
MONEY = SenderView(
    sender=SENDER,
    block_hash=VIEW.block_hash,
    deposit_wei=10**18,
    reserve_wei=10**18,
    claimable_wei=0,
    state=SenderState.LOCKED,
)
PARAMS = TicketParams(
    recipient=RECIPIENT,
    face_value=FACE_VALUE_WEI,
    win_prob=ONE_IN_255,
    recipient_rand_hash=COMMITMENT,
    seed=7,
    expiration_block=140,
    creation_round=ROUND,
)


def worth(expected_value_wei: int) -> TicketParams:
    """Return parameters of tickets that are worth exactly this much."""
    return replace(PARAMS, face_value=255 * expected_value_wei)


def at_block(number: int, block_hash: bytes | None = None) -> tuple[ChainView, SenderView]:
    """Return both views at another block."""
    name = number.to_bytes(32, "big") if block_hash is None else block_hash
    return replace(VIEW, block_number=number, block_hash=name), replace(MONEY, block_hash=name)
