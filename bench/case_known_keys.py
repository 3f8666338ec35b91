"""How much faster the signatures of one key are judged with tables of it than by recovering the key each time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from bench.measure import Case
from parley.primitives import ecdsa
from parley.primitives.hashing import sha256
from parley.primitives.known_keys import KnownKey

__all__ = ["CASES"]

_SIGNATURES = 100
_TABLES = 20
_SECRET = sha256(b"sender")


@cache
def _known() -> KnownKey:
    return KnownKey(ecdsa.public_key(_SECRET))


@cache
def _signed() -> tuple[list[bytes], list[bytes]]:
    digests = [sha256(number.to_bytes(4, "big")) for number in range(_SIGNATURES)]
    return digests, [ecdsa.sign(_SECRET, digest) for digest in digests]


@cache
def _bare_recover() -> tuple[Callable[..., int], list[tuple[object, ...]]]:
    """Return the C function, and its arguments with every signature parsed and every buffer made beforehand."""
    context = import_module("coincurve").GLOBAL_CONTEXT.ctx
    binding = import_module("coincurve._libsecp256k1")
    parse = binding.lib.secp256k1_ecdsa_recoverable_signature_parse_compact
    calls: list[tuple[object, ...]] = []
    for digest, signature in zip(*_signed(), strict=True):
        parsed = binding.ffi.new("secp256k1_ecdsa_recoverable_signature *")
        parse(context, parsed, signature[:64], signature[64] - 27)
        calls.append((context, binding.ffi.new("secp256k1_pubkey *"), parsed, digest))
    return binding.lib.secp256k1_ecdsa_recover, calls


def _recover() -> int:
    function, calls = _bare_recover()
    for arguments in calls:
        function(*arguments)
    return len(calls)


def _verify() -> int:
    verify = _known().verify
    return sum([verify(digest, signature) for digest, signature in zip(*_signed(), strict=True)])


def _verify_all() -> int:
    return sum(_known().verify_all(*_signed()))


def _make_tables() -> int:
    public = _known().public
    return len([KnownKey(public) for _ in range(_TABLES)])


CASES = [
    Case(
        name="known_key_verify",
        description="judge signatures of one key one by one; "
        "reference: secp256k1_ecdsa_recover through cffi with every argument prepared",
        reference=_recover,
        subject=_verify,
        target=1.7,
    ),
    Case(
        name="known_key_verify_batch",
        description="judge 100 signatures of one key at once; the same reference",
        reference=_recover,
        subject=_verify_all,
        target=2.0,
    ),
    Case(
        name="known_key_table",
        description="make the tables of a key; the same reference, so 0.2 is the price of five recoveries",
        reference=_recover,
        subject=_make_tables,
        target=0.15,
    ),
]
