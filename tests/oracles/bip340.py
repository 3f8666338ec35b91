"""A second opinion on BIP340: its formulas in plain Python integers, slow and in the order of the text.

Nothing here comes from the code under test or from libsecp256k1; letters are the BIP's.

Source: BIP340, sections "Specification", "Default Signing", "Verification".
"""

from __future__ import annotations

import hashlib

__all__ = ["N", "P", "has_point", "public_key", "sign", "verify"]

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_GX = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
_GY = 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8

Point = tuple[int, int] | None
"""Affine coordinates, or None for the point at infinity."""

_G: Point = (_GX, _GY)


def _add(left: Point, right: Point) -> Point:
    if left is None:
        return right
    if right is None:
        return left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and y1 != y2:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, -1, P) if left == right else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _multiply(point: Point, scalar: int) -> Point:
    total: Point = None
    for bit in f"{scalar:b}":
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total


def _lift_x(x: int) -> Point:
    if x >= P:
        return None
    c = (pow(x, 3, P) + 7) % P
    y = pow(c, (P + 1) // 4, P)
    if y * y % P != c:
        return None
    return x, y if y % 2 == 0 else P - y


def _hash(tag: str, *parts: bytes) -> int:
    prefix = hashlib.sha256(tag.encode()).digest()
    return int.from_bytes(hashlib.sha256(prefix + prefix + b"".join(parts)).digest(), "big")


def _even(secret: int) -> tuple[int, int]:
    """Return the x coordinate of secret * G, and the secret or its negative, whose point has even y."""
    point = _multiply(_G, secret)
    assert point is not None
    return point[0], secret if point[1] % 2 == 0 else N - secret


def has_point(public: bytes) -> bool:
    return _lift_x(int.from_bytes(public, "big")) is not None


def public_key(secret: bytes) -> bytes:
    return _even(int.from_bytes(secret, "big"))[0].to_bytes(32, "big")


def sign(secret: bytes, message: bytes, auxiliary: bytes) -> bytes:
    x, d = _even(int.from_bytes(secret, "big"))
    public = x.to_bytes(32, "big")
    t = (d ^ _hash("BIP0340/aux", auxiliary)).to_bytes(32, "big")
    k_prime = _hash("BIP0340/nonce", t, public, message) % N
    r, k = _even(k_prime)
    e = _hash("BIP0340/challenge", r.to_bytes(32, "big"), public, message) % N
    return r.to_bytes(32, "big") + ((k + e * d) % N).to_bytes(32, "big")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    point = _lift_x(int.from_bytes(public, "big"))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if point is None or r >= P or s >= N:
        return False
    e = _hash("BIP0340/challenge", signature[:32], public, message) % N
    found = _add(_multiply(_G, s), _multiply(point, N - e))
    return found is not None and found[1] % 2 == 0 and found[0] == r
