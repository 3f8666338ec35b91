"""A second opinion on ECDSA with recovery: its formulas in plain integers, slow and in the order of the text.

Source: SEC 1 §4.1.3 and §4.1.6, RFC 6979 §3.2, EIP-2 (low s).
"""

from __future__ import annotations

import hmac

from tests.oracles import bip340
from tests.oracles.bip340 import N, P

__all__ = ["public_key", "recover", "sign"]


def _nonces(secret: bytes, digest: bytes) -> int:
    reduced = (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    v, k = b"\x01" * 32, bytes(32)
    for mark in (b"\x00", b"\x01"):
        k = hmac.digest(k, v + mark + secret + reduced, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        found = int.from_bytes(v, "big")
        if 0 < found < N:
            return found
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")


def _bytes(point: bip340.Point) -> bytes:
    assert point is not None
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def public_key(secret: bytes) -> bytes:
    return _bytes(bip340._multiply(bip340._G, int.from_bytes(secret, "big")))


def sign(secret: bytes, digest: bytes) -> bytes:
    z, d = int.from_bytes(digest, "big"), int.from_bytes(secret, "big")
    k = _nonces(secret, digest)
    point = bip340._multiply(bip340._G, k)
    assert point is not None
    r, odd = point[0] % N, point[1] % 2
    s = pow(k, -1, N) * (z + r * d) % N
    if s > N // 2:
        s, odd = N - s, 1 - odd
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])


def recover(digest: bytes, signature: bytes) -> bytes | None:
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < N or not 0 < s <= N // 2:
        return None
    point = bip340._lift_x(r)
    if point is None:
        return None
    x, y = point
    if y % 2 != signature[64] - 27:
        y = P - y
    z, inverse = int.from_bytes(digest, "big"), pow(r, -1, N)
    found = bip340._add(bip340._multiply((x, y), s * inverse % N), bip340._multiply(bip340._G, -z * inverse % N))
    return None if found is None else _bytes(found)
