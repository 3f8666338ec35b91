"""A chain of modular square roots: slow to follow forward, quick to follow back, and nothing to share out.

    modulus   p, a safe prime of 1024 bits, p mod 4 = 3: the second Oakley group of RFC 2409, section 6.2
    flip(x)   x xor 1, and p - 1 stays: swaps neighbours, so that the chain has no short cut through exponents
    root(y)   the even square root of y where y is a square, else the odd square root of -y
    forward   x -> root(flip(x))     one exponentiation of 1023 bits
    back      r -> flip(r * r) for an even r, flip(-r * r) for an odd one     one multiplication

Both steps are permutations of 0..p-1 and each other's inverse, so a chain has exactly one end. Each step needs the
one before, so a thousand processors follow a chain no faster than one.

Source: Lenstra and Wesolowski, "A random zoo: sloth, unicorn, and trx" (2015), section 3.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MODULUS", "MODULUS_BYTES", "follow_back", "follow_forward"]

MODULUS: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
"""The prime p: 2**1024 - 2**960 - 1 + 2**64 * (floor(2**894 * pi) + 129093)."""

MODULUS_BYTES: Final = 128
"""Size of a link of the chain."""

_ROOT_EXPONENT: Final = (MODULUS + 1) // 4


def follow_forward(link: int, steps: int) -> int:
    """Take roots: the slow direction.

    Args:
        link: 0 <= link < p.
        steps: 0 or more.

    Source: vectors/work/roots.json.
    """
    for _ in range(steps):
        square = _flip(link)
        # For p = 3 mod 4 this is a root of the number, or of its negative where the number is no square.
        root = pow(square, _ROOT_EXPONENT, MODULUS)
        wants_odd = root * root % MODULUS != square
        link = root if root % 2 == wants_odd else MODULUS - root
    return link


def follow_back(link: int, steps: int) -> int:
    """Take squares: the quick direction, the inverse of `follow_forward`.

    Args:
        link: 0 <= link < p.
        steps: 0 or more.

    Source: vectors/work/roots.json.
    """
    for _ in range(steps):
        square = link * link % MODULUS
        link = _flip(MODULUS - square if link % 2 else square)
    return link


def _flip(link: int) -> int:
    return link if link == MODULUS - 1 else link ^ 1
