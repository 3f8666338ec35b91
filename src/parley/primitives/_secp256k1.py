"""The one door to libsecp256k1: nothing else in Parley imports coincurve.

Two ways through it, with the same results: `DirectCurve` calls the C functions that coincurve has compiled in
(its module `_libsecp256k1`, a private name), `PublicCurve` uses coincurve's documented classes. `open_curve`
takes the first where it exists. Both hold nothing but constants and a cache of parsed public keys; every
buffer is made for one call, so threads never share one, and the C functions run without the GIL.

Sizes and ranges are checked by the callers. `schnorr`: 32 bytes of public key, of secret key in 1..n-1 and of
entropy, 64 bytes of signature. `ecdsa`: 64 bytes of public key (x || y), 32 of secret key in 1..n-1 and of digest,
64 of signature (r || s), and 0 or 1 for the parity of y(R).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Protocol

import coincurve

from parley.errors import ErrorCode, LocalError

__all__ = ["CURVE", "Curve", "DirectCurve", "PublicCurve", "Recovering", "Signing", "open_curve"]

_CACHED_KEYS: Final = 4096
_KEYPAIR_BYTES: Final = 96
_SIGNABLE_BYTES: Final = 32
"""The only size of message that coincurve's documented classes sign."""

_EXTRA_PARAMETERS_MAGIC: Final = b"\xda\x6f\xb3\x8c"
"""SECP256K1_SCHNORRSIG_EXTRAPARAMS_MAGIC of libsecp256k1's include/secp256k1_schnorrsig.h."""

_UNCOMPRESSED: Final = 2
"""SECP256K1_EC_UNCOMPRESSED: 04 || x || y."""

_UNCOMPRESSED_BYTES: Final = 65


class Signing(Protocol):
    """Digests that one key is about to sign: buffers are made before, and bytes taken out after the C calls.

    Threads that sign parts of it thereby do little else, and seldom wait for each other.
    """

    def sign(self, start: int, stop: int) -> None:
        """Sign the digests from `start` to before `stop`; parts that do not overlap may be signed at once."""

    def signatures(self) -> list[bytes]:
        """Return r || s || parity of y(R) of each, 65 bytes, once all are signed."""


class Recovering(Protocol):
    """Signatures whose keys are about to be recovered, in the same way."""

    def recover(self, start: int, stop: int) -> None:
        """Recover from `start` to before `stop`; parts that do not overlap may be recovered at once."""

    def publics(self) -> list[bytes | None]:
        """Return each key, 64 bytes, or None where there is none, once all are recovered."""


