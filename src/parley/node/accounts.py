"""Who sends through this node: accounts, each with the public keys that its tokens are signed with.

An account is the SHA-256 of its name; the node never needs the name itself. The node's owner may act for any account,
with the node's secret. What an unknown account is answered is what a known one with a wrong token is answered, and it
takes as long: a token for nobody is checked against a key that nobody has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from parley.adapters.http.routes import Credentials
from parley.adapters.upload.jwt import AccountKey, bearer_token, check_token, parse_account_key
from parley.errors import ErrorCode, Rejected
from parley.ports.clock import Clock
from parley.ports.store import Documents

__all__ = [
    "ACCOUNTS_MAX",
    "OWNER_USER",
    "Account",
    "Accounts",
]

ACCOUNTS_MAX: Final = 10_000
"""Most accounts of one node."""

OWNER_USER: Final = "parley"
"""User name that goes with the owner's secret."""

_NAMESPACE: Final = "upload/accounts"


class _Stored(msgspec.Struct, frozen=True):
    """An account as it is stored."""

    keys: list[str]
    name: str = ""


_STORED: Final = msgspec.json.Decoder(_Stored)


@dataclass(frozen=True, slots=True)
class Account:
    """One account.

    Attributes:
        hash: 32 bytes.
        keys: at least one.
        name: where its owner told it; empty otherwise.
    """

    hash: bytes
    keys: tuple[AccountKey, ...]
    name: str = ""


class Accounts:
    """The accounts of one node."""

    def __init__(self, documents: Documents, clock: Clock, owner: Credentials) -> None:
        """Keep accounts in documents.

        Args:
            documents: durable.
            clock: judges tokens.
            owner: the node's own credentials, good for any account.
        """
        self._documents = documents
        self._clock = clock
        self._owner = owner
        self._decoys = _decoys()

    async def add(self, hash_: bytes, keys: Sequence[str], name: str = "") -> Rejected | None:
        """Keep an account in place of what was there under its hash.

        Args:
            hash_: 32 bytes.
            keys: public keys in PEM or as JWK.
            name: where its owner told it.

        Returns:
            None, or INVALID_PARAMS (a key), or QUOTA_EXCEEDED.
        """
        parsed: list[AccountKey] = []
        for text in keys:
            key = parse_account_key(text)
            if isinstance(key, Rejected):
                return key
            parsed.append(key)
        if not await self.has(hash_) and len(await self._documents.list(_NAMESPACE)) >= ACCOUNTS_MAX:
            return Rejected(ErrorCode.QUOTA_EXCEEDED, {"accounts_maximum": ACCOUNTS_MAX})
        stored = _Stored([key.pem for key in parsed], name)
        await self._documents.put(_NAMESPACE, hash_.hex(), msgspec.json.encode(stored))
        return None

    async def find(self, hash_: bytes) -> Account | None:
        """Return an account, or None."""
        raw = await self._documents.get(_NAMESPACE, hash_.hex())
        return None if raw is None else _parse(hash_, raw)

    async def has(self, hash_: bytes) -> bool:
        """Say whether there is an account; for the node alone, no answer to others may depend on it."""
        return await self._documents.get(_NAMESPACE, hash_.hex()) is not None

    async def remove(self, hash_: bytes) -> bool:
        """Drop an account; return whether there was one."""
        return await self._documents.delete(_NAMESPACE, hash_.hex())

    async def list(self) -> tuple[Account, ...]:
        """Return all accounts, ascending by hash."""
        found = await self._documents.list(_NAMESPACE)
        return tuple(_parse(bytes.fromhex(document.key), document.value) for document in found)

    async def authenticate(self, hash_: bytes, authorization: bytes | None) -> bool:
        """Say whether the value of an Authorization header speaks for an account.

        Either the node's own credentials, for any hash, or a token that a key of the account signed.

        Args:
            hash_: of the account, 32 bytes.
            authorization: None where there is no such header.

        Raises:
            UnavailableError: the store did not answer.
        """
        if self._owner.is_given(authorization):
            return True
        token = bearer_token(authorization)
        if token is None:
            return False
        account = await self.find(hash_)
        is_good = check_token(
            token, self._decoys if account is None else account.keys, account=hash_, now=self._clock.now()
        )
        return is_good and account is not None


def _parse(hash_: bytes, raw: bytes) -> Account:
    stored = _STORED.decode(raw)
    parsed = [parse_account_key(text) for text in stored.keys]
    return Account(hash_, tuple(key for key in parsed if isinstance(key, AccountKey)), stored.name)


def _decoys() -> tuple[AccountKey, ...]:
    """Return one public key of each kind whose private key nobody has or that verifies nothing."""
    order = 2**2_047 + 2**1_023 + 1  # any odd number of the size: what it verifies is of no matter
    return (
        AccountKey(ed25519.Ed25519PublicKey.from_public_bytes(bytes([88] + [102] * 31)), "EdDSA"),
        AccountKey(rsa.RSAPublicNumbers(65_537, order).public_key(), "RS256"),
        AccountKey(ec.derive_private_key(1, ec.SECP384R1()).public_key(), "ES384"),
    )
