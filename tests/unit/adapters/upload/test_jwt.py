from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from parley.adapters.upload.jwt import AccountKey, bearer_token, check_token, parse_account_key
from parley.errors import ErrorCode, Rejected
from parley.primitives.instants import Instant

NOW_S = 1_800_000_015
NOW = Instant(NOW_S * 1_000 + 999)
STEP_S = 1_800_000_000
ACCOUNT = hashlib.sha256(b"alice").digest()
OTHER = hashlib.sha256(b"bob").digest()

ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x11" * 32)
P384 = ec.derive_private_key(7, ec.SECP384R1())
RSA = rsa.generate_private_key(65_537, 2_048)
PRIVATE: dict[str, Any] = {"EdDSA": ED25519, "ES384": P384, "RS256": RSA}


def pem(key: Any) -> str:  # noqa: ANN401  # any private key
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def account_key(algorithm: str) -> AccountKey:
    key = parse_account_key(pem(PRIVATE[algorithm]))
    assert isinstance(key, AccountKey)
    assert key.algorithm == algorithm
    return key


KEYS = tuple(account_key(algorithm) for algorithm in PRIVATE)


def claims(**changes: object) -> dict[str, Any]:
    """Claim what BitMaelum's clients do: from 30 s before the half minute to 60 s after it."""
    base = {"exp": STEP_S + 60, "nbf": STEP_S - 30, "iat": STEP_S - 30, "sub": ACCOUNT.hex()}
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def token(algorithm: str = "EdDSA", *, headers: dict[str, Any] | None = None, **changes: object) -> bytes:
    return (
        jwt.PyJWS()
        .encode(json.dumps(claims(**changes)).encode(), PRIVATE[algorithm], algorithm=algorithm, headers=headers)
        .encode()
    )


def encoded(document: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=")


def is_taken(raw: bytes, keys: tuple[AccountKey, ...] = KEYS, now: Instant = NOW) -> bool:
    return check_token(raw, keys, account=ACCOUNT, now=now)


@pytest.mark.parametrize("algorithm", list(PRIVATE))
def test_each_kind_of_key_signs_tokens(algorithm: str) -> None:
    assert is_taken(token(algorithm))
    assert is_taken(token(algorithm), (account_key(algorithm),))
    others = tuple(key for key in KEYS if key.algorithm != algorithm)
    assert not is_taken(token(algorithm), others)
    assert not is_taken(token(algorithm), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": OTHER.hex()},
        {"sub": ACCOUNT.hex().upper()},
        {"sub": ACCOUNT.hex()[:-1]},
        {"sub": None},
        {"sub": 7},
        {"exp": None},
        {"nbf": None},
        {"iat": None},
        {"exp": NOW_S},
        {"exp": STEP_S + 61},
        {"exp": str(STEP_S + 60)},
        {"nbf": NOW_S + 1},
        {"iat": NOW_S + 1, "exp": NOW_S + 60},
        {"iat": 0},
    ],
)
def test_a_token_that_claims_something_else_is_refused(changes: dict[str, Any]) -> None:
    assert not is_taken(token(**changes))


def test_a_token_is_good_from_its_first_to_its_last_second() -> None:
    assert is_taken(token(), now=Instant((STEP_S - 30) * 1_000))
    assert is_taken(token(), now=Instant((STEP_S + 60) * 1_000 - 1))
    assert not is_taken(token(), now=Instant((STEP_S - 30) * 1_000 - 1))
    assert not is_taken(token(), now=Instant((STEP_S + 60) * 1_000))


def test_a_signature_of_another_key_is_refused() -> None:
    stranger = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
    forged = jwt.PyJWS().encode(json.dumps(claims()).encode(), stranger, algorithm="EdDSA")
    assert not is_taken(forged.encode())


def test_a_token_without_a_signature_is_refused() -> None:
    for name in ("none", "None", "NONE", ""):
        body = encoded({"alg": name, "typ": "JWT"}) + b"." + encoded(claims())
        assert not is_taken(body + b".")
        assert not is_taken(body)


def test_a_public_key_is_no_shared_secret() -> None:
    for key in PRIVATE.values():
        head = encoded({"alg": "HS256", "typ": "JWT"}) + b"." + encoded(claims())
        digest = hmac.digest(pem(key).encode(), head, "sha256")
        assert not is_taken(head + b"." + base64.urlsafe_b64encode(digest).rstrip(b"="))


def test_the_algorithm_of_the_header_must_be_that_of_the_key() -> None:
    for named in ("EdDSA", "RS256", "ES384", "ES256", "PS256", "RS512"):
        for algorithm in PRIVATE:
            _, payload, signature = token(algorithm).split(b".")
            forged = encoded({"alg": named, "typ": "JWT", "kid": ""}) + b"." + payload + b"." + signature
            # The header is signed too, so even the right name in other bytes is refused.
            assert not is_taken(forged)


def test_headers_that_change_how_a_token_is_read_are_refused() -> None:
    assert not is_taken(token(headers={"crit": ["b64"], "b64": True}))
    assert not is_taken(token(headers={"crit": []}))


@pytest.mark.parametrize("deep", [b'{"alg":"EdDSA","x":', b'{"alg":"EdDSA","crit":'])
def test_a_header_that_nests_without_end_is_refused(deep: bytes) -> None:
    head = base64.urlsafe_b64encode(deep + b"[" * 2_900).rstrip(b"=")
    assert not is_taken(head + b"." + encoded(claims()) + b"." + b"A" * 86)


@pytest.mark.parametrize("raw", [b"", b".", b"..", b"a.b.c", b"\xff.\xff.\xff", b"e30.e30.e30", b"A" * 4_096])
def test_nonsense_is_refused(raw: bytes) -> None:
    assert not is_taken(raw)


def test_damaged_tokens_are_refused() -> None:
    good = token()
    for place in range(0, len(good), 7):
        damaged = good[:place] + (b"A" if good[place : place + 1] != b"A" else b"B") + good[place + 1 :]
        assert not is_taken(damaged)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Bearer abc", b"abc"),
        (b"bearer  abc ", b"abc"),
        (b"Basic abc", None),
        (b"Bearer", None),
        (b"Bearer " + b"a" * 4_097, None),
        (None, None),
    ],
)
def test_the_token_is_taken_out_of_its_header(header: bytes | None, expected: bytes | None) -> None:
    assert bearer_token(header) == expected


def test_keys_come_as_jwk_too() -> None:
    x = base64.urlsafe_b64encode(ED25519.public_key().public_bytes_raw()).rstrip(b"=").decode()
    key = parse_account_key(json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x, "key_ops": ["verify"]}))
    assert isinstance(key, AccountKey)
    assert key.pem == pem(ED25519)
    assert is_taken(token(), (key,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{",
        "{}",
        "[]",
        '{"kty": "oct", "k": "AAAA"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": 7}',
        pem(rsa.generate_private_key(65_537, 1_024)),  # noqa: S505  # too short, on purpose
        pem(ec.derive_private_key(7, ec.SECP256R1())),
        pem(dsa.generate_private_key(2_048)),
        "é" * 10,
        "x" * 9_000,
        ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        '{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}',
    ],
)
def test_other_keys_are_refused(text: str) -> None:
    refused = parse_account_key(text)
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.INVALID_PARAMS
