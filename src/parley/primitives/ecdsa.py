"""ECDSA over secp256k1 as Ethereum uses it: 65 bytes of signature, from which the signer's key is recovered.

    Q = d*G                                the public key of secret d: x || y, 64 bytes
    R = k*G, s = (z + r*d) / k mod n       r is x(R), z the digest, k from RFC 6979
    signature = r || s || v                v is 27 where y(R) is even, 28 where it is odd
    Q = (s*R - z*G) / r                    how the key comes back out of a signature

Of every signature there are other forms that say the same: n - s for s with the other v, 64 bytes with the parity in
the top bit of s (EIP-2098), v of 0 and 1. Here **exactly one form is right**, the one of 65 bytes with s <= n/2 and
v of 27 or 28: who hashes signature bytes to draw a lot must not leave the signer a choice of forms.

The signer still has one: ECDSA is not unique, another k gives another right signature. Whatever is spent once is
therefore named by what was signed and never by the signature.

A fresh signature is not verified before it leaves, unlike in `schnorr`: with k from RFC 6979 that would guard against
a disturbed machine only, at twice the price.

Source: SEC 1 §4.1, RFC 6979, EIP-2 (vectors/ecdsa/rfc6979.json, vectors/lottery/signatures.json).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from parley.errors import ErrorCode, LocalError
from parley.primitives._secp256k1 import CURVE
from parley.primitives.hashing import keccak256
from parley.primitives.ids import ADDRESS_BYTES, Address
from parley.primitives.schnorr import is_secret_key

__all__ = [
    "DIGEST_BYTES",
    "FULL_KEY_BYTES",
    "SIGNATURE_BYTES",
    "RecoveredBatch",
    "SignedBatch",
    "address_of",
    "is_canonical",
    "public_key",
    "recover",
    "sign",
]

DIGEST_BYTES: Final = 32
"""Size of what is signed."""

FULL_KEY_BYTES: Final = 64
"""Size of a public key: x || y."""

SIGNATURE_BYTES: Final = 65
"""Size of a signature: r || s || v."""

_COMPACT_BYTES: Final = 64
_PARITY_OF: Final = frozenset({27, 28})
_V_OF_EVEN: Final = 27
_HALF_ORDER_BYTES: Final = bytes.fromhex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0")


def public_key(secret: bytes) -> bytes:
    """Return the public key that belongs to a secret key.

    Args:
        secret: 32 bytes, 1 <= key < n, big endian.

    Returns:
        64 bytes, x || y.

    Raises:
        LocalError: not a secret key.
    """
    _check_secret(secret)
    return CURVE.full_public_key(secret)


def address_of(public: bytes) -> Address:
    """Return the address of a key's account: the last 20 bytes of Keccak-256 of its 64 bytes.

    Source: Ethereum yellow paper, appendix F (vectors/evm/addresses.json).
    """
    return Address(keccak256(public)[-ADDRESS_BYTES:])


def sign(secret: bytes, digest: bytes) -> bytes:
    """Sign a digest, the same one always with the same signature.

    Args:
        secret: 32 bytes, 1 <= key < n, big endian.
        digest: 32 bytes.

    Returns:
        65 bytes in the one right form.

    Raises:
        LocalError: not a secret key, a digest of another size; WRONG_STATE: x(R) is not below n, which no
            digest is known to lead to (probability 2**-127).
    """
    _check_secret(secret)
    _check_digest(digest)
    return _finish(CURVE.sign_ecdsa(secret, digest))


class SignedBatch:
    """Digests under one key, signed in parts: the same signatures as `sign` makes.

    batch = SignedBatch(secret, digests); batch.sign(0, n); batch.signatures()
    """

    __slots__ = ("_signing", "size")

    def __init__(self, secret: bytes, digests: Sequence[bytes]) -> None:
        """Make room; nothing is signed yet.

        Args:
            secret: 32 bytes, 1 <= key < n, big endian.
            digests: 32 bytes each.

        Raises:
            LocalError: not a secret key, or a digest of another size.
        """
        _check_secret(secret)
        for digest in digests:
            _check_digest(digest)
        self.size = len(digests)
        self._signing = CURVE.begin_ecdsa(secret, digests)

    def sign(self, start: int, stop: int) -> None:
        """Sign the digests from `start` to before `stop`, 0 <= start <= stop <= size.

        Threads may sign parts that do not overlap at once: the C function runs without the interpreter's lock.

        Raises:
            LocalError: not a part of the batch.
        """
        if not 0 <= start <= stop <= self.size:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, start=start, stop=stop, size=self.size)
        self._signing.sign(start, stop)

    def signatures(self) -> tuple[bytes, ...]:
        """Return the signatures in the order of the digests, 65 bytes each, once all parts are signed.

        Raises:
            LocalError: WRONG_STATE: x(R) is not below n, which no digest is known to lead to.
        """
        return tuple(_finish(signature) for signature in self._signing.signatures())


def _finish(signature: bytes) -> bytes:
    v = signature[_COMPACT_BYTES] + _V_OF_EVEN
    if v not in _PARITY_OF:
        raise LocalError(ErrorCode.WRONG_STATE, fault="x(R) is not below n")
    return signature[:_COMPACT_BYTES] + bytes((v,))


def is_canonical(signature: bytes) -> bool:
    """Say whether bytes of any size have the one right form: 65 bytes, v of 27 or 28, s <= n/2."""
    return (
        len(signature) == SIGNATURE_BYTES
        and signature[_COMPACT_BYTES] in _PARITY_OF
        and signature[32:_COMPACT_BYTES] <= _HALF_ORDER_BYTES
    )


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """Return the key that signed a digest; bytes of any size are judged, none raises.

    Returns:
        64 bytes, or None where the form is not the right one or no key fits.

    Source: vectors/lottery/signatures.json.
    """
    if not is_canonical(signature) or len(digest) != DIGEST_BYTES:
        return None
    return CURVE.recover_ecdsa(digest, signature[:_COMPACT_BYTES], signature[_COMPACT_BYTES] - _V_OF_EVEN)


class RecoveredBatch:
    """Signatures over digests, recovered in parts: the same keys as `recover` finds.

    batch = RecoveredBatch(digests, signatures); batch.recover(0, n); batch.publics()
    """

    __slots__ = ("_places", "_recovering", "size")

    def __init__(self, digests: Sequence[bytes], signatures: Sequence[bytes]) -> None:
        """Read the signatures; nothing is recovered yet, and what has another form than the right one never is.

        Args:
            digests: 32 bytes each.
            signatures: as many, of any sizes.

        Raises:
            LocalError: a digest of another size, or another number of signatures.
        """
        for digest in digests:
            _check_digest(digest)
        if len(digests) != len(signatures):
            raise LocalError(ErrorCode.INVALID_ARGUMENT, digests=len(digests), signatures=len(signatures))
        self.size = len(digests)
        self._places = [place for place, signature in enumerate(signatures) if is_canonical(signature)]
        self._recovering = CURVE.begin_recovery(
            [digests[place] for place in self._places],
            [
                (signatures[place][:_COMPACT_BYTES], signatures[place][_COMPACT_BYTES] - _V_OF_EVEN)
                for place in self._places
            ],
        )

    def recover(self, start: int, stop: int) -> None:
        """Recover the keys of the signatures from `start` to before `stop`, 0 <= start <= stop <= size.

        Threads may recover parts that do not overlap at once: the C function runs without the interpreter's lock.

        Raises:
            LocalError: not a part of the batch.
        """
        if not 0 <= start <= stop <= self.size:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, start=start, stop=stop, size=self.size)
        self._recovering.recover(bisect_left(self._places, start), bisect_left(self._places, stop))

    def publics(self) -> tuple[bytes | None, ...]:
        """Return the key behind each signature in the order of the digests, once all parts are recovered.

        Returns:
            64 bytes each, or None where the form is not the right one or no key fits.
        """
        publics: list[bytes | None] = [None] * self.size
        for place, public in zip(self._places, self._recovering.publics(), strict=True):
            publics[place] = public
        return tuple(publics)


def _check_secret(secret: bytes) -> None:
    if not is_secret_key(secret):
        raise LocalError(ErrorCode.INVALID_ARGUMENT, wanted="a secret key of 32 bytes, 1 <= key < n")


def _check_digest(digest: bytes) -> None:
    if len(digest) != DIGEST_BYTES:
        raise LocalError(ErrorCode.INVALID_ARGUMENT, digest_bytes=len(digest), wanted_bytes=DIGEST_BYTES)
