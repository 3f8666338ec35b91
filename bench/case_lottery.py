"""How much of libsecp256k1's own speed is left when tickets are made and judged."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import NamedTuple

from bench.measure import Case
from parley.lottery import Ticket, is_signed_by, recipient_rand_hash, recover_signer, sign_ticket, wins
from parley.lottery.batches import TicketBatch
from parley.lottery.commitments import is_opened_by
from parley.lottery.params import CreationRound, TicketParams
from parley.lottery.signing import signing_digest
from parley.primitives import ecdsa
from parley.primitives.hashing import sha256
from parley.primitives.ids import Address
from parley.primitives.known_keys import KnownKey
from parley.primitives.one_shot import SecretKey

__all__ = ["CASES", "validate_unknown"]

_TICKETS = 100
_RAND = int.from_bytes(sha256(b"recipientRand"), "big")
_SECRET = SecretKey(sha256(b"sender"))


class _Sent(NamedTuple):
    ticket: Ticket
    signature: bytes


@cache
def _public() -> bytes:
    return ecdsa.public_key(_SECRET.reveal())


def _make(nonce: int) -> Ticket:
    return Ticket(
        recipient=Address(b"\x70" * 20),
        sender=ecdsa.address_of(_public()),
        face_value=10**14,
        win_prob=2**256 // 1_000,
        sender_nonce=nonce,
        recipient_rand_hash=recipient_rand_hash(_RAND),
        creation_round=3_000,
        creation_round_hash=b"\x41" * 32,
    )


@cache
def _sent() -> list[_Sent]:
    """Return a batch of signed tickets of one sender, as a recipient gets them."""
    tickets = [_make(nonce) for nonce in range(1, _TICKETS + 1)]
    return [_Sent(ticket, sign_ticket(ticket, _SECRET)) for ticket in tickets]


@cache
def _bare_recover() -> tuple[Callable[..., int], list[tuple[object, ...]]]:
    """Return the C function, and its arguments with every signature parsed and every buffer made beforehand."""
    context = import_module("coincurve").GLOBAL_CONTEXT.ctx
    binding = import_module("coincurve._libsecp256k1")
    calls: list[tuple[object, ...]] = []
    for ticket, signature in _sent():
        parsed = binding.ffi.new("secp256k1_ecdsa_recoverable_signature *")
        binding.lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
            context, parsed, signature[:64], signature[64] - 27
        )
        calls.append((context, binding.ffi.new("secp256k1_pubkey *"), parsed, signing_digest(ticket)))
    return binding.lib.secp256k1_ecdsa_recover, calls


@cache
def _bare_sign() -> tuple[Callable[..., int], list[tuple[object, ...]]]:
    context = import_module("coincurve").GLOBAL_CONTEXT.ctx
    binding = import_module("coincurve._libsecp256k1")
    signature, null = binding.ffi.new("secp256k1_ecdsa_recoverable_signature *"), binding.ffi.NULL
    digests = [signing_digest(sent.ticket) for sent in _sent()]
    secret = _SECRET.reveal()
    calls: list[tuple[object, ...]] = [(context, signature, digest, secret, null, null) for digest in digests]
    return binding.lib.secp256k1_ecdsa_sign_recoverable, calls


def _call_all(bare: Callable[[], tuple[Callable[..., int], list[tuple[object, ...]]]]) -> int:
    function, calls = bare()
    for arguments in calls:
        function(*arguments)
    return len(calls)


def validate_unknown() -> int:
    """Judge a batch of tickets of a sender not seen before; return how many."""
    winners = 0
    for ticket, signature in _sent():
        signer = recover_signer(ticket, signature)
        if signer == ticket.sender and is_opened_by(ticket.recipient_rand_hash, _RAND):
            winners += wins(ticket, signature, _RAND)
    return _TICKETS


@cache
def _known() -> KnownKey:
    return KnownKey(_public())


def _validate_known() -> int:
    key, winners = _known(), 0
    for ticket, signature in _sent():
        if is_signed_by(key, ticket, signature) and is_opened_by(ticket.recipient_rand_hash, _RAND):
            winners += wins(ticket, signature, _RAND)
    return _TICKETS


def _create() -> int:
    for sent in _sent():
        ticket = sent.ticket
        fresh = Ticket(
            ticket.recipient,
            ticket.sender,
            ticket.face_value,
            ticket.win_prob,
            ticket.sender_nonce,
            ticket.recipient_rand_hash,
            ticket.creation_round,
            ticket.creation_round_hash,
        )
        sign_ticket(fresh, _SECRET)
    return _TICKETS


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2)


def _batch() -> TicketBatch:
    ticket = _make(0)
    params = TicketParams(
        recipient=ticket.recipient,
        face_value=ticket.face_value,
        win_prob=ticket.win_prob,
        recipient_rand_hash=ticket.recipient_rand_hash,
        seed=1,
        expiration_block=40,
    )
    made_in = CreationRound(ticket.creation_round, ticket.creation_round_hash)
    return TicketBatch(params, made_in, ticket.sender, range(1, _TICKETS + 1), _SECRET)


def _create_batch() -> int:
    batch = _batch()
    batch.sign(0, batch.size)
    return len(batch.signed())


def _create_batch_on_two_cores() -> int:
    batch, middle = _batch(), _TICKETS // 2
    parts = [_threads().submit(batch.sign, *part) for part in ((0, middle), (middle, _TICKETS))]
    for part in parts:
        part.result()
    return len(batch.signed())


CASES = [
    Case(
        name="lottery_validate_unknown",
        description="hash, digest, recovered address, commitment and draw of tickets from a sender not seen before; "
        "reference: secp256k1_ecdsa_recover through cffi with every argument prepared",
        reference=lambda: _call_all(_bare_recover),
        subject=validate_unknown,
        target=0.8,
    ),
    Case(
        name="lottery_validate_known",
        description="the same for a sender of whose key there are tables; the parity in v is judged too",
        reference=lambda: _call_all(_bare_recover),
        subject=_validate_known,
        target=1.0,
    ),
    Case(
        name="lottery_create",
        description="build and sign tickets; reference: secp256k1_ecdsa_sign_recoverable through cffi",
        reference=lambda: _call_all(_bare_sign),
        subject=_create,
        target=0.7,
    ),
    Case(
        name="lottery_create_batch",
        description="the tickets of one payment of 100; reference: secp256k1_ecdsa_sign_recoverable through cffi",
        reference=lambda: _call_all(_bare_sign),
        subject=_create_batch,
        target=0.75,
    ),
    Case(
        name="lottery_create_batch_on_two_cores",
        description="the same, signed by two threads; reference: secp256k1_ecdsa_sign_recoverable on one core",
        reference=lambda: _call_all(_bare_sign),
        subject=_create_batch_on_two_cores,
        target=1.2,
    ),
]
