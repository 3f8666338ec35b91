"""An author of records, with a key of its own: what a wallet is to the pool."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from parley.pool.messages import SIGNATURE_BYTES, Record, Removal, record_id, removal_id
from parley.ports.entropy import Entropy
from parley.primitives import schnorr
from parley.primitives.ids import AuthorKey
from parley.primitives.instants import Instant
from parley.primitives.one_shot import SECRET_KEY_BYTES, SecretKey

__all__ = ["Author"]

_LIFETIME_MS: Final = 600_000
_UNSIGNED: Final = bytes(SIGNATURE_BYTES)


class Author:
    """Signs records and removals; the key never leaves.

    Attributes:
        key: x-only public key, 32 bytes.
    """

    def __init__(self, entropy: Entropy) -> None:
        """Draw a fresh key."""
        raw = entropy.take(SECRET_KEY_BYTES)
        while not schnorr.is_secret_key(raw):
            raw = entropy.take(SECRET_KEY_BYTES)
        self._secret = SecretKey(raw)
        self._entropy = entropy
        self.key = AuthorKey(schnorr.public_key(raw))

    def sign(
        self,
        keys: tuple[str, ...],
        message: str,
        *,
        now: Instant,
        lifetime_ms: int = _LIFETIME_MS,
        sequence: int | None = None,
    ) -> Record:
        """Make a signed record.

        Args:
            keys: of its address, 1..8.
            message: any text.
            now: when it is made.
            lifetime_ms: until it expires, 1 or more.
            sequence: at the address; None for the moment.
        """
        number = now if sequence is None else sequence
        unsigned = Record(self.key, keys, message, number, now, Instant(now + lifetime_ms), _UNSIGNED)
        return replace(unsigned, signature=self._sign(record_id(unsigned)))

    def remove(self, record: Record) -> Removal:
        """Make the signed order to remove a record of this author."""
        unsigned = Removal(self.key, record.keys, record.sequence, _UNSIGNED)
        return replace(unsigned, signature=self._sign(removal_id(unsigned)))

    def _sign(self, digest: bytes) -> bytes:
        return schnorr.sign(self._secret.reveal(), digest, self._entropy.take(schnorr.ENTROPY_BYTES))
