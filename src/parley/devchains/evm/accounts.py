"""The accounts of development chains: known to everybody, rich on an embedded chain, and of no worth anywhere else.

They come from the words "test test test test test test test test test test test junk" by the rules of wallets (BIP-39,
BIP-32, BIP-44), path m/44'/60'/0'/0/index, so every tool for Ethereum knows them. **Whoever sends real money to one of
them loses it**: machines wait for that on every chain.

    seed           = PBKDF2-HMAC-SHA512(words, "mnemonic", 2048)
    key, chain     = halves of HMAC-SHA512(chain of parent, 0x00 || key || i)            where i is hardened
                     halves of HMAC-SHA512(chain of parent, compressed key || i)          otherwise
    key of child   = half + key of parent mod n
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives.ecdsa import address_of, public_key
from parley.primitives.ids import Address

__all__ = ["DEVELOPMENT_WORDS", "OWNER_INDEX", "DevelopmentAccount", "development_account", "development_accounts"]

DEVELOPMENT_WORDS: Final = "test test test test test test test test test test test junk"
"""What the keys come from; public."""

OWNER_INDEX: Final = 1_000_000
"""Of the account that deploys the contracts and begins rounds, apart from those that people use."""

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HARDENED: Final = 2**31
_PATH: Final = (44 + _HARDENED, 60 + _HARDENED, _HARDENED, 0)
_ITERATIONS: Final = 2_048
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class DevelopmentAccount:
    """One account whose key is public.

    Attributes:
        address: 20 bytes.
        secret: its key, 32 bytes, known to everybody.
    """

    address: Address
    secret: bytes = field(repr=False)


def development_account(index: int) -> DevelopmentAccount:
    """Return the account with this index.

    Args:
        index: 0 <= index < 2**31.

    Raises:
        LocalError: the index is out of range.

    Source: BIP-39, BIP-32, BIP-44.
    """
    if not 0 <= index < _HARDENED:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="index", wanted="0 <= index < 2**31")
    return _account(*_child(*_parent(), index))


def development_accounts(count: int) -> tuple[DevelopmentAccount, ...]:
    """Return the first accounts.

    Raises:
        LocalError: negative, or 2**31 and above.
    """
    if not 0 <= count < _HARDENED:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, field="count", wanted="0 <= count < 2**31")
    key, chain = _parent()
    return tuple(_account(*_child(key, chain, index)) for index in range(count))


def _account(key: bytes, chain: bytes) -> DevelopmentAccount:
    del chain
    return DevelopmentAccount(address_of(public_key(key)), key)


@lru_cache(1)  # always the same, and 2,048 rounds of hashing
def _parent() -> tuple[bytes, bytes]:
    seed = hashlib.pbkdf2_hmac("sha512", DEVELOPMENT_WORDS.encode(), b"mnemonic", _ITERATIONS)
    node = _halves(b"Bitcoin seed", seed)
    for index in _PATH:
        node = _child(*node, index)
    return node


def _child(key: bytes, chain: bytes, index: int) -> tuple[bytes, bytes]:
    """Derive one key; the chance that a key is refused by the curve is 2**-127, and these are known not to be."""
    head = b"\x00" + key if index >= _HARDENED else _compressed(public_key(key))
    half, next_chain = _halves(chain, head + index.to_bytes(4, "big"))
    number = (int.from_bytes(half, "big") + int.from_bytes(key, "big")) % _ORDER
    return number.to_bytes(_KEY_BYTES, "big"), next_chain


def _compressed(public: bytes) -> bytes:
    return bytes((2 + (public[-1] & 1),)) + public[:_KEY_BYTES]


def _halves(key: bytes, message: bytes) -> tuple[bytes, bytes]:
    digest = hmac.digest(key, message, "sha512")
    return digest[:_KEY_BYTES], digest[_KEY_BYTES:]
