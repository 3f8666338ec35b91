"""Secrets that do not leak by accident: a key that never prints itself, a nonce that is taken once.

A secret nonce signs once: two signatures under one nonce give the key away. So a nonce is not a value that
can be read twice, copied, stored or restored after a crash.
"""

from __future__ import annotations

import hmac
from typing import NoReturn, SupportsIndex

from parley.errors import ErrorCode, LocalError

__all__ = ["SECRET_KEY_BYTES", "OneShot", "SecretKey"]

SECRET_KEY_BYTES = 32
"""Size of a secret key."""


class OneShot:
    """Secret bytes that can be taken out once, by one thread.

    Equality and hash are those of the object, so neither tells anything of the secret.
    """

    __slots__ = ("_held",)

    def __init__(self, secret: bytes) -> None:
        """Hold `secret`; the caller keeps no other reference to it."""
        self._held = [secret]

    def take(self) -> bytes:
        """Hand the secret out and forget it.

        `list.pop` is one atomic step, so of many threads exactly one gets it.

        Raises:
            LocalError: SECRET_ALREADY_TAKEN: it was taken before.
        """
        try:
            return self._held.pop()
        except IndexError:
            raise LocalError(ErrorCode.SECRET_ALREADY_TAKEN) from None

    def __repr__(self) -> str:
        """Return the state without the secret."""
        return "OneShot(<held>)" if self._held else "OneShot(<taken>)"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        """Refuse to be pickled or copied: the copy would be a second take."""
        raise LocalError(ErrorCode.WRONG_STATE, refused="pickle or copy of a secret")


class SecretKey:
    """A secret key of 32 bytes that shows itself only when asked by `reveal`."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        """Hold 32 bytes.

        Raises:
            LocalError: another size.
        """
        if len(raw) != SECRET_KEY_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(raw), wanted_bytes=SECRET_KEY_BYTES)
        self._raw = raw

    def reveal(self) -> bytes:
        """Return the 32 bytes, for the one call that needs them."""
        return self._raw

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on where the keys differ."""
        if not isinstance(other, SecretKey):
            return NotImplemented
        return hmac.compare_digest(self._raw, other._raw)

    __hash__ = None  # type: ignore[assignment]  # a hash of the bytes would tell of them

    def __repr__(self) -> str:
        """Return the name of the class, never the key."""
        return "SecretKey(<redacted>)"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        """Refuse to be pickled or copied: a stored key belongs into the key file only."""
        raise LocalError(ErrorCode.WRONG_STATE, refused="pickle or copy of a secret")
