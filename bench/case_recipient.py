"""How much of libsecp256k1's own speed is left when whole payments are judged, and what a second core adds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module

from bench.measure import Case
from parley.lottery.opened import Moment, Opened
from parley.lottery.params import CreationRound, Payment, Price, TicketParams, payment_tickets
from parley.lottery.received import ReceivedBatch
from parley.lottery.recipient import Recipient
from parley.lottery.recipient_config import RecipientConfig
from parley.lottery.rules import SenderState
from parley.lottery.signing import signing_digest
from parley.lottery.views import ChainView, SenderView
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SecretKey
from parley.testing.byzantine_senders import Payer

__all__ = ["CASES"]

_TICKETS = 400
_PRICE = Price(10**9)
_PAYER = Payer(b"\xa1" * 32)
_RECIPIENT = Address(b"\x77" * 20)
_SECRET = SecretKey(b"\x05" * 32)
_ETHER = 10**18
_MOMENT = Moment(
    Instant(1_800_000_000_000),
    ChainView(
        chain_id=1337,
        broker=Address(b"\xb0" * 20),
        block_number=100,
        block_hash=b"\x01" * 32,
        creation_round=CreationRound(7, b"\x41" * 32),
        previous_round=None,
        is_round_initialized=True,
        ticket_validity_rounds=2,
        recipients=1,
        gas_price_wei=10**9,
    ),
    SenderView(
        sender=_PAYER.address,
        block_hash=b"\x01" * 32,
        deposit_wei=1_000 * _ETHER,
        reserve_wei=10 * _ETHER,
        claimable_wei=10 * _ETHER,
        state=SenderState.LOCKED,
    ),
    pending_wei=0,
)


def _recipient() -> Recipient:
    return Recipient(_SECRET, _RECIPIENT, RecipientConfig())


@cache
def _payment() -> Payment:
    params = _recipient().quote(_MOMENT, sender=_PAYER.address, expected_value_wei=10**10, price=_PRICE, salt=bytes(24))
    if not isinstance(params, TicketParams):
        raise SystemExit(str(params))
    return _PAYER.pay(params, range(1, _TICKETS + 1), _PRICE)


@cache
def _bare_recover() -> tuple[Callable[..., int], list[tuple[object, ...]]]:
    """Return the C function, and its arguments with every signature parsed and every buffer made beforehand."""
    context = import_module("coincurve").GLOBAL_CONTEXT.ctx
    binding = import_module("coincurve._libsecp256k1")
    calls: list[tuple[object, ...]] = []
    for ticket, signature in payment_tickets(_payment()):
        parsed = binding.ffi.new("secp256k1_ecdsa_recoverable_signature *")
        binding.lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
            context, parsed, signature[:64], signature[64] - 27
        )
        calls.append((context, binding.ffi.new("secp256k1_pubkey *"), parsed, signing_digest(ticket)))
    return binding.lib.secp256k1_ecdsa_recover, calls


def _recover_all() -> int:
    function, calls = _bare_recover()
    for arguments in calls:
        function(*arguments)
    return len(calls)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2)


def _judge(threads: int) -> int:
    """Judge a payment from its bytes' values to the receipt, at a recipient that has seen nothing yet."""
    payment, recipient = _payment(), _recipient()
    opened = recipient.open(payment, _MOMENT)
    if not isinstance(opened, Opened):
        raise SystemExit(str(opened.rejected()))
    batch = ReceivedBatch(payment, opened.commitment.ticket_bytes)
    if threads == 1:
        batch.recover(0, batch.size)
    else:
        middle = batch.size // 2
        parts = [(0, middle), (middle, batch.size)]
        list(_threads().map(lambda part: batch.recover(*part), parts))
    faults = recipient.judge(opened, batch.signers(), approved={})
    for number in recipient.windows(opened, faults):
        recipient.note_claim(opened, number, is_ours=True)
    receipt = recipient.settle(opened, faults, _MOMENT)
    if receipt.taken != _TICKETS:
        raise SystemExit(str(receipt.rejected()))
    return _TICKETS


CASES = [
    Case(
        name="recipient_payment",
        description=f"one payment of {_TICKETS} tickets, every check from the commitment to the draw, on one core; "
        "reference: secp256k1_ecdsa_recover through cffi with every argument prepared",
        reference=_recover_all,
        subject=lambda: _judge(1),
        target=0.8,
    ),
    Case(
        name="recipient_two_cores",
        description="the same payment with its signatures judged by two threads; reference: secp256k1_ecdsa_recover "
        "on one core",
        reference=_recover_all,
        subject=lambda: _judge(2),
        target=1.7,
    ),
    Case(
        name="recipient_second_core",
        description="the same payment with its signatures judged by two threads; reference: by one",
        reference=lambda: _judge(1),
        subject=lambda: _judge(2),
        target=1.7,
    ),
]
