"""Swap offers as wallets publish them: six keys, some 180 bytes of compact JSON, several hundred authors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from parley.pool.messages import SIGNATURE_BYTES, Record
from parley.primitives import schnorr
from parley.primitives.hashing import sha256
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant

__all__ = ["NOW", "PER_BOOK", "author_secret", "offers", "prefix"]

NOW = Instant(1_760_000_000_000)
"""The moment at which the book is looked at."""

PER_BOOK = 100
"""Offers under one currency and side."""

_AUTHORS = 400
_LIFETIME_MS = 600_000
_LOCKS = ("mwc_lock_first", "secondary_lock_first")
_SIDES = ("buy", "sell")


def author_secret(number: int) -> bytes:
    """Return the secret key of the author of an offer."""
    return sha256(b"author", (number % _AUTHORS).to_bytes(4, "big"))


def prefix(book: int) -> tuple[str, ...]:
    """Return the keys of a book: the offers number 100 * book to 100 * book + 99."""
    return "swap", f"coin{book // 2}", _SIDES[book % 2]


def offers(count: int, *, message_bytes: int, edition: int = 0) -> Iterator[Record]:
    """Yield offers, each built anew, so that no two share an object that a decoder would have made for each.

    The signatures are no signatures: making them costs far more than the rest, and most cases never verify them.

    Args:
        count: how many.
        message_bytes: what each message is filled up to, 180 or more.
        edition: other offers under the same books; 0 are those that the pool holds.
    """
    dice = Random(edition)
    keys = [schnorr.public_key(author_secret(number)) for number in range(_AUTHORS)]
    for number in range(count):
        coin, side = prefix(number // PER_BOOK)[1:]
        name = f"SwapOffer_{edition}_{number}"
        atoms = dice.randrange(1, 10**9)
        body = {
            "version": 1,
            "id": name,
            "sell": side == "sell",
            "mwcAmount": atoms / 1_000,
            "secAmount": atoms / 1_000_000,
            "secondaryCurrency": coin,
            "mwcLockBlocks": 360,
            "secLockBlocks": 6,
            "mktFee": 0.01,
            "walletAddress": "",
        }
        text = json.dumps(body, separators=(",", ":"))
        body["walletAddress"] = dice.randbytes(message_bytes).hex()[: max(0, message_bytes - len(text))]
        created_ms = NOW - dice.randrange(_LIFETIME_MS // 2)
        yield Record(
            AuthorKey(bytes(bytearray(keys[number % _AUTHORS]))),
            ("swap", coin, side, _LOCKS[number % 2], str(atoms), name),
            json.dumps(body, separators=(",", ":")),
            created_ms,
            Instant(created_ms),
            Instant(created_ms + _LIFETIME_MS),
            dice.randbytes(SIGNATURE_BYTES),
        )
