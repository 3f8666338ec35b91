"""Who asks for a ticket as a client of this node: tokens signed by an account's key, as BitMaelum's clients make them.

    Authorization: Bearer <token>      compact JWS of {"exp", "iat", "nbf", "sub"}, NumericDates in whole seconds
    sub                                the account, 64 lower-case hex digits
    iat <= now, nbf <= now < exp       exp - iat at most 90 s, which is what those clients ask for

The key decides the algorithm, never the token: Ed25519 EdDSA, RSA RS256, P-384 ES384, and nothing else. A token has no
number of its own, so who overhears it can use it until it expires: over a network that others read, put TLS in front.

Source: RFC 7519; BitMaelum's clients, whose tokens begin 30 s before the half minute under way and end 60 s after it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from jwt import PyJWK, PyJWS, PyJWTError

from parley.errors import ErrorCode, Rejected
from parley.primitives.instants import Instant

__all__ = [
    "ALGORITHMS",
    "KEY_MAX_CHARACTERS",
    "LIFETIME_MAX_S",
    "TOKEN_MAX_BYTES",
    "AccountKey",
    "bearer_token",
    "check_token",
    "parse_account_key",
]

ALGORITHMS: Final = ("EdDSA", "RS256", "ES384")
"""What a token may be signed with."""

TOKEN_MAX_BYTES: Final = 4_096
"""The longest token."""

KEY_MAX_CHARACTERS: Final = 8_192
"""The longest key, in PEM or as a JWK."""

LIFETIME_MAX_S: Final = 90
"""The longest that a token may be good for, in seconds."""

_MS_PER_SECOND: Final = 1_000
_RSA_BITS: Final = (2_048, 8_192)
_SCHEME: Final = b"bearer"
_JWS: Final = PyJWS(algorithms=list(ALGORITHMS))

PublicKey = Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class _Claims(msgspec.Struct, frozen=True):
    """What a token says; members beside these are of no matter."""

    exp: int
    nbf: int
    iat: int
    sub: str


class _Header(msgspec.Struct, frozen=True):
    """What a token says of itself that could change how it is read."""

    alg: str
    crit: Any = None
    b64: Any = None


_CLAIMS: Final = msgspec.json.Decoder(_Claims)
_HEADER: Final = msgspec.json.Decoder(_Header)


@dataclass(frozen=True)
class AccountKey:
    """A public key of an account, along with the one algorithm that it verifies."""

    key: PublicKey
    algorithm: str

    @cached_property
    def pem(self) -> str:
        """Return the key as SubjectPublicKeyInfo in PEM, its one form in the store."""
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def parse_account_key(text: str) -> AccountKey | Rejected:
    """Read a public key in PEM (SubjectPublicKeyInfo) or as a JWK in JSON.

    Returns:
        The key, or Rejected(INVALID_PARAMS): no such key, a private one, or of a kind that signs no token here.
    """
    refused = Rejected(
        ErrorCode.INVALID_PARAMS, {"parameter": "keys", "expected": "public keys: Ed25519, RSA of 2048 bits, P-384"}
    )
    if len(text) > KEY_MAX_CHARACTERS:
        return refused
    try:
        loaded: object = _jwk(text) if text.lstrip().startswith("{") else load_pem_public_key(text.encode("ascii"))
    except (ValueError, TypeError, UnsupportedAlgorithm, PyJWTError):
        return refused
    match loaded:
        case Ed25519PublicKey():
            return AccountKey(loaded, "EdDSA")
        case rsa.RSAPublicKey() if _RSA_BITS[0] <= loaded.key_size <= _RSA_BITS[1]:
            return AccountKey(loaded, "RS256")
        case ec.EllipticCurvePublicKey() if isinstance(loaded.curve, ec.SECP384R1):
            return AccountKey(loaded, "ES384")
        case _:
            return refused


def bearer_token(header: bytes | None) -> bytes | None:
    """Return the token of an Authorization header, or None where it holds none (RFC 6750)."""
    scheme, _, token = (header or b"").partition(b" ")
    token = token.strip()
    return token if scheme.lower() == _SCHEME and token and len(token) <= TOKEN_MAX_BYTES else None


def check_token(token: bytes, keys: Iterable[AccountKey], *, account: bytes, now: Instant) -> bool:
    """Say whether a token proves to speak for an account.

    All keys are tried, and of a token that no key signed nothing is believed.

    Args:
        token: from `bearer_token`.
        keys: of the account; none never proves anything.
        account: hash of 32 bytes.
        now: the moment of the judgement.
    """
    algorithm = _algorithm(token)
    if algorithm is None:
        return False
    payloads = [_verified(token, key) for key in keys if key.algorithm == algorithm]
    return any(payload is not None and _is_for(payload, account, now) for payload in payloads)


def _jwk(text: str) -> object:
    document = msgspec.json.decode(text, type=dict[str, Any])
    if "d" in document:
        return None  # a private key is nobody's to send
    return PyJWK(document).key


def _algorithm(token: bytes) -> str | None:
    """Return the algorithm that a token names, None where it is none of ours or asks to be read in another way."""
    try:
        header = _HEADER.decode(_unpadded(token.partition(b".")[0]))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return header.alg if header.alg in ALGORITHMS and header.crit is None and header.b64 is None else None


def _unpadded(text: bytes) -> bytes:
    return msgspec.json.decode(b'"' + text.translate(_URL_SAFE) + b"=" * (-len(text) % 4) + b'"', type=bytes)


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def _verified(token: bytes, key: AccountKey) -> bytes | None:
    try:
        payload: bytes = _JWS.decode_complete(token, key.key, algorithms=[key.algorithm])["payload"]
    except PyJWTError:
        return None
    return payload


def _is_for(payload: bytes, account: bytes, now: Instant) -> bool:
    try:
        claims = _CLAIMS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    is_for_account = hmac.compare_digest(claims.sub.encode(errors="replace"), account.hex().encode())
    now_s = now // _MS_PER_SECOND
    is_timely = claims.iat <= now_s and claims.nbf <= now_s < claims.exp <= claims.iat + LIFETIME_MAX_S
    return is_for_account and is_timely
