"""Headers of x402: JSON, or the base64 of it. What parses says the same when encoded, and nobody gets in by luck."""

from __future__ import annotations

import binascii

from parley.adapters.memory.entropy import SeededEntropy
from parley.adapters.memory.store import MemoryStore
from parley.errors import PeerError, Rejected
from parley.gate.binding import act_of
from parley.gate.paying import OwnRequest, choose_work
from parley.gate.schemes import Charge
from parley.gate.work_scheme import WorkScheme, challenge_of
from parley.gate.x402 import (
    PaymentSignature,
    encode_header,
    parse_required,
    parse_response,
    parse_signature,
)
from parley.primitives.instants import Instant
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry

__all__ = ["fuzz_one"]

_METHODS = Registry((ProofOfWork(),))
_SCHEME = WorkScheme(
    _METHODS, secret=bytes(32), claims=MemoryStore().claims, entropy=SeededEntropy(b"fuzz"), ticket_ms=60_000
)
_ACT = act_of(method="GET", realm="example.org", target=b"/search?q=swap", body=b"")
_REQUEST = OwnRequest("GET", "example.org", b"/search?q=swap", b"")


def fuzz_one(data: bytes) -> None:
    """Read `data` as each of the headers; it decodes when it is one of them."""
    value = binascii.b2a_base64(data, newline=False) if data.startswith(b"{") else data
    errors: list[PeerError] = []
    for read in (_read_required, _read_signature, _read_response):
        try:
            read(value)
        except PeerError as error:
            errors.append(error)
        else:
            return
    raise errors[0]


def _read_required(value: bytes) -> None:
    required = parse_required(value)
    _check_same(parse_required(encode_header(required)), required)
    choose_work(required, _REQUEST, _METHODS, 10**6)


def _read_signature(value: bytes) -> None:
    signature = parse_signature(value)
    _check_same(parse_signature(encode_header(signature)), signature)
    challenge_of(signature.accepted)
    is_refused = isinstance(_settle(signature), Rejected)
    if not is_refused:
        message = "a payment under an unknown secret was taken"
        raise AssertionError(message)


def _read_response(value: bytes) -> None:
    response = parse_response(value)
    _check_same(parse_response(encode_header(response)), response)


def _settle(signature: PaymentSignature) -> object:
    """Run to its end what waits for nothing here."""
    steps = _SCHEME.settle(signature, Charge(_ACT, 1, bytes(32)), Instant(1_800_000_000_000))
    try:
        steps.send(None)
    except StopIteration as done:
        return done.value
    message = "the scheme waits for something"
    raise AssertionError(message)


def _check_same(one: object, other: object) -> None:
    if one != other:
        message = "what was parsed says something else when it is encoded"
        raise AssertionError(message)