class Curve(Protocol):
    """What `schnorr` and `ecdsa` need of secp256k1."""

    def is_public_key(self, public: bytes) -> bool:
        """Say whether 32 bytes are the x coordinate of a point."""

    def public_key(self, secret: bytes) -> bytes:
        """Return the x coordinate of secret * G, 32 bytes."""

    def sign(self, secret: bytes, message: bytes, entropy: bytes) -> bytes:
        """Return a BIP340 signature of 64 bytes, checked after it was made."""

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether a BIP340 signature is right; False for a key that is no point."""

    def full_public_key(self, secret: bytes) -> bytes:
        """Return both coordinates of secret * G, 64 bytes."""

    def sign_ecdsa(self, secret: bytes, digest: bytes) -> bytes:
        """Return r || s || parity of y(R), 65 bytes: low s, the nonce from RFC 6979."""

    def begin_ecdsa(self, secret: bytes, digests: Sequence[bytes]) -> Signing:
        """Return digests to be signed as `sign_ecdsa` does, by several threads if the caller likes."""

    def recover_ecdsa(self, digest: bytes, signature: bytes, parity: int) -> bytes | None:
        """Return the one key under which the signature is right, 64 bytes; None where there is none."""

    def begin_recovery(self, digests: Sequence[bytes], signatures: Sequence[tuple[bytes, int]]) -> Recovering:
        """Return signatures (64 bytes, parity) to be recovered as `recover_ecdsa` does, by several threads."""


class DirectCurve:
    """The C functions themselves, without coincurve's objects in between."""

    __slots__ = ("_context", "_ffi", "_lib", "_parse", "_verify")

    def __init__(self, binding: ModuleType) -> None:
        """Keep what is constant: the functions, coincurve's one context, a cache of parsed keys.

        The context is only read by the functions used here, so threads may share it.
        """
        ffi, lib = binding.ffi, binding.lib
        context = coincurve.GLOBAL_CONTEXT.ctx

        @lru_cache(maxsize=_CACHED_KEYS)
        def parse(public: bytes) -> object | None:
            point = ffi.new("secp256k1_xonly_pubkey *")
            return point if lib.secp256k1_xonly_pubkey_parse(context, point, public) else None

        self._ffi, self._lib, self._context = ffi, lib, context
        self._parse, self._verify = parse, lib.secp256k1_schnorrsig_verify

    def is_public_key(self, public: bytes) -> bool:
        """Say whether 32 bytes are the x coordinate of a point."""
        return self._parse(public) is not None

    def public_key(self, secret: bytes) -> bytes:
        """Return the x coordinate of secret * G, 32 bytes."""
        ffi, lib, context = self._ffi, self._lib, self._context
        keypair = ffi.new("secp256k1_keypair *")
        point = ffi.new("secp256k1_xonly_pubkey *")
        public = ffi.new("unsigned char[32]")
        lib.secp256k1_keypair_create(context, keypair, secret)
        lib.secp256k1_keypair_xonly_pub(context, point, ffi.NULL, keypair)
        lib.secp256k1_xonly_pubkey_serialize(context, public, point)
        ffi.memmove(keypair, bytes(_KEYPAIR_BYTES), _KEYPAIR_BYTES)
        return bytes(ffi.buffer(public))

    def sign(self, secret: bytes, message: bytes, entropy: bytes) -> bytes:
        """Sign a message of any size, wipe the key pair, and check the signature.

        Raises:
            LocalError: WRONG_STATE: the machine miscalculated; the signature, which may tell of the key,
                is kept back.
        """
        ffi, lib, context = self._ffi, self._lib, self._context
        keypair = ffi.new("secp256k1_keypair *")
        point = ffi.new("secp256k1_xonly_pubkey *")
        signature = ffi.new("unsigned char[64]")
        # The pointer in `ndata` does not keep its bytes alive; the local name does.
        auxiliary = ffi.from_buffer(entropy)
        parameters = ffi.new(
            "secp256k1_schnorrsig_extraparams *", {"magic": _EXTRA_PARAMETERS_MAGIC, "ndata": auxiliary}
        )
        lib.secp256k1_keypair_create(context, keypair, secret)
        lib.secp256k1_schnorrsig_sign_custom(context, signature, message, len(message), keypair, parameters)
        lib.secp256k1_keypair_xonly_pub(context, point, ffi.NULL, keypair)
        ffi.memmove(keypair, bytes(_KEYPAIR_BYTES), _KEYPAIR_BYTES)
        if not self._verify(context, signature, message, len(message), point):
            raise LocalError(ErrorCode.WRONG_STATE, fault="a fresh signature does not verify")
        return bytes(ffi.buffer(signature))

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether a signature is right; the parsed key comes from the cache."""
        point = self._parse(public)
        return point is not None and self._verify(self._context, signature, message, len(message), point) == 1

    def full_public_key(self, secret: bytes) -> bytes:
        """Return both coordinates of secret * G, 64 bytes."""
        point = self._ffi.new("secp256k1_pubkey *")
        self._lib.secp256k1_ec_pubkey_create(self._context, point, secret)
        return self._coordinates(point)

    def sign_ecdsa(self, secret: bytes, digest: bytes) -> bytes:
        """Sign a digest; the C function takes the low s and RFC 6979 by itself."""
        ffi, lib, context = self._ffi, self._lib, self._context
        signature = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        compact = ffi.new("unsigned char[64]")
        parity = ffi.new("int *")
        lib.secp256k1_ecdsa_sign_recoverable(context, signature, digest, secret, ffi.NULL, ffi.NULL)
        lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact, parity, signature)
        return bytes(ffi.buffer(compact)) + bytes((parity[0],))

    def begin_ecdsa(self, secret: bytes, digests: Sequence[bytes]) -> Signing:
        """Make one buffer for all signatures."""
        return _DirectSigning(self._ffi, self._lib, self._context, secret, digests)

    def recover_ecdsa(self, digest: bytes, signature: bytes, parity: int) -> bytes | None:
        """Return the one key under which the signature is right, 64 bytes; None where there is none."""
        ffi, lib, context = self._ffi, self._lib, self._context
        parsed = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        if not lib.secp256k1_ecdsa_recoverable_signature_parse_compact(context, parsed, signature, parity):
            return None
        point = ffi.new("secp256k1_pubkey *")
        if not lib.secp256k1_ecdsa_recover(context, point, parsed, digest):
            return None
        return self._coordinates(point)

    def begin_recovery(self, digests: Sequence[bytes], signatures: Sequence[tuple[bytes, int]]) -> Recovering:
        """Parse the signatures into one buffer, and make one for all keys."""
        return _DirectRecovering(self._ffi, self._lib, self._context, digests, signatures)

    def _coordinates(self, point: object) -> bytes:
        ffi = self._ffi
        serialized = ffi.new("unsigned char[65]")
        size = ffi.new("size_t *", _UNCOMPRESSED_BYTES)
        self._lib.secp256k1_ec_pubkey_serialize(self._context, serialized, size, point, _UNCOMPRESSED)
        coordinates: bytes = ffi.buffer(serialized)[1:]
        return coordinates


class _DirectSigning:
    """Signatures side by side in one buffer, each written by one C call."""

    __slots__ = ("_context", "_digests", "_ffi", "_lib", "_opaque", "_secret")

    def __init__(self, ffi: Any, lib: Any, context: object, secret: bytes, digests: Sequence[bytes]) -> None:  # noqa: ANN401 - cffi's objects have no types
        self._ffi, self._lib, self._context = ffi, lib, context
        self._secret, self._digests = secret, digests
        self._opaque = ffi.new("secp256k1_ecdsa_recoverable_signature[]", len(digests))

    def sign(self, start: int, stop: int) -> None:
        context, secret, null, opaque = self._context, self._secret, self._ffi.NULL, self._opaque
        sign, digests = self._lib.secp256k1_ecdsa_sign_recoverable, self._digests
        for place in range(start, stop):
            sign(context, opaque + place, digests[place], secret, null, null)

    def signatures(self) -> list[bytes]:
        ffi, context, opaque = self._ffi, self._context, self._opaque
        serialize = self._lib.secp256k1_ecdsa_recoverable_signature_serialize_compact
        compact, parity = ffi.new("unsigned char[64]"), ffi.new("int *")
        buffer, signatures = ffi.buffer(compact), []
        for place in range(len(self._digests)):
            serialize(context, compact, parity, opaque + place)
            signatures.append(buffer[:] + bytes((parity[0],)))
        return signatures


class _DirectRecovering:
    """Keys side by side in one buffer, each written by one C call."""

    __slots__ = ("_context", "_digests", "_ffi", "_is_found", "_lib", "_opaque", "_points")

    def __init__(
        self,
        ffi: Any,  # noqa: ANN401 - cffi's objects have no types
        lib: Any,  # noqa: ANN401 - as above
        context: object,
        digests: Sequence[bytes],
        signatures: Sequence[tuple[bytes, int]],
    ) -> None:
        self._ffi, self._lib, self._context, self._digests = ffi, lib, context, digests
        self._opaque = ffi.new("secp256k1_ecdsa_recoverable_signature[]", len(digests))
        self._points = ffi.new("secp256k1_pubkey[]", len(digests))
        parse, opaque = lib.secp256k1_ecdsa_recoverable_signature_parse_compact, self._opaque
        self._is_found = [
            bool(parse(context, opaque + place, compact, parity)) for place, (compact, parity) in enumerate(signatures)
        ]

    def recover(self, start: int, stop: int) -> None:
        context, points, opaque, is_found = self._context, self._points, self._opaque, self._is_found
        recover, digests = self._lib.secp256k1_ecdsa_recover, self._digests
        for place in range(start, stop):
            if is_found[place] and not recover(context, points + place, opaque + place, digests[place]):
                is_found[place] = False

    def publics(self) -> list[bytes | None]:
        ffi, context, points = self._ffi, self._context, self._points
        serialize = self._lib.secp256k1_ec_pubkey_serialize
        serialized, size = ffi.new("unsigned char[65]"), ffi.new("size_t *", _UNCOMPRESSED_BYTES)
        buffer = ffi.buffer(serialized)
        publics: list[bytes | None] = []
        for place, is_found in enumerate(self._is_found):
            if is_found:
                serialize(context, serialized, size, points + place, _UNCOMPRESSED)
            publics.append(buffer[1:] if is_found else None)
        return publics


class _PublicSigning:
    """The same through coincurve's documented classes."""

    __slots__ = ("_digests", "_made", "_secret")

    def __init__(self, secret: bytes, digests: Sequence[bytes]) -> None:
        self._secret, self._digests = coincurve.PrivateKey(secret), digests
        self._made = [b""] * len(digests)

    def sign(self, start: int, stop: int) -> None:
        for place in range(start, stop):
            self._made[place] = self._secret.sign_recoverable(self._digests[place], hasher=None)

    def signatures(self) -> list[bytes]:
        return self._made


