"""The signer: who holds a secret key and signs with it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Signer"]


class Signer(Protocol):
    """One key; it may live in this process, in a daemon, or in a device that asks a person first."""

    @property
    def public_key(self) -> bytes:
        """Return the x-only public key, 32 bytes."""

    async def sign(self, message32: bytes) -> bytes:
        """Sign a hash by BIP340.

        Args:
            message32: 32 bytes, a tagged hash.

        Returns:
            64 bytes.

        Raises:
            LocalError: the message has another size.
            UnavailableError: the holder of the key did not answer.
        """
