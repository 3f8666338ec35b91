"""How much of libsecp256k1's own speed is left behind our one door to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple

from bench.measure import Case
from parley.primitives import schnorr
from parley.primitives.hashing import sha256

__all__ = ["CASES"]

_AUTHORS = 64
_ENTROPY = bytes(32)


class _Signed(NamedTuple):
    public: bytes
    message: bytes
    signature: bytes


@cache
def _signed() -> list[_Signed]:
    """Return one signed hash of each of 64 authors, as a node receives them."""
    signed = []
    for number in range(_AUTHORS):
        secret, message = sha256(b"secret", bytes([number])), sha256(b"record", bytes([number]))
        signed.append(_Signed(schnorr.public_key(secret), message, schnorr.sign(secret, message, _ENTROPY)))
    return signed


@cache
def _bare_calls() -> tuple[Callable[..., int], list[tuple[object, ...]]]:
    """Return the C function, and its arguments with every key parsed and every pointer made beforehand."""
    coincurve = import_module("coincurve")
    binding = import_module("coincurve._libsecp256k1")
    context = coincurve.GLOBAL_CONTEXT.ctx
    calls: list[tuple[object, ...]] = []
    for public, message, signature in _signed():
        key = coincurve.PublicKeyXOnly(public).public_key
        calls.append((context, signature, message, len(message), key))
    return binding.lib.secp256k1_schnorrsig_verify, calls


def _verify_bare() -> int:
    verify, calls = _bare_calls()
    for context, signature, message, size_bytes, key in calls:
        verify(context, signature, message, size_bytes, key)
    return len(calls)


def _verify() -> int:
    verify, signed = schnorr.verify, _signed()
    for public, message, signature in signed:
        verify(public, message, signature)
    return len(signed)


def _sign_bare() -> int:
    coincurve = import_module("coincurve")
    key, signed = coincurve.PrivateKey(sha256(b"secret")), _signed()
    for _, message, _ in signed:
        key.sign_schnorr(message, _ENTROPY)
    return len(signed)


def _sign() -> int:
    sign, secret, signed = schnorr.sign, sha256(b"secret"), _signed()
    for _, message, _ in signed:
        sign(secret, message, _ENTROPY)
    return len(signed)


CASES = [
    Case(
        name="schnorr_verify",
        description="verify hashes signed by 64 authors whose keys were seen before; "
        "reference: the C function through cffi with every argument prepared",
        reference=_verify_bare,
        subject=_verify,
        target=0.95,
    ),
    Case(
        name="schnorr_sign",
        description="sign hashes and check each signature; "
        "reference: coincurve's key object, which does the same and keeps the parsed key",
        reference=_sign_bare,
        subject=_sign,
        target=0.95,
    ),
]