class _PublicRecovering:
    """The same through coincurve's documented classes."""

    __slots__ = ("_curve", "_digests", "_found", "_signatures")

    def __init__(self, curve: PublicCurve, digests: Sequence[bytes], signatures: Sequence[tuple[bytes, int]]) -> None:
        self._curve, self._digests, self._signatures = curve, digests, signatures
        self._found: list[bytes | None] = [None] * len(digests)

    def recover(self, start: int, stop: int) -> None:
        for place in range(start, stop):
            self._found[place] = self._curve.recover_ecdsa(self._digests[place], *self._signatures[place])

    def publics(self) -> list[bytes | None]:
        return self._found


class PublicCurve:
    """The same through coincurve's documented classes, which sign messages of 32 bytes only."""

    __slots__ = ()

    def is_public_key(self, public: bytes) -> bool:
        """Say whether 32 bytes are the x coordinate of a point."""
        try:
            coincurve.PublicKeyXOnly(public)
        except ValueError:
            return False
        return True

    def public_key(self, secret: bytes) -> bytes:
        """Return the x coordinate of secret * G, 32 bytes."""
        return coincurve.PublicKeyXOnly.from_secret(secret).format()

    def sign(self, secret: bytes, message: bytes, entropy: bytes) -> bytes:
        """Sign a message of 32 bytes; coincurve checks the signature.

        Raises:
            LocalError: a message of another size.
        """
        if len(message) != _SIGNABLE_BYTES:
            raise LocalError(ErrorCode.INVALID_ARGUMENT, size_bytes=len(message), wanted_bytes=_SIGNABLE_BYTES)
        return coincurve.PrivateKey(secret).sign_schnorr(message, entropy)

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Say whether a signature is right; False for a key that is no point."""
        try:
            return coincurve.PublicKeyXOnly(public).verify(signature, message)
        except ValueError:
            return False

    def full_public_key(self, secret: bytes) -> bytes:
        """Return both coordinates of secret * G, 64 bytes."""
        return coincurve.PublicKey.from_secret(secret).format(compressed=False)[1:]

    def sign_ecdsa(self, secret: bytes, digest: bytes) -> bytes:
        """Return r || s || parity of y(R), 65 bytes: low s, the nonce from RFC 6979."""
        return coincurve.PrivateKey(secret).sign_recoverable(digest, hasher=None)

    def begin_ecdsa(self, secret: bytes, digests: Sequence[bytes]) -> Signing:
        """Parse the key once for all digests."""
        return _PublicSigning(secret, digests)

    def recover_ecdsa(self, digest: bytes, signature: bytes, parity: int) -> bytes | None:
        """Return the one key under which the signature is right, 64 bytes; None where there is none."""
        try:
            point = coincurve.PublicKey.from_signature_and_message(signature + bytes((parity,)), digest, hasher=None)
        except ValueError:
            return None
        return point.format(compressed=False)[1:]

    def begin_recovery(self, digests: Sequence[bytes], signatures: Sequence[tuple[bytes, int]]) -> Recovering:
        """Keep everything for later."""
        return _PublicRecovering(self, digests, signatures)


def open_curve(binding_name: str = "coincurve._libsecp256k1") -> Curve:
    """Take the direct way where the compiled module is found under its private name, else the public one."""
    try:
        binding = import_module(binding_name)
    except ImportError:
        return PublicCurve()
    return DirectCurve(binding)


CURVE: Final = open_curve()
