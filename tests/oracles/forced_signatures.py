"""Signatures whose (z/s)*G + (r/s)*Q are the multiples that one wants, as a signer who knows too much makes them.

For any multipliers u1 and u2 of G and of the key Q there is a right signature: R = u1*G + u2*Q, r = x(R), s = r/u2 and
z = u1*s. Who chooses the multipliers chooses where the sums on the way to R meet.

Source: SEC 1 §4.1.4, read backwards; points from tests/oracles/bip340.py.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.oracles import bip340
from tests.oracles.bip340 import N, P

__all__ = ["LAMBDA", "Forced", "G", "Point", "add", "force", "forge_infinity", "key", "lift", "multiply", "negate"]

Point = tuple[int, int]

G: Point = (bip340._GX, bip340._GY)

LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
"""A cube root of one modulo n: LAMBDA * (x, y) = (beta*x, y), another point of the same y."""


class Forced(NamedTuple):
    """What a forger hands in; the signature is 65 bytes with low s."""

    digest: bytes
    signature: bytes


def add(left: Point | None, right: Point | None) -> Point | None:
    return bip340._add(left, right)


def multiply(point: Point, scalar: int) -> Point | None:
    scalar %= N
    return bip340._multiply(point, scalar) if scalar else None


def negate(point: Point) -> Point:
    return point[0], P - point[1]


def lift(x: int, *, odd: int) -> Point | None:
    """Return the point with this x and this parity of y, if there is one."""
    point = bip340._lift_x(x)
    return point if point is None or not odd else negate(point)


def key(point: Point) -> bytes:
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def force(total: Point, u1: int, u2: int) -> Forced:
    """Return the signature of a key Q for which total = u1*G + u2*Q, u2 not 0; x(total) below n for a right one."""
    return _write(total[0] % N, total[1] % 2, u1, u2)


def forge_infinity(u1: int, u2: int, r: int) -> Forced:
    """Return what looks like a signature, of a key Q for which u1*G + u2*Q is the point at infinity."""
    return _write(r, 0, u1, u2)


def _write(r: int, odd: int, u1: int, u2: int) -> Forced:
    s = r * pow(u2, -1, N) % N
    z = u1 * s % N
    if s > N // 2:
        s, odd = N - s, 1 - odd
    return Forced(z.to_bytes(32, "big"), r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd]))
