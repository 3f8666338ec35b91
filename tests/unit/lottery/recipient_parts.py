"""One recipient and those who pay it, without a chain: views of it are made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from parley.errors import Rejected
from parley.lottery.opened import Moment, Opened
from parley.lottery.params import CreationRound, Payment, Price, TicketParams
from parley.lottery.received import ReceivedBatch
from parley.lottery.recipient import Recipient
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.rules import SenderState
from parley.lottery.verdicts import Fault, Receipt
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.testing.byzantine_senders import Payer

__all__ = [
    "ANNA",
    "ETHER",
    "EXPECTED_WEI",
    "NOW",
    "PRICE",
    "RECIPIENT",
    "SECRET",
    "faults",
    "make_recipient",
    "moment",
    "money",
    "quote",
    "receive",
    "view",
]

ANNA = Payer(b"\xa1" * 32)
RECIPIENT = Address(b"\x77" * 20)
SECRET = SecretKey(b"\x05" * 32)
PRICE = Price(10**9, 3)
ETHER = 10**18
NOW = Instant(1_800_000_000_000)
EXPECTED_WEI = 10**12


def view(
    *, block: int = 100, round_number: int = 7, round_hash: bytes = b"\x41" * 32, gas_price: int = 10**9
) -> ChainView:
    return ChainView(
        chain_id=1337,
        broker=Address(b"\xb0" * 20),
        block_number=block,
        block_hash=block.to_bytes(32, "big"),
        creation_round=CreationRound(round_number, round_hash),
        previous_round=None,
        is_round_initialized=True,
        ticket_validity_rounds=2,
        recipients=1,
        gas_price_wei=gas_price,
    )


def money(
    *,
    deposit: int = 100 * ETHER,
    claimable: int = 10 * ETHER,
    state: SenderState = SenderState.LOCKED,
    withdraw_round: int = 0,
    signers: frozenset[Address] = frozenset(),
) -> SenderView:
    return SenderView(
        sender=ANNA.address,
        block_hash=bytes(32),
        deposit_wei=deposit,
        reserve_wei=claimable,
        claimable_wei=claimable,
        state=state,
        withdraw_round=withdraw_round,
        signers=signers,
    )


def moment(
    chain: ChainView | None = None,
    account: SenderView | None = None,
    *,
    pending_wei: int = 0,
    is_revealed: bool = False,
    now: Instant = NOW,
) -> Moment:
    return Moment(now, chain or view(), account or money(), pending_wei, is_revealed)


def make_recipient(config: RecipientConfig | None = None) -> Recipient:
    return Recipient(SECRET, RECIPIENT, config or RecipientConfig())


def quote(
    recipient: Recipient,
    now: Moment | None = None,
    *,
    sender: Address = ANNA.address,
    expected_wei: int = EXPECTED_WEI,
    price: Price = PRICE,
    seed: int = 1,
) -> TicketParams:
    params = recipient.quote(
        now or moment(), sender=sender, expected_value_wei=expected_wei, price=price, salt=seed.to_bytes(24, "big")
    )
    if isinstance(params, Rejected):
        pytest.fail(str(params))
    return params


def receive(
    recipient: Recipient,
    payment: Payment,
    now: Moment | None = None,
    *,
    approved: Mapping[Address, bool] | None = None,
    settled_at: Moment | None = None,
    foreign: Sequence[int] = (),
) -> Receipt:
    """Take a payment through all steps; claims of windows are granted but for the foreign ones."""
    opened = recipient.open(payment, now or moment())
    if not isinstance(opened, Opened):
        return opened
    batch = ReceivedBatch(payment)
    batch.recover(0, batch.size)
    judged = recipient.judge(opened, batch.signers(), approved=approved or {})
    for number in recipient.windows(opened, judged):
        recipient.note_claim(opened, number, is_ours=number not in foreign)
    return recipient.settle(opened, judged, settled_at or now or moment())


def faults(receipt: Receipt) -> list[Fault | None]:
    return [verdict.fault for verdict in receipt.verdicts]
